//! A column, sealed and opened in one call, beside a plain loop over ring that writes the same envelopes with the same associated data
//! into the same buffer, used again and again. Prints one line per ratio: medians of rounds of the two in turn. With `-- 20000 ring`, of so
//! many rows and by that engine only; of the kernel, by what instructions the processor has.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program of measurements: it stops when it cannot be set up, and prints what it measured"
)]

use phiseal::{Column, Engine, Rows, context};
use phiseal_benches::{Bench, compare_each};
use phiseal_primitives::kernels;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::hint::black_box;

const HEADER: usize = 41;
const OVERHEAD: usize = 57;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tiny = arguments.iter().any(|argument| argument == "--test");
    let asked = arguments.iter().filter_map(|argument| argument.parse().ok()).next();
    let rows = asked.unwrap_or(if tiny { 1_000 } else { 1_000_000 });
    let rounds = if tiny { 3 } else { 31 };
    let engines: Vec<_> = kernels().chain(phiseal::engines().iter().copied()).collect();
    let named = |engine: &&dyn Engine| arguments.iter().any(|argument| argument == engine.name());
    let any_named = engines.iter().any(named);
    println!(
        "{:<44} {:>7} {:>12} {:>12}",
        "per field, to a loop over ring", "ratio", "column ns", "loop ns"
    );
    let mixed: Vec<usize> = (0..rows).map(|row| 1 + row * 7919 % 200).collect();
    for (what, lengths) in [("32 bytes", vec![32; rows]), ("1 to 200 bytes", mixed)] {
        let values: Vec<Vec<u8>> = lengths.iter().map(|length| vec![0x5a; *length]).collect();
        let values = packed(&values);
        for engine in engines.iter().filter(|engine| !any_named || named(engine)) {
            measure(&format!("{}: {what}", engine.name()), *engine, &values, rounds);
        }
    }
}

fn packed(values: &[Vec<u8>]) -> (Vec<i32>, Vec<u8>) {
    let mut offsets = vec![0];
    let mut bytes = Vec::new();
    for value in values {
        bytes.extend_from_slice(value);
        offsets.push(bytes.len().try_into().unwrap());
    }
    (offsets, bytes)
}

/// A hand-written loop over one library, with a kept key, an epoch and a counter: what a careful application would write.
struct Loop {
    key: LessSafeKey,
    header: [u8; HEADER],
    aad: Vec<u8>,
    record: std::ops::Range<usize>,
    count: u128,
}

impl Loop {
    fn new(aad: &[u8], record: &[u8]) -> Self {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
        let at = aad.windows(record.len()).position(|window| window == record).unwrap();
        Self {
            key,
            header: [3; HEADER],
            aad: aad.to_vec(),
            record: at..at + record.len(),
            count: 0,
        }
    }

    fn seal(&mut self, ends: &[usize], bytes: &[u8], records: &[[u8; 8]], out: &mut [u8]) {
        let mut at = 0;
        for (row, ends) in ends.windows(2).enumerate() {
            let value = &bytes[ends[0]..ends[1]];
            self.aad[self.record.clone()].copy_from_slice(&records[row]);
            self.count += 1;
            let count: [u8; 12] = self.count.to_be_bytes()[4..].try_into().unwrap();
            let (head, rest) = out[at..at + value.len() + OVERHEAD].split_at_mut(HEADER);
            head.copy_from_slice(&self.header);
            head[29..].copy_from_slice(&count);
            let (body, tail) = rest.split_at_mut(value.len());
            body.copy_from_slice(value);
            let nonce = Nonce::assume_unique_for_key(count);
            let tag =
                self.key.seal_in_place_separate_tag(nonce, Aad::from(&self.aad), body).unwrap();
            tail.copy_from_slice(tag.as_ref());
            at += value.len() + OVERHEAD;
        }
    }

    fn open(&mut self, ends: &[usize], sealed: &[u8], records: &[[u8; 8]], out: &mut [u8]) {
        let (mut at, mut to) = (0, 0);
        for (row, ends) in ends.windows(2).enumerate() {
            let length = ends[1] - ends[0];
            self.aad[self.record.clone()].copy_from_slice(&records[row]);
            let envelope = &sealed[at..at + length + OVERHEAD];
            let nonce = Nonce::try_assume_unique_for_key(&envelope[29..HEADER]).unwrap();
            let body = &mut out[to..to + length];
            body.copy_from_slice(&envelope[HEADER..HEADER + length]);
            let tag = ring::aead::Tag::try_from(&envelope[HEADER + length..]).unwrap();
            self.key
                .open_in_place_separate_tag(nonce, Aad::from(&self.aad), tag, body, 0..)
                .unwrap();
            at += length + OVERHEAD;
            to += length;
        }
    }
}

fn measure(name: &str, engine: &'static dyn Engine, values: &(Vec<i32>, Vec<u8>), rounds: usize) {
    let (offsets, bytes) = values;
    let rows = offsets.len() - 1;
    let ends: Vec<usize> = offsets.iter().map(|end| (*end).try_into().unwrap()).collect();
    let records: Vec<[u8; 8]> =
        (0..rows).map(|row| format!("{row:08}").into_bytes().try_into().unwrap()).collect();
    let bench = Bench::new(engine).unwrap();
    let what = context!(field = "ssn");
    let contexts = Rows::of_records(&records);
    let packed = phiseal::Packed::new(offsets, bytes).unwrap();
    // The same associated data, of another key.
    let mut aad = vec![3; 17];
    what.clone()
        .record(records[0])
        .encode_into(&phiseal::DomainId::from_bytes([7; 16]), &mut aad)
        .unwrap();
    let mut by_hand = Loop::new(&aad, &records[0]);
    let mut sealed = Column::new();
    let mut out = vec![0; bytes.len() + rows * OVERHEAD];
    let seal = || {
        bench.domain.seal_column_into(black_box(&packed), &what, &contexts, &mut sealed).unwrap();
        black_box(&mut sealed);
    };
    per_field(&format!("{name}: seal"), rounds, rows, seal, || {
        by_hand.seal(black_box(&ends), black_box(bytes), &records, &mut out);
        black_box(&mut out);
    });
    let mut opened = vec![0; bytes.len()];
    let mut column = phiseal::Phi::from(Column::new());
    let cipher = bench.domain.ready().unwrap();
    per_field(
        &format!("{name}: open"),
        rounds,
        rows,
        || {
            cipher.open_column_into(black_box(&sealed), &what, &contexts, &mut column).unwrap();
            black_box(&mut column);
        },
        || {
            by_hand.open(black_box(&ends), black_box(&out), &records, &mut opened);
            black_box(&mut opened);
        },
    );
}

fn per_field(
    name: &str,
    rounds: usize,
    rows: usize,
    mut ours: impl FnMut(),
    mut theirs: impl FnMut(),
) {
    ours();
    theirs();
    compare_each(name, rounds, rows.try_into().unwrap(), ours, theirs);
}
