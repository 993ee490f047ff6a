//! All persons of a domain: which versions of its key wrap their keys, and another one in their place.

use super::KeyStore;
use super::subject_record::{SubjectKey, SubjectKeyState, SubjectRecord, SubjectState};
use super::subjects::record_id;
use crate::{Error, ErrorKind, KeyState, Keyset, RecordKind, WrappingKey};
use phiseal_format::SubjectTag;
use std::collections::BTreeSet;

/// What [`KeyStore::rewrap_subjects`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectsRewrapped {
    /// Persons with a key that is now wrapped by the version that was asked for, and was not before.
    pub rewrapped: u64,
    /// Persons all of whose keys were already.
    pub current: u64,
    /// Persons who were shredded: there is nothing to wrap.
    pub shredded: u64,
}

/// Which persons [`KeyStore::list_subjects`] lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SubjectsWith {
    /// Those with a key that this version of the domain's key wraps now.
    KeyUnder(u32),
    /// Those with a key that this version wraps or has ever wrapped: all whom its compromise concerns.
    KeyEverUnder(u32),
    /// Those whose current key this version wraps or has ever wrapped: all who are to be renewed when it is compromised.
    CurrentKeyEverUnder(u32),
    /// Those with a key in this state.
    KeyIn(SubjectKeyState),
}

/// Some persons, by their tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectsPage {
    /// Their tags, in ascending order.
    pub tags: Vec<SubjectTag>,
    /// After whom to go on; none at the end.
    pub after: Option<SubjectTag>,
}

impl KeyStore {
    /// Lists persons of a domain by their tags, at most `limit`, after the person `after`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a `limit` of zero; [`ErrorKind::Tampered`] for a record that this store did not write; and
    /// what the store answers.
    pub async fn list_subjects(
        &self,
        keyset: &Keyset,
        with: SubjectsWith,
        after: Option<SubjectTag>,
        limit: usize,
    ) -> Result<SubjectsPage, Error> {
        if limit == 0 {
            return Err(Error::new(ErrorKind::Invalid, "a page of persons is not empty"));
        }
        let mut listed = SubjectsPage::default();
        let mut scan = self.scan_subjects(keyset, after);
        while let Some(page) = self.subject_page(keyset, &mut scan).await? {
            for record in page.iter().filter(|record| with.is_met_by(record)) {
                listed.tags.push(record.tag());
                if listed.tags.len() == limit {
                    listed.after = Some(record.tag());
                    return Ok(listed);
                }
            }
        }
        Ok(listed)
    }

    /// How many keys of persons are wrapped by version `version` of the domain's key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tampered`] for a record that this store did not write; and what the store answers.
    pub async fn subjects_under(&self, keyset: &Keyset, version: u32) -> Result<u64, Error> {
        let is_under = |key: &SubjectKey| key.domain_version() == version;
        self.count_subjects(keyset, |record| {
            record.keys().iter().filter(|key| is_under(key)).count()
        })
        .await
    }

    /// How many persons a rotation has left behind: those with a key that another version than the primary wraps, and, where
    /// `renewed`, those whose current key a compromised version wraps or has ever wrapped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tampered`] for a record that this store did not write; and what the store answers.
    pub async fn subjects_behind(&self, keyset: &Keyset, renewed: bool) -> Result<u64, Error> {
        self.count_subjects(keyset, |record| {
            let mut keys = record.keys().iter();
            let is_behind = keys.any(|key| key.domain_version() != keyset.primary());
            let is_exposed = record.current().is_ok_and(|key| key.is_exposed(keyset));
            usize::from(is_behind || renewed && is_exposed)
        })
        .await
    }

    /// Why version `number` may not be destroyed on account of persons' keys, if it may not.
    pub(super) async fn subjects_hold(
        &self,
        keyset: &Keyset,
        number: u32,
    ) -> Result<Option<Error>, Error> {
        let is_gone = |number| {
            keyset.version(number).is_some_and(|version| version.state() == KeyState::Destroyed)
        };
        // Also under others than this one: who took it for the primary may be about to move such a person to it, and be
        // killed before a look says that this came too late. One who is under the primary is read again before that.
        let is_behind = |key: &SubjectKey| {
            key.domain_version() != keyset.primary() && !is_gone(key.domain_version())
        };
        let behind =
            |record: &SubjectRecord| record.keys().iter().filter(|key| is_behind(key)).count();
        if self.count_subjects(keyset, behind).await? > 0 {
            return Ok(Some(Error::new(
                ErrorKind::State,
                "other versions than the primary still wrap persons' keys: rewrap them first",
            )));
        }
        let state = keyset.version(number).map(|version| version.state());
        if state != Some(KeyState::Compromised) {
            return Ok(None);
        }
        // Once it is destroyed, nothing says any more that what it wrapped is exposed.
        let exposed = SubjectsWith::CurrentKeyEverUnder(number);
        let exposed = |record: &SubjectRecord| usize::from(exposed.is_met_by(record));
        Ok((self.count_subjects(keyset, exposed).await? > 0).then(|| {
            Error::new(
                ErrorKind::State,
                "persons still seal under keys that the compromised version wrapped: renew them first",
            )
        }))
    }

    async fn count_subjects(
        &self,
        keyset: &Keyset,
        count: impl Fn(&SubjectRecord) -> usize,
    ) -> Result<u64, Error> {
        let mut counted: u64 = 0;
        let mut scan = self.scan_subjects(keyset, None);
        while let Some(page) = self.subject_page(keyset, &mut scan).await? {
            let of_page = page.iter().map(&count).sum::<usize>();
            counted = counted.saturating_add(u64::try_from(of_page).unwrap_or(u64::MAX));
        }
        Ok(counted)
    }

    /// Wraps every key of every person by version `to` of the domain's key. No data is touched and no backend is called.
    ///
    /// `wrapping` gives the subject-wrap key of a version. Killed half way, it goes on when it is called again.
    ///
    /// It is no remedy for a version that is in wrong hands: [`KeyStore::renew_subjects`] is.
    ///
    /// # Errors
    ///
    /// What `wrapping` answers for a version that cannot be had, once all other keys have been moved; [`ErrorKind::Stale`]
    /// when `to` is not the primary any more; [`ErrorKind::Tampered`]; and what the store answers.
    pub async fn rewrap_subjects<'k>(
        &self,
        keyset: &Keyset,
        to: u32,
        wrapping: impl Fn(u32) -> Result<&'k WrappingKey, Error>,
    ) -> Result<SubjectsRewrapped, Error> {
        let new = wrapping(to)?;
        let (mut done, mut stuck) = (SubjectsRewrapped::default(), None);
        let mut scan = self.scan_subjects(keyset, None);
        while let Some(page) = self.subject_page(keyset, &mut scan).await? {
            for record in page {
                let SubjectState::Active { keys, .. } = record.state() else {
                    done.shredded += 1;
                    continue;
                };
                let (mut next, mut left) = (record.clone(), 0);
                for key in keys.iter().filter(|key| key.domain_version() != to) {
                    let old = match wrapping(key.domain_version()) {
                        // A version that `keyset` does not know of may be the primary.
                        Err(_) if !self.is_primary(keyset, to).await? => return Err(stale()),
                        Ok(old) => old,
                        // One whose key cannot be had does not keep the others where they are.
                        Err(error) => {
                            stuck.get_or_insert(error);
                            left += 1;
                            continue;
                        }
                    };
                    let data_key = self.unwrap_subject(keyset, record.tag(), key, old)?;
                    next = self.with_subject_wrap(keyset, &next, to, new, &data_key)?;
                }
                if next == record {
                    done.current += u64::from(left == 0);
                    continue;
                }
                match self.replace_subject(keyset, &record, next.state).await {
                    Ok(_) => done.rewrapped += 1,
                    // Shredded, renewed or rewrapped by somebody else meanwhile.
                    Err(error) if error.kind() == ErrorKind::Conflict => {}
                    Err(error) => return Err(error),
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

    /// All persons of the domain after `after`.
    pub(super) fn scan_subjects(&self, keyset: &Keyset, after: Option<SubjectTag>) -> Scan {
        let domain = keyset.domain();
        let after = after.map_or_else(|| domain.as_bytes().to_vec(), |tag| record_id(keyset, tag));
        let seen = self.seen(RecordKind::Subject, domain.as_bytes());
        Scan { expected: seen.into_iter().filter(|id| *id > after).collect(), after }
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
        let is_left_out = match records.is_empty() {
            true => !scan.expected.is_empty(),
            false => scan.expected.first().is_some_and(|id| *id < scan.after),
        };
        if is_left_out {
            return Err(tampered("the key store leaves out a person that is there"));
        }
        Ok((!records.is_empty()).then_some(records))
    }
}

impl SubjectsWith {
    fn is_met_by(self, record: &SubjectRecord) -> bool {
        let any = |is_such: &dyn Fn(&SubjectKey) -> bool| record.keys().iter().any(is_such);
        match self {
            Self::KeyUnder(version) => any(&|key| key.domain_version() == version),
            Self::KeyEverUnder(version) => any(&|key| key.wrapped_by().contains(version)),
            Self::CurrentKeyEverUnder(version) => {
                record.current().is_ok_and(|key| key.wrapped_by().contains(version))
            }
            Self::KeyIn(state) => any(&|key| key.state() == state),
        }
    }
}

/// How far a scan has come.
pub(super) struct Scan {
    /// The last id.
    after: Vec<u8>,
    /// Ids that were seen before it began, and have not come yet.
    expected: BTreeSet<Vec<u8>>,
}

pub(super) fn stale() -> Error {
    Error::new(ErrorKind::Stale, "another version is the primary by now")
}

fn tampered(message: &'static str) -> Error {
    Error::new(ErrorKind::Tampered, message)
}
