//! All versions of one domain's data key.

use crate::{Error, ErrorKind, FullKeyId, KeyState, KeyUse};
use phiseal_format::{
    Cursor, DomainId, EncryptionContext, EnvironmentId, KeyId, MAX_WRAPPED, WrappedKey, write,
};

/// All versions of the data key of one domain; exactly one of them is the primary.
///
/// A keyset is a snapshot that nobody changes: every change makes the next one, a revision higher, and takes effect
/// when the [`KeyStore`](crate::KeyStore) has swapped it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyset {
    environment: EnvironmentId,
    domain: DomainId,
    name: String,
    revision: u64,
    primary: u32,
    versions: Vec<KeyVersion>,
}

/// One version of a domain's data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyVersion {
    number: u32,
    state: KeyState,
    key_id: FullKeyId,
    created: u64,
    wraps: Vec<WrappedKey>,
}

impl KeyVersion {
    /// Its number, from 1, never used again.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> KeyState {
        self.state
    }

    /// The id of its data key.
    #[must_use]
    pub const fn key_id(&self) -> &FullKeyId {
        &self.key_id
    }

    /// When it was made, in seconds since 1970 by the clock of the machine that made it.
    #[must_use]
    pub const fn created(&self) -> u64 {
        self.created
    }

    /// Its wraps, any one of which yields the data key; none once it is destroyed.
    #[must_use]
    pub fn wraps(&self) -> &[WrappedKey] {
        &self.wraps
    }
}

impl Keyset {
    /// The most versions that a keyset may have.
    pub const MAX_VERSIONS: usize = 1_024;
    /// The most wraps that a version may have.
    pub const MAX_WRAPS: usize = 8;
    /// The longest name of a domain, in bytes.
    pub const MAX_NAME: usize = 255;

    /// The first snapshot of a new domain: one active version.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a name that [`Keyset::check_name`] refuses.
    pub fn first(
        environment: EnvironmentId,
        domain: DomainId,
        name: &str,
        key_id: FullKeyId,
        wraps: Vec<WrappedKey>,
        created: u64,
    ) -> Result<Self, Error> {
        Self::check_name(name)?;
        check_wraps(&wraps)?;
        let version = KeyVersion { number: 1, state: KeyState::Active, key_id, created, wraps };
        Ok(Self {
            environment,
            domain,
            name: name.to_owned(),
            revision: 1,
            primary: 1,
            versions: vec![version],
        })
    }

    /// Refuses what is not a domain's name: 1 to 255 bytes of printable ASCII without spaces.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`].
    pub fn check_name(name: &str) -> Result<(), Error> {
        if name.is_empty()
            || name.len() > Self::MAX_NAME
            || !name.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a domain's name is 1 to 255 printable ASCII characters, no spaces",
            ));
        }
        Ok(())
    }

    /// The environment (one key store) that the keyset belongs to.
    #[must_use]
    pub const fn environment(&self) -> EnvironmentId {
        self.environment
    }

    /// The domain's opaque id, which every ciphertext of the domain is bound to.
    #[must_use]
    pub const fn domain(&self) -> DomainId {
        self.domain
    }

    /// The domain's name, as the application wrote it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often the keyset has been written.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Every version, in ascending order.
    #[must_use]
    pub fn versions(&self) -> &[KeyVersion] {
        &self.versions
    }

    /// The version of this number.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&KeyVersion> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// The version whose key has this id.
    #[must_use]
    pub fn by_key_id(&self, id: &KeyId) -> Option<&KeyVersion> {
        self.versions.iter().find(|version| version.key_id.short() == *id)
    }

    /// The number of the primary version, which new data is sealed under.
    #[must_use]
    pub const fn primary(&self) -> u32 {
        self.primary
    }

    /// The version that may seal now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] when the primary may not: suspended, say, or compromised.
    pub fn sealing_version(&self) -> Result<&KeyVersion, Error> {
        let version = self.version(self.primary).ok_or(no_version())?;
        version.state.require(KeyUse::Seal)?;
        Ok(version)
    }

    /// The versions that may open now.
    pub fn opening_versions(&self) -> impl Iterator<Item = &KeyVersion> {
        self.versions.iter().filter(|version| version.state.allows(KeyUse::Open))
    }

    /// The number that the next version gets.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        self.versions.last().map_or(1, |last| last.number.saturating_add(1))
    }

    /// What the wrap of version `number` is bound to.
    #[must_use]
    pub fn wrap_context(&self, number: u32) -> EncryptionContext {
        EncryptionContext::data_key(&self.environment, &self.domain, number)
    }

    /// With one more version, pre-active, numbered [`Keyset::next_number`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Exhausted`] at [`Keyset::MAX_VERSIONS`], or when no number is left; [`ErrorKind::Conflict`] when the
    /// key is there already.
    pub fn with_version(
        &self,
        key_id: FullKeyId,
        wraps: Vec<WrappedKey>,
        created: u64,
    ) -> Result<Self, Error> {
        check_wraps(&wraps)?;
        if self.versions.len() >= Self::MAX_VERSIONS {
            return Err(Error::new(
                ErrorKind::Exhausted,
                "the keyset has as many versions as it may have",
            ));
        }
        if self.by_key_id(&key_id.short()).is_some() {
            return Err(Error::new(ErrorKind::Conflict, "the keyset has a key of this id already"));
        }
        let number = self.next_number();
        if self.version(number).is_some() {
            return Err(Error::new(ErrorKind::Exhausted, "no version number is left"));
        }
        let mut next = self.next_revision()?;
        next.versions.push(KeyVersion {
            number,
            state: KeyState::PreActive,
            key_id,
            created,
            wraps,
        });
        Ok(next)
    }

    /// With version `number` as the primary; it becomes active if it was pre-active. The old primary keeps its state.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::State`] when that version could not seal.
    pub fn with_primary(&self, number: u32) -> Result<Self, Error> {
        let mut next = self.next_revision()?;
        let version = next.version_mut(number)?;
        if version.state == KeyState::PreActive {
            version.state = KeyState::Active;
        }
        version.state.require(KeyUse::Seal)?;
        next.primary = number;
        Ok(next)
    }

    /// With version `number` in state `state`. Destroying a version drops its wraps.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::State`] for a transition that [`KeyState`] does not allow, and for
    /// deactivating or destroying the primary, before another one is.
    pub fn with_state(&self, number: u32, state: KeyState) -> Result<Self, Error> {
        let mut next = self.next_revision()?;
        if number == self.primary && matches!(state, KeyState::Deactivated | KeyState::Destroyed) {
            return Err(Error::new(
                ErrorKind::State,
                "the primary cannot be retired: make another version the primary first",
            ));
        }
        let version = next.version_mut(number)?;
        if !version.state.can_become(state) {
            return Err(Error::new(
                ErrorKind::State,
                "a key cannot go from its state to that one (SP 800-57, section 7)",
            ));
        }
        version.state = state;
        if state == KeyState::Destroyed {
            version.wraps.clear();
        }
        Ok(next)
    }

    /// With other wraps of the same data keys: `(number, wraps)` for each version that changes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::State`] for a destroyed version; [`ErrorKind::Invalid`] for no wraps or
    /// more than [`Keyset::MAX_WRAPS`].
    pub fn with_wraps(&self, changed: Vec<(u32, Vec<WrappedKey>)>) -> Result<Self, Error> {
        let mut next = self.next_revision()?;
        for (number, wraps) in changed {
            check_wraps(&wraps)?;
            let version = next.version_mut(number)?;
            version.state.require(KeyUse::Rewrap)?;
            version.wraps = wraps;
        }
        Ok(next)
    }

    /// Whether `later` can have come after this: the same domain, and each version with its key in a state that its
    /// state here leads to.
    pub(crate) fn leads_to(&self, later: &Self) -> bool {
        self.domain == later.domain
            && self.versions.iter().all(|then| {
                later
                    .version(then.number)
                    .is_some_and(|now| now.key_id == then.key_id && then.state.leads_to(now.state))
            })
    }

    fn next_revision(&self) -> Result<Self, Error> {
        let revision = self
            .revision
            .checked_add(1)
            .ok_or(Error::new(ErrorKind::Exhausted, "no revision is left"))?;
        Ok(Self { revision, ..self.clone() })
    }

    fn version_mut(&mut self, number: u32) -> Result<&mut KeyVersion, Error> {
        self.versions.iter_mut().find(|version| version.number == number).ok_or(no_version())
    }

    /// The canonical bytes, which a store keeps under a MAC:
    ///
    /// ```text
    /// 0x01 | environment 16 | domain 16 | name u16 + bytes | revision u64 | primary u32 | versions u16 |
    ///   { number u32 | state u8 | key id 32 | created u64 | wraps u8 | { wrapped key u16 + bytes } }
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
        write::push_u32(&mut out, self.primary);
        write::push_u16(&mut out, u16::try_from(self.versions.len()).map_err(|_| too_long())?);
        for version in &self.versions {
            write::push_u32(&mut out, version.number);
            write::push_u8(&mut out, version.state.to_byte());
            out.extend_from_slice(version.key_id.as_bytes());
            write::push_u64(&mut out, version.created);
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
            versions.push(version);
        }
        cursor.finish()?;
        let keyset =
            Self { environment, domain, name: name.to_owned(), revision, primary, versions };
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
        let created = cursor.u64()?;
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
        Ok(KeyVersion { number, state, key_id, created, wraps })
    }
}

const VERSION: u8 = 1;

fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

fn too_long() -> Error {
    Error::new(ErrorKind::Invalid, "a part of the keyset is too long")
}

fn no_version() -> Error {
    Error::new(ErrorKind::NotFound, "the keyset has no such version")
}

fn check_wraps(wraps: &[WrappedKey]) -> Result<(), Error> {
    match wraps.len() {
        1..=Keyset::MAX_WRAPS => Ok(()),
        _ => Err(Error::new(ErrorKind::Invalid, "a key version has one to eight wraps")),
    }
}
