//! The versions of a KEK whose keys this process holds, and what wraps under them.
//!
//! A version is 32 random bytes and only ever the PRK of HKDF-Expand-SHA-256 (RFC 5869, 2.3): what wraps is a key derived
//! from it, so that a file's MAC can be made under another.

use core::fmt;
use phiseal_format::{EncryptionContext, KekId, KekVersion, Suite, WrappedKey};
use phiseal_keys::{
    DataKey, Error, ErrorKind, GeneratedKey, KekInfo, KeyState, KeyUse, Secret, UnwrappedKey,
    WrappingKey,
};
use phiseal_primitives::{Engine, Validation};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most versions of one KEK: a monthly rotation for eighty years.
pub(crate) const MAX_VERSIONS: usize = 1000;

const WRAP_LABEL: &[u8] = b"phiseal/v1 local kek wrap";
const FIPS_LABEL: &[u8] = b"phiseal/v1 local kek fips wrap";

/// The versions of one KEK.
pub(crate) struct Versions {
    pub(crate) engine: &'static dyn Engine,
    pub(crate) id: KekId,
    pub(crate) versions: BTreeMap<u32, Version>,
}

/// One of them.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) state: KeyState,
    /// The key; none once it is destroyed.
    pub(crate) key: Option<Arc<Secret>>,
}

impl Versions {
    /// A KEK without a version.
    pub(crate) const fn new(engine: &'static dyn Engine, id: KekId) -> Self {
        Self { engine, id, versions: BTreeMap::new() }
    }

    /// A copy to be changed and then put in this one's place; both refer to the same keys.
    pub(crate) fn draft(&self) -> Self {
        Self { engine: self.engine, id: self.id.clone(), versions: self.versions.clone() }
    }

    /// The newest version: what new wraps use. 0 when there is none.
    pub(crate) fn current(&self) -> KekVersion {
        KekVersion(self.versions.last_key_value().map_or(0, |(number, _)| *number))
    }

    pub(crate) fn describe(&self) -> KekInfo {
        let mut info = KekInfo::new(self.id.clone(), self.current());
        let versions = self.versions.iter();
        info.versions =
            versions.map(|(number, version)| (KekVersion(*number), version.state)).collect();
        info.fips = Some(self.engine.module().validation != Validation::None);
        info.max_wrapped = WrappingKey::WRAPPED;
        info
    }

    pub(crate) fn generate_key(&self, context: &EncryptionContext) -> Result<GeneratedKey, Error> {
        let key = DataKey::generate(self.engine)?;
        let wrapped = self.wrap_key(&key, context)?;
        Ok(GeneratedKey { key, wrapped })
    }

    pub(crate) fn wrap_key(
        &self,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, Error> {
        let current = self.current();
        let (algorithm, wrapped) = self.wrapping_key(current, KeyUse::Seal)?.wrap(context, key)?;
        Ok(WrappedKey::new(algorithm, self.id.clone(), current, wrapped.to_vec())?)
    }

    pub(crate) fn unwrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<UnwrappedKey, Error> {
        if *wrapped.kek_id() != self.id {
            return Err(Error::new(ErrorKind::Foreign, "the key is wrapped by another KEK"));
        }
        let wrapping = self.wrapping_key(wrapped.kek_version(), KeyUse::Open)?;
        let key = wrapping.unwrap(context, wrapped.algorithm(), wrapped.wrapped())?;
        Ok(UnwrappedKey { key, kek_id: self.id.clone(), kek_version: wrapped.kek_version() })
    }

    pub(crate) fn rewrap_key(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, Error> {
        self.wrap_key(&self.unwrap_key(wrapped, context)?.key, context)
    }

    /// Adds a version with a new random key, which new wraps use from then on.
    pub(crate) fn create_version(&mut self) -> Result<KekVersion, Error> {
        let key = Secret::filled(|out| self.engine.fill_random(out))?;
        self.add(key)
    }

    /// Adds a version with this key.
    pub(crate) fn add(&mut self, key: Secret) -> Result<KekVersion, Error> {
        if self.versions.len() >= MAX_VERSIONS {
            return Err(Error::new(
                ErrorKind::Exhausted,
                "the KEK has as many versions as it may have",
            ));
        }
        let next = self.current().0.checked_add(1);
        let next = next.ok_or_else(|| {
            Error::new(ErrorKind::Exhausted, "no version number of the KEK is left")
        })?;
        self.versions.insert(next, Version { state: KeyState::Active, key: Some(Arc::new(key)) });
        Ok(KekVersion(next))
    }

    /// Moves a version to another state; to the one that it has, nothing happens.
    pub(crate) fn set_state(&mut self, number: KekVersion, state: KeyState) -> Result<(), Error> {
        if state == KeyState::Destroyed {
            return Err(Error::new(
                ErrorKind::Invalid,
                "destroying a KEK version is an act of its own",
            ));
        }
        let version = self.versions.get_mut(&number.0).ok_or_else(no_version)?;
        if version.state == state {
            return Ok(());
        }
        if !version.state.can_become(state) {
            return Err(Error::new(
                ErrorKind::State,
                "the KEK version cannot go from its state to that one",
            ));
        }
        version.state = state;
        Ok(())
    }

    /// Forgets the key of a version; of a destroyed one, nothing is left to forget.
    pub(crate) fn destroy(&mut self, number: KekVersion) -> Result<(), Error> {
        let version = self.versions.get_mut(&number.0).ok_or_else(no_version)?;
        match version.state {
            KeyState::Destroyed => Ok(()),
            KeyState::Deactivated | KeyState::Compromised => {
                *version = Version { state: KeyState::Destroyed, key: None };
                Ok(())
            }
            KeyState::PreActive | KeyState::Active | KeyState::Suspended => Err(Error::new(
                ErrorKind::State,
                "a KEK version is destroyed only after it was deactivated or compromised",
            )),
        }
    }

    fn wrapping_key(&self, number: KekVersion, usage: KeyUse) -> Result<WrappingKey, Error> {
        let version = self.versions.get(&number.0).ok_or_else(no_version)?;
        version.state.require(usage)?;
        let key = version
            .key
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::State, "the key is destroyed"))?;
        WrappingKey::new(self.engine, |suite| {
            derive(
                self.engine,
                key,
                if suite == Suite::Xaes256Gcm { WRAP_LABEL } else { FIPS_LABEL },
            )
        })
    }
}

impl fmt::Debug for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states = self.versions.iter().map(|(number, version)| (number, version.state));
        f.debug_struct("Versions")
            .field("id", &self.id)
            .field("versions", &states.collect::<Vec<_>>())
            .finish()
    }
}

/// `HKDF-Expand(key, label || 0x00, 32 bytes)`.
pub(crate) fn derive(engine: &dyn Engine, key: &Secret, label: &[u8]) -> Result<Secret, Error> {
    Secret::filled(|out| engine.hkdf_expand(key.expose_secret(), &[label, &[0]], out))
}

#[cold]
fn no_version() -> Error {
    Error::new(ErrorKind::NotFound, "the KEK has no such version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_described_with_its_state() {
        let id = KekId::try_from("test:1").unwrap();
        let mut kek = Versions::new(phiseal_primitives::default_engine(), id);
        let versions: Vec<_> = (0..4).map(|_| kek.create_version().unwrap()).collect();
        kek.set_state(versions[0], KeyState::Deactivated).unwrap();
        kek.destroy(versions[0]).unwrap();
        kek.set_state(versions[1], KeyState::Compromised).unwrap();
        kek.set_state(versions[2], KeyState::Suspended).unwrap();
        let states =
            [KeyState::Destroyed, KeyState::Compromised, KeyState::Suspended, KeyState::Active];
        let info = kek.describe();
        assert_eq!(info.versions, versions.into_iter().zip(states).collect::<Vec<_>>());
        assert_eq!((info.current, info.state(KekVersion(2))), (KekVersion(4), Some(states[1])));
        assert_eq!(info.state(KekVersion(5)), None);
    }
}
