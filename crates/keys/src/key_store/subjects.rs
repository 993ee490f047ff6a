use super::KeyStore;
use crate::{DataKey, Error, ErrorKind, FullKeyId, Keyset, Record, RecordKind, WrappingKey};
use core::fmt;
use phiseal_format::{Cursor, EncryptionContext, SubjectTag, WrapAlgorithm};

/// A person's key as the store keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectRecord {
    tag: SubjectTag,
    revision: u64,
    state: SubjectState,
}

/// Whether a person's key is there.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectState {
    /// It is, wrapped by a version of the domain's key.
    Active {
        /// The version of the domain's key that wraps it.
        domain_version: u32,
        /// The id of the person's key.
        key_id: FullKeyId,
        /// When it was made, in seconds since 1970.
        created: u64,
        /// How it is wrapped.
        algorithm: WrapAlgorithm,
        /// The wrap, as [`WrappingKey`] says.
        wrap: [u8; WrappingKey::WRAPPED],
    },
    /// It was destroyed; nothing that was sealed under it opens again.
    Shredded {
        /// The id of the key that was.
        key_id: FullKeyId,
        /// When, in seconds since 1970.
        since: u64,
    },
}

const VERSION: u8 = 1;
const ACTIVE: u8 = 1;
const SHREDDED: u8 = 2;

impl SubjectRecord {
    /// The person's opaque tag, which says nothing of who it is.
    #[must_use]
    pub const fn tag(&self) -> SubjectTag {
        self.tag
    }

    /// The version of the domain's key that wraps the person's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] when it was shredded.
    pub fn domain_version(&self) -> Result<u32, Error> {
        match self.state {
            SubjectState::Active { domain_version, .. } => Ok(domain_version),
            SubjectState::Shredded { .. } => Err(shredded()),
        }
    }

    /// Whether the key is there.
    #[must_use]
    pub const fn state(&self) -> &SubjectState {
        &self.state
    }
}

impl fmt::Debug for SubjectRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectRecord({:?}, {:?})", self.tag, self.state)
    }
}

impl fmt::Debug for SubjectState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active { domain_version, key_id, .. } => {
                write!(f, "Active({key_id}, under {domain_version})")
            }
            Self::Shredded { key_id, since } => write!(f, "Shredded({key_id}, since {since})"),
        }
    }
}

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
        let domain = keyset.domain();
        let full = self.engine.hmac_sha_256(
            self.subject_tag.expose_secret(),
            &[domain.as_bytes(), subject.as_bytes()],
        );
        let mut tag = [0; 16];
        tag.iter_mut().zip(full).for_each(|(to, from)| *to = from);
        Ok(SubjectTag::from_bytes(tag))
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
        Ok(Some(SubjectRecord { tag, revision, state: parse(&body)? }))
    }

    /// Makes a person's key, wrapped by `wrap_key`, the subject-wrap key of the domain's version `domain_version`.
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
    ) -> Result<(DataKey, FullKeyId), Error> {
        if let Some(existing) = self.find_subject(keyset, tag).await? {
            return Err(match existing.state {
                SubjectState::Active { .. } => {
                    Error::new(ErrorKind::Conflict, "there is a key for this person already")
                }
                SubjectState::Shredded { .. } => shredded(),
            });
        }
        let key = DataKey::generate(self.engine)?;
        let key_id = key.id(self.engine)?;
        let context = subject_context(keyset, domain_version, tag, &key_id);
        let (algorithm, wrap) = wrap_key.wrap(&context, &key)?;
        let state = SubjectState::Active {
            domain_version,
            key_id,
            created: self.clock.wall(),
            algorithm,
            wrap,
        };
        self.write_sealed(RecordKind::Subject, &record_id(keyset, tag), 0, to_bytes(&state))
            .await?;
        Ok((key, key_id))
    }

    /// A person's key. `wrap_key` is the subject-wrap key of the domain's version that the record names.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] when it was shredded; [`ErrorKind::Unauthenticated`] when the wrap is not what it was.
    pub fn unwrap_subject(
        &self,
        keyset: &Keyset,
        record: &SubjectRecord,
        wrap_key: &WrappingKey,
    ) -> Result<(DataKey, FullKeyId), Error> {
        match &record.state {
            SubjectState::Shredded { .. } => Err(shredded()),
            SubjectState::Active { domain_version, key_id, algorithm, wrap, .. } => {
                let context = subject_context(keyset, *domain_version, record.tag, key_id);
                let key = wrap_key.unwrap(&context, *algorithm, wrap)?;
                if key.id(self.engine)? != *key_id {
                    return Err(Error::new(
                        ErrorKind::Unauthenticated,
                        "the unwrapped key is not the person's",
                    ));
                }
                Ok((key, *key_id))
            }
        }
    }

    /// Destroys a person's key in this store. Its bytes are gone from the medium after [`KeyStore::erase`].
    ///
    /// It is final when, besides, backups that hold the wrapped key have expired or the domain's version that wraps it
    /// is destroyed. Of a person who was shredded before, nothing is left to destroy.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Conflict`] when the record changed meanwhile; and what the store answers.
    pub async fn shred_subject(&self, keyset: &Keyset, tag: SubjectTag) -> Result<(), Error> {
        let record = self.find_subject(keyset, tag).await?.ok_or_else(no_subject)?;
        let SubjectState::Active { key_id, .. } = record.state else { return Ok(()) };
        let state = SubjectState::Shredded { key_id, since: self.clock.wall() };
        self.write_sealed(
            RecordKind::Subject,
            &record_id(keyset, tag),
            record.revision,
            to_bytes(&state),
        )
        .await
    }

    /// Wraps a person's key, which is at hand, by version `to` of the domain's key, whatever wraps it now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::State`] when it was shredded; [`ErrorKind::Unauthenticated`] when `key` is
    /// not the person's; [`ErrorKind::Conflict`] when the record changed meanwhile; and what the store answers.
    pub async fn move_subject(
        &self,
        keyset: &Keyset,
        tag: SubjectTag,
        to: u32,
        wrapping: &WrappingKey,
        key: &DataKey,
    ) -> Result<(), Error> {
        let record = self.find_subject(keyset, tag).await?.ok_or_else(no_subject)?;
        self.replace_subject_wrap(keyset, &record, to, wrapping, key).await
    }

    /// Puts a wrap by version `to` in the place of the one that the record has, once it has been opened again.
    pub(super) async fn replace_subject_wrap(
        &self,
        keyset: &Keyset,
        record: &SubjectRecord,
        to: u32,
        wrapping: &WrappingKey,
        key: &DataKey,
    ) -> Result<(), Error> {
        let SubjectState::Active { key_id, created, .. } = record.state else {
            return Err(shredded());
        };
        let context = subject_context(keyset, to, record.tag, &key_id);
        let (algorithm, wrap) = wrapping.wrap(&context, key)?;
        let state = SubjectState::Active { domain_version: to, key_id, created, algorithm, wrap };
        let next = SubjectRecord { tag: record.tag, revision: record.revision, state };
        self.unwrap_subject(keyset, &next, wrapping)?;
        let id = record_id(keyset, record.tag);
        self.write_sealed(RecordKind::Subject, &id, record.revision, to_bytes(&next.state)).await
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
        Ok(SubjectRecord { tag, revision, state: parse(&body)? })
    }
}

fn shredded() -> Error {
    Error::new(
        ErrorKind::State,
        "the person's key was shredded: nothing sealed under it opens again",
    )
}

fn no_subject() -> Error {
    Error::new(ErrorKind::NotFound, "there is no key for this person")
}

fn record_id(keyset: &Keyset, tag: SubjectTag) -> Vec<u8> {
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

/// `0x01 | state u8`, then `domain version u32 | key id 32 | created u64 | algorithm u8 | wrap 72` or `key id 32 | since u64`.
fn to_bytes(state: &SubjectState) -> Vec<u8> {
    let mut out = vec![VERSION];
    match state {
        SubjectState::Active { domain_version, key_id, created, algorithm, wrap } => {
            out.push(ACTIVE);
            out.extend_from_slice(&domain_version.to_be_bytes());
            out.extend_from_slice(key_id.as_bytes());
            out.extend_from_slice(&created.to_be_bytes());
            out.push(algorithm.to_byte());
            out.extend_from_slice(wrap);
        }
        SubjectState::Shredded { key_id, since } => {
            out.push(SHREDDED);
            out.extend_from_slice(key_id.as_bytes());
            out.extend_from_slice(&since.to_be_bytes());
        }
    }
    out
}

fn parse(body: &[u8]) -> Result<SubjectState, Error> {
    let mut cursor = Cursor::new(body);
    let state = match (cursor.u8()?, cursor.u8()?) {
        (VERSION, ACTIVE) => SubjectState::Active {
            domain_version: cursor.u32()?,
            key_id: FullKeyId::from_bytes(*cursor.array()?),
            created: cursor.u64()?,
            algorithm: WrapAlgorithm::try_from(cursor.u8()?)?,
            wrap: *cursor.array()?,
        },
        (VERSION, SHREDDED) => SubjectState::Shredded {
            key_id: FullKeyId::from_bytes(*cursor.array()?),
            since: cursor.u64()?,
        },
        _ => {
            return Err(Error::new(
                ErrorKind::Malformed,
                "a subject record of an unknown format version or state",
            ));
        }
    };
    cursor.finish()?;
    Ok(state)
}
