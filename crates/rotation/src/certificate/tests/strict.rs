//! The reader takes the one text of a certificate and no other.

use super::super::*;
use super::facts::*;
use phiseal_audit::note::VerifierKey;
use phiseal_keys::{Error, ErrorKind, KeyState};
use serde_json::Value;

fn read(json: &str) -> Result<Certificate, Error> {
    Certificate::from_json(json.as_bytes(), engine())
}

fn kind(result: Result<Certificate, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn all() -> [Certificate; 4] {
    [rotation(), destruction(), unfinished(), shredding()]
}

#[test]
fn what_is_written_is_read_and_written_again() {
    for certificate in all() {
        let text = json(&certificate);
        assert_eq!(read(&text).unwrap(), certificate);
        assert_eq!(json(&read(&text).unwrap()), text);
        assert!(text.ends_with("}\n"));
    }
}

/// Each member of an object taken out of the text, and of each array each element; what is left is JSON in the same order.
/// The line that went, and whether it was a member.
fn shorter(text: &str) -> Vec<(String, bool, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut out = Vec::new();
    for (first, line) in lines.iter().enumerate().skip(1) {
        if matches!(line.trim_start().chars().next(), Some('}' | ']')) {
            continue;
        }
        let opens = line.ends_with(['{', '[']);
        let rest = lines[first + 1..].iter().position(|it| depth(it) <= depth(line)).unwrap();
        let last = if opens { first + 1 + rest } else { first };
        let mut left: Vec<String> = lines[..first].iter().map(|it| (*it).to_owned()).collect();
        if !lines[last].ends_with(',') {
            let before = left.last_mut().unwrap();
            *before = before.trim_end_matches(',').to_owned();
        }
        left.extend(lines[last + 1..].iter().map(|it| (*it).to_owned()));
        let left = left.join("\n") + "\n";
        assert!(serde_json::from_str::<Value>(&left).is_ok(), "{line}");
        let is_member = line.trim_start().split_once("\": ").is_some();
        out.push(((*line).to_owned(), is_member, left));
    }
    out
}

#[test]
fn no_member_may_be_missing() {
    let (mut members, mut elements) = (0, 0);
    for certificate in all() {
        for (line, is_member, shorter) in shorter(&json(&certificate)) {
            if is_member {
                let refused = kind(read(&shorter));
                assert!(matches!(refused, Some(ErrorKind::Malformed)), "{line}: {refused:?}");
                members += 1;
            } else if let Ok(other) = read(&shorter) {
                // Without an approver, say, it is another certificate.
                assert_ne!(other, certificate, "{line}");
                elements += 1;
            }
        }
    }
    assert!(members > 400 && elements > 0, "{members} and {elements}");
}

#[test]
fn every_change_of_a_character_makes_it_another_text_or_none() {
    let original = json(&rotation());
    let (mut refused, mut others) = (0, 0);
    for at in 0..original.len() {
        let mut bytes = original.clone().into_bytes();
        bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
        match Certificate::from_json(&bytes, engine()) {
            Err(_) => refused += 1,
            // Another number is another certificate, which has another hash.
            Ok(certificate) => {
                assert_ne!(certificate, rotation());
                assert_eq!(certificate.to_json(engine()).unwrap(), bytes);
                others += 1;
            }
        }
    }
    assert!(refused > 3_000 && others > 100, "{refused} and {others}");
}

#[test]
fn what_is_not_the_one_text_is_refused() {
    let text = json(&rotation());
    for (what, from, to) in [
        ("an unknown member", "\"version\": 1,", "\"version\": 1,\n  \"more\": 1,"),
        ("an unknown member within", "\"requested\":", "\"more\": 1,\n      \"requested\":"),
        ("a member twice", "\"version\": 1,", "\"version\": 1,\n  \"version\": 1,"),
        ("a member twice within", "\"rows\": 12345,", "\"rows\": 12345,\n \"rows\": 12345,"),
        (
            "an unknown member of an operation",
            "\"compromised\": false",
            "\"compromised\": false, \"x\": 1",
        ),
        ("another format", "\"phiseal certificate\"", "\"phiseal certificatf\""),
        ("a version of none", "\"version\": 1,", "\"version\": 0,"),
        ("white space", "\"version\": 1,", "\"version\":  1,"),
        ("a number in another notation", "\"rows\": 12345,", "\"rows\": 12345.0,"),
        ("an escape that is not needed", "clinic/patients", "clinic\\/patients"),
        ("another status", "\"finished\"", "\"erasure-pending\""),
        ("less evidence", "45 CFR 164.312(b)", "45 CFR 164.312(d)"),
        ("a time that there is not", "2026-03-01T", "2026-02-31T"),
        ("a time with an offset", "T09:30:00Z", "T09:30:00+00:00"),
        ("digits in capitals", "e1e1e1", "E1E1E1"),
        ("no line end", "\n}\n", "\n}"),
        ("something after it", "\n}\n", "\n}\n "),
        ("an end like Windows's", "\n}\n", "\n}\r\n"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{what}");
        assert_eq!(kind(read(&changed)), Some(ErrorKind::Malformed), "{what}");
    }
    let newer = text.replacen("\"version\": 1,", "\"version\": 2,", 1);
    assert_eq!(kind(read(&newer)), Some(ErrorKind::Unsupported));
    let hash = rotation().counts.after[0].sha256().to_string();
    let other = text.replace(&hash, &"0".repeat(64));
    assert_eq!(kind(read(&other)), Some(ErrorKind::Invalid), "another hash of a census");
    assert!(read(&text).is_ok(), "the control");
}

#[test]
fn an_error_quotes_nothing() {
    let text = json(&rotation());
    let broken = text.replacen("\"Alice Meyer\"", "[\"Alice Meyer\"]", 1);
    let error = read(&broken).unwrap_err();
    let source = core::error::Error::source(&error).unwrap().to_string();
    assert!(source.starts_with("line "), "{source}");
    assert!(!format!("{error:?}{source}").contains("Alice"));
    assert!(!format!("{:?}{:?}", rotation(), rotation().approval).contains("Alice"));
}

#[test]
fn a_certificate_has_a_largest_size() {
    let mut large = rotation();
    let wrap = large.keys.versions[0].wraps_before[0].clone();
    large.keys.versions[0].wraps_before = vec![wrap; 60_000];
    let error = large.to_json(engine()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let long = [json(&rotation()), " ".repeat(MAX_JSON)].concat();
    assert_eq!(kind(read(&long)), Some(ErrorKind::Malformed));
    let deep = "[".repeat(100_000);
    assert_eq!(kind(read(&deep)), Some(ErrorKind::Malformed));
}

fn roster(certificate: &mut Certificate) -> &mut RosterHead {
    certificate.approval.roster.as_mut().unwrap()
}

#[test]
fn facts_that_contradict_each_other_are_refused() {
    type Change = fn(&mut Certificate);
    let changes: [(&str, Change); 24] = [
        ("a domain with a space", |it| it.domain.push(' ')),
        ("no domain", |it| it.domain.clear()),
        ("versions out of order", |it| it.keys.versions.reverse()),
        ("a version twice", |it| {
            let again = it.keys.versions[0].clone();
            it.keys.versions.insert(0, again);
        }),
        ("a primary that is not told", |it| it.keys.primary_after = 9),
        ("an act on a version that is not told", |it| {
            it.operation = Operation::Retire { version: 9 }
        }),
        ("an approver twice", |it| it.approval.approvers[1] = it.approval.approvers[0].clone()),
        ("one key under two names", |it| it.approval.approvers[1] = custodian("Chen Li", 2)),
        ("one name with two keys", |it| it.approval.approvers[1] = custodian("Bob Okafor", 3)),
        ("the requester himself", |it| it.approval.approvers[0] = it.approval.requester.clone()),
        ("the requester under another name", |it| {
            it.approval.approvers[0] = custodian("Bob Okafor", 1);
        }),
        ("one approver too few", |it| drop(it.approval.approvers.pop())),
        ("one who acts alone beside a roster", |it| it.approval.single_custodian = true),
        ("no roster", |it| it.approval.roster = None),
        ("approvers of one who acts alone", |it| {
            it.approval.roster = None;
            it.approval.single_custodian = true;
        }),
        ("nobody approves", |it| it.approval.approvers.clear()),
        ("a threshold of zero", |it| roster(it).threshold = 0),
        ("more approvers than custodians", |it| roster(it).custodians = 2),
        ("a threshold that was not reached", |it| roster(it).threshold = 3),
        ("an erasure where nothing is erased", |it| {
            it.erasure = Erasure::Final { grounds: vec![Ground::BackupsExpired] };
        }),
        ("no word of the erasure", |it| it.operation = Operation::Destroy { version: 2 }),
        ("a table counted twice", |it| {
            let again = it.counts.after[0].clone();
            it.counts.after.push(again);
        }),
        ("a custodian without a name", |it| {
            it.approval.requester = Signatory::new("", &key("clinic.example/x", 9));
        }),
        ("a custodian with a line end in the name", |it| {
            it.approval.requester = Signatory::new("Alice\nMeyer", &key("clinic.example/x", 9));
        }),
    ];
    for (what, change) in changes {
        let mut changed = rotation();
        change(&mut changed);
        let refused = changed.to_json(engine()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{what}");
    }
    let mut grounds = destruction();
    grounds.erasure = Erasure::Final { grounds: vec![] };
    assert_eq!(grounds.to_json(engine()).unwrap_err().kind(), ErrorKind::Invalid);
    grounds.erasure = Erasure::Pending { reasons: vec![] };
    assert_eq!(grounds.to_json(engine()).unwrap_err().kind(), ErrorKind::Invalid);
    let mut alone = rotation();
    alone.approval.approvers.clear();
    alone.approval.single_custodian = true;
    alone.approval.roster = None;
    assert!(alone.to_json(engine()).is_ok(), "the control: it says so");
}

#[test]
fn a_key_that_is_none_is_refused_when_it_is_read() {
    let text = json(&rotation());
    let approval = rotation().approval;
    let line = approval.requester.key_line();
    let id = approval.requester.key_id();
    let bob = approval.approvers[0].key_line();
    for (what, changed) in [
        ("the key of another", text.replacen(line, bob, 1)),
        (
            "another id",
            text.replacen(&format!("\"key_id\": \"{id}\""), "\"key_id\": \"00000000\"", 1),
        ),
        ("no key", text.replacen(line, "clinic.example/alice", 1)),
    ] {
        assert_ne!(changed, text, "{what}");
        assert!(
            matches!(kind(read(&changed)), Some(ErrorKind::Invalid | ErrorKind::Malformed)),
            "{what}"
        );
    }
    assert!(VerifierKey::parse(line, engine()).is_ok(), "the control");
}

#[test]
fn a_version_is_told_as_its_keyset_tells_it() {
    let told = version(2, Some(KeyState::Active), KeyState::Deactivated);
    let text = json(&rotation());
    for part in [
        "\"state_before\": \"active\"",
        "\"state_before\": null",
        "\"state_after\": \"deactivated\"",
        &format!("\"key_id\": \"{}\"", told.key_id),
    ] {
        assert!(text.contains(part), "{part}");
    }
}
