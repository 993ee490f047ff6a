//! The second reader: `tests/python/phiseal_reader.py`, written from the format's documentation in another language and
//! over another cryptographic library, opens what is sealed here, and what it seals opens here.
//!
//! It runs under the interpreter that `PHISEAL_PYTHON` names, which has PyPI's `cryptography`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's own functions fail by panicking, and say what they leave out"
)]

use phiseal::{Context, FieldCipher, Suite};
use phiseal_tests::numbers::Dice;
use phiseal_tests::spy::SpyKek;
use phiseal_tests::warm::{Warm, matrix};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

const FIELDS: usize = 10_000;

/// The interpreter, or `None` after it was said what is left out.
fn python(what: &str) -> Option<String> {
    match std::env::var("PHISEAL_PYTHON") {
        Ok(interpreter) => Some(interpreter),
        Err(_) if std::env::var_os("PHISEAL_LOCAL").is_some_and(|value| value == "1") => {
            println!("left out under PHISEAL_LOCAL=1: {what}");
            None
        }
        Err(_) => panic!(
            "PHISEAL_PYTHON names no interpreter with PyPI's cryptography: `cargo xtask test` provides it"
        ),
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/python"))
}

/// The reader's answers to `requests`, all given to one process.
fn ask(python: &str, requests: Vec<Value>) -> Vec<Value> {
    let mut reader = Command::new(python)
        .arg(folder().join("phiseal_reader.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{python}: {error}"));
    let (input, output) = (reader.stdin.take().unwrap(), reader.stdout.take().unwrap());
    let expected = requests.len();
    let writer = std::thread::spawn(move || {
        let mut input = BufWriter::new(input);
        for request in requests {
            writeln!(input, "{request}").unwrap();
        }
    });
    let answers: Vec<Value> = BufReader::new(output)
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    writer.join().unwrap();
    assert!(reader.wait().unwrap().success());
    assert_eq!(answers.len(), expected);
    answers
}

/// A domain whose data key the test knows.
struct Known {
    data_key: [u8; 32],
    domain: [u8; 16],
    suite: Suite,
    cipher: Arc<FieldCipher>,
}

/// A domain for each engine and suite.
fn known(dice: &mut Dice) -> Vec<Known> {
    matrix()
        .map(|(engine, suite)| {
            let kek = SpyKek::new(engine, dice.array());
            kek.prepare([dice.array(), dice.array()]);
            let warm = Warm::under(kek, engine, suite);
            let domain = *warm.domain.keyset().unwrap().domain().as_bytes();
            Known { data_key: warm.kek.last_data_key(), domain, suite, cipher: warm.cipher() }
        })
        .collect()
}

/// A place to seal a field in: a context, and the same as components for the other reader.
struct Place {
    context: Context,
    components: Vec<(u8, Vec<u8>)>,
}

/// Any of the tags that there are, in any order, at least one of them one to begin with.
fn place(dice: &mut Dice, domain: [u8; 16]) -> Place {
    const FIRST: [u8; 7] = [1, 3, 4, 5, 128, 200, 255];
    let text = |dice: &mut Dice| {
        let length = dice.below(24);
        dice.bytes(length)
    };
    let first = FIRST[dice.below(FIRST.len())];
    let value = text(dice);
    let mut context = match first {
        1 => Context::of_tenant(&value),
        3 => Context::of_record(&value),
        4 => Context::of_field(&value),
        5 => Context::of_usage(&value),
        tag => Context::of_application(tag, &value),
    };
    let mut components = vec![(2, domain.to_vec()), (first, value)];
    let mut tags = vec![1, 3, 4, 5, 6, 7, 128, 129, 200, 255];
    while !tags.is_empty() {
        let tag = tags.swap_remove(dice.below(tags.len()));
        if tag == first || dice.coin() {
            continue;
        }
        let value = match tag {
            6 => dice.array::<8>().to_vec(),
            7 => u32::try_from(1 + dice.below(80)).unwrap().to_be_bytes().to_vec(),
            _ => text(dice),
        };
        context = match tag {
            1 => context.tenant(&value),
            3 => context.record(&value),
            4 => context.field(&value),
            5 => context.usage(&value),
            6 => context.row_version(u64::from_be_bytes(value.as_slice().try_into().unwrap())),
            7 => context.padded_to(u32::from_be_bytes(value.as_slice().try_into().unwrap())),
            tag => context.application(tag, &value),
        };
        components.push((tag, value));
    }
    Place { context, components }
}

fn plaintext(dice: &mut Dice) -> Vec<u8> {
    let length = match dice.below(10) {
        0 => 0,
        1 => dice.below(1_000),
        _ => dice.below(80),
    };
    dice.bytes(length)
}

fn components(place: &Place) -> Value {
    place.components.iter().map(|(tag, value)| json!([tag, hex::encode(value)])).collect()
}

#[test]
fn the_second_reader_opens_what_is_sealed_here() {
    let Some(python) = python("10,000 fields sealed here and opened by the reader in Python")
    else {
        return;
    };
    let mut dice = Dice::new(21);
    let known = known(&mut dice);
    let (mut requests, mut expected) = (Vec::new(), Vec::new());
    let (mut tags, mut suites) = (BTreeSet::new(), BTreeMap::<u8, usize>::new());
    for field in 0..FIELDS {
        let domain = &known[field % known.len()];
        let (place, plaintext) = (place(&mut dice, domain.domain), plaintext(&mut dice));
        let sealed = domain.cipher.seal(&plaintext, &place.context).unwrap();
        assert_eq!(sealed.suite(), domain.suite);
        *suites.entry(domain.suite.to_byte()).or_default() += 1;
        tags.extend(place.components.iter().map(|(tag, _)| *tag));
        requests.push(json!({
            "op": "open",
            "data_key": hex::encode(domain.data_key),
            "envelope": hex::encode(sealed.as_bytes()),
            "context": components(&place),
        }));
        expected.push(json!({ "plaintext": hex::encode(plaintext) }));
    }
    let answers = ask(&python, requests);
    let opened =
        answers.iter().zip(&expected).filter(|(answer, expected)| answer == expected).count();
    assert_eq!(
        opened,
        FIELDS,
        "{:?}",
        answers.iter().zip(&expected).find(|(answer, expected)| answer != expected)
    );
    assert_eq!(tags, BTreeSet::from([1, 2, 3, 4, 5, 6, 7, 128, 129, 200, 255]));
    assert!(suites.len() == 2 && suites.values().all(|count| *count >= FIELDS / 3), "{suites:?}");
}

#[test]
fn what_the_second_reader_seals_opens_here() {
    let Some(python) = python("10,000 fields sealed by the reader in Python and opened here")
    else {
        return;
    };
    let mut dice = Dice::new(22);
    let known = known(&mut dice);
    let (mut requests, mut expected) = (Vec::new(), Vec::new());
    for field in 0..FIELDS {
        let domain = &known[field % known.len()];
        let suite = if dice.coin() { 1 } else { 2 };
        let (place, plaintext) = (place(&mut dice, domain.domain), plaintext(&mut dice));
        requests.push(json!({
            "op": "seal",
            "data_key": hex::encode(domain.data_key),
            "suite": suite,
            "plaintext": hex::encode(&plaintext),
            "context": components(&place),
        }));
        expected.push((domain, suite, place, plaintext));
    }
    let mut opened = 0;
    for (answer, (domain, suite, place, plaintext)) in ask(&python, requests).iter().zip(expected) {
        let envelope =
            hex::decode(answer["envelope"].as_str().unwrap_or_else(|| panic!("{answer}"))).unwrap();
        assert_eq!(envelope[0], suite);
        let bound = domain.cipher.bind(&place.context).unwrap();
        let found = domain.cipher.open_bound::<Vec<u8>>(&envelope, &bound).unwrap();
        assert_eq!(*found.expose_secret(), plaintext);
        opened += 1;
    }
    assert_eq!(opened, FIELDS);
}

/// The control: what is changed, moved or under another key is refused there for the same reasons as here.
#[test]
fn the_second_reader_refuses_control() {
    let Some(python) = python("what the reader in Python refuses") else { return };
    let mut dice = Dice::new(23);
    let known = known(&mut dice);
    let mut requests = Vec::new();
    for domain in &known {
        let place = place(&mut dice, domain.domain);
        let sealed = domain.cipher.seal("123-45-6789", &place.context).unwrap();
        let request = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut envelope = sealed.as_bytes().to_vec();
            change(&mut envelope);
            json!({
                "op": "open",
                "data_key": hex::encode(domain.data_key),
                "envelope": hex::encode(envelope),
                "context": components(&place),
            })
        };
        let elsewhere = Place {
            components: [(253, vec![]), (2, domain.domain.to_vec())].into(),
            context: Context::of_application(253, ""),
        };
        let mut moved = request(&|_| {});
        moved["context"] = components(&elsewhere);
        requests.extend([
            (request(&|_| {}), json!({ "plaintext": hex::encode("123-45-6789") })),
            (
                request(&|envelope| *envelope.last_mut().unwrap() ^= 1),
                json!({ "error": "unauthenticated" }),
            ),
            (request(&|envelope| envelope[1] ^= 1), json!({ "error": "foreign_key" })),
            (request(&|envelope| envelope[0] = 3), json!({ "error": "unknown_suite" })),
            (request(&|envelope| envelope.truncate(56)), json!({ "error": "truncated" })),
            (moved, json!({ "error": "unauthenticated" })),
            (json!({ "op": "open" }), json!({ "error": "request" })),
        ]);
    }
    let (requests, expected): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
    assert_eq!(ask(&python, requests), expected);
    assert_eq!(expected.len(), 6 * 7);
}

/// The vectors are what their program writes; the worked example of the documentation is among what it checks.
#[test]
fn the_frozen_vectors_are_what_their_program_writes() {
    let Some(python) = python("the program that writes the frozen vectors") else { return };
    let checked = Command::new(python)
        .arg(folder().join("make_field_vectors.py"))
        .arg("--check")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned()
        + &String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}");
    assert!(said.contains(" vectors, "), "{said}");
}
