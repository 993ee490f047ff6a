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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WrappingKey;

    const WRAP: (WrapAlgorithm, [u8; WrappingKey::WRAPPED]) =
        (WrapAlgorithm::Xaes256Gcm, [7; WrappingKey::WRAPPED]);

    fn id(number: u8) -> FullKeyId {
        FullKeyId::from_bytes([number; 32])
    }

    fn key(number: u8, state: SubjectKeyState) -> SubjectKey {
        let made = SubjectKey::new(u32::from(number), id(number), 3, 1_800_000_000, WRAP);
        let wrapped_by = made.wrapped_by.with(9).with(u32::from(number));
        SubjectKey { state, wrapped_by, ..made }
    }

    fn active(keys: Vec<SubjectKey>, dropped: &[u8]) -> SubjectState {
        SubjectState::Active { keys, dropped: dropped.iter().copied().map(id).collect() }
    }

    fn states() -> Vec<SubjectState> {
        use SubjectKeyState::{Active, Compromised, Retired};
        let most = (11..=17).map(|number| key(number, Retired)).chain([key(64, Active)]).collect();
        let dropped: Vec<u8> = (65..65 + 56).collect();
        let shredded = |ids: core::ops::Range<u8>| SubjectState::Shredded {
            key_ids: ids.map(id).collect(),
            since: 1_800_000_001,
        };
        vec![
            active(vec![key(1, Active)], &[]),
            active(vec![key(2, Compromised), key(5, Retired), key(9, Active)], &[1, 3, 4]),
            active(most, &dropped),
            shredded(1..2),
            shredded(0..64),
        ]
    }

    fn parse(bytes: &[u8]) -> Result<SubjectState, ErrorKind> {
        SubjectState::parse(bytes).map_err(|error| error.kind())
    }

    #[test]
    fn what_was_written_is_read() {
        for state in states() {
            let bytes = state.to_bytes().unwrap();
            assert!(parse(&bytes).unwrap() == state);
            assert!(bytes.len() < 4_096, "a person's record is small: {}", bytes.len());
        }
        let one = states()[0].to_bytes().unwrap();
        assert_eq!(one.len(), 2 + 1 + (4 + 1 + 32 + 4 + 8 + 1 + 3 * 8 + 1 + 72) + 1);
        assert_eq!(one[..4], [1, 1, 1, 0], "format version, state, one key");
    }

    /// Each changed bit is refused or says something else: there is one encoding for each state.
    #[test]
    fn every_changed_bit_is_refused_or_is_another_state() {
        let (mut refused, mut other) = (0, 0);
        for state in states() {
            let bytes = state.to_bytes().unwrap();
            for at in 0..bytes.len() {
                for bit in 0..8 {
                    let mut mutant = bytes.clone();
                    mutant[at] ^= 1 << bit;
                    match parse(&mutant) {
                        Ok(parsed) => {
                            assert!(parsed != state && parsed.to_bytes().unwrap() == mutant);
                            other += 1;
                        }
                        Err(kind) => {
                            assert_eq!(kind, ErrorKind::Malformed);
                            refused += 1;
                        }
                    }
                }
            }
        }
        assert!(refused > 100 && other > 10_000, "the control: {refused} and {other}");
    }

    #[test]
    fn every_truncation_and_extension_is_refused() {
        for state in states() {
            let bytes = state.to_bytes().unwrap();
            for length in 0..bytes.len() {
                assert_eq!(parse(&bytes[..length]).err(), Some(ErrorKind::Malformed), "{length}");
            }
            for extra in 1..=64 {
                let longer = [&bytes[..], &vec![0; extra]].concat();
                assert_eq!(parse(&longer).err(), Some(ErrorKind::Malformed), "{extra} more");
            }
        }
    }

    #[test]
    fn what_cannot_have_been_is_refused() {
        use SubjectKeyState::{Active, Retired};
        let refused = |state: SubjectState, why: &str| {
            let bytes = state.to_bytes().unwrap();
            assert_eq!(parse(&bytes).err(), Some(ErrorKind::Malformed), "{why}");
        };
        refused(active(vec![], &[]), "no key");
        refused(
            active((1..=9).map(|n| key(n, if n == 9 { Active } else { Retired })).collect(), &[]),
            "nine keys",
        );
        refused(active(vec![key(2, Retired), key(1, Active)], &[]), "out of order");
        refused(active(vec![key(1, Retired)], &[]), "none is current");
        refused(active(vec![key(1, Active), key(2, Active)], &[]), "two are current");
        refused(active(vec![key(1, Active), key(2, Retired)], &[]), "another than the last is");
        refused(active(vec![key(2, Active)], &[2]), "there and dropped");
        refused(active(vec![key(5, Active)], &[1, 1]), "dropped twice");
        refused(active(vec![key(2, Active)], &[3, 4]), "more than there were");
        refused(active(vec![key(200, Active)], &(0..57).collect::<Vec<_>>()), "too many dropped");
        refused(active(vec![SubjectKey { number: 0, ..key(1, Active) }], &[]), "number 0");
        refused(
            active(vec![SubjectKey { domain_version: 4, ..key(1, Active) }], &[]),
            "never wrapped by that",
        );
        let of = |ids: &[u8]| SubjectState::Shredded {
            key_ids: ids.iter().copied().map(id).collect(),
            since: 1,
        };
        refused(of(&[]), "nobody");
        refused(of(&(0..65).collect::<Vec<_>>()), "too many ids");
        refused(of(&[1, 2, 1]), "one id twice");
        // The short id is what envelopes name: two keys must not share it, whatever the rest is.
        let mut like = [1; 32];
        like[31] = 2;
        let twins =
            SubjectState::Shredded { key_ids: vec![id(1), FullKeyId::from_bytes(like)], since: 1 };
        refused(twins, "one short id twice");
        assert!(
            parse(&active(vec![key(2, Active)], &[1]).to_bytes().unwrap()).is_ok(),
            "the control"
        );
    }
}
