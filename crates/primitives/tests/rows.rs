//! Many messages in one call: the same bytes as one by one, on every engine and with every instruction set of the kernel.
#![cfg(all(feature = "kernel", target_arch = "x86_64"))]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's own functions fail by panicking"
)]

#[path = "support/every_engine.rs"]
mod every_engine;

use every_engine::every_engine;
use phiseal_primitives::{
    Aes256Gcm, Engine, Error, Random, Row, Validation, danger::Seeded, engines, kernels,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// All that seal under a caller's nonce.
fn all_engines() -> Vec<&'static dyn Engine> {
    let approves = |engine: &&dyn Engine| engine.module().validation == Validation::None;
    every_engine().iter().copied().filter(approves).collect()
}

/// A batch in buffers that are filled with other bytes before, between and behind its rows.
#[derive(Clone)]
struct Batch {
    rows: Vec<Row>,
    aads: Vec<u8>,
    texts: Vec<u8>,
    out: Vec<u8>,
}

/// How many bytes lie between a row and the next in each buffer.
struct Gaps {
    aad: usize,
    text: usize,
    out: usize,
}

struct Source(Seeded<ChaCha20Rng>);

impl Source {
    fn new(seed: u64) -> Self {
        Self(Seeded::new(ChaCha20Rng::seed_from_u64(seed)))
    }

    fn bytes(&self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        if length > 0 {
            self.0.fill(&mut bytes).unwrap();
        }
        bytes
    }

    fn below(&self, bound: usize) -> usize {
        let bytes = self.bytes(8);
        usize::from_le_bytes(bytes.try_into().unwrap()) % bound
    }

    fn batch(&self, lengths: &[(usize, usize)], gaps: &Gaps) -> Batch {
        let (mut aad, mut text, mut out) = (gaps.aad, gaps.text, gaps.out);
        let mut rows = Vec::new();
        for (aad_len, text_len) in lengths {
            let nonce = self.bytes(12).try_into().unwrap();
            let (aads, texts) = (aad..aad + aad_len, text..text + text_len);
            rows.push(Row { nonce, authentic: false, aad: aads, text: texts, out });
            aad += aad_len + gaps.aad;
            text += text_len + gaps.text;
            out += text_len + 16 + gaps.out;
        }
        Batch { rows, aads: self.bytes(aad), texts: self.bytes(text), out: vec![0xaa; out] }
    }

    /// Short and long, equal and mixed, with and without associated data; some too long for the kernel.
    fn lengths(&self) -> Vec<(usize, usize)> {
        let longest = [1, 17, 40, 100, 200, 600][self.below(6)];
        let equal = self.below(2) == 0;
        let first = (self.below(90), self.below(longest));
        let rows = [1, 2, 7, 8, 9, 40, 150][self.below(7)];
        let next = |_| if equal { first } else { (self.below(90), self.below(longest)) };
        (0..rows).map(next).collect()
    }

    fn gaps(&self) -> Gaps {
        Gaps { aad: self.below(3), text: self.below(3), out: self.below(3) }
    }
}

impl Batch {
    fn seal(&mut self, key: &dyn Aes256Gcm) -> Result<(), Error> {
        key.seal_rows(&self.rows, &self.aads, &self.texts, &mut self.out)
    }

    /// What each row was sealed to: ciphertext and tag.
    fn sealed(&self) -> Vec<&[u8]> {
        let each = self.rows.iter();
        each.map(|row| &self.out[row.out..row.out + row.text.len() + 16]).collect()
    }

    /// The batch that opens this one, into buffers without gaps.
    fn to_open(&self) -> Self {
        let mut rows = self.rows.clone();
        let mut at = 0;
        for row in &mut rows {
            (row.text, row.out) = (row.out..row.out + row.text.len(), at);
            at += row.text.len();
        }
        Self { rows, aads: self.aads.clone(), texts: self.out.clone(), out: vec![0xaa; at] }
    }

    fn open(&mut self, key: &dyn Aes256Gcm) -> Result<(), Error> {
        key.open_rows(&mut self.rows, &self.aads, &self.texts, &mut self.out)
    }

    fn opened(&self, row: usize) -> &[u8] {
        let row = &self.rows[row];
        &self.out[row.out..row.out + row.text.len()]
    }
}

fn one_by_one(key: &dyn Aes256Gcm, batch: &Batch) -> Vec<Vec<u8>> {
    let seal = |row: &Row| {
        let (aad, text) = (&batch.aads[row.aad.clone()], &batch.texts[row.text.clone()]);
        let mut out = vec![0; text.len() + 16];
        key.seal_into(&row.nonce, aad, text, &mut out).unwrap();
        out
    };
    batch.rows.iter().map(seal).collect()
}

/// The full run, with `PHISEAL_FULL`, is of 10^8 messages.
fn batches() -> usize {
    if std::env::var_os("PHISEAL_FULL").is_some() { 3_200_000 } else { 2_000 }
}

#[test]
fn rows_are_what_every_engine_seals_one_by_one() {
    let source = Source::new(0x5ea1);
    let engines = all_engines();
    let mut messages = 0;
    for round in 0..batches() {
        let key: [u8; 32] = source.bytes(32).try_into().unwrap();
        let batch = source.batch(&source.lengths(), &source.gaps());
        messages += batch.rows.len();
        let reference =
            one_by_one(engines[round % engines.len()].aes_256_gcm(&key).unwrap().as_ref(), &batch);
        for engine in &engines {
            let key = engine.aes_256_gcm(&key).unwrap();
            let mut sealed = batch.clone();
            sealed.seal(key.as_ref()).unwrap();
            assert_eq!(sealed.sealed(), reference, "{} in batch {round}", engine.name());
            let mut opened = sealed.to_open();
            opened.open(key.as_ref()).unwrap();
            for (number, row) in batch.rows.iter().enumerate() {
                assert!(opened.rows[number].authentic, "{}: row {number}", engine.name());
                assert_eq!(opened.opened(number), &batch.texts[row.text.clone()]);
            }
        }
    }
    assert!(messages >= 20 * batches(), "{messages} messages in all");
}

#[test]
fn every_length_and_every_alignment_of_the_buffers_end() {
    let source = Source::new(7);
    let mut checked = 0;
    for engine in all_engines() {
        let key = engine.aes_256_gcm(&[3; 32]).unwrap();
        let reference = engines().last().unwrap().aes_256_gcm(&[3; 32]).unwrap();
        for text in 0..=520 {
            let aad = (text * 7) % 83;
            for rows in [1, 3] {
                let gaps = Gaps { aad: 0, text: 0, out: 0 };
                let mut batch = source.batch(&vec![(aad, text); rows], &gaps);
                batch.seal(key.as_ref()).unwrap();
                assert_eq!(batch.sealed(), one_by_one(reference.as_ref(), &batch), "{text} bytes");
                let mut opened = batch.to_open();
                opened.open(key.as_ref()).unwrap();
                assert!(opened.rows.iter().all(|row| row.authentic));
                assert_eq!(opened.out, batch.texts);
                checked += rows;
            }
        }
    }
    assert_eq!(checked, all_engines().len() * 521 * 4);
}

#[test]
fn a_row_that_is_not_authentic_is_zeros_and_the_others_open() {
    let source = Source::new(11);
    let mut refused = 0;
    for engine in all_engines() {
        for round in 0..500 {
            let key = engine.aes_256_gcm(&source.bytes(32).try_into().unwrap()).unwrap();
            let lengths: Vec<_> =
                (0..20).map(|_| (1 + source.below(70), 1 + source.below(120))).collect();
            let mut batch = source.batch(&lengths, &source.gaps());
            batch.seal(key.as_ref()).unwrap();
            let mut changed = batch.to_open();
            let number = source.below(20);
            let row = changed.rows[number].clone();
            let bit = 1 << source.below(8);
            match round % 4 {
                0 => changed.texts[row.text.start + source.below(row.text.len())] ^= bit,
                1 => changed.texts[row.text.end + source.below(16)] ^= bit,
                2 => changed.aads[row.aad.start + source.below(row.aad.len())] ^= bit,
                _ => changed.rows[number].nonce[source.below(12)] ^= bit,
            }
            changed.open(key.as_ref()).unwrap();
            for (other, row) in batch.rows.iter().enumerate() {
                if other == number {
                    assert!(!changed.rows[other].authentic, "{}", engine.name());
                    assert!(changed.opened(other).iter().all(|byte| *byte == 0));
                    refused += 1;
                } else {
                    assert!(changed.rows[other].authentic, "{}: row {other}", engine.name());
                    assert_eq!(changed.opened(other), &batch.texts[row.text.clone()]);
                }
            }
        }
    }
    assert_eq!(refused, all_engines().len() * 500);
}

/// A change to where a row lies.
type Change = fn(&mut Batch);

#[test]
fn a_row_beyond_its_buffers_is_refused_and_the_output_is_zeros() {
    let changes: [(&str, Change); 8] = [
        ("aad, as far as can be", |batch| batch.rows[2].aad.end = usize::MAX),
        ("text, as far as can be", |batch| batch.rows[2].text = 0..usize::MAX),
        ("aad", |batch| batch.rows[2].aad.end = batch.aads.len() + 1),
        ("text", |batch| batch.rows[2].text.end = batch.texts.len() + 1),
        ("out", |batch| batch.rows[2].out = batch.out.len() - batch.rows[2].text.len() + 1),
        ("far out", |batch| batch.rows[2].out = usize::MAX - 8),
        ("aad, reversed", |batch| batch.rows[2].aad.start = batch.rows[2].aad.end + 1),
        ("text, reversed", |batch| batch.rows[2].text.start = batch.rows[2].text.end + 1),
    ];
    let source = Source::new(13);
    for engine in all_engines() {
        let key = engine.aes_256_gcm(&[5; 32]).unwrap();
        for (what, change) in changes {
            let mut batch = source.batch(&[(20, 30); 5], &Gaps { aad: 1, text: 1, out: 1 });
            let mut opening = {
                batch.seal(key.as_ref()).unwrap();
                batch.to_open()
            };
            for batch in [&mut batch, &mut opening] {
                change(batch);
            }
            assert_eq!(batch.seal(key.as_ref()), Err(Error::Length), "{}: {what}", engine.name());
            assert!(batch.out.iter().all(|byte| *byte == 0), "{}: {what}", engine.name());
            assert_eq!(opening.open(key.as_ref()), Err(Error::Length), "{}: {what}", engine.name());
            assert!(opening.out.iter().all(|byte| *byte == 0), "{}: {what}", engine.name());
        }
        // A tag that would lie behind the buffer is no tag.
        let mut opening = source.batch(&[(20, 30); 5], &Gaps { aad: 0, text: 0, out: 0 });
        assert_eq!(opening.open(key.as_ref()), Err(Error::Length), "{}", engine.name());
        assert!(opening.out.iter().all(|byte| *byte == 0));
    }
}

/// The kernel writes over what is behind a row, so it takes rows in the order of their places only.
#[test]
fn rows_that_are_not_in_the_order_of_their_places_are_refused_by_the_kernel() {
    let source = Source::new(17);
    for engine in kernels() {
        let key = engine.aes_256_gcm(&[5; 32]).unwrap();
        let mut batch = source.batch(&[(20, 30); 3], &Gaps { aad: 0, text: 0, out: 0 });
        batch.rows.swap(0, 2);
        assert_eq!(batch.seal(key.as_ref()), Err(Error::Length), "{}", engine.name());
    }
}

/// Whatever an engine writes behind a row is none of another row's bytes, nor key stream.
#[test]
fn behind_a_row_there_is_nothing_or_zeros() {
    let source = Source::new(19);
    for engine in all_engines() {
        let key = engine.aes_256_gcm(&[5; 32]).unwrap();
        for text in 0..70 {
            let gaps = Gaps { aad: 1, text: 40, out: 70 };
            let mut batch = source.batch(&[(20, text); 3], &gaps);
            batch.seal(key.as_ref()).unwrap();
            let mut opened = batch.to_open();
            opened.out = vec![0xaa; 3 * 140];
            for (number, row) in opened.rows.iter_mut().enumerate() {
                row.out = number * 140;
            }
            opened.open(key.as_ref()).unwrap();
            for (batch, tag) in [(&batch, 16), (&opened, 0)] {
                for row in &batch.rows {
                    let end = row.out + row.text.len() + tag;
                    let behind = &batch.out[end..end + 70];
                    let zeros = behind.iter().take_while(|byte| **byte == 0).count();
                    assert!(behind[zeros..].iter().all(|byte| *byte == 0xaa), "{}", engine.name());
                }
            }
        }
    }
}

/// The kernel runs with every instruction set that the operating system says the processor has, so nothing is left out unsaid.
#[cfg(target_os = "linux")]
#[test]
fn every_instruction_set_of_this_processor_was_run() {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap();
    let flags = text.lines().find(|line| line.starts_with("flags")).unwrap();
    let has = |wanted: &str| wanted.split(' ').all(|one| flags.split(' ').any(|flag| flag == one));
    let expected = [
        ("kernel-avx512", has("aes pclmulqdq avx avx512f avx512bw vaes vpclmulqdq")),
        ("kernel-avx2", has("aes pclmulqdq avx avx2 vaes vpclmulqdq")),
        ("kernel-aes-ni", has("aes pclmulqdq avx")),
    ];
    for (name, present) in expected {
        let run = kernels().any(|engine| engine.name() == name);
        assert_eq!(run, present, "{name}");
        println!("{name}: {}", if run { "run" } else { "left out: the processor has not got it" });
    }
}
