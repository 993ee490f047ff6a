//! The ratios that phiseal is judged by, each from rounds of the two calls in turn, so that a machine whose speed drifts
//! slows both. Prints one line per ratio: the median of the rounds' ratios, and the two medians in nanoseconds.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program of measurements: it stops when it cannot be set up, and prints what it measured"
)]

use phiseal_benches::Bench;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

/// Bounds from the project's design: seal and open of 32 bytes, then 1 MiB.
fn main() {
    let tiny = std::env::args().any(|argument| argument == "--test");
    let rounds = if tiny { 3 } else { 101 };
    println!(
        "{:<44} {:>7} {:>12} {:>12}",
        "ratio to the raw engine (medians)", "ratio", "phiseal ns", "raw ns"
    );
    for engine in phiseal::engines() {
        let bench = Bench::new(*engine).unwrap();
        small(&bench, engine.name(), rounds, if tiny { 10 } else { 20_000 });
        large(&bench, engine.name(), rounds, if tiny { 1 } else { 20 });
        threads(*engine, if tiny { 3 } else { 31 }, if tiny { 1_000 } else { 200_000 });
    }
}

fn small(bench: &Bench, engine: &str, rounds: usize, calls: u32) {
    let Bench { domain, cipher, context, raw, aad } = bench;
    let plaintext = [0x5a; 32];
    let mut out = [0; 32 + 57];
    let mut body = [0; 32];
    let mut count = 0_u128;
    let raw_seal = || {
        count += 1;
        let nonce = count.to_be_bytes()[4..].try_into().unwrap();
        black_box(raw.seal_in_place(&nonce, black_box(aad), black_box(&mut body)).unwrap());
    };
    let seal = || {
        black_box(cipher.seal_into(black_box(&plaintext), context, black_box(&mut out)).unwrap());
    };
    compare(&format!("{engine}: seal 32 B into a buffer"), rounds, calls, seal, raw_seal);

    let mut envelope = [0; 32 + 57];
    cipher.seal_into(&plaintext, context, &mut envelope).unwrap();
    let mut sealed = plaintext;
    let tag = raw.seal_in_place(&[9; 12], aad, &mut sealed).unwrap();
    let mut opened = [0; 32];
    let mut raw_opened = [0; 32];
    let raw_open = || {
        raw.open_into(
            &[9; 12],
            black_box(aad),
            black_box(&sealed),
            &tag,
            black_box(&mut raw_opened),
        )
        .unwrap();
    };
    let open = || {
        black_box(cipher.open_into(black_box(&envelope), context, black_box(&mut opened)).unwrap());
    };
    compare(&format!("{engine}: open 32 B into a buffer"), rounds, calls, open, raw_open);

    let what = phiseal::context!(record = "r1029", field = "ssn");
    let raw_seal = || {
        black_box(raw.seal_in_place(&[9; 12], black_box(aad), black_box(&mut body)).unwrap());
    };
    let whole = || {
        black_box(domain.seal(black_box(&plaintext), &what).unwrap());
    };
    compare(
        &format!("{engine}: Domain::seal 32 B, context encoded anew"),
        rounds,
        calls,
        whole,
        raw_seal,
    );
}

fn large(bench: &Bench, engine: &str, rounds: usize, calls: u32) {
    const SIZE: usize = 1 << 20;
    let Bench { cipher, context, raw, aad, .. } = bench;
    // Both plaintexts begin on a cache line: the buffer's start is the caller's choice, and an unaligned one costs either
    // side a few per cent.
    let mut space = vec![0x5a; SIZE + 57 + 128];
    let start = (64 - (space.as_ptr() as usize + 41) % 64) % 64;
    let mut body = &mut space[start..start + SIZE + 57];
    let mut raw_space = vec![0x5a; SIZE + 64];
    let raw_start = (64 - raw_space.as_ptr() as usize % 64) % 64;
    let mut raw_body = &mut raw_space[raw_start..raw_start + SIZE];
    let mut count = 0_u128;
    let mut nonce = move || -> [u8; 12] {
        count += 1;
        count.to_be_bytes()[4..].try_into().unwrap()
    };
    let raw_seal = || {
        black_box(raw.seal_in_place(&nonce(), aad, black_box(&mut raw_body)).unwrap());
    };
    let seal = || cipher.seal_in_place(context, black_box(&mut body)).unwrap();
    compare(&format!("{engine}: seal 1 MiB in place"), rounds, calls, seal, raw_seal);

    let plaintext = vec![0x5a; SIZE];
    let mut out = vec![0; SIZE + 57];
    let copy_and_seal = || {
        raw_body.copy_from_slice(black_box(&plaintext));
        black_box(raw.seal_in_place(&[9; 12], aad, black_box(&mut raw_body)).unwrap());
    };
    let seal = || {
        black_box(cipher.seal_into(black_box(&plaintext), context, black_box(&mut out)).unwrap());
    };
    compare(
        &format!("{engine}: seal 1 MiB into a buffer (raw + copy)"),
        rounds,
        calls,
        seal,
        copy_and_seal,
    );

    let mut envelope = vec![0x5a; SIZE + 57];
    cipher.seal_in_place(context, &mut envelope).unwrap();
    let mut sealed = plaintext.clone();
    let tag = raw.seal_in_place(&[9; 12], aad, &mut sealed).unwrap();
    let mut opened = vec![0; SIZE];
    let mut raw_opened = vec![0; SIZE];
    let raw_open = || {
        raw.open_into(&[9; 12], aad, black_box(&sealed), &tag, black_box(&mut raw_opened)).unwrap()
    };
    let open = || {
        black_box(cipher.open_into(black_box(&envelope), context, black_box(&mut opened)).unwrap());
    };
    compare(&format!("{engine}: open 1 MiB into a buffer"), rounds, calls, open, raw_open);
}

/// Two threads with one shared cipher against one thread, in messages per second, and the same of the raw engine: what
/// the machine's two processors give when nothing but the key is shared.
fn threads(engine: &'static dyn phiseal::Engine, rounds: usize, calls: u32) {
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        // Uses are reserved 2^24 at a time; a long run needs more than once that many.
        let bench = Bench::new(engine).unwrap();
        let seal = |out: &mut [u8; 89], _: u64| {
            black_box(bench.cipher.seal_into(black_box(&[0x5a; 32]), &bench.context, out).unwrap());
        };
        let raw_seal = |out: &mut [u8; 89], count: u64| {
            let mut nonce = [0; 12];
            nonce[4..].copy_from_slice(&count.to_be_bytes());
            black_box(bench.raw.seal_in_place(&nonce, &bench.aad, &mut out[..32]).unwrap());
        };
        ours.push(rate(2, calls, &seal) / rate(1, calls, &seal));
        raw.push(rate(2, calls, &raw_seal) / rate(1, calls, &raw_seal));
    }
    let name = format!("{}: two threads to one, seal 32 B (ours, raw)", engine.name());
    println!("{name:<44} {:>7.3} {:>12.3}", median(&mut ours), median(&mut raw));
}

/// Messages per nanosecond of so many threads together.
fn rate(threads: u32, calls: u32, seal: &(impl Fn(&mut [u8; 89], u64) + Sync)) -> f64 {
    let barrier = Barrier::new(threads as usize);
    let nanos: Vec<f64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut out = [0; 89];
                    (0..calls / 10).for_each(|n| seal(&mut out, u64::from(n)));
                    barrier.wait();
                    let start = Instant::now();
                    (0..calls).for_each(|n| seal(&mut out, u64::from(n)));
                    start.elapsed().as_nanos() as f64
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    f64::from(threads) * f64::from(calls) / nanos.into_iter().fold(0.0, f64::max)
}

fn compare(name: &str, rounds: usize, calls: u32, mut ours: impl FnMut(), mut raw: impl FnMut()) {
    let time = |call: &mut dyn FnMut(u32)| {
        let start = Instant::now();
        call(calls);
        start.elapsed().as_nanos() as f64 / f64::from(calls)
    };
    let (mut ratios, mut mine, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let a = time(&mut |n| (0..n).for_each(|_| ours()));
        let b = time(&mut |n| (0..n).for_each(|_| raw()));
        ratios.push(a / b);
        mine.push(a);
        theirs.push(b);
    }
    println!(
        "{name:<44} {:>7.3} {:>12.1} {:>12.1}",
        median(&mut ratios),
        median(&mut mine),
        median(&mut theirs)
    );
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
