//! The bytes of a person's record.

use super::{MAX_DROPPED, SubjectKey, SubjectKeyState, SubjectRecord, SubjectState};
use crate::{Error, ErrorKind, FullKeyId, VersionSet};
use core::ops::RangeInclusive;
use phiseal_format::{Cursor, WrapAlgorithm, write};

impl SubjectState {
    /// The canonical bytes, which a store keeps under a MAC:
    ///
    /// ```text
    /// 0x01 | 0x01 active   | keys u8 | { key } | dropped u8 | { key id 32 }
    /// 0x01 | 0x02 shredded | ids u8 | { key id 32 } | since u64
    ///
    /// key: number u32 | state u8 | key id 32 | domain version u32 | created u64
    ///      | wrapped by: count u8, { from u32 | to u32 } | algorithm u8 | wrap 72
    /// ```
    pub(in crate::key_store) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut out = vec![VERSION];
        match self {
            Self::Active { keys, dropped } => {
                out.push(ACTIVE);
                out.push(count(keys.len())?);
                keys.iter().for_each(|key| key.write(&mut out));
                write_ids(&mut out, dropped)?;
            }
            Self::Shredded { key_ids, since } => {
                out.push(SHREDDED);
                write_ids(&mut out, key_ids)?;
                write::push_u64(&mut out, *since);
            }
        }
        Ok(out)
    }

    /// What [`SubjectState::to_bytes`] wrote. Strict: one encoding for each state, every invariant checked.
    pub(in crate::key_store) fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(body);
        let state = match (cursor.u8()?, cursor.u8()?) {
            (VERSION, ACTIVE) => {
                let keys = parse_keys(&mut cursor)?;
                let dropped = parse_ids(&mut cursor, 0..=MAX_DROPPED)?;
                Self::Active { keys, dropped }
            }
            (VERSION, SHREDDED) => Self::Shredded {
                key_ids: parse_ids(&mut cursor, 1..=SubjectRecord::MAX_IDS)?,
                since: cursor.u64()?,
            },
            _ => return Err(malformed("a subject record of an unknown format version or state")),
        };
        cursor.finish()?;
        state.check()?;
        Ok(state)
    }

    /// Refuses one key twice, and more keys than numbers were given out.
    fn check(&self) -> Result<(), Error> {
        let (keys, ids): (&[SubjectKey], _) = match self {
            Self::Active { keys, dropped } => (keys, dropped),
            Self::Shredded { key_ids, .. } => (&[], key_ids),
        };
        let mut all: Vec<_> =
            keys.iter().map(|key| &key.key_id).chain(ids).map(FullKeyId::short).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        if all.len() < count {
            return Err(malformed("one key twice in a subject record"));
        }
        let numbers = keys.last().map(|last| usize::try_from(last.number).unwrap_or(usize::MAX));
        if numbers.is_some_and(|numbers| numbers < count) {
            return Err(malformed("more keys in a subject record than there were"));
        }
        Ok(())
    }
}

impl SubjectKey {
    fn write(&self, out: &mut Vec<u8>) {
        write::push_u32(out, self.number);
        write::push_u8(out, self.state.to_byte());
        out.extend_from_slice(self.key_id.as_bytes());
        write::push_u32(out, self.domain_version);
        write::push_u64(out, self.created);
        self.wrapped_by.write(out);
        write::push_u8(out, self.algorithm.to_byte());
        out.extend_from_slice(&self.wrap);
    }

    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        let key = Self {
            number: cursor.u32()?,
            state: SubjectKeyState::from_byte(cursor.u8()?)
                .ok_or_else(|| malformed("an unknown state of a person's key"))?,
            key_id: FullKeyId::from_bytes(*cursor.array()?),
            domain_version: cursor.u32()?,
            created: cursor.u64()?,
            wrapped_by: VersionSet::parse(cursor)?,
            algorithm: WrapAlgorithm::try_from(cursor.u8()?)?,
            wrap: *cursor.array()?,
        };
        if key.number == 0 || !key.wrapped_by.contains(key.domain_version) {
            return Err(malformed("a person's key of an impossible number or version"));
        }
        Ok(key)
    }
}

impl SubjectKeyState {
    const fn to_byte(self) -> u8 {
        match self {
            Self::Active => 1,
            Self::Retired => 2,
            Self::Compromised => 3,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Active,
            2 => Self::Retired,
            3 => Self::Compromised,
            _ => return None,
        })
    }
}

/// Keys in ascending order, the last one active and no other.
fn parse_keys(cursor: &mut Cursor<'_>) -> Result<Vec<SubjectKey>, Error> {
    let count = usize::from(cursor.u8()?);
    if !(1..=SubjectRecord::MAX_KEYS).contains(&count) {
        return Err(malformed("a person without keys, or with too many"));
    }
    let mut keys: Vec<SubjectKey> = Vec::with_capacity(count);
    for place in 1..=count {
        let key = SubjectKey::parse(cursor)?;
        let in_order = keys.last().is_none_or(|last| last.number < key.number);
        if !in_order || (key.state == SubjectKeyState::Active) != (place == count) {
            return Err(malformed("a person's keys out of order, or another than the last active"));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn parse_ids(
    cursor: &mut Cursor<'_>,
    allowed: RangeInclusive<usize>,
) -> Result<Vec<FullKeyId>, Error> {
    let count = usize::from(cursor.u8()?);
    if !allowed.contains(&count) {
        return Err(malformed("an impossible number of key ids in a subject record"));
    }
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        ids.push(FullKeyId::from_bytes(*cursor.array()?));
    }
    Ok(ids)
}

fn write_ids(out: &mut Vec<u8>, ids: &[FullKeyId]) -> Result<(), Error> {
    out.push(count(ids.len())?);
    ids.iter().for_each(|id| out.extend_from_slice(id.as_bytes()));
    Ok(())
}

fn count(length: usize) -> Result<u8, Error> {
    u8::try_from(length)
        .map_err(|_| Error::new(ErrorKind::Invalid, "a part of a subject record is too long"))
}

fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

const VERSION: u8 = 1;
const ACTIVE: u8 = 1;
const SHREDDED: u8 = 2;
