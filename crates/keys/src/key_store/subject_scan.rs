//! All persons of a domain: which version of its key wraps them, and another one in its place.

use super::{KeyStore, SubjectRecord, SubjectState};
use crate::{Error, ErrorKind, Keyset, RecordKind, WrappingKey};
use phiseal_format::SubjectTag;

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
        let mut count = 0;
        let mut after = None;
        while let Some(page) = self.subject_page(keyset, &mut after).await? {
            for record in page {
                if matches!(record.state(), SubjectState::Active { domain_version, .. } if *domain_version == version)
                {
                    count += 1;
                }
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
    /// What `wrapping` answers for a version that cannot be had; [`ErrorKind::Tampered`]; and what the store answers.
    pub async fn rewrap_subjects<'k>(
        &self,
        keyset: &Keyset,
        to: u32,
        wrapping: impl Fn(u32) -> Result<&'k WrappingKey, Error>,
    ) -> Result<SubjectsRewrapped, Error> {
        let new = wrapping(to)?;
        let mut done = SubjectsRewrapped::default();
        let mut after = None;
        while let Some(page) = self.subject_page(keyset, &mut after).await? {
            for record in page {
                match record.state() {
                    SubjectState::Shredded { .. } => done.shredded += 1,
                    SubjectState::Active { domain_version, .. } if *domain_version == to => {
                        done.current += 1
                    }
                    SubjectState::Active { domain_version, .. } => {
                        let (key, _) =
                            self.unwrap_subject(keyset, &record, wrapping(*domain_version)?)?;
                        match self.replace_subject_wrap(keyset, &record, to, new, &key).await {
                            Ok(()) => done.rewrapped += 1,
                            // Shredded or rewrapped by somebody else meanwhile.
                            Err(error) if error.kind() == ErrorKind::Conflict => {}
                            Err(error) => return Err(error),
                        }
                    }
                }
            }
        }
        Ok(done)
    }

    /// The next persons of the domain after `after`, which moves on; `None` at the end.
    async fn subject_page(
        &self,
        keyset: &Keyset,
        after: &mut Option<Vec<u8>>,
    ) -> Result<Option<Vec<SubjectRecord>>, Error> {
        const PAGE: usize = 256;
        let domain = keyset.domain();
        let prefix = domain.as_bytes();
        let from = after.clone().unwrap_or_else(|| prefix.to_vec());
        let mut records = Vec::new();
        for (id, record) in self.store.scan(RecordKind::Subject, Some(&from), PAGE).await? {
            if after.as_ref().is_some_and(|after| *after >= id) {
                return Err(Error::new(
                    ErrorKind::Tampered,
                    "the key store lists records out of order",
                ));
            }
            let Some(tag) =
                id.strip_prefix(&prefix[..]).and_then(|tag| SubjectTag::try_from(tag).ok())
            else {
                break;
            };
            records.push(self.subject_record(tag, &id, record)?);
            *after = Some(id);
        }
        Ok((!records.is_empty()).then_some(records))
    }
}
