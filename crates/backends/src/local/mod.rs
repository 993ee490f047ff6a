//! A KEK in a file, or in the environment.
//!
//! # The file
//!
//! JSON, for people to look at, at most 1 MiB: a random id; a revision, which rises by one with every change; for each
//! version its number, its state and its key; a MAC.
//! [`LocalKek::create`] makes it with mode 0600, complete or not at all, and never over another file.
//! [`LocalKek::open`] refuses it when its group or others can do anything with it, when it or a link to it belongs to
//! somebody other than root or this user, and when it is not a regular file.
//!
//! | | without a passphrase | with one |
//! |---|---|---|
//! | a version's key | in the file, in hex | under XAES-256-GCM, with the id, number, state and cost as associated data |
//! | the key comes from | | Argon2id (RFC 9106); the cost is in the file and bounded before memory is taken |
//! | the file's MAC | HMAC-SHA-256 under a key derived from the newest version's | HMAC-SHA-256 under a key derived from the passphrase's |
//! | whoever reads the file | has the KEK | has to guess the passphrase |
//! | whoever changes the file | is not noticed by the MAC, which shows accidents only, as its key is in the file too | is noticed by the MAC |
//!
//! The first change leaves an empty `.kek.json.lock` beside `kek.json`, by which custodians wait for each other.
//!
//! Operations look at the file first (one `stat`, and a new reading when it changed), so a version or state that a
//! custodian sets from one process binds all others from their next operation on.
//!
//! # Another file in its place
//!
//! Each handle remembers what it last read. From then on it answers [`ErrorKind::Tampered`], and changes nothing, while
//! the file that it finds
//!
//! * is that of another KEK, or is protected in another way (with or without a passphrase, its salt, its cost);
//! * has a lower revision, or the same one with other versions or states: an older file, or one from a history that
//!   parted from this one;
//! * lacks a version, or has another key for it;
//! * has a version in a state to which no transitions lead from the one before ([`KeyState::can_become`]): active again
//!   after it was deactivated or compromised, back from destruction.
//!
//! So an older file is noticed by every handle that has read a later one. It is not noticed by a handle that has not:
//! one that is opened afterwards, in this process or another, takes the file as it is. Nor is a change of a file without
//! a passphrase by somebody who goes on from the last revision, forwards; but who can write that has the KEK. A custodian
//! who restores an older file on purpose opens it anew everywhere.
//!
//! # Its bytes
//!
//! Integers are big-endian, `||` joins, all bytes in the file are lower hex. Every key derives as `HKDF-Expand-SHA-256(from,
//! label || 0x00, 32 bytes)` (RFC 5869, 2.3), and none has two uses:
//!
//! | label | from | gives |
//! |---|---|---|
//! | `phiseal/v1 local kek wrap` | a version's key | the XAES-256-GCM key of its wraps |
//! | `phiseal/v1 local kek passphrase` | Argon2id of the passphrase | the XAES-256-GCM key of the versions' keys |
//! | `phiseal/v1 local kek mac` | Argon2id of the passphrase, else the newest version's key that is left | the key of the MAC |
//! | `phiseal/v1 local kek id` | the key in the environment | 16 bytes of the KEK's id |
//!
//! ```text
//! protection = 0x00 * 29, or 0x01 || memory in KiB[4] || passes[4] || lanes[4] || salt[16]
//! head       = version number[4] || state[1]                         (states as KeyState::to_byte)
//! wrapped    = nonce[24] || ciphertext[32] || tag[16]
//!              associated data: "phiseal/v1 local kek version" || 0x00 0x01 || id[16] || head || protection
//! mac        = HMAC-SHA-256 of "phiseal/v1 local kek file" || 0x00 0x01 || id[16] || revision[8] || protection
//!              || for each version: head || (0x01 || key[32], or 0x00 when it is destroyed)
//! ```
//!
//! # Destruction
//!
//! Every change writes a new file, renames it over the old one, then overwrites the old one and removes it; what a killed
//! process left is overwritten at the next change. A solid-state drive, a journalling or copying file system, a snapshot
//! or a backup may keep old blocks all the same. Where that matters, use a passphrase, or an HSM.
//!
//! An old file that has another name, as in a backup made of hard links (`cp -al`), keeps its contents under that name,
//! until a destruction: when it holds the key of a version that is destroyed, it is overwritten under all its names, and
//! the backup holds noise from then on. That reaches the file that the destruction replaces. Links to files that earlier
//! changes replaced, and copies, keep the key: erase them yourself.
//!
//! # The environment
//!
//! [`LocalKek::from_env`] takes one key of one version from a variable. It has no states and no administration, and what
//! can read the environment of the process (its user, its children, crash reporters) has the KEK.

mod contents;
mod document;
pub(crate) mod file;
pub(crate) mod json;
mod leftover;
mod passphrase;
pub(crate) mod passphrase_key;
mod protection;
pub(crate) mod replace;

use crate::hex;
use crate::versions::{Versions, derive};
use base64ct::{Base64UrlUnpadded, Encoding};
use contents::Contents;
use core::fmt;
use document::Document;
use passphrase_key::{PassphraseKey, SALT};
use phiseal_format::{EncryptionContext, KekId, KekVersion, WrappedKey};
use phiseal_keys::{
    BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekAdminBackend, KekBackend, KekInfo,
    KeyState, Secret, UnwrappedKey,
};
use phiseal_primitives::Engine;
use protection::Protection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

pub use passphrase::Passphrase;
pub use phiseal_primitives::argon2id::Cost;

/// A KEK in a file that only this user can read, or in the environment: see the [module](self).
///
/// Futures are ready at once: an operation blocks its thread for a `stat` of the file, an administrative one for writes
/// to the disk and up to ten seconds for another custodian's.
///
/// ```
/// use phiseal_backends::local::LocalKek;
/// use phiseal_keys::{Error, Kek};
/// use std::sync::Arc;
///
/// # fn main() -> Result<(), Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("kek.json");
/// let engine = phiseal_primitives::default_engine();
/// let backend = Arc::new(LocalKek::open_or_create(&path, engine)?);
/// let kek = pollster::block_on(Kek::connect(backend, engine))?;
/// assert!(kek.info().id.as_str().starts_with("local:"));
/// # Ok(())
/// # }
/// ```
pub struct LocalKek {
    engine: &'static dyn Engine,
    /// None when the key is from the environment.
    path: Option<PathBuf>,
    loaded: Mutex<Arc<Loaded>>,
}

/// What was in the file when it was last read.
struct Loaded {
    contents: Contents,
    stamp: Option<file::Stamp>,
}

const ENVIRONMENT_ID_LABEL: &[u8] = b"phiseal/v1 local kek id";

impl LocalKek {
    /// Makes the file, with a random id and one version, without a passphrase.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when there is a file of that name, [`ErrorKind::NotFound`] when the folder does not exist,
    /// [`ErrorKind::Denied`] when it cannot be written, [`ErrorKind::Unavailable`] when the disk is full or fails,
    /// [`ErrorKind::Random`], [`ErrorKind::Memory`].
    pub fn create(path: impl AsRef<Path>, engine: &'static dyn Engine) -> Result<Self, Error> {
        Self::create_protected(path.as_ref(), Protection::Plain, engine)
    }

    /// Makes the file, with a random id and one version, under a passphrase of at least 15 bytes
    /// (SP 800-63B-4, 3.1.1.2), whose derivation costs `cost`.
    ///
    /// # Errors
    ///
    /// As [`LocalKek::create`]; [`ErrorKind::Invalid`] when the passphrase is shorter or the cost is out of bounds;
    /// [`ErrorKind::Unsupported`] when the engine is a FIPS module, which does not approve Argon2id.
    pub fn create_with_passphrase(
        path: impl AsRef<Path>,
        passphrase: &Passphrase,
        cost: Cost,
        engine: &'static dyn Engine,
    ) -> Result<Self, Error> {
        let protection = Protection::Passphrase(PassphraseKey::generate(engine, passphrase, cost)?);
        Self::create_protected(path.as_ref(), protection, engine)
    }

    /// Opens a file without a passphrase.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none; [`ErrorKind::Denied`] when others can reach it, it belongs to somebody
    /// else, it cannot be read or needs a passphrase; [`ErrorKind::Malformed`] when it is not a regular file, over 1 MiB
    /// or not a key file; [`ErrorKind::Unsupported`] when a newer release wrote it; [`ErrorKind::Unauthenticated`] when
    /// it was changed. The error's source names the file and says what to do.
    pub fn open(path: impl AsRef<Path>, engine: &'static dyn Engine) -> Result<Self, Error> {
        Self::open_protected(path.as_ref(), engine, |header| match header {
            None => Ok(Protection::Plain),
            Some(_) => Err(Error::new(ErrorKind::Denied, "the key file needs a passphrase")),
        })
    }

    /// Opens a file that was made with a passphrase.
    ///
    /// # Errors
    ///
    /// As [`LocalKek::open`]; [`ErrorKind::Unauthenticated`] also when the passphrase is wrong; [`ErrorKind::Invalid`]
    /// when the file has no passphrase, or its cost is out of bounds; [`ErrorKind::Unsupported`] when the engine is a FIPS
    /// module.
    pub fn open_with_passphrase(
        path: impl AsRef<Path>,
        passphrase: &Passphrase,
        engine: &'static dyn Engine,
    ) -> Result<Self, Error> {
        Self::open_protected(path.as_ref(), engine, |header| match header {
            Some(header) => {
                Ok(Protection::Passphrase(PassphraseKey::derive(engine, passphrase, header)?))
            }
            None => Err(Error::new(
                ErrorKind::Invalid,
                "the key file has no passphrase, but one was given",
            )),
        })
    }

    /// Opens the file without a passphrase, or makes it when there is none.
    ///
    /// # Errors
    ///
    /// As [`LocalKek::open`] and [`LocalKek::create`].
    pub fn open_or_create(
        path: impl AsRef<Path>,
        engine: &'static dyn Engine,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        match Self::open(path, engine) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => return other,
        }
        match Self::create(path, engine) {
            // Another process made it in between.
            Err(error) if error.kind() == ErrorKind::Conflict => Self::open(path, engine),
            other => other,
        }
    }

    /// The KEK whose only version is the 32 bytes that the environment variable `name` holds, in hex (64 characters) or
    /// base64url without padding (43 characters). Its id is derived from them, so it is the same wherever they are.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such variable, [`ErrorKind::Malformed`] when its value is not 32 bytes in
    /// either form, [`ErrorKind::Invalid`] when all 32 are the same, [`ErrorKind::Memory`].
    pub fn from_env(name: &str, engine: &'static dyn Engine) -> Result<Self, Error> {
        let value = Zeroizing::new(passphrase::variable(name)?);
        let key = Secret::filled(|out| key_from_text(&value, out))?;
        let [first, rest @ ..] = key.expose_secret();
        if rest.iter().all(|byte| byte == first) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the key in the environment variable is not random",
            ));
        }
        let id = derive(engine, &key, ENVIRONMENT_ID_LABEL)?;
        let (id, _) = id.expose_secret().split_first_chunk::<16>().ok_or_else(unreadable)?;
        let mut versions = Versions::new(engine, kek_id(id)?);
        versions.add(key)?;
        let contents = Contents::first(versions, Protection::Plain);
        Ok(Self::from_parts(engine, None, Loaded { contents, stamp: None }))
    }

    fn from_parts(engine: &'static dyn Engine, path: Option<PathBuf>, loaded: Loaded) -> Self {
        Self { engine, path, loaded: Mutex::new(Arc::new(loaded)) }
    }

    fn create_protected(
        path: &Path,
        protection: Protection,
        engine: &'static dyn Engine,
    ) -> Result<Self, Error> {
        let mut id = [0; 16];
        engine.fill_random(&mut id)?;
        let mut versions = Versions::new(engine, kek_id(&id)?);
        versions.create_version()?;
        let contents = Contents::first(versions, protection);
        let stamp = replace::create(path, &document::print(&contents)?, engine)?;
        let loaded = Loaded { contents, stamp: Some(stamp) };
        Ok(Self::from_parts(engine, Some(path.to_path_buf()), loaded))
    }

    fn open_protected(
        path: &Path,
        engine: &'static dyn Engine,
        unlock: impl FnOnce(Option<(Cost, [u8; SALT])>) -> Result<Protection, Error>,
    ) -> Result<Self, Error> {
        let loaded = load(path, engine, unlock)?;
        Ok(Self::from_parts(engine, Some(path.to_path_buf()), loaded))
    }

    fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.loaded.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is in the file now.
    fn fresh(&self) -> Result<Arc<Loaded>, Error> {
        let known = self.loaded();
        let Some(path) = &self.path else { return Ok(known) };
        if known.stamp == Some(file::stamp(path)?) {
            return Ok(known);
        }
        self.reload(path, &known)
    }

    fn reload(&self, path: &Path, known: &Loaded) -> Result<Arc<Loaded>, Error> {
        let loaded =
            load(path, self.engine, |header| known.contents.protection.still_fits(header))?;
        known.contents.check_successor(&loaded.contents).map_err(|error| file::at(path, error))?;
        Ok(self.put(loaded))
    }

    /// Puts `loaded` in place, unless a later one has got there first.
    fn put(&self, loaded: Loaded) -> Arc<Loaded> {
        let loaded = Arc::new(loaded);
        let mut place = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if place.contents.check_successor(&loaded.contents).is_ok() {
            *place = Arc::clone(&loaded);
        }
        loaded
    }

    /// Reads the file, changes what is in it and writes it, while no other custodian does.
    fn change<T>(&self, act: impl FnOnce(&mut Versions) -> Result<T, Error>) -> Result<T, Error> {
        let Some(path) = &self.path else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a KEK from the environment cannot be administered",
            ));
        };
        let lock = replace::lock(path)?;
        let before = self.reload(path, &self.loaded())?;
        lock.sweep(&before.contents, self.engine)?;
        let mut versions = before.contents.versions.draft();
        let done = act(&mut versions)?;
        if let Some(contents) = before.contents.next(versions)? {
            let stamp = lock.replace(&document::print(&contents)?, self.engine)?;
            let loaded = self.put(Loaded { contents, stamp: Some(stamp) });
            lock.sweep(&loaded.contents, self.engine)?;
        }
        Ok(done)
    }
}

impl KekBackend for LocalKek {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        Box::pin(async move { Ok(self.fresh()?.contents.versions.describe()) })
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        Box::pin(async move { self.fresh()?.contents.versions.generate_key(context) })
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async move { self.fresh()?.contents.versions.wrap_key(key, context) })
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        Box::pin(async move { self.fresh()?.contents.versions.unwrap_key(wrapped, context) })
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async move { self.fresh()?.contents.versions.rewrap_key(wrapped, context) })
    }
}

/// A KEK from a file; one from the environment answers [`ErrorKind::Unsupported`]. Of several custodians at once, each
/// waits for the one before. An operation that failed with [`ErrorKind::Unavailable`] may have been done; done again, a
/// state or a destruction changes nothing.
impl KekAdminBackend for LocalKek {
    fn create_version(&self) -> BoxFuture<'_, Result<KekVersion, Error>> {
        Box::pin(async move { self.change(Versions::create_version) })
    }

    fn set_state(&self, version: KekVersion, state: KeyState) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.change(|versions| versions.set_state(version, state)) })
    }

    fn destroy(&self, version: KekVersion) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.change(|versions| versions.destroy(version)) })
    }
}

impl fmt::Debug for LocalKek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut s = f.debug_struct("LocalKek");
        s.field("path", &self.path)
            .field("versions", &self.loaded().contents.versions)
            .finish_non_exhaustive()
    }
}

fn load(
    path: &Path,
    engine: &'static dyn Engine,
    unlock: impl FnOnce(Option<(Cost, [u8; SALT])>) -> Result<Protection, Error>,
) -> Result<Loaded, Error> {
    let (bytes, stamp) = file::read(path)?;
    replace::settle(path)?;
    let parsed = Document::parse(&bytes).and_then(|document| {
        let protection = unlock(document.passphrase()?)?;
        Ok(Loaded { contents: document.open(engine, protection)?, stamp: Some(stamp) })
    });
    parsed.map_err(|error| file::at(path, error))
}

/// Thirty-two bytes in hex or base64url.
fn key_from_text(value: &str, out: &mut [u8; 32]) -> Result<(), Error> {
    if value.len() == 64 {
        return hex::parse(value, out);
    }
    // By arithmetic: no table that the key's characters index.
    match Base64UrlUnpadded::decode(value, out) {
        Ok(key) if key.len() == 32 => Ok(()),
        _ => Err(unreadable()),
    }
}

fn kek_id(id: &[u8; 16]) -> Result<KekId, Error> {
    Ok(KekId::try_from(format!("local:{:032x}", u128::from_be_bytes(*id)))?)
}

#[cold]
fn unreadable() -> Error {
    Error::new(
        ErrorKind::Malformed,
        "a key is 32 bytes, in 64 characters of hex or 43 of base64url",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use phiseal_primitives::default_engine;

    #[test]
    fn a_key_is_read_from_the_one_text_of_either_form_and_from_no_other() {
        let mut key = [0xf8; 32];
        (0..)
            .zip(&mut key)
            .for_each(|(place, byte): (u8, &mut u8)| *byte ^= place.wrapping_mul(67));
        let read = |text: &str| {
            let mut out = [0; 32];
            key_from_text(text, &mut out).map(|()| out).map_err(|error| error.kind())
        };
        let text = Base64UrlUnpadded::encode_string(&key);
        assert!(text.len() == 43 && text.contains(['-', '_']), "{text}");
        assert_eq!(read(&text), Ok(key));
        assert_eq!(read(&hex::text(&key)), Ok(key));

        let of_the_other_alphabet = text.replace('-', "+").replace('_', "/");
        // The last symbol stands for four bits of the key, and two that are zero.
        let last = char::from(text.as_bytes()[42] + 1);
        let with_more_bits = format!("{}{last}", &text[..42]);
        for bad in [
            "",
            &text[..42],
            &format!("{text}="),
            &format!("{text}A"),
            &format!(" {}", &text[..42]),
            &format!("{text}\n"),
            &of_the_other_alphabet,
            &with_more_bits,
            &hex::text(&key)[..62],
            &hex::text(&key).to_uppercase(),
        ] {
            assert_eq!(read(bad), Err(ErrorKind::Malformed), "{bad:?}");
        }
    }

    /// Of two threads that read the file, the one that read it first may come last.
    #[test]
    fn what_was_read_earlier_does_not_take_the_place_of_what_was_read_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek.json");
        let kek = LocalKek::create(&path, default_engine()).unwrap();
        let read = || load(&path, default_engine(), |_| Ok(Protection::Plain)).unwrap();
        let known = || kek.loaded().contents.revision;
        let earlier = read();
        pollster::block_on(kek.create_version()).unwrap();
        assert_eq!(known(), 2);
        assert_eq!(kek.put(earlier).contents.revision, 1);
        assert_eq!(known(), 2);

        let custodian = LocalKek::open(&path, default_engine()).unwrap();
        pollster::block_on(custodian.create_version()).unwrap();
        kek.put(read());
        assert_eq!(known(), 3, "the control");
    }
}
