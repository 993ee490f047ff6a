//! What was destroyed and is there again: a backup of the key store was put back.

use phiseal_audit::{Entry, MAX_LINE, Outcome, Time};
use phiseal_format::{DomainId, SubjectTag};
use phiseal_keys::{Error, ErrorKind, KeyState, KeyStore, Keyset};
use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, Read};

/// Something that an audit log says is destroyed, and that the key store has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revived {
    /// The name of its domain.
    pub domain: String,
    /// What it is.
    pub what: Lost,
    /// When it was destroyed.
    pub since: Time,
}

/// What can be destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Lost {
    /// A version of a domain's key.
    Version(u32),
    /// The keys of a person.
    Person(SubjectTag),
}

/// What acts are called in an audit log whose effect is looked for.
const DESTROY: &str = "destroy";
const SHRED: &str = "shred";

/// Everything that `log`, an audit log of this key store, says was destroyed, and that the key store has again.
///
/// A restored backup brings back what was destroyed after it was made: a person's keys, a version. Nothing in the key store can
/// tell; the log, which is kept elsewhere, does. Whoever restores looks here before an application starts, and destroys it again. The
/// log is to be [verified](phiseal_audit::verify) first.
///
/// # Errors
///
/// [`ErrorKind::Malformed`] for lines that are none of a log; [`ErrorKind::Unavailable`] when it cannot be read; and what the key store
/// answers.
pub async fn revived(store: &KeyStore, mut log: impl BufRead) -> Result<Vec<Revived>, Error> {
    let mut destroyed: BTreeMap<(DomainId, Lost), Time> = BTreeMap::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = u64::try_from(MAX_LINE + 1).unwrap_or(u64::MAX);
        let read = log.by_ref().take(most).read_until(b'\n', &mut line);
        read.map_err(|_| Error::new(ErrorKind::Unavailable, "the audit log cannot be read"))?;
        // An unfinished line is one that was never told of.
        let Some(line) = line.strip_suffix(b"\n") else { break };
        let entry = Entry::parse(line)?;
        let record = &entry.record;
        if entry.environment != store.environment() || record.outcome != Outcome::Success {
            continue;
        }
        let lost = match record.action.as_str() {
            DESTROY => record.key_version.map(Lost::Version),
            SHRED => record.subject.map(Lost::Person),
            _ => None,
        };
        if let (Some(domain), Some(lost)) = (record.domain, lost) {
            destroyed.entry((domain, lost)).or_insert(entry.time);
        }
    }
    let mut keysets: HashMap<DomainId, Keyset> = HashMap::new();
    for name in store.domains().await? {
        let keyset = store.keyset(&name).await?;
        keysets.insert(keyset.domain(), keyset);
    }
    let mut revived = Vec::new();
    for ((domain, what), since) in destroyed {
        // A domain that is not there has nothing.
        let Some(keyset) = keysets.get(&domain) else { continue };
        let is_there = match what {
            Lost::Version(number) => {
                keyset.version(number).is_none_or(|it| it.state() != KeyState::Destroyed)
            }
            Lost::Person(tag) => match store.find_subject(keyset, tag).await? {
                Some(record) => record.current().is_ok(),
                // A backup of before there was the person. A new key would be one that nobody knows is to be none.
                None => true,
            },
        };
        if is_there {
            revived.push(Revived { domain: keyset.name().to_owned(), what, since });
        }
    }
    Ok(revived)
}
