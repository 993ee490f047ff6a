//! What tokens and search indexes cost, beside the raw primitive, published crates and bare SQL on the same work in the same run.
//!
//! `-- vault search` for these parts only, `-- 1000000` for so many patients in the table that is searched.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program of measurements: it stops when it cannot be set up, and prints what it measured"
)]

mod search;
mod vault;

use aes::Aes256;
use aes_siv::KeyInit as _;
use aes_siv::siv::Aes256Siv;
use fpe::ff1::{FF1, FlexibleNumeralString};
use hmac::{Hmac, Mac};
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::{Domain, Phiseal, wait};
use phiseal::stores::MemoryStore;
use phiseal::tokens::{
    BlindIndex, Cardinality, Column, Deterministic, Format, FormatPreserving, Normaliser, Part,
};
use phiseal_benches::compare;
use phiseal_primitives::ff1::Ff1;
use sha2::Sha256;
use std::hint::black_box;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tiny = arguments.iter().any(|argument| argument == "--test");
    let (rounds, calls) = if tiny { (3, 10) } else { (51, 5_000) };
    let asked = arguments.iter().filter_map(|argument| argument.parse().ok()).next();
    let patients = asked.unwrap_or(if tiny { 2_000 } else { 100_000 });
    let engine = phiseal::default_engine();
    let kek = MemoryKek::new(engine).unwrap();
    let phi = Phiseal::open(MemoryStore::new(), kek).unwrap();
    let domain = phi.domain("bench").unwrap();
    println!("{:<44} {:>7} {:>12} {:>12}", "", "ratio", "phiseal ns", "theirs ns");
    let named = |argument: &String| PARTS.contains(&argument.as_str());
    let is_wanted = |part: &str| {
        !arguments.iter().any(named) || arguments.iter().any(|argument| argument == part)
    };
    for part in PARTS.into_iter().filter(|part| is_wanted(part)) {
        match part {
            "format-preserving" => format_preserving(&domain, rounds, calls),
            "deterministic" => deterministic(&domain, rounds, calls),
            "index" => blind_index(&domain, rounds, calls),
            "vault" => vault::compare_with_inserts(&domain, tiny),
            _ => search::compare_with_plaintext(&domain, patients, if tiny { 2 } else { 31 }),
        }
    }
}

const PARTS: [&str; 5] = ["format-preserving", "deterministic", "index", "vault", "search"];

/// Beside the crate `fpe`, which takes and gives its own strings of numerals.
fn format_preserving(domain: &Domain, rounds: usize, calls: u32) {
    for length in [9, 16] {
        let ours = Ff1::new(&[7; 32], 10).unwrap();
        let theirs = FF1::<Aes256>::new(&[7; 32], 10).unwrap();
        let plain: Vec<u16> = (0..10).cycle().take(length).collect();
        let string = FlexibleNumeralString::from(plain.clone());
        let mut numerals = plain;
        let fpe = || drop(black_box(theirs.encrypt(b"", black_box(&string)).unwrap()));
        let name = format!("FF1, {length} digits, to fpe");
        compare(&name, rounds, calls, || ours.encrypt(b"", black_box(&mut numerals)).unwrap(), fpe);

        let kind = FormatPreserving::new(Format::digits(length), Cardinality::SSN).unwrap();
        let keyed = wait(Column::new(domain.as_async(), "number", kind).ready()).unwrap();
        let digits: String = "0123456789".chars().cycle().take(length).collect();
        let whole = || drop(black_box(keyed.tokenize_under(black_box(&digits)).unwrap()));
        let name = format!("token of {length} digits as text, to fpe");
        let fpe = || drop(black_box(theirs.encrypt(b"", black_box(&string)).unwrap()));
        compare(&name, rounds, calls, whole, fpe);
    }
}

/// Beside the crate `aes-siv`, with a key that is set up beforehand.
fn deterministic(domain: &Domain, rounds: usize, calls: u32) {
    let kind = Deterministic::new(Cardinality::SSN).unwrap();
    let keyed = wait(Column::new(domain.as_async(), "name", kind).ready()).unwrap();
    let mut siv = Aes256Siv::new(&[7; 64].into());
    let value = [0x5a; 11];
    let header = [3; 17];
    let raw = || {
        let mut body = *black_box(&value);
        black_box(siv.encrypt_inout_detached([&header], (&mut body[..]).into()).unwrap());
    };
    let token = || drop(black_box(keyed.token(black_box(&value)).unwrap()));
    compare("deterministic token of 11 B, to aes-siv", rounds, calls, token, raw);
    let token = keyed.token(value).unwrap();
    let (raw_iv, raw_body) = token.as_bytes()[17..].split_first_chunk::<16>().unwrap();
    let open = || drop(black_box(keyed.open::<Vec<u8>>(black_box(&token)).unwrap()));
    let raw = || {
        let mut body = raw_body.to_vec();
        let opened =
            siv.decrypt_inout_detached([&header], (&mut body[..]).into(), &(*raw_iv).into());
        let _ = black_box(opened);
    };
    compare("the same opened, to aes-siv", rounds, calls, open, raw);
}

/// Beside the HMAC of each engine under a key that is kept; the ratio that counts is to the fastest.
fn blind_index(domain: &Domain, rounds: usize, calls: u32) {
    let part = Part::new(Normaliser::Text, Cardinality::of(160_000));
    let kind = BlindIndex::new([part]).unwrap();
    let value = kind.normalise(&["Featherston"]).unwrap();
    let keyed = wait(Column::new(domain.as_async(), "name", kind).ready()).unwrap();
    let entry = || {
        black_box(keyed.entry_of(black_box(&value)).unwrap());
    };
    let data = *b"featherston";
    let kept = <Hmac<Sha256> as hmac::KeyInit>::new(&[7; 64].into());
    let crate_hmac = || {
        let mut mac = kept.clone();
        mac.update(black_box(&data));
        black_box(mac.finalize().into_bytes());
    };
    compare("entry of 11 B, to HMAC by the crate hmac", rounds, calls, entry, crate_hmac);
    let kept = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[7; 32]);
    let ring = || {
        black_box(ring::hmac::sign(&kept, black_box(&data)));
    };
    compare("entry of 11 B, to HMAC by ring", rounds, calls, entry, ring);
    let kept = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &[7; 32]);
    let aws_lc = || {
        black_box(aws_lc_rs::hmac::sign(&kept, black_box(&data)));
    };
    compare("entry of 11 B, to HMAC by aws-lc-rs", rounds, calls, entry, aws_lc);
    let whole = || {
        black_box(keyed.entry(&[black_box("Featherston")]).unwrap());
    };
    compare("entry with normalising, to HMAC by aws-lc-rs", rounds, calls, whole, aws_lc);
}
