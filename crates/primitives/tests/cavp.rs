//! NIST CAVP vectors (GCM with 96-bit nonces and 128-bit tags, KW, KWP; AES-256), as PyPI's `cryptography-vectors`
//! carries them.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's own functions fail by panicking"
)]

#[path = "support/every_engine.rs"]
mod every_engine;
#[path = "support/fetched.rs"]
mod fetched;
#[path = "support/gcm.rs"]
mod gcm;
#[path = "support/wrap.rs"]
mod wrap;

use every_engine::every_engine;
use gcm::GcmVector;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use wrap::{Algorithm, WrapVector};

/// One vector: the parameters of its section in brackets, and its own lines. A line without a value has an empty one.
type Record = HashMap<String, String>;

/// Reads CAVS text: `[name = value]` sets a parameter, `name = value` lines make a record, a blank line ends it.
fn records(text: &str) -> Vec<Record> {
    let mut parameters = Record::new();
    let mut record = Record::new();
    let mut records = Vec::new();
    for line in text.lines().map(str::trim).chain([""]) {
        let unbracketed = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some((name, value)) = unbracketed.and_then(|inner| inner.split_once('=')) {
            parameters.insert(name.trim().to_lowercase(), value.trim().to_owned());
        } else if line.is_empty() {
            if !record.is_empty() {
                let mut whole = parameters.clone();
                whole.extend(record.drain());
                records.push(whole);
            }
        } else if !line.starts_with('#') {
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            record.insert(name.trim().to_lowercase(), value.trim().to_owned());
        }
    }
    records
}

fn read(directory: &Path, path: &str) -> Vec<Record> {
    let path = directory.join(path);
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    records(&text)
}

fn bytes(record: &Record, name: &str) -> Vec<u8> {
    hex::decode(&record[name]).unwrap()
}

fn gcm_vectors(directory: &Path, file: &str) -> Vec<GcmVector> {
    read(directory, &format!("ciphers/AES/GCM/{file}"))
        .iter()
        .filter(|record| {
            record["keylen"] == "256" && record["ivlen"] == "96" && record["taglen"] == "128"
        })
        .map(|record| {
            let valid = !record.contains_key("fail");
            GcmVector {
                key: bytes(record, "key").try_into().unwrap(),
                nonce: bytes(record, "iv").try_into().unwrap(),
                aad: bytes(record, "aad"),
                plaintext: if valid { bytes(record, "pt") } else { Vec::new() },
                ciphertext: bytes(record, "ct"),
                tag: bytes(record, "tag").try_into().unwrap(),
                valid,
            }
        })
        .collect()
}

#[test]
fn gcm_256() {
    let Some(directory) = fetched::directory() else { return };
    let encrypt = gcm_vectors(&directory, "gcmEncryptExtIV256.rsp");
    let decrypt = gcm_vectors(&directory, "gcmDecrypt256.rsp");
    assert_eq!((encrypt.len(), decrypt.len()), (375, 375));
    assert!(encrypt.iter().all(|vector| vector.valid));
    assert_eq!(decrypt.iter().filter(|vector| !vector.valid).count(), 191);
    let control = encrypt
        .iter()
        .find(|vector| !vector.plaintext.is_empty() && !vector.aad.is_empty())
        .unwrap();
    for engine in every_engine() {
        let mut run = 0;
        for (number, vector) in encrypt.iter().chain(&decrypt).enumerate() {
            if let Err(difference) = gcm::check(*engine, vector) {
                panic!("{}, vector {number}: {difference}", engine.name());
            }
            run += 1;
        }
        assert_eq!(run, 750, "{}", engine.name());
        gcm::assert_that_the_check_can_fail(*engine, control);
    }
}

fn key_wrap(algorithm: Algorithm, prefix: &str) {
    let Some(directory) = fetched::directory() else { return };
    let (mut valid, mut invalid) = (0, 0);
    for file in [format!("{prefix}_AE_256.txt"), format!("{prefix}_AD_256.txt")] {
        for record in read(&directory, &format!("keywrap/kwtestvectors/{file}")) {
            let key = if record.contains_key("fail") { None } else { Some(bytes(&record, "p")) };
            let kek = bytes(&record, "k").try_into().unwrap();
            let vector = WrapVector { kek, key, wrapped: bytes(&record, "c") };
            if let Err(difference) = wrap::check(algorithm, &vector) {
                panic!(
                    "{file}, {} bits, {}: {difference}",
                    record["plaintext length"], record["count"]
                );
            }
            if vector.key.is_some() {
                valid += 1
            } else {
                invalid += 1
            }
            if (valid, invalid) == (1, 0) {
                wrap::assert_that_the_check_can_fail(algorithm, &vector);
            }
        }
    }
    assert_eq!((valid, invalid), (900, 100));
}

#[test]
fn kw_256() {
    key_wrap(Algorithm::Kw, "KW");
}

#[test]
fn kwp_256() {
    key_wrap(Algorithm::Kwp, "KWP");
}

#[test]
fn records_carry_the_parameters_of_their_section() {
    let text = "# comment\n[Keylen = 256]\n[IVlen = 96]\n\nCount = 0\nKey = aa\nPT =\n\nCount = 1\nFAIL\n[IVlen = 8]\n\nKey = bb";
    let records = records(text);
    assert_eq!(records.len(), 3);
    assert_eq!(records[0]["keylen"], "256");
    assert_eq!(records[0]["pt"], "");
    assert!(records[1].contains_key("fail") && !records[0].contains_key("fail"));
    assert_eq!((records[0]["ivlen"].as_str(), records[2]["ivlen"].as_str()), ("96", "8"));
}
