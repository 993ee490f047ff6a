//! Signatures: of several custodians, over one text.

use super::super::*;
use super::facts::*;
use phiseal_audit::note::{Note, VerifierKey};
use phiseal_keys::{Error, ErrorKind};
use pollster::block_on;

fn keys() -> [VerifierKey; 3] {
    [key("clinic.example/alice", 1), key("clinic.example/bob", 2), key("clinic.example/chen", 3)]
}

/// The note of `json`, signed by those of the keys that are named.
fn signed(json: &[u8], by: &[usize]) -> Note {
    let mut note: Option<Note> = None;
    for at in by {
        let signer = signer(u8::try_from(at + 1).unwrap());
        note = Some(block_on(sign(json, note.as_ref(), &keys()[*at], &signer, engine())).unwrap());
    }
    note.unwrap()
}

fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn each_signature_is_found() {
    let (json, keys) = (rotation().to_json(engine()).unwrap(), keys());
    for by in [&[0][..], &[1, 2], &[2, 0, 1]] {
        let note = signed(&json, by).to_string();
        let verified = verify(&json, note.as_bytes(), &keys, engine()).unwrap();
        assert_eq!(verified.certificate, rotation());
        let mut names: Vec<_> = verified.signers.iter().map(|key| key.name()).collect();
        names.sort_unstable();
        let mut expected: Vec<_> = by.iter().map(|at| keys[*at].name()).collect();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }
    let text = signed(&json, &[0]).text().to_owned();
    let hash = rotation().hash(engine()).unwrap();
    assert_eq!(text, format!("phiseal certificate v1\nsha256 {hash}\n"));
}

#[test]
fn a_changed_certificate_is_not_the_one_that_was_signed() {
    let (json, keys) = (rotation().to_json(engine()).unwrap(), keys());
    let note = signed(&json, &[0, 1]).to_string();
    for at in 0..json.len() {
        let mut changed = json.clone();
        changed[at] ^= 1;
        let refused = verify(&changed, note.as_bytes(), &keys, engine());
        assert_eq!(kind(refused), Some(ErrorKind::Unauthenticated), "byte {at}");
    }
    for changed in [&json[..json.len() - 1], &[&json[..], b"\n"].concat(), b""] {
        let refused = verify(changed, note.as_bytes(), &keys, engine());
        assert_eq!(kind(refused), Some(ErrorKind::Unauthenticated));
    }
    assert!(verify(&json, note.as_bytes(), &keys, engine()).is_ok(), "the control");
}

#[test]
fn a_changed_signature_is_none() {
    let (json, keys) = (rotation().to_json(engine()).unwrap(), keys());
    let note = signed(&json, &[0]).to_string();
    let at = note.rfind(' ').unwrap();
    for place in at + 7..note.len() - 2 {
        let mut changed = note.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let refused = kind(verify(&json, &changed, &keys, engine()));
        assert!(
            matches!(refused, Some(ErrorKind::Unauthenticated | ErrorKind::Malformed)),
            "{place}: {refused:?}"
        );
    }
    let (_, others) = keys.split_first().unwrap();
    let refused = verify(&json, note.as_bytes(), others, engine());
    assert_eq!(kind(refused), Some(ErrorKind::Unauthenticated), "by nobody who is known");
    assert_eq!(kind(verify(&json, b"", &keys, engine())), Some(ErrorKind::Malformed));
    let long = vec![b' '; MAX_JSON + 1];
    let refused = verify(&long, note.as_bytes(), &keys, engine());
    assert_eq!(kind(refused), Some(ErrorKind::Malformed));
}

#[test]
fn nothing_else_is_signed_and_nobody_signs_twice() {
    let (json, keys) = (rotation().to_json(engine()).unwrap(), keys());
    let (other, note) = (destruction().to_json(engine()).unwrap(), signed(&json, &[0]));
    let with = |json: &[u8], earlier: Option<&Note>, at: usize, seed: u8| {
        kind(block_on(sign(json, earlier, &keys[at], &signer(seed), engine())))
    };
    assert_eq!(with(&other, Some(&note), 1, 2), Some(ErrorKind::Invalid), "of another certificate");
    assert_eq!(with(&json, Some(&note), 0, 1), Some(ErrorKind::Conflict), "twice");
    assert_eq!(with(&json, Some(&note), 1, 1), Some(ErrorKind::Invalid), "with another's key");
    assert_eq!(with(b"{}", None, 0, 1), Some(ErrorKind::Malformed), "no certificate");
    let changed =
        String::from_utf8(json.clone()).unwrap().replace("\"rows\": 12345", "\"rows\": 12344");
    assert_eq!(with(changed.as_bytes(), None, 0, 1), Some(ErrorKind::Invalid), "of another hash");
    assert_eq!(with(&json, Some(&note), 1, 2), None, "the control");

    // A note of the same key over something that is no certificate is of no use for one.
    let mut foreign = Note::new("phiseal certificate v2\nsha256 00\n").unwrap();
    block_on(foreign.sign(&keys[0], &signer(1))).unwrap();
    let refused = verify(&json, foreign.to_string().as_bytes(), &keys, engine());
    assert_eq!(kind(refused), Some(ErrorKind::Unauthenticated));
}
