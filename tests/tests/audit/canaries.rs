//! A log of everything that happens to keys of an application holds neither keys nor anything that identifies a person.

use crate::{builder, verify};
use phiseal::backends::layer::Audited;
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::stores::MemoryStore;
use phiseal::{Context, DataKey, KekBackend};
use phiseal_audit::{Action, Class, Entry, Log, Outcome, Record};
use phiseal_keys::Reader;
use phiseal_tests::canaries::{Role, canaries, seen};
use pollster::block_on;
use std::collections::BTreeSet;
use std::fs;

#[test]
fn no_canary_is_on_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let log = builder().open(&path).unwrap();

    // Data, persons and readers that are canaries, and keys that are.
    let kek = Audited::new(MemoryKek::new(phiseal::default_engine()).unwrap(), log.clone());
    let phiseal = Phiseal::open(MemoryStore::new(), kek).unwrap();
    let domain = phiseal.domain("clinic/patients").unwrap();
    let raw = Audited::new(MemoryKek::new(phiseal::default_engine()).unwrap(), log.clone());
    let mut refused = 0;
    for (role, canary) in canaries() {
        let text = String::from_utf8_lossy(&canary).into_owned();
        match role {
            Role::Phi => {
                let what = Context::of_record(&canary).field("name");
                let sealed = domain.seal(&text, &what).unwrap();
                domain.open::<String>(&sealed, &what).unwrap();
                let person = domain.subject_or_create(&text).unwrap();
                let sealed = person.seal(&text, &what).unwrap();
                person.open::<String>(&sealed, &what).unwrap();
                // Where a record has text, a canary does not fit.
                refused += usize::from(Reader::new(&text, "treatment").is_err());
            }
            Role::Key => {
                let key = DataKey::from_backend(&canary).unwrap();
                let context =
                    phiseal::EncryptionContext::data_key(&[1; 16].into(), &[2; 16].into(), 1);
                let wrapped = block_on(raw.wrap_key(&key, &context)).unwrap();
                block_on(raw.unwrap_key(&wrapped, &context)).unwrap();
            }
            // Passphrases.
            _ => refused += usize::from(Reader::new("svc", &text).is_err()),
        }
    }
    domain.rotate().unwrap();
    let mut record = Record::new(Class::Reveal, Action::new("open").unwrap(), Outcome::Success);
    record.reader = Some(Reader::new("svc-billing", "treatment").unwrap());
    log.append(record).unwrap();
    log.close().unwrap();

    let (lines, notes) = (fs::read(&path).unwrap(), fs::read(Log::checkpoints_of(&path)).unwrap());
    assert_eq!((seen(&lines), seen(&notes)), (0, 0));
    // The controls: there was much to write down, and a canary would have been seen.
    assert_eq!(refused, canaries().iter().filter(|(role, _)| *role != Role::Key).count());
    let text = String::from_utf8(lines.clone()).unwrap();
    let parsed = text.lines().map(|line| Entry::parse(line.as_bytes()).unwrap().record);
    let actions: BTreeSet<_> = parsed.map(|record| record.action.as_str().to_owned()).collect();
    for action in ["kek-generate", "kek-wrap", "kek-unwrap", "open"] {
        assert!(actions.contains(action), "{action} of {actions:?}");
    }
    let planted = [&lines[..], &canaries()[2].1].concat();
    assert!(seen(&planted) > 0);
    let verdict = verify(&path);
    assert_eq!((verdict.fault, verdict.covered), (None, verdict.lines));
}
