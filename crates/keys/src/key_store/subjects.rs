use super::KeyStore;
use super::subject_record::{SubjectKey, SubjectRecord, SubjectState, shredded};
use crate::{
    Authority, DataKey, Error, ErrorKind, FullKeyId, Keyset, Record, RecordKind, WrappingKey,
};
use phiseal_format::{DomainId, EncryptionContext, SubjectTag};

impl KeyStore {
    /// The opaque tag of the person that the application calls `subject`, in this domain.
    ///
    /// HMAC-SHA-256 under a key of this store, cut to 16 bytes: whoever has the store cannot tell who it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for an empty name or one over 255 bytes.
    pub fn subject_tag(&self, keyset: &Keyset, subject: &str) -> Result<SubjectTag, Error> {
        if subject.is_empty() || subject.len() > 255 {
            return Err(Error::new(ErrorKind::Invalid, "a subject's name is 1 to 255 bytes"));
        }
        Ok(self.record_tag(keyset.domain(), None, subject.as_bytes()))
    }

    /// The pseudonym of a record in an audit log. That of a record without a tenant which is called what a person is, is the
    /// person's tag; each tenant's are made by a key of its own.
    #[must_use]
    pub fn record_tag(&self, domain: DomainId, tenant: Option<&[u8]>, record: &[u8]) -> SubjectTag {
        let tag = |key: &[u8; 32]| self.engine.hmac_sha_256(key, &[domain.as_bytes(), record]);
        let key = self.subject_tag.expose_secret();
        let full = match tenant {
            None => tag(key),
            Some(tenant) => {
                let of_tenant = [b"phiseal/v1 tenant", &domain.as_bytes()[..], tenant];
                tag(&self.engine.hmac_sha_256(key, &of_tenant))
            }
        };
        let mut tag = [0; 16];
        tag.iter_mut().zip(full).for_each(|(to, from)| *to = from);
        SubjectTag::from_bytes(tag)
    }

    /// A person's record, verified; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tampered`]; and what the store answers.
    pub async fn find_subject(
        &self,
        keyset: &Keyset,
        tag: SubjectTag,
    ) -> Result<Option<SubjectRecord>, Error> {
        let id = record_id(keyset, tag);
        let Some((revision, body)) = self.read_sealed(RecordKind::Subject, &id).await? else {
            return Ok(None);
        };
        Ok(Some(SubjectRecord { tag, revision, state: SubjectState::parse(&body)? }))
    }

    /// Makes a person's first key, wrapped by `wrap_key`, the subject-wrap key of the domain's version `domain_version`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when there is one already; [`ErrorKind::State`] when it was shredded; and what the store
    /// answers.
    pub async fn create_subject(
        &self,
        keyset: &Keyset,
        tag: SubjectTag,
        domain_version: u32,
        wrap_key: &WrappingKey,
    ) -> Result<(DataKey, SubjectRecord), Error> {
        if let Some(existing) = self.find_subject(keyset, tag).await? {
            return Err(match existing.state {
                SubjectState::Active { .. } => {
                    Error::new(ErrorKind::Conflict, "there is a key for this person already")
                }
                SubjectState::Shredded { .. } => shredded(),
            });
        }
        let (key, made) = self.new_subject_key(keyset, tag, 1, domain_version, wrap_key)?;
        let state = SubjectState::Active { keys: vec![made], dropped: Vec::new() };
        let record = SubjectRecord { tag, revision: 0, state: state.clone() };
        Ok((key, self.replace_subject(keyset, &record, state).await?))
    }

    /// One of a person's keys. `wrap_key` is the subject-wrap key of the domain's version that wraps it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unauthenticated`] when the wrap is not what it was.
    pub fn unwrap_subject(
        &self,
        keyset: &Keyset,
        tag: SubjectTag,
        key: &SubjectKey,
        wrap_key: &WrappingKey,
    ) -> Result<DataKey, Error> {
        let context = subject_context(keyset, key.domain_version(), tag, key.key_id());
        let data_key = wrap_key.unwrap(&context, key.algorithm(), key.wrap())?;
        if data_key.id(self.engine)? != *key.key_id() {
            return Err(Error::new(
                ErrorKind::Unauthenticated,
                "the unwrapped key is not the person's",
            ));
        }
        Ok(data_key)
    }

    /// Destroys all of a person's keys in this store. Their bytes are gone from the medium after [`KeyStore::erase`].
    ///
    /// It is final when, besides, backups that hold the wrapped keys have expired, or the domain's versions that wrap them
    /// are destroyed and what wrapped those. Of a person who was shredded before, nothing is left to destroy.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Denied`] when there are custodians; [`ErrorKind::Conflict`] when the record changed
    /// meanwhile; and what the store answers.
    pub async fn shred_subject(&self, keyset: &Keyset, tag: SubjectTag) -> Result<(), Error> {
        self.changes(Authority::Handle, 0).shred_subject(keyset, tag).await
    }

    /// [`KeyStore::shred_subject`], whoever agreed to it.
    pub(super) async fn shred(&self, keyset: &Keyset, tag: SubjectTag) -> Result<(), Error> {
        let record = self.subject(keyset, tag).await?;
        let Some(state) = record.shredded(self.clock.wall()) else { return Ok(()) };
        self.replace_subject(keyset, &record, state).await.map(drop)
    }

    /// Wraps the one of a person's keys that is at hand by version `to` of the domain's key, whatever wraps it now. The
    /// others stay as they are.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such person, or `key` is none of the person's; [`ErrorKind::State`] when the
    /// person was shredded; [`ErrorKind::Conflict`] when the record changed meanwhile; and what the store answers.
    pub async fn move_subject(
        &self,
        keyset: &Keyset,
        tag: SubjectTag,
        to: u32,
        wrapping: &WrappingKey,
        key: &DataKey,
    ) -> Result<SubjectRecord, Error> {
        let record = self.subject(keyset, tag).await?;
        let next = self.with_subject_wrap(keyset, &record, to, wrapping, key)?;
        self.replace_subject(keyset, &record, next.state).await
    }

    /// The record with a wrap of `key` by version `to` in the place of the one that it has, once that has been opened again.
    pub(super) fn with_subject_wrap(
        &self,
        keyset: &Keyset,
        record: &SubjectRecord,
        to: u32,
        wrapping: &WrappingKey,
        key: &DataKey,
    ) -> Result<SubjectRecord, Error> {
        let id = key.id(self.engine)?;
        let context = subject_context(keyset, to, record.tag, &id);
        let next = record.rewrapped(&id, to, wrapping.wrap(&context, key)?)?;
        if let Some(rewrapped) = next.by_key_id(&id.short()) {
            self.unwrap_subject(keyset, record.tag, rewrapped, wrapping)?;
        }
        Ok(next)
    }

    /// A new key for a person, wrapped, and opened again before anybody relies on it.
    pub(super) fn new_subject_key(
        &self,
        keyset: &Keyset,
        tag: SubjectTag,
        number: u32,
        version: u32,
        wrap_key: &WrappingKey,
    ) -> Result<(DataKey, SubjectKey), Error> {
        let key = DataKey::generate(self.engine)?;
        let id = key.id(self.engine)?;
        // 128 random bits: no record says that they are taken, but an envelope must not name two keys that are at hand.
        if keyset.by_key_id(&id.short()).is_some() {
            return Err(Error::new(ErrorKind::Faulty, "a key was made that was there already"));
        }
        let wrap = wrap_key.wrap(&subject_context(keyset, version, tag, &id), &key)?;
        let made = SubjectKey::new(number, id, version, self.clock.wall(), wrap);
        self.unwrap_subject(keyset, tag, &made, wrap_key)?;
        Ok((key, made))
    }

    /// A person's record, of somebody who is there.
    pub(super) async fn subject(
        &self,
        keyset: &Keyset,
        tag: SubjectTag,
    ) -> Result<SubjectRecord, Error> {
        self.find_subject(keyset, tag)
            .await?
            .ok_or(Error::new(ErrorKind::NotFound, "there is no key for this person"))
    }

    /// Puts `state` in the place of what `record` has, if that is still there.
    pub(super) async fn replace_subject(
        &self,
        keyset: &Keyset,
        record: &SubjectRecord,
        state: SubjectState,
    ) -> Result<SubjectRecord, Error> {
        let (id, bytes) = (record_id(keyset, record.tag), state.to_bytes()?);
        self.write_sealed(RecordKind::Subject, &id, record.revision, bytes).await?;
        // No revision is the highest one: it could not have been written.
        Ok(SubjectRecord { tag: record.tag, revision: record.revision.saturating_add(1), state })
    }

    /// A person's record as a scan found it, verified.
    pub(super) fn subject_record(
        &self,
        tag: SubjectTag,
        id: &[u8],
        record: Record,
    ) -> Result<SubjectRecord, Error> {
        let revision = record.revision;
        let body = self.macs.open(self.engine, RecordKind::Subject, id, revision, record.bytes)?;
        Ok(SubjectRecord { tag, revision, state: SubjectState::parse(&body)? })
    }
}

pub(super) fn record_id(keyset: &Keyset, tag: SubjectTag) -> Vec<u8> {
    [&keyset.domain().as_bytes()[..], tag.as_bytes()].concat()
}

fn subject_context(
    keyset: &Keyset,
    version: u32,
    tag: SubjectTag,
    key_id: &FullKeyId,
) -> EncryptionContext {
    EncryptionContext::subject_key(
        &keyset.environment(),
        &keyset.domain(),
        version,
        &tag,
        key_id.as_bytes(),
    )
}
