//! Another key in the place of a person's current one, and the end of those that nothing is under any more.

use super::KeyStore;
use super::subject_record::{SubjectKey, SubjectRecord, SubjectState, shredded};
use super::subject_scan::stale;
use crate::{DataKey, Error, ErrorKind, FullKeyId, Keyset, WrappingKey};
use phiseal_format::SubjectTag;

/// Why a person gets a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Renewal {
    /// The old key has been in use for long enough.
    Routine,
    /// The old key is in wrong hands, or may be.
    Compromised,
}

/// What [`KeyStore::renew_subjects`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectsRenewed {
    /// Persons who have a new key now.
    pub renewed: u64,
    /// Persons whose current key none of those versions has ever wrapped.
    pub unaffected: u64,
    /// Persons who were shredded.
    pub shredded: u64,
}

impl KeyStore {
    /// Makes a new key for a person, the current one from now on, wrapped by `wrap_key`, the subject-wrap key of the domain's
    /// version `domain_version`. The keys before it open, and seal nothing any more: values under them are to be resealed.
    ///
    /// Of the keys before, those that a compromised version has ever wrapped are compromised, and with
    /// [`Renewal::Compromised`] the one that was current is. None of them is unwrapped, so a person whose keys cannot be had
    /// is renewed all the same.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::State`] when the person was shredded; [`ErrorKind::Exhausted`] at
    /// [`SubjectRecord::MAX_KEYS`]; [`ErrorKind::Conflict`] when the record changed meanwhile; and what the store answers.
    pub async fn renew_subject(
        &self,
        keyset: &Keyset,
        tag: SubjectTag,
        domain_version: u32,
        wrap_key: &WrappingKey,
        why: Renewal,
    ) -> Result<(DataKey, SubjectRecord), Error> {
        let record = self.subject(keyset, tag).await?;
        let current = record.current()?.number();
        let is_compromised = |key: &SubjectKey| {
            key.is_exposed(keyset) || why == Renewal::Compromised && key.number() == current
        };
        self.renewed(keyset, &record, domain_version, wrap_key, is_compromised).await
    }

    /// Renews each person whose *current* key one of `versions` of the domain's key wraps or has ever wrapped: what is to be
    /// done when those are in wrong hands. Whoever had such a version, and a copy of the key store, has these keys, whatever
    /// wraps them now. `wrap_key` is the subject-wrap key of the domain's version `to`.
    ///
    /// A new key is wrapped by `to` alone, which is none of `versions`: so whoever has been renewed is not renewed again, and
    /// when this is killed half way it goes on when it is called again. No old key is unwrapped, no data is touched and no
    /// backend is called. With [`Renewal::Compromised`], all keys that one of `versions` has ever wrapped are compromised.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when `to` is one of `versions`; [`ErrorKind::Stale`] when `to` is not the primary any more;
    /// [`ErrorKind::Exhausted`], once all others have been renewed, when somebody has [`SubjectRecord::MAX_KEYS`];
    /// [`ErrorKind::Tampered`]; and what the store answers.
    pub async fn renew_subjects(
        &self,
        keyset: &Keyset,
        to: u32,
        wrap_key: &WrappingKey,
        versions: &[u32],
        why: Renewal,
    ) -> Result<SubjectsRenewed, Error> {
        if versions.contains(&to) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a version cannot wrap the new keys of those whom it wrapped: rotate first",
            ));
        }
        let was_under =
            |key: &SubjectKey| versions.iter().any(|version| key.wrapped_by().contains(*version));
        let is_compromised = |key: &SubjectKey| {
            key.is_exposed(keyset) || why == Renewal::Compromised && was_under(key)
        };
        let (mut done, mut stuck) = (SubjectsRenewed::default(), None);
        let mut scan = self.scan_subjects(keyset, None);
        while let Some(page) = self.subject_page(keyset, &mut scan).await? {
            for record in page {
                match record.current() {
                    Err(_) => done.shredded += 1,
                    Ok(current) if !was_under(current) => done.unaffected += 1,
                    Ok(_) => {
                        match self
                            .renewed_or_gone(
                                keyset,
                                record,
                                to,
                                wrap_key,
                                &was_under,
                                &is_compromised,
                            )
                            .await
                        {
                            Ok(true) => done.renewed += 1,
                            Ok(false) => done.unaffected += 1,
                            Err(error) if error.kind() == ErrorKind::State => done.shredded += 1,
                            // Who has too many keys does not keep the others from theirs.
                            Err(error) if error.kind() == ErrorKind::Exhausted => {
                                stuck.get_or_insert(error);
                            }
                            Err(error) => return Err(error),
                        }
                    }
                }
            }
            // Who destroys a version counts the keys under it when it is the primary no more.
            if !self.is_primary(keyset, to).await? {
                return Err(stale());
            }
        }
        stuck.map_or(Ok(done), Err)
    }

    /// Drops keys of a person that are not current, for good: what is under them opens no more. Their wraps' bytes are gone
    /// from the medium after [`KeyStore::erase`]. One that was dropped before is left alone.
    ///
    /// It is for the caller to know that nothing is under them: by a count that began later than the renewal and the longest
    /// lease ([`Keyset::LONGEST_LEASE`]), in all places where values of the person are. Before that time they are not dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such person, or no such key of theirs; [`ErrorKind::State`] for the current key,
    /// for one that a process may still seal under, and when the person was shredded; [`ErrorKind::Conflict`] when the record changed meanwhile; and what the store answers.
    /// Nothing is dropped then.
    pub async fn drop_subject_keys(
        &self,
        keyset: &Keyset,
        tag: SubjectTag,
        ids: &[FullKeyId],
    ) -> Result<SubjectRecord, Error> {
        let record = self.subject(keyset, tag).await?;
        let state = record.without(ids, self.clock.wall())?;
        if state == *record.state() {
            return Ok(record);
        }
        self.replace_subject(keyset, &record, state).await
    }

    /// Renews one of many, and if somebody else writes the record meanwhile, as that left it: whether it was still to be
    /// done.
    async fn renewed_or_gone(
        &self,
        keyset: &Keyset,
        mut record: SubjectRecord,
        to: u32,
        wrap_key: &WrappingKey,
        is_affected: impl Fn(&SubjectKey) -> bool,
        is_compromised: impl Fn(&SubjectKey) -> bool,
    ) -> Result<bool, Error> {
        const ATTEMPTS: u32 = 64;
        let mut last =
            Error::new(ErrorKind::Conflict, "other processes kept changing a person's record");
        for _ in 0..ATTEMPTS {
            match self.renewed(keyset, &record, to, wrap_key, &is_compromised).await {
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Conflict => last = error,
                Err(error) => return Err(error),
            }
            record = self.subject(keyset, record.tag()).await?;
            if !is_affected(record.current()?) {
                return Ok(false);
            }
        }
        Err(last)
    }

    async fn renewed(
        &self,
        keyset: &Keyset,
        record: &SubjectRecord,
        version: u32,
        wrap_key: &WrappingKey,
        is_compromised: impl Fn(&SubjectKey) -> bool,
    ) -> Result<(DataKey, SubjectRecord), Error> {
        let SubjectState::Active { .. } = record.state() else { return Err(shredded()) };
        let number = record
            .current()?
            .number()
            .checked_add(1)
            .ok_or(Error::new(ErrorKind::Exhausted, "no number is left for a person's key"))?;
        let (key, made) = self.new_subject_key(keyset, record.tag(), number, version, wrap_key)?;
        let state = record.with_key(made, is_compromised)?;
        Ok((key, self.replace_subject(keyset, record, state).await?))
    }
}
