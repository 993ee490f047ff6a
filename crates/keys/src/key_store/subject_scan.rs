//! All persons of a domain: which version of its key wraps them, and another one in its place.

use super::{KeyStore, SubjectRecord, SubjectState};
use crate::{Error, ErrorKind, KeyState, Keyset, RecordKind, WrappingKey};
use phiseal_format::SubjectTag;
use std::collections::HashSet;

/// What [`KeyStore::rewrap_subjects`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectsRewrapped {
    /// Persons whose key is now wrapped by the version that was asked for.
    pub rewrapped: u64,
    /// Persons whose key was already.
    pub current: u64,
    /// Persons who were shredded: there is nothing to wrap.
    pub shredded: u64,
}

impl KeyStore {
    /// How many persons' keys are wrapped by version `version` of the domain's key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tampered`] for a record that this store did not write; and what the store answers.
    pub async fn subjects_under(&self, keyset: &Keyset, version: u32) -> Result<u64, Error> {
        self.count_subjects(keyset, |number| number == version).await
    }

    /// How many persons' keys are wrapped by a version that is neither the primary nor destroyed.
    pub(super) async fn subjects_behind(&self, keyset: &Keyset) -> Result<u64, Error> {
        let is_gone = |number| {
            keyset.version(number).is_some_and(|version| version.state() == KeyState::Destroyed)
        };
        self.count_subjects(keyset, |number| number != keyset.primary() && !is_gone(number)).await
    }

    async fn count_subjects(
        &self,
        keyset: &Keyset,
        counts: impl Fn(u32) -> bool,
    ) -> Result<u64, Error> {
        let mut count = 0;
        let mut scan = self.scan_subjects(keyset);
        while let Some(page) = self.subject_page(keyset, &mut scan).await? {
            for record in page {
                count += u64::from(record.domain_version().is_ok_and(&counts));
            }
        }
        Ok(count)
    }

    /// Wraps every person's key by version `to` of the domain's key. No data is touched and no backend is called.
    ///
    /// `wrapping` gives the subject-wrap key of a version. Killed half way, it goes on when it is called again.
    ///
    /// # Errors
    ///
    /// What `wrapping` answers for a version that cannot be had, once all others have been moved; [`ErrorKind::Stale`] when `to` is not the primary any
    /// more; [`ErrorKind::Tampered`]; and what the store answers.
    pub async fn rewrap_subjects<'k>(
        &self,
        keyset: &Keyset,
        to: u32,
        wrapping: impl Fn(u32) -> Result<&'k WrappingKey, Error>,
    ) -> Result<SubjectsRewrapped, Error> {
        let new = wrapping(to)?;
        let (mut done, mut stuck) = (SubjectsRewrapped::default(), None);
        let mut scan = self.scan_subjects(keyset);
        while let Some(page) = self.subject_page(keyset, &mut scan).await? {
            for record in page {
                match record.state() {
                    SubjectState::Shredded { .. } => done.shredded += 1,
                    SubjectState::Active { domain_version, .. } if *domain_version == to => {
                        done.current += 1
                    }
                    SubjectState::Active { domain_version, .. } => {
                        let old = match wrapping(*domain_version) {
                            // A version that `keyset` does not know of may be the primary.
                            Err(_) if !self.is_primary(keyset, to).await? => return Err(stale()),
                            Ok(old) => old,
                            // One whose key cannot be had does not keep the others where they are.
                            Err(error) => {
                                stuck.get_or_insert(error);
                                continue;
                            }
                        };
                        let (key, _) = self.unwrap_subject(keyset, &record, old)?;
                        match self.replace_subject_wrap(keyset, &record, to, new, &key).await {
                            Ok(()) => done.rewrapped += 1,
                            // Shredded or rewrapped by somebody else meanwhile.
                            Err(error) if error.kind() == ErrorKind::Conflict => {}
                            Err(error) => return Err(error),
                        }
                    }
                }
            }
            // Who destroys a version counts the persons under it when it is the primary no more, and so counts those who
            // were moved to it while it still was.
            if !self.is_primary(keyset, to).await? {
                return Err(stale());
            }
        }
        stuck.map_or(Ok(done), Err)
    }

    pub(super) fn scan_subjects(&self, keyset: &Keyset) -> Scan {
        let expected = self.seen(RecordKind::Subject, keyset.domain().as_bytes());
        Scan { after: keyset.domain().as_bytes().to_vec(), expected }
    }

    /// The next persons of the domain; `None` at the end.
    pub(super) async fn subject_page(
        &self,
        keyset: &Keyset,
        scan: &mut Scan,
    ) -> Result<Option<Vec<SubjectRecord>>, Error> {
        const PAGE: usize = 256;
        let mut records = Vec::new();
        for (id, record) in self.store.scan(RecordKind::Subject, Some(&scan.after), PAGE).await? {
            if scan.after >= id {
                return Err(tampered("the key store lists records out of order"));
            }
            let Some(tag) = id.strip_prefix(&keyset.domain().as_bytes()[..]) else { break };
            let tag = SubjectTag::try_from(tag)
                .map_err(|_| tampered("the key store lists a person that cannot be one"))?;
            // What was seen before is judged as any other read is.
            if self.last_seen(RecordKind::Subject, &id).0 == 0 {
                records.push(self.subject_record(tag, &id, record)?);
            } else {
                records.extend(self.find_subject(keyset, tag).await?);
            }
            scan.expected.remove(&id);
            scan.after = id;
        }
        match (records.is_empty(), scan.expected.is_empty()) {
            (false, _) => Ok(Some(records)),
            (true, true) => Ok(None),
            (true, false) => Err(tampered("the key store leaves out a person that is there")),
        }
    }
}

/// How far a scan has come.
pub(super) struct Scan {
    /// The last id.
    after: Vec<u8>,
    /// Ids that were seen before it began, and have not come yet.
    expected: HashSet<Vec<u8>>,
}

fn stale() -> Error {
    Error::new(ErrorKind::Stale, "another version is the primary by now")
}

fn tampered(message: &'static str) -> Error {
    Error::new(ErrorKind::Tampered, message)
}
