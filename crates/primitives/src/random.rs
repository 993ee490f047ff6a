//! Random bytes: the operating system's in production, a seeded generator's in tests.

use crate::{Engine, Error};
use core::fmt::Debug;
use core::hash::BuildHasher;
use core::sync::atomic::{AtomicU64, Ordering};
use rand_core::TryRng;
use std::hash::RandomState;
use std::sync::Arc;
use zeroize::Zeroize;

/// A source of bytes that nobody can predict.
pub trait Random: Debug + Send + Sync {
    /// Fills the whole of `out`.
    ///
    /// # Errors
    ///
    /// [`Error::Random`] when the source fails; `out` then holds zeros.
    fn fill(&self, out: &mut [u8]) -> Result<(), Error>;
}

impl<R: Random + ?Sized> Random for &R {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        (**self).fill(out)
    }
}

impl<R: Random + ?Sized> Random for Box<R> {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        (**self).fill(out)
    }
}

impl<R: Random + ?Sized> Random for Arc<R> {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        (**self).fill(out)
    }
}

/// The operating system's generator (`getrandom(2)` and its like), asked anew for every call.
///
/// ```
/// # fn main() -> Result<(), phiseal_primitives::Error> {
/// use phiseal_primitives::{OsRandom, Random};
///
/// let mut key = [0; 32];
/// OsRandom.fill(&mut key)?;
/// assert_ne!(key, [0; 32]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        fill_from_os(out)
    }
}

/// The generator of an engine's module where that is an approved one, else the operating system's
/// ([`Engine::fill_random`]).
#[derive(Clone, Copy, Debug)]
pub struct ModuleRandom(pub &'static dyn Engine);

impl Random for ModuleRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        self.0.fill_random(out)
    }
}

/// A source whose output is looked at before it is used.
///
/// Outputs of twelve or more bytes that begin with twelve zeros, or that begin as the output before them did, are
/// refused: a broken or stuck generator, not chance (2^-64 per call). The check keeps a keyed 64-bit fingerprint of
/// twelve bytes, no copy of them, and takes no lock.
///
/// ```
/// use phiseal_primitives::random::HealthChecked;
/// use phiseal_primitives::{Error, OsRandom, Random};
///
/// #[derive(Debug)]
/// struct Stuck;
///
/// impl Random for Stuck {
///     fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
///         out.fill(4);
///         Ok(())
///     }
/// }
///
/// let mut nonce = [0; 12];
/// let stuck = HealthChecked::new(Stuck);
/// assert_eq!(stuck.fill(&mut nonce), Ok(()));
/// assert_eq!(stuck.fill(&mut nonce), Err(Error::Random));
/// assert_eq!(HealthChecked::new(OsRandom).fill(&mut nonce), Ok(()));
/// ```
#[derive(Debug)]
pub struct HealthChecked<R> {
    source: R,
    hasher: RandomState,
    previous: AtomicU64,
}

impl<R: Random> HealthChecked<R> {
    /// Puts the check around `source`.
    pub fn new(source: R) -> Self {
        Self { source, hasher: RandomState::new(), previous: AtomicU64::new(0) }
    }

    fn looks_random(&self, start: [u8; 12]) -> bool {
        let fingerprint = self.hasher.hash_one(start);
        let previous = self.previous.swap(fingerprint, Ordering::Relaxed);
        start != [0; 12] && fingerprint != previous
    }
}

impl<R: Random> Random for HealthChecked<R> {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        self.source.fill(out)?;
        let healthy = out.first_chunk::<12>().is_none_or(|start| self.looks_random(*start));
        if healthy {
            return Ok(());
        }
        out.zeroize();
        Err(Error::Random)
    }
}

/// What must not be used outside tests.
pub mod danger {
    use super::Random;
    use crate::Error;
    use core::fmt;
    use rand_core::CryptoRng;
    use std::sync::{Mutex, PoisonError};

    /// A generator of the caller's, made a [`Random`]: the same seed gives the same keys and nonces.
    ///
    /// # Security
    ///
    /// Whoever knows the seed knows every key and every nonce, and two values with one seed repeat each other's
    /// nonces. For tests that need repeatable output, and for nothing else.
    ///
    /// ```
    /// # fn main() -> Result<(), phiseal_primitives::Error> {
    /// use phiseal_primitives::{Random, danger::Seeded};
    /// use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
    ///
    /// let (mut a, mut b) = ([0; 32], [0; 32]);
    /// Seeded::new(ChaCha20Rng::seed_from_u64(1)).fill(&mut a)?;
    /// Seeded::new(ChaCha20Rng::seed_from_u64(1)).fill(&mut b)?;
    /// assert_eq!(a, b);
    /// # Ok(())
    /// # }
    /// ```
    pub struct Seeded<R>(Mutex<R>);

    impl<R: CryptoRng> Seeded<R> {
        /// Takes the generator as it stands.
        pub const fn new(generator: R) -> Self {
            Self(Mutex::new(generator))
        }
    }

    impl<R: CryptoRng + Send> Random for Seeded<R> {
        fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(out);
            Ok(())
        }
    }

    impl<R> fmt::Debug for Seeded<R> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Seeded")
        }
    }
}

/// Fills `out` from the operating system; on failure it holds zeros.
pub(crate) fn fill_from_os(out: &mut [u8]) -> Result<(), Error> {
    getrandom::SysRng.try_fill_bytes(out).map_err(|_| {
        out.zeroize();
        Error::Random
    })
}

/// A 96-bit nonce from the operating system (SP 800-38D, 8.2.2).
#[cfg(any(feature = "aws-lc-rs", feature = "fips", feature = "ring", feature = "rustcrypto"))]
pub(crate) fn nonce_from_os() -> Result<[u8; 12], Error> {
    let mut nonce = [0; 12];
    fill_from_os(&mut nonce)?;
    Ok(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;
    use std::sync::Mutex;

    /// Gives the listed outputs, one a call, repeated to the asked length.
    #[derive(Debug)]
    struct Script(Mutex<Vec<&'static [u8]>>);

    impl Script {
        fn new(outputs: &[&'static [u8]]) -> Self {
            Self(Mutex::new(outputs.iter().rev().copied().collect()))
        }
    }

    impl Random for Script {
        fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
            let next = self.0.lock().unwrap().pop().ok_or(Error::Random)?;
            for (byte, scripted) in out.iter_mut().zip(next.iter().cycle()) {
                *byte = *scripted;
            }
            Ok(())
        }
    }

    #[test]
    fn zeros_are_refused_from_twelve_bytes_on() {
        let source = HealthChecked::new(Script::new(&[b"\0", b"\0", b"\0"]));
        let mut out = [1; 11];
        assert_eq!(source.fill(&mut out), Ok(()));
        assert_eq!(source.fill(&mut [1; 12]), Err(Error::Random));
        assert_eq!(source.fill(&mut [1; 64]), Err(Error::Random));
    }

    #[test]
    fn the_same_start_twice_is_refused_and_the_output_is_zeroed() {
        let source = HealthChecked::new(Script::new(&[b"abc", b"abd", b"abd", b"abc"]));
        let mut out = [0; 32];
        assert_eq!(source.fill(&mut out), Ok(()));
        assert_eq!(source.fill(&mut out), Ok(()));
        assert_eq!(source.fill(&mut out), Err(Error::Random));
        assert_eq!(out, [0; 32]);
        assert_eq!(source.fill(&mut out), Ok(()));
    }

    #[test]
    fn outputs_of_different_lengths_with_one_start_are_refused() {
        let source = HealthChecked::new(Script::new(&[b"abc", b"abc"]));
        assert_eq!(source.fill(&mut [0; 12]), Ok(()));
        assert_eq!(source.fill(&mut [0; 32]), Err(Error::Random));
    }

    #[test]
    fn short_outputs_are_not_compared() {
        let source = HealthChecked::new(Script::new(&[b"a", b"a"]));
        assert_eq!(source.fill(&mut [0; 11]), Ok(()));
        assert_eq!(source.fill(&mut [0; 11]), Ok(()));
    }

    #[test]
    fn a_failing_source_is_passed_on() {
        assert_eq!(HealthChecked::new(Script::new(&[])).fill(&mut [0; 12]), Err(Error::Random));
    }

    #[test]
    fn ten_thousand_nonces_of_the_operating_system_pass_and_differ() {
        let source = HealthChecked::new(OsRandom);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let mut nonce = [0; 12];
            source.fill(&mut nonce).unwrap();
            seen.insert(nonce);
        }
        assert_eq!(seen.len(), 10_000);
    }

    #[test]
    fn a_seed_decides_the_output() {
        let fill = |seed| {
            let mut out = [0; 32];
            danger::Seeded::new(ChaCha20Rng::seed_from_u64(seed)).fill(&mut out).unwrap();
            out
        };
        assert_eq!(fill(1), fill(1));
        assert_ne!(fill(1), fill(2));
    }

    #[test]
    fn every_engine_is_a_source() {
        for engine in crate::engines() {
            let source = HealthChecked::new(ModuleRandom(*engine));
            let (mut first, mut second) = ([0; 32], [0; 32]);
            source.fill(&mut first).unwrap();
            source.fill(&mut second).unwrap();
            assert_ne!(first, second, "{}", engine.name());
        }
    }
}
