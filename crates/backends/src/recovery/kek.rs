//! The public half: wraps.

use super::text::{Mistakes, checked, malformed, with_checksum};
use crate::hex;
use core::fmt;
use phiseal_format::{EncryptionContext, KekId, KekVersion, WrapAlgorithm, WrappedKey};
use phiseal_keys::{
    BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekBackend, KekInfo, KeyState, UnwrappedKey,
};
use phiseal_primitives::random::ModuleRandom;
use phiseal_primitives::{Engine, Validation, recipients};
use std::io::Read;
use std::path::Path;

/// The public half of a recovery key: a KEK that wraps every data key and opens none. See the [module](super).
///
/// Nothing of it is secret. Its id is `recovery:` and the public key in hex. Its `Display` is the text that
/// [`RecoveryKek::parse`] reads.
pub struct RecoveryKek {
    pub(super) engine: &'static dyn Engine,
    pub(super) public: [u8; recipients::PUBLIC_KEY],
    pub(super) id: KekId,
    text: String,
}

const PREFIX: &str = "phiseal-recovery1-";
const LABEL: &[u8] = b"phiseal/v1 recovery wrap\x00";

/// Bytes of one wrap: encapsulated key 32, ciphertext 32, tag 16.
const WRAPPED: usize = 32 + recipients::OVERHEAD;

/// A recovery key has one version: another key is another KEK.
const VERSION: KekVersion = KekVersion(1);

/// The longest file that is read for a line of about a hundred characters.
const MAX_FILE: u64 = 1024;

impl RecoveryKek {
    /// The key in this line, as [`RecoveryKey::public`](super::RecoveryKey::public) prints it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] for anything else, and for a key under which nothing would be secret;
    /// [`ErrorKind::Unsupported`] when the engine is a FIPS module.
    pub fn parse(text: &str, engine: &'static dyn Engine) -> Result<Self, Error> {
        const MISTAKES: Mistakes = Mistakes {
            prefix: "not a recovery key: it does not begin with phiseal-recovery1-",
            shape: "a recovery key of another shape than it has",
            checksum: "a character of the recovery key is wrong: its checksum does not match",
        };
        let body = checked(engine, text, PREFIX, MISTAKES)?;
        let mut public = [0; recipients::PUBLIC_KEY];
        hex::parse(body, &mut public).map_err(|_| malformed(MISTAKES.shape))?;
        recipients::check_public_key(&public)
            .map_err(|_| malformed("a recovery key that keeps nothing secret"))?;
        Self::new(public, engine)
    }

    /// The key in the only line of this file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Denied`] or [`ErrorKind::Unavailable`] when it cannot be read; as
    /// [`RecoveryKek::parse`].
    pub fn from_file(path: impl AsRef<Path>, engine: &'static dyn Engine) -> Result<Self, Error> {
        let mut text = String::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
            .map_err(unread)?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        Self::parse(line.strip_suffix('\r').unwrap_or(line), engine)
    }

    /// The key of these 32 bytes, which are no point of small order.
    pub(super) fn new(
        public: [u8; recipients::PUBLIC_KEY],
        engine: &'static dyn Engine,
    ) -> Result<Self, Error> {
        if engine.module().validation != Validation::None {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the FIPS module does not wrap for a recovery key",
            ));
        }
        let digits = hex::text(&public);
        let id = KekId::try_from(format!("recovery:{}", *digits))?;
        let text = with_checksum(engine, &[PREFIX, &digits]).to_string();
        Ok(Self { engine, public, id, text })
    }

    pub(super) fn info(&self) -> KekInfo {
        let mut info = KekInfo::new(self.id.clone(), VERSION);
        info.versions = vec![(VERSION, KeyState::Active)];
        info.public_wraps = true;
        info.fips = Some(false);
        info.max_wrapped = WRAPPED;
        info
    }

    pub(super) fn wrap(
        &self,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<WrappedKey, Error> {
        let mut wrapped = [0; WRAPPED];
        recipients::seal(
            &ModuleRandom(self.engine),
            &self.public,
            &[LABEL, context.as_bytes()].concat(),
            key.expose_secret(),
            &mut wrapped,
        )?;
        Ok(WrappedKey::new(WrapAlgorithm::Hpke, self.id.clone(), VERSION, wrapped.to_vec())?)
    }

    pub(super) fn generate(&self, context: &EncryptionContext) -> Result<GeneratedKey, Error> {
        let key = DataKey::generate(self.engine)?;
        let wrapped = self.wrap(&key, context)?;
        Ok(GeneratedKey { key, wrapped })
    }

    /// The key in a wrap, by the private half of this key.
    pub(super) fn unwrap(
        &self,
        private: &[u8; 32],
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<UnwrappedKey, Error> {
        if *wrapped.kek_id() != self.id {
            return Err(Error::new(ErrorKind::Foreign, "the key is wrapped by another KEK"));
        }
        if wrapped.kek_version() != VERSION {
            return Err(Error::new(ErrorKind::NotFound, "a recovery key has one version"));
        }
        if wrapped.algorithm() != WrapAlgorithm::Hpke || wrapped.wrapped().len() != WRAPPED {
            return Err(malformed("a wrap by an algorithm that a recovery key does not make"));
        }
        let info = [LABEL, context.as_bytes()].concat();
        let key = DataKey::filled(|out| {
            recipients::open(private, &info, wrapped.wrapped(), out).map_err(Error::from)
        })?;
        Ok(UnwrappedKey { key, kek_id: self.id.clone(), kek_version: VERSION })
    }
}

impl KekBackend for RecoveryKek {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        Box::pin(async move { Ok(self.info()) })
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        Box::pin(async move { self.generate(context) })
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async move { self.wrap(key, context) })
    }

    fn unwrap_key<'a>(
        &'a self,
        _: &'a WrappedKey,
        _: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        Box::pin(async move { Err(opens_nothing()) })
    }

    fn rewrap_key<'a>(
        &'a self,
        _: &'a WrappedKey,
        _: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async move { Err(opens_nothing()) })
    }
}

impl fmt::Display for RecoveryKek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RecoveryKek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoveryKek({})", self.id)
    }
}

#[cold]
fn opens_nothing() -> Error {
    Error::new(ErrorKind::Denied, "the public half of a recovery key opens nothing")
}

#[cold]
fn unread(error: std::io::Error) -> Error {
    use std::io::ErrorKind as Io;
    let (kind, message) = match error.kind() {
        Io::NotFound => (ErrorKind::NotFound, "there is no such file with a recovery key"),
        Io::PermissionDenied => {
            (ErrorKind::Denied, "the file with the recovery key may not be read")
        }
        Io::InvalidData => (ErrorKind::Malformed, "the file with the recovery key is not text"),
        _ => (ErrorKind::Unavailable, "the file with the recovery key cannot be read"),
    };
    Error::new(kind, message).with_source(error)
}
