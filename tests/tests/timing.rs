//! CT: how long a comparison of secrets takes says nothing of where they differ.
//!
//! By the method of dudect (Reparaz, Balasch, Verbauwhede, DATE 2017): two classes of inputs in random order, the slowest samples
//! left out, Welch's t-test. Times are looked at where the full figures are asked for; otherwise only what is compared.

use phiseal_primitives::constant_time::equal;
use phiseal_primitives::siv::{self, Keys};
use phiseal_primitives::{Row, kernels};
use phiseal_tests::numbers::{Dice, figure, full};
use std::hint::black_box;
use std::time::Instant;

/// Above this, two classes are told apart.
const THRESHOLD: f64 = 4.5;

/// Mean and variance, as samples come (Welford).
#[derive(Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, sample: f64) {
        self.count += 1.0;
        let before = sample - self.mean;
        self.mean += before / self.count;
        self.squares += before * (sample - self.mean);
    }

    fn variance(&self) -> f64 {
        self.squares / (self.count - 1.0)
    }
}

/// Welch's t of two classes.
fn t(one: &Moments, other: &Moments) -> f64 {
    (one.mean - other.mean) / (one.variance() / one.count + other.variance() / other.count).sqrt()
}

/// How far apart the times are that `act` takes of two inputs of one length; the slowest twentieth is left out.
fn told_apart(samples: usize, classes: [&[u8]; 2], mut act: impl FnMut(&[u8])) -> f64 {
    let mut dice = Dice::new(7);
    let mut times = Vec::with_capacity(samples);
    // Whichever it is, it is read from one place.
    let mut input = vec![0; classes[0].len()];
    for _ in 0..samples {
        let class = usize::from(dice.coin());
        input.copy_from_slice(classes[class]);
        let input = black_box(input.as_slice());
        let began = Instant::now();
        act(input);
        times.push((began.elapsed().as_nanos(), class));
    }
    let mut sorted: Vec<u128> = times.iter().map(|(time, _)| *time).collect();
    sorted.sort_unstable();
    let slow = sorted[samples * 19 / 20];
    let mut moments = [Moments::default(), Moments::default()];
    for (time, class) in times.into_iter().filter(|(time, _)| *time <= slow) {
        #[expect(clippy::cast_precision_loss, reason = "some hundred nanoseconds")]
        moments[class].add(time as f64);
    }
    t(&moments[0], &moments[1]).abs()
}

/// Three times over. What `act` finds must be right in any case.
fn check(what: &str, classes: [&[u8]; 2], mut act: impl FnMut(&[u8])) {
    let samples = figure(1_000, 1_000_000);
    for _ in 0..3 {
        let t = told_apart(samples, classes, &mut act);
        assert!(!full() || t < THRESHOLD, "{what}: |t| = {t:.1}");
    }
}

/// The same bytes but for the first one, and but for the last one.
fn first_and_last<const N: usize>(secret: [u8; N]) -> [[u8; N]; 2] {
    let [mut first, mut last] = [secret; 2];
    first[0] ^= 1;
    last[N - 1] ^= 1;
    [first, last]
}

fn compared<const N: usize>() {
    let secret = [0x5a; N];
    let [first, last] = first_and_last(secret);
    check(&format!("{N} bytes, first and last"), [&first, &last], |other| {
        for _ in 0..32 {
            assert!(!equal(black_box(&secret), black_box(other)));
        }
    });
    let mut found = 0_u32;
    check(&format!("{N} bytes, equal or not"), [&secret, &first], |other| {
        for _ in 0..32 {
            found += u32::from(black_box(equal(black_box(&secret), black_box(other))));
        }
    });
    assert!(found > 0 && found.is_multiple_of(32));
}

#[test]
fn what_differs_in_its_first_byte_takes_as_long_as_what_differs_in_its_last() {
    compared::<16>();
    compared::<32>();
    compared::<64>();
}

#[test]
fn a_token_that_is_wrong_in_its_first_byte_takes_as_long_as_one_that_is_in_its_last() {
    let keys = Keys { mac: &[1; 32], cipher: &[2; 32] };
    let mut value = *b"123-45-6789";
    let [first, last] = first_and_last(siv::encrypt(keys, &[b"ssn"], &mut value).unwrap());
    check("AES-SIV", [&first, &last], |iv| {
        let mut value = value;
        siv::decrypt(keys, &[b"ssn"], iv.try_into().unwrap(), &mut value).unwrap_err();
    });
}

#[test]
fn a_field_that_is_wrong_in_its_first_byte_takes_as_long_as_one_that_is_in_its_last() {
    for engine in phiseal::engines() {
        let key = engine.aes_256_gcm(&[1; 32]).unwrap();
        let mut body = *b"123-45-6789";
        let tag = key.seal_in_place(&[2; 12], b"aad", &mut body).unwrap();
        let [first, last] = first_and_last(tag);
        check(engine.name(), [&first, &last], |tag| {
            let mut out = [0; 11];
            let tag = tag.try_into().unwrap();
            key.open_into(&[2; 12], b"aad", &body, tag, &mut out).unwrap_err();
        });
    }
}

/// What the kernel does with secrets takes as long for any of them: a plaintext of zeros and a random one, and two keys.
#[test]
fn the_kernel_takes_as_long_for_any_plaintext_and_any_key() {
    let random = Dice::new(9).array::<32>();
    for kernel in kernels() {
        let (key, name) = (kernel.aes_256_gcm(&[1; 32]).unwrap(), kernel.name());
        let mut out = [0; 48];
        check(&format!("{name}: plaintext"), [&[0; 32], &random], |text| {
            key.seal_into(&[2; 12], &[3; 57], text, &mut out).unwrap();
            black_box(&out);
        });
        // Expanded beforehand: an expansion reads the key once, whichever it is.
        let keys = [[0; 32], random].map(|key| kernel.aes_256_gcm(&key).unwrap());
        check(&format!("{name}: key"), [&[0], &[1]], |which| {
            keys[usize::from(which[0])].seal_into(&[2; 12], &[3; 57], &random, &mut out).unwrap();
            black_box(&out);
        });
        let mut batch = [0; 8 * 48];
        let rows: [_; 8] = core::array::from_fn(|row| Row {
            nonce: [4; 12],
            aad: 0..57,
            text: 0..32,
            out: row * 48,
            ..Row::default()
        });
        check(&format!("{name}: rows"), [&[0; 32], &random], |text| {
            key.seal_rows(&rows, &[3; 57], text, &mut batch).unwrap();
            black_box(&batch);
        });
    }
}

/// The control: what stops at the first difference is told apart by far.
#[test]
fn a_comparison_that_stops_early_is_noticed() {
    let secret = [0x5a; 4096];
    let [first, last] = first_and_last(secret);
    let t = told_apart(20_000, [&first, &last], |other| {
        for _ in 0..32 {
            assert!(black_box(&secret[..]) != black_box(other));
        }
    });
    assert!(t > 2.0 * THRESHOLD, "|t| = {t:.1}");
}

/// Student's own table of sleep (1908), as Welch's test has it: t = -1.8608.
#[test]
fn the_test_is_the_one_of_welch() {
    let moments = |samples: [f64; 10]| {
        let mut moments = Moments::default();
        samples.into_iter().for_each(|sample| moments.add(sample));
        moments
    };
    let one = moments([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]);
    let other = moments([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]);
    assert!((t(&one, &other) + 1.8608).abs() < 0.0001, "{}", t(&one, &other));
}
