//! The line that is a recovery key's public half.

use crate::support::{engine, kind, said, signed};
use phiseal_backends::recovery::{RecoveryKek, RecoveryKey};
use phiseal_keys::{ErrorKind, KekBackend};
use pollster::block_on;
use std::fs;

fn line() -> String {
    RecoveryKey::generate(engine()).unwrap().public().to_string()
}

#[test]
fn the_line_comes_back() {
    let line = line();
    let kek = RecoveryKek::parse(&line, engine()).unwrap();
    assert_eq!(kek.to_string(), line);
    let id = block_on(kek.describe()).unwrap().id;
    let digits = line.split('-').nth(2).unwrap();
    assert_eq!(id.as_str(), format!("recovery:{digits}"));
    assert_eq!(format!("{kek:?}"), format!("RecoveryKek({id})"));
}

#[test]
fn every_flip_of_every_character_is_refused() {
    let (line, mut refused) = (line(), 0);
    for at in 0..line.len() {
        for other in (0x20..0x7f).filter(|other| *other != line.as_bytes()[at]) {
            let mut bytes = line.clone().into_bytes();
            bytes[at] = other;
            let text = String::from_utf8(bytes).unwrap();
            let outcome = RecoveryKek::parse(&text, engine());
            assert_eq!(kind(outcome), Some(ErrorKind::Malformed), "{at} to {other}");
            refused += 1;
        }
    }
    assert_eq!(refused, line.len() * 94);
    assert!(RecoveryKek::parse(&line, engine()).is_ok(), "the control");
}

#[test]
fn what_else_is_refused_says_why() {
    let line = line();
    let body = line.rsplit_once('-').unwrap().0;
    let digits = body.rsplit_once('-').unwrap().1;
    let of = |digits: &str| {
        RecoveryKek::parse(&signed(&format!("phiseal-recovery1-{digits}")), engine())
    };
    assert!(of(digits).is_ok(), "the control");
    assert_eq!(said(of(&"00".repeat(32))).0, "a recovery key that keeps nothing secret");
    assert_eq!(said(of(&"ff".repeat(32))).0, "a recovery key that keeps nothing secret");
    for bad in ["", &digits[..62], &format!("{digits}00"), &format!("{}-", &digits[..62])] {
        assert_eq!(said(of(bad)).0, "a recovery key of another shape than it has", "{bad}");
    }
    let begins = "not a recovery key: it does not begin with phiseal-recovery1-";
    let share = RecoveryKey::generate(engine()).unwrap().split(2, 2).unwrap()[0].expose_text();
    for other in ["", "phiseal-recovery2-00", " phiseal-recovery1-00", &share] {
        assert_eq!(said(RecoveryKek::parse(other, engine())).0, begins);
    }
}

#[test]
fn a_file_holds_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let (path, line) = (folder.path().join("recovery.pub"), line());
    for end in ["", "\n", "\r\n"] {
        fs::write(&path, format!("{line}{end}")).unwrap();
        assert_eq!(RecoveryKek::from_file(&path, engine()).unwrap().to_string(), line);
    }
    for bad in
        [format!("{line}\n\n"), format!("{line}\n{line}\n"), format!(" {line}"), String::new()]
    {
        fs::write(&path, &bad).unwrap();
        let outcome = RecoveryKek::from_file(&path, engine());
        assert_eq!(kind(outcome), Some(ErrorKind::Malformed), "{bad:?}");
    }
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert_eq!(kind(RecoveryKek::from_file(&path, engine())), Some(ErrorKind::Malformed));
    let missing = RecoveryKek::from_file(folder.path().join("none"), engine());
    assert_eq!(kind(missing), Some(ErrorKind::NotFound));
    assert_eq!(kind(RecoveryKek::from_file(folder.path(), engine())), Some(ErrorKind::Unavailable));
}
