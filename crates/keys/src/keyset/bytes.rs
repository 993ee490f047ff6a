//! The canonical bytes of a keyset.

use super::{KeyVersion, Keyset};
use crate::{Authority, Error, ErrorKind, FullKeyId, KeyState};
use phiseal_format::{Cursor, DomainId, EnvironmentId, MAX_WRAPPED, WrappedKey, write};

const VERSION: u8 = 1;

impl Keyset {
    /// The canonical bytes, which a store keeps under a MAC:
    ///
    /// ```text
    /// 0x01 | environment 16 | domain 16 | name u16 + bytes | revision u64 | authority u8 + 0 or 32 | single u8 | primary u32 |
    ///   versions u16 | { number u32 | state u8 | key id 32 | created u64 | activated u64 | replaced u64 |
    ///   wraps u8 | { wrapped key u16 + bytes } }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when a part is longer than its length field, which the limits exclude.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut out = vec![VERSION];
        out.extend_from_slice(self.environment.as_bytes());
        out.extend_from_slice(self.domain.as_bytes());
        write::push_prefixed_u16(&mut out, self.name.as_bytes())?;
        write::push_u64(&mut out, self.revision);
        self.authority.write_to(&mut out);
        write::push_u8(&mut out, u8::from(self.was_single));
        write::push_u32(&mut out, self.primary);
        write::push_u16(&mut out, u16::try_from(self.versions.len()).map_err(|_| too_long())?);
        for version in &self.versions {
            write::push_u32(&mut out, version.number);
            write::push_u8(&mut out, version.state.to_byte());
            out.extend_from_slice(version.key_id.as_bytes());
            write::push_u64(&mut out, version.created);
            write::push_u64(&mut out, version.activated);
            write::push_u64(&mut out, version.replaced);
            write::push_u8(&mut out, u8::try_from(version.wraps.len()).map_err(|_| too_long())?);
            for wrap in &version.wraps {
                write::push_prefixed_u16(&mut out, &wrap.to_bytes())?;
            }
        }
        Ok(out)
    }

    /// The keyset that [`Keyset::to_bytes`] wrote. Strict: one encoding per keyset, every invariant checked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut cursor = Cursor::new(bytes);
        if cursor.u8()? != VERSION {
            return Err(malformed("a keyset of an unknown format version"));
        }
        let environment = EnvironmentId::from_bytes(*cursor.array()?);
        let domain = DomainId::from_bytes(*cursor.array()?);
        let name = cursor.prefixed_u16(Self::MAX_NAME)?;
        let name =
            core::str::from_utf8(name).map_err(|_| malformed("a domain's name is not ASCII"))?;
        Self::check_name(name)
            .map_err(|_| malformed("a domain's name has characters that it must not have"))?;
        let revision = cursor.u64()?;
        let authority = Authority::parse(&mut cursor)?;
        let was_single = match cursor.u8()? {
            single @ (0 | 1) => single == 1,
            _ => return Err(malformed("a keyset with a mark that is none")),
        };
        if matches!(authority, Authority::SingleCustodian { .. }) && !was_single {
            return Err(malformed("a keyset without the mark that it must have"));
        }
        let primary = cursor.u32()?;
        let count = cursor.u16()?;
        if revision == 0 || count == 0 || usize::from(count) > Self::MAX_VERSIONS {
            return Err(malformed("a keyset without revision or versions, or with too many"));
        }
        let mut versions: Vec<KeyVersion> = Vec::new();
        for _ in 0..count {
            let version = Self::parse_version(&mut cursor)?;
            if versions.last().is_some_and(|last| last.number >= version.number) {
                return Err(malformed("key versions out of order"));
            }
            if versions.iter().any(|earlier| earlier.key_id.short() == version.key_id.short()) {
                return Err(malformed("two versions with one key id"));
            }
            let times = (version.activated > 0, version.replaced > 0);
            if times != if version.number == primary { (true, false) } else { (times.0, times.0) } {
                return Err(malformed("a key version whose times do not go with the primary"));
            }
            versions.push(version);
        }
        cursor.finish()?;
        let name = name.to_owned();
        let keyset =
            Self { environment, domain, name, revision, authority, was_single, primary, versions };
        match keyset.version(primary) {
            Some(version)
                if !matches!(
                    version.state,
                    KeyState::Destroyed | KeyState::Deactivated | KeyState::PreActive
                ) =>
            {
                Ok(keyset)
            }
            _ => Err(malformed("a keyset whose primary cannot be one")),
        }
    }

    fn parse_version(cursor: &mut Cursor<'_>) -> Result<KeyVersion, Error> {
        let number = cursor.u32()?;
        let state = KeyState::from_byte(cursor.u8()?).ok_or(malformed("an unknown key state"))?;
        let key_id = FullKeyId::from_bytes(*cursor.array()?);
        let (created, activated, replaced) = (cursor.u64()?, cursor.u64()?, cursor.u64()?);
        let count = cursor.u8()?;
        if number == 0
            || usize::from(count) > Self::MAX_WRAPS
            || (count == 0) != (state == KeyState::Destroyed)
        {
            return Err(malformed("a key version with an impossible number or number of wraps"));
        }
        let mut wraps = Vec::new();
        for _ in 0..count {
            wraps.push(WrappedKey::parse(cursor.prefixed_u16(MAX_WRAPPED + 264)?)?);
        }
        Ok(KeyVersion { number, state, key_id, created, activated, replaced, wraps })
    }
}

fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

fn too_long() -> Error {
    Error::new(ErrorKind::Invalid, "a part of the keyset is too long")
}
