//! The ratios that phiseal is judged by, each from rounds of the two calls in turn, so that a machine whose speed drifts
//! slows both. Prints one line per ratio: the median of the rounds' ratios, and the two medians in nanoseconds.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program of measurements: it stops when it cannot be set up, and prints what it measured"
)]

use phiseal_benches::{Bench, compare, median};
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
    }
    let (rounds, calls) = if tiny { (3, 1_000) } else { (31, 200_000) };
    println!(
        "\n{:<44} {:>13} {:>13} {:>13}",
        "two threads to one: median (best tenth)", "one cipher", "one each", "raw engine"
    );
    phiseal::engines().iter().for_each(|engine| threads(*engine, rounds, calls));
    machine(rounds, calls);
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

/// Two threads to one, in messages per second: one cipher that both share, a cipher for each, and the raw engine.
///
/// The first two say what sharing costs, and the third what this machine's second processor gives to work of this kind.
fn threads(engine: &'static dyn phiseal::Engine, rounds: usize, calls: u32) {
    let (mut shared, mut apart, mut raw) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        // Uses are reserved 2^24 at a time; a long run needs more than once that many.
        let benches = [Bench::new(engine).unwrap(), Bench::new(engine).unwrap()];
        let seal = |bench: &Bench, out: &mut [u8; 89]| {
            black_box(bench.cipher.seal_into(black_box(&[0x5a; 32]), &bench.context, out).unwrap());
        };
        shared.push(scaling(calls, &|_, _, out| seal(&benches[0], out)));
        apart.push(scaling(calls, &|thread, _, out| seal(&benches[thread], out)));
        raw.push(scaling(calls, &|thread, count, out| {
            let mut nonce = [0; 12];
            nonce[4..].copy_from_slice(&u64::from(count).to_be_bytes());
            let Bench { raw, aad, .. } = &benches[thread];
            black_box(raw.seal_in_place(&nonce, aad, &mut out[..32]).unwrap());
        }));
    }
    let name = format!("{}: seal 32 B", engine.name());
    println!(
        "{name:<44} {:>13} {:>13} {:>13}",
        spread(&mut shared),
        spread(&mut apart),
        spread(&mut raw)
    );
}

/// What two processors give to work that touches no memory: a chain of multiplications, each of which waits for the one
/// before, and eight sums side by side, which keep a processor's arithmetic units busy.
///
/// Where the first is 2 and the second is not, the two processors are two threads of one core.
fn machine(rounds: usize, calls: u32) {
    let (mut chain, mut side_by_side) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        chain.push(scaling(calls, &|_, count, _| {
            black_box((0..32).fold(u64::from(count), |x, _| black_box(x).wrapping_mul(0x5a5b)));
        }));
        side_by_side.push(scaling(calls, &|_, count, _| {
            let mut sums = [u64::from(count); 8];
            for _ in 0..16 {
                sums.iter_mut().for_each(|x| *x = (*x ^ 0x5a5b).rotate_left(7).wrapping_add(3));
                black_box(&mut sums);
            }
        }));
    }
    println!(
        "the machine: a chain {}, sums side by side {}",
        spread(&mut chain),
        spread(&mut side_by_side)
    );
}

/// Two threads to one.
fn scaling(calls: u32, work: &(impl Fn(usize, u32, &mut [u8; 89]) + Sync)) -> f64 {
    rate(2, calls, work) / rate(1, calls, work)
}

/// Calls per nanosecond of so many threads together. `work` gets the number of its thread and of the call, and a buffer.
fn rate(threads: usize, calls: u32, work: &(impl Fn(usize, u32, &mut [u8; 89]) + Sync)) -> f64 {
    let barrier = Barrier::new(threads);
    let nanos: Vec<f64> = std::thread::scope(|scope| {
        let start = |thread| {
            let barrier = &barrier;
            scope.spawn(move || {
                let mut out = [0; 89];
                (0..calls / 10).for_each(|n| work(thread, n, &mut out));
                barrier.wait();
                let start = Instant::now();
                (0..calls).for_each(|n| work(thread, n, &mut out));
                start.elapsed().as_nanos() as f64
            })
        };
        let workers: Vec<_> = (0..threads).map(start).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    threads as f64 * f64::from(calls) / nanos.into_iter().fold(0.0, f64::max)
}

/// The median, and the best tenth.
fn spread(values: &mut [f64]) -> String {
    let median = median(values);
    format!("{median:.2} ({:.2})", values[values.len() * 9 / 10])
}
