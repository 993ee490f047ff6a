use crate::{DataKey, Error, ErrorKind, Purpose, RecordKind, Secret};
use phiseal_primitives::{Engine, constant_time};

/// One MAC key for each kind of record, all derived from the store key.
#[derive(Debug)]
pub(super) struct MacKeys {
    keyset: Secret,
    subject: Secret,
    usage: Secret,
    key_id: Secret,
    roster: Secret,
    run: Secret,
    emergency: Secret,
}

/// Bytes of a record's MAC, which stands at its end.
pub(super) const TAG: usize = 32;

impl MacKeys {
    pub(super) fn derive(engine: &dyn Engine, store_key: &DataKey) -> Result<Self, Error> {
        let derive =
            |kind: RecordKind| store_key.derive(engine, Purpose::StoreMac, &[kind.to_byte()]);
        Ok(Self {
            keyset: derive(RecordKind::Keyset)?,
            subject: derive(RecordKind::Subject)?,
            usage: derive(RecordKind::Usage)?,
            key_id: derive(RecordKind::KeyId)?,
            roster: derive(RecordKind::Roster)?,
            run: derive(RecordKind::Run)?,
            emergency: derive(RecordKind::Emergency)?,
        })
    }

    /// `body || HMAC-SHA-256(key of the kind, length of id as u16 || id || revision as u64 || body)`.
    pub(super) fn seal(
        &self,
        engine: &dyn Engine,
        kind: RecordKind,
        id: &[u8],
        revision: u64,
        mut body: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let tag = self.tag(engine, kind, id, revision, &body)?;
        body.extend_from_slice(&tag);
        Ok(body)
    }

    /// The body of what [`MacKeys::seal`] made for just this kind, id and revision.
    pub(super) fn open(
        &self,
        engine: &dyn Engine,
        kind: RecordKind,
        id: &[u8],
        revision: u64,
        mut bytes: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let tampered = || {
            Error::new(
                ErrorKind::Tampered,
                "a record of the key store was not written by this key store",
            )
        };
        let (body, tag) = bytes.split_last_chunk::<TAG>().ok_or_else(tampered)?;
        if !constant_time::equal(tag, &self.tag(engine, kind, id, revision, body)?) {
            return Err(tampered());
        }
        bytes.truncate(bytes.len().saturating_sub(TAG));
        Ok(bytes)
    }

    fn tag(
        &self,
        engine: &dyn Engine,
        kind: RecordKind,
        id: &[u8],
        revision: u64,
        body: &[u8],
    ) -> Result<[u8; TAG], Error> {
        let key = match kind {
            RecordKind::Keyset => &self.keyset,
            RecordKind::Subject => &self.subject,
            RecordKind::Usage => &self.usage,
            RecordKind::KeyId => &self.key_id,
            RecordKind::Roster => &self.roster,
            RecordKind::Run => &self.run,
            RecordKind::Emergency => &self.emergency,
            RecordKind::StoreKey => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "the store key's record cannot authenticate itself",
                ));
            }
            RecordKind::Token | RecordKind::TokenEntry => {
                return Err(Error::new(ErrorKind::Invalid, "a store of keys has no tokens"));
            }
        };
        let length = u16::try_from(id.len())
            .map_err(|_| Error::new(ErrorKind::Invalid, "a record id is too long"))?;
        Ok(engine.hmac_sha_256(
            key.expose_secret(),
            &[&length.to_be_bytes(), id, &revision.to_be_bytes(), body],
        ))
    }
}
