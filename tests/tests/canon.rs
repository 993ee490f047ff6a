//! CANON: a sealed field has one text, and comes back from every form it is stored in; secrets have no form.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal::{Context, DataKey, ErrorKind, Phi, Sealed, Suite};
use phiseal_tests::numbers::{Dice, figure};
use phiseal_tests::warm::{Warm, matrix};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Something that looks like a field: 57 bytes and more, of either suite.
fn sealed(dice: &mut Dice, length: usize) -> Sealed {
    let mut bytes = dice.bytes(57 + length);
    bytes[0] = 1 + u8::from(dice.coin());
    Sealed::try_from(bytes).unwrap()
}

#[test]
fn a_field_has_one_text_and_comes_back_from_it() {
    let fields = figure(10_000, 1_000_000);
    let mut dice = Dice::new(60);
    let mut texts = BTreeSet::new();
    for _ in 0..fields {
        let length = dice.below(64);
        let sealed = sealed(&mut dice, length);
        let text = sealed.to_string();
        assert!(text.starts_with("phi1."));
        assert_eq!(text.parse::<Sealed>().unwrap(), sealed);
        assert_eq!(Sealed::try_from(sealed.as_bytes()).unwrap(), sealed);
        assert_eq!(Sealed::try_from(sealed.clone().into_bytes()).unwrap(), sealed);
        texts.insert(text);
    }
    assert_eq!(texts.len(), fields);
}

/// A text with one character changed, added or taken away, or with another ending.
fn mutant(dice: &mut Dice, text: &str) -> String {
    const CHARACTERS: &[u8] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=.\n ";
    let mut bytes = text.as_bytes().to_vec();
    let (place, character) = (dice.below(bytes.len()), CHARACTERS[dice.below(CHARACTERS.len())]);
    match dice.below(5) {
        0 => bytes[place] = character,
        1 => bytes.insert(place, character),
        2 => drop(bytes.remove(place)),
        3 => bytes.push(character),
        _ => *bytes.last_mut().unwrap() = character,
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn no_other_text_is_the_same_field() {
    let mutants = figure(50_000, 1_000_000);
    let mut dice = Dice::new(61);
    let (mut other, mut refused) = (0, 0);
    while other + refused < mutants {
        let length = dice.below(8);
        let sealed = sealed(&mut dice, length);
        let text = sealed.to_string();
        let mutant = mutant(&mut dice, &text);
        if mutant == text {
            continue;
        }
        match mutant.parse::<Sealed>() {
            Ok(parsed) => {
                assert_ne!(parsed, sealed);
                assert_eq!(parsed.to_string(), mutant);
                other += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Malformed);
                refused += 1;
            }
        }
    }
    // The control: both happen.
    assert!(other > mutants / 20 && refused > mutants / 20, "{other} and {refused}");
}

/// A record as an application stores it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    id: u32,
    ssn: Sealed,
    notes: Option<Sealed>,
    visits: Vec<Sealed>,
}

fn rows() -> Vec<Row> {
    let mut dice = Dice::new(62);
    let lengths = [0, 1, 16, 255, 4_000, 4_096, 5_000, 70_000];
    let row = |(id, length): (u32, usize)| Row {
        id,
        ssn: sealed(&mut dice, length),
        notes: (id % 2 == 0).then(|| sealed(&mut dice, length)),
        visits: (0..id).map(|_| sealed(&mut dice, 11)).collect(),
    };
    (0..).zip(lengths).map(row).collect()
}

#[test]
fn a_field_comes_back_from_json_as_text() {
    for row in rows() {
        let json = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<Row>(&json).unwrap(), row);
        assert_eq!(serde_json::from_reader::<_, Row>(json.as_bytes()).unwrap(), row);
        let value = serde_json::to_value(&row).unwrap();
        assert_eq!(value["ssn"], row.ssn.to_string());
        assert_eq!(serde_json::from_value::<Row>(value).unwrap(), row);
    }
}

#[test]
fn a_field_comes_back_from_cbor_as_bytes() {
    for row in rows() {
        let mut cbor = Vec::new();
        ciborium::into_writer(&row, &mut cbor).unwrap();
        assert_eq!(ciborium::from_reader::<Row, _>(cbor.as_slice()).unwrap(), row, "{:?}", row.ssn);
        assert!(
            cbor.windows(row.ssn.as_bytes().len()).any(|part| part == row.ssn.as_bytes()),
            "as bytes, not as text"
        );
        let value: ciborium::Value = ciborium::from_reader(cbor.as_slice()).unwrap();
        assert_eq!(value.deserialized::<Row>().unwrap(), row);
    }
}

#[test]
fn what_is_no_field_is_refused_and_not_quoted() {
    for json in [
        "null",
        "123456789",
        "[1, 2, 3]",
        "{}",
        "\"\"",
        "\"123-45-6789\"",
        "\"phi1.\"",
        "\"phi1.123-45-6789\"",
        "\"phi1.AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\"",
    ] {
        let error = serde_json::from_str::<Sealed>(json).unwrap_err().to_string();
        assert!(!error.contains("6789"), "{error}");
    }
    let mut cbor = Vec::new();
    ciborium::into_writer(&ciborium::Value::Bytes(b"123-45-6789".to_vec()), &mut cbor).unwrap();
    let error = ciborium::from_reader::<Sealed, _>(cbor.as_slice()).unwrap_err().to_string();
    assert!(!error.contains("6789") && !error.contains("49, 50"), "{error}");
}

#[test]
fn what_was_sealed_opens_after_every_form() {
    for (engine, suite) in matrix() {
        let warm = Warm::new(engine, suite);
        let place = Context::of_record("patient 17").field("ssn");
        let sealed = warm.domain.seal("123-45-6789", &place).unwrap();
        let mut cbor = Vec::new();
        ciborium::into_writer(&sealed, &mut cbor).unwrap();
        let forms: [Sealed; 4] = [
            sealed.to_string().parse().unwrap(),
            Sealed::try_from(sealed.as_bytes()).unwrap(),
            serde_json::from_str(&serde_json::to_string(&sealed).unwrap()).unwrap(),
            ciborium::from_reader(cbor.as_slice()).unwrap(),
        ];
        for form in forms {
            assert_eq!(form, sealed);
            assert_eq!(
                (form.suite(), form.key_id()),
                (suite, warm.cipher().sealing_key_id().unwrap())
            );
            assert_eq!(
                warm.domain.open::<String>(&form, &place).unwrap().expose_secret(),
                "123-45-6789"
            );
        }
    }
}

#[test]
fn nothing_legible_is_printed() {
    let warm = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm);
    let place = Context::of_record("patient seventeen").field("ssn").tenant("clinic of the north");
    let phi: Phi<String> = Phi::from(String::from("123-45-6789"));
    let key = DataKey::from_backend(b"0123456789abcdefghijklmnopqrstuv").unwrap();
    let cipher = warm.cipher();
    let printed = [
        format!("{phi:?} {phi:#?}"),
        format!("{key:?} {key:#?}"),
        format!("{place:?} {:?}", cipher.bind(&place).unwrap()),
        format!("{:?} {cipher:?} {:?}", warm.domain, warm.phiseal),
        format!("{:?}", warm.domain.subject_or_create("ann of the north").unwrap()),
    ];
    for text in &printed {
        for legible in ["6789", "ghij", "103, 104", "6768696a", "seventeen", "north", "ann of"] {
            assert!(!text.contains(legible), "{text}");
        }
        for key in warm.kek.data_keys() {
            assert!(
                !text.contains(&hex::encode(&key[..8]))
                    && !text.contains(&format!("{:?}", &key[..4])[1..]),
                "{text}"
            );
        }
    }
    assert_eq!(format!("{phi:?}"), "Phi");
    assert_eq!(format!("{key:?}"), "DataKey(Secret)");
}

/// The signature of every function that a file makes public.
fn signatures(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let words = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join(" ");
    let starts = words.match_indices("fn ").filter(|(at, _)| {
        let before = &words[..*at];
        let before = before.strip_suffix("const ").unwrap_or(before);
        let before = before.strip_suffix("async ").unwrap_or(before);
        before.ends_with("pub ")
    });
    for (at, _) in starts {
        let signature = words[at..].split('{').next().unwrap();
        found.push(signature.to_owned());
    }
    found
}

/// Whether a signature takes what a nonce could be given as: by name, by type or by length.
fn takes_a_nonce(signature: &str) -> bool {
    const WORDS: [&str; 8] = ["nonce", "Nonce", "iv", "Iv", "count", "Count", "epoch", "Epoch"];
    let (taken, _) = signature.rsplit_once("->").unwrap_or((signature, ""));
    let mut words =
        taken.split(|character: char| !(character.is_alphanumeric() || character == '_'));
    words.any(|word| WORDS.contains(&word))
        || taken.contains("[u8; 12]")
        || taken.contains("[u8; 24]")
}

fn sources(of: &str) -> Vec<PathBuf> {
    let mut folders =
        vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates").join(of).join("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

/// No public function above the engines takes a nonce.
#[test]
fn no_public_function_takes_a_nonce() {
    let mut functions = 0;
    for file in
        ["keys", "envelope", "backends", "stores", "phiseal"].iter().flat_map(|of| sources(of))
    {
        for signature in signatures(&std::fs::read_to_string(&file).unwrap()) {
            assert!(!takes_a_nonce(&signature), "{}: {signature}", file.display());
            functions += 1;
        }
    }
    assert!(functions > 100, "{functions} functions were read");
}

#[test]
fn a_function_that_takes_a_nonce_is_noticed_control() {
    let noticed = |source: &str| {
        signatures(source).iter().filter(|signature| takes_a_nonce(signature)).count()
    };
    assert_eq!(noticed("pub fn seal(&self, nonce: &Nonce) -> Sealed {}"), 1);
    assert_eq!(noticed("pub async fn seal(\n    &self,\n    first: &[u8; 24],\n) -> Sealed {}"), 1);
    assert_eq!(noticed("pub const fn seal(iv: u128) {}"), 1);
    assert_eq!(noticed("pub fn seal(at: Option<Count>, fill: impl FnOnce()) {}"), 1);
    assert_eq!(noticed("pub fn seal(fill: impl FnOnce(&mut [u8; 32])) {}"), 0);
    assert_eq!(noticed("fn seal(nonce: u8) {} pub(crate) fn count(epoch: u8) {}"), 0);
    assert_eq!(noticed("// pub fn seal(nonce: u8)\npub fn seal(&self) -> [u8; 24] {}"), 0);
    // The engines' own interface is where nonces are arguments.
    let engines = sources("primitives");
    assert!(engines.iter().any(|file| noticed(&std::fs::read_to_string(file).unwrap()) > 0));
}
