//! What phiseal's benches share: one warm cipher for each engine, and the raw engine call that it is held against.

use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::stores::MemoryStore;
use phiseal::{BoundContext, Builder, Engine, Error, FieldCipher, context};
use phiseal_primitives::Aes256Gcm;
use std::sync::Arc;
use std::time::Instant;

/// Plaintext lengths, in bytes.
pub const SIZES: [usize; 7] = [16, 32, 256, 1 << 10, 16 << 10, 64 << 10, 1 << 20];

/// A warm domain under one engine, a 40-byte context encoded beforehand, and the raw key beside it.
#[derive(Debug)]
pub struct Bench {
    /// The domain as an application holds it.
    pub domain: phiseal::blocking::Domain,
    /// Its cipher.
    pub cipher: Arc<FieldCipher>,
    /// `field = "ssn"`, a five-byte record and the domain: 40 bytes once encoded.
    pub context: BoundContext,
    /// An expanded AES-256-GCM key of the same engine.
    pub raw: Box<dyn Aes256Gcm>,
    /// Associated data as long as what the cipher builds: suite, key id and the context.
    pub aad: [u8; 57],
}

impl Bench {
    /// Under this engine, with the options changed so.
    ///
    /// # Errors
    ///
    /// When the engine or the memory store fails.
    pub fn new(engine: &'static dyn Engine) -> Result<Self, Error> {
        let builder = Builder::new().engine(engine);
        let phi = Phiseal::open_with(builder, MemoryStore::new(), MemoryKek::new(engine)?)?;
        let domain = phi.domain("bench")?;
        let cipher = domain.ready()?;
        let context = cipher.bind(&context!(record = "r1029", field = "ssn"))?;
        let raw = engine.aes_256_gcm(&[7; 32])?;
        Ok(Self { domain, cipher, context, raw, aad: [3; 57] })
    }
}

/// Prints the ratio of two calls, and what each takes in nanoseconds: medians of rounds of the two in turn, so that a machine whose
/// speed drifts slows both.
pub fn compare(
    name: &str,
    rounds: usize,
    calls: u32,
    mut ours: impl FnMut(),
    mut theirs: impl FnMut(),
) {
    let ours = || (0..calls).for_each(|_| ours());
    let theirs = || (0..calls).for_each(|_| theirs());
    compare_each(name, rounds, calls, ours, theirs);
}

/// As [`compare`], where each call does so many things at once: what one of them takes.
#[expect(clippy::print_stdout, reason = "it prints what it measured")]
pub fn compare_each(
    name: &str,
    rounds: usize,
    things: u32,
    mut ours: impl FnMut(),
    mut theirs: impl FnMut(),
) {
    let time = |call: &mut dyn FnMut()| {
        let start = Instant::now();
        call();
        start.elapsed().as_secs_f64() * 1e9 / f64::from(things)
    };
    let (mut ratios, mut mine, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (a, b) = (time(&mut ours), time(&mut theirs));
        ratios.push(a / b);
        mine.push(a);
        others.push(b);
    }
    println!(
        "{name:<44} {:>7.3} {:>12.1} {:>12.1}",
        median(&mut ratios),
        median(&mut mine),
        median(&mut others)
    );
}

/// The one in the middle; the values are in order afterwards.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
