//! Key stores and KEKs by an address in text, as a configuration or a manifest holds it.
//!
//! | address | opens |
//! |---|---|
//! | `sqlite:keys.db` | a key store in a file |
//! | `postgres://user@host/database` | a key store in a PostgreSQL database |
//! | `local:kek.json` | a KEK in a file |
//! | `local:kek.json?passphrase-env=NAME` | the same, under the passphrase in an environment variable |
//! | `recovery:recovery.pub` | the public half of a recovery key, in a file, to escrow to |
//!
//! Files are named from a folder that the caller says. Nothing is made: what is not there is
//! [`ErrorKind::NotFound`]. A kind that is not built in is [`ErrorKind::Unsupported`], anything else [`ErrorKind::Invalid`].
//! No error holds an address: there may be a password in it.

use phiseal_keys::{Error, ErrorKind, KekBackend, Store};
use phiseal_primitives::Engine;
use std::path::Path;
use std::sync::Arc;

/// The key store at `address`.
///
/// # Errors
///
/// As the [module](self) says; and what opening it answers.
pub fn store(address: &str, folder: &Path) -> Result<Arc<dyn Store>, Error> {
    match address.split_once(':') {
        Some(("sqlite", file)) => sqlite(&folder.join(file)),
        Some(("postgres" | "postgresql", _)) => postgres(address),
        _ => Err(Error::new(ErrorKind::Invalid, "this is no address of a key store")),
    }
}

/// The KEK at `address`.
///
/// # Errors
///
/// As the [module](self) says; and what opening it answers.
pub fn kek(
    address: &str,
    folder: &Path,
    engine: &'static dyn Engine,
) -> Result<Arc<dyn KekBackend>, Error> {
    match address.split_once(':') {
        Some(("local", file)) => local(file, folder, engine),
        Some(("recovery", file)) => recovery(&folder.join(file), engine),
        _ => Err(not_a_kek()),
    }
}

#[cfg(feature = "sqlite")]
fn sqlite(path: &Path) -> Result<Arc<dyn Store>, Error> {
    existing(path)?;
    Ok(Arc::new(phiseal_stores::SqliteStore::open(path)?))
}

#[cfg(not(feature = "sqlite"))]
fn sqlite(_path: &Path) -> Result<Arc<dyn Store>, Error> {
    Err(not_built_in())
}

#[cfg(feature = "postgres")]
fn postgres(url: &str) -> Result<Arc<dyn Store>, Error> {
    Ok(Arc::new(phiseal_stores::PostgresStore::new(url)?))
}

#[cfg(not(feature = "postgres"))]
fn postgres(_url: &str) -> Result<Arc<dyn Store>, Error> {
    Err(not_built_in())
}

#[cfg(feature = "local")]
fn local(
    file: &str,
    folder: &Path,
    engine: &'static dyn Engine,
) -> Result<Arc<dyn KekBackend>, Error> {
    use phiseal_backends::local::{LocalKek, Passphrase};
    let (file, query) = file.split_once('?').unwrap_or((file, ""));
    let path = folder.join(file);
    existing(&path)?;
    Ok(Arc::new(match query.split_once('=') {
        None if query.is_empty() => LocalKek::open(path, engine)?,
        Some(("passphrase-env", name)) => {
            LocalKek::open_with_passphrase(path, &Passphrase::from_env(name)?, engine)?
        }
        _ => return Err(not_a_kek()),
    }))
}

#[cfg(not(feature = "local"))]
fn local(
    _file: &str,
    _folder: &Path,
    _engine: &'static dyn Engine,
) -> Result<Arc<dyn KekBackend>, Error> {
    Err(not_built_in())
}

#[cfg(feature = "recovery")]
fn recovery(path: &Path, engine: &'static dyn Engine) -> Result<Arc<dyn KekBackend>, Error> {
    Ok(Arc::new(phiseal_backends::recovery::RecoveryKek::from_file(path, engine)?))
}

#[cfg(not(feature = "recovery"))]
fn recovery(_path: &Path, _engine: &'static dyn Engine) -> Result<Arc<dyn KekBackend>, Error> {
    Err(not_built_in())
}

/// A file that is there: what opens it might make it.
#[cfg(any(feature = "local", feature = "sqlite"))]
fn existing(path: &Path) -> Result<(), Error> {
    let none = || Error::new(ErrorKind::NotFound, "there is no such file");
    if path.is_file() { Ok(()) } else { Err(none()) }
}

fn not_a_kek() -> Error {
    Error::new(ErrorKind::Invalid, "this is no address of a KEK")
}

#[cfg(not(all(
    feature = "local",
    feature = "postgres",
    feature = "recovery",
    feature = "sqlite"
)))]
fn not_built_in() -> Error {
    Error::new(ErrorKind::Unsupported, "addresses of this kind are not built in")
}
