//! Key stores and KEKs by an address in text, as a configuration or a manifest holds it.
//!
//! | address | opens | feature |
//! |---|---|---|
//! | `sqlite:keys.db` | a key store in a file | `sqlite` |
//! | `postgres://user@host/database` | a key store in a PostgreSQL database | `postgres` |
//! | `postgres://user@host/database?schema=tokens` | the same, in another schema than `phiseal_keys` | `postgres` |
//! | `local:kek.json` | a KEK in a file | `local` |
//! | `local:kek.json?passphrase-env=NAME` | the same, under the passphrase in an environment variable | `local` |
//! | `recovery:recovery.pub` | the public half of a recovery key, in a file, to escrow to | `recovery` |
//! | `pkcs11:token=clinic;object=phi?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=env:NAME` | a KEK on a token | `pkcs11` |
//! | `transit+https://bao.example:8200/transit/phi?ca=bao-ca.pem&token-file=/run/bao/token` | a key in the transit engine of an OpenBao or Vault server | `transit` |
//! | `aws-kms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab` | a key of AWS KMS | `aws-kms` |
//!
//! Files are named from a folder that the caller says. No key and no file is made: what is not there is
//! [`ErrorKind::NotFound`]. (A PostgreSQL database without a key store gets empty tables at the first call.) A kind that is
//! not built in is [`ErrorKind::Unsupported`], and the error says with which feature it would be; anything else that is no
//! address is [`ErrorKind::Invalid`].
//!
//! No secret stands in the address of a KEK: it says where a PIN, a passphrase or a token is. No error holds an address or
//! a part of one, in case somebody writes one there all the same; but the path of a file that is there.
//!
//! # Values
//!
//! In the address of a token, and behind the `?` of every KEK's, stand `name=value`, with `;` or `&` between. In a value, `%`
//! and two hexadecimal digits are a byte (RFC 3986, 2.1); `%`, `;`, `&` and `#` that mean themselves are written so. A value that
//! is empty, given twice or not among those below is refused.
//!
//! # `pkcs11:`
//!
//! A URI of RFC 7512.
//!
//! | attribute | says |
//! |---|---|
//! | `token`, or `serial` | the token, by its label or its serial number: one of the two |
//! | `object` | the label of the key |
//! | `id` | its `CKA_ID`, for a key that another tool made and whose label another key has too |
//! | `module-path`, behind `?` | the library |
//! | `pin-source`, behind `?` | where the PIN is: `file:/run/pin`, or `env:NAME`, an environment variable |
//!
//! The others of RFC 7512 are refused and not ignored: a token is found by one name, wherever it is plugged in, so that
//! `manufacturer`, `model`, `slot-id` and `library-…` say nothing more; of keys with one label `id` tells which, not `type`;
//! there is no search path for `module-name`; and `pin-value` would be a secret in the address.
//!
//! # `transit+https://`
//!
//! Behind server and port the path of the mount, and the name of the key. `transit+http://` is for a server on this machine
//! only.
//!
//! | value | says |
//! |---|---|
//! | `ca` | the PEM file of the authority that the server's certificate is from; `https` needs it |
//! | `token-env`, or `token-file` | the environment variable or the file with the token; `BAO_TOKEN` or `VAULT_TOKEN` when neither is said |
//! | `namespace` | the namespace that the mount is in |
//! | `client-cert` and `client-key` | the PEM files of the certificate that is shown to the server, and of its key |
//!
//! # `aws-kms:`
//!
//! The full ARN of a key. Credentials come from the standard chain of AWS.
//!
//! | value | says |
//! |---|---|
//! | `profile` | another profile of the shared configuration files than the default one |
//! | `endpoint` | another endpoint than that of the key's region: `https`, or on this machine |

#[cfg(feature = "aws-kms")]
mod aws_kms;
#[cfg(feature = "pkcs11")]
mod pkcs11;
#[cfg(test)]
mod tests;
#[cfg(feature = "transit")]
mod transit;
#[cfg(any(feature = "aws-kms", feature = "local", feature = "pkcs11", feature = "transit"))]
mod values;

use phiseal_keys::{Error, ErrorKind, KekBackend, Store};
use phiseal_primitives::Engine;
use std::path::Path;
use std::sync::Arc;

/// The key store at `address`. It is not connected to yet.
///
/// # Errors
///
/// As the [module](self) says; and what opening it answers.
#[cfg_attr(not(feature = "sqlite"), allow(unused_variables, reason = "the folder is for files"))]
pub fn store(address: &str, folder: &Path) -> Result<Arc<dyn Store>, Error> {
    match address.split_once(':') {
        #[cfg(feature = "sqlite")]
        Some(("sqlite", file)) => sqlite(&folder.join(file)),
        #[cfg(feature = "postgres")]
        Some(("postgres" | "postgresql", _)) => {
            let (url, schema) = without_schema(address)?;
            let store = phiseal_stores::PostgresStore::new(&url)?;
            Ok(Arc::new(match schema {
                Some(schema) => store.with_schema(schema)?,
                None => store,
            }))
        }
        Some((kind, _)) => Err(unknown(kind, &STORES, "this is no address of a key store")),
        None => Err(wrong("this is no address of a key store")),
    }
}

/// The URL without the one parameter that is not PostgreSQL's, and what that says.
#[cfg(feature = "postgres")]
fn without_schema(address: &str) -> Result<(String, Option<&str>), Error> {
    let Some((url, query)) = address.split_once('?') else { return Ok((address.to_owned(), None)) };
    let (ours, theirs): (Vec<&str>, Vec<&str>) =
        query.split('&').partition(|parameter| parameter.starts_with("schema="));
    let schema = match ours.as_slice() {
        [] => return Ok((address.to_owned(), None)),
        [schema] => schema.strip_prefix("schema="),
        [_, _, ..] => return Err(wrong("a schema is named twice")),
    };
    let url = match theirs.as_slice() {
        [] => url.to_owned(),
        theirs => format!("{url}?{}", theirs.join("&")),
    };
    Ok((url, schema))
}

/// The KEK at `address`.
///
/// No server is called yet; but a module of PKCS#11 is loaded, its token logged in to and the key found, which blocks.
///
/// # Errors
///
/// As the [module](self) says; and what opening it answers.
#[cfg_attr(
    not(any(feature = "local", feature = "pkcs11", feature = "recovery")),
    allow(unused_variables, reason = "folder and engine are for what is on this machine")
)]
pub fn kek(
    address: &str,
    folder: &Path,
    engine: &'static dyn Engine,
) -> Result<Arc<dyn KekBackend>, Error> {
    match address.split_once(':') {
        #[cfg(feature = "aws-kms")]
        Some(("aws-kms", key)) => aws_kms::open(key),
        #[cfg(feature = "local")]
        Some(("local", file)) => local(file, folder, engine),
        #[cfg(feature = "pkcs11")]
        Some(("pkcs11", uri)) => pkcs11::open(uri, folder, engine),
        #[cfg(feature = "recovery")]
        Some(("recovery", file)) => {
            let path = folder.join(file);
            Ok(Arc::new(phiseal_backends::recovery::RecoveryKek::from_file(path, engine)?))
        }
        #[cfg(feature = "transit")]
        Some((scheme @ ("transit+https" | "transit+http"), rest)) => {
            transit::open(scheme, rest, folder)
        }
        Some((kind, _)) => Err(unknown(kind, &KEKS, "this is no address of a KEK")),
        None => Err(wrong("this is no address of a KEK")),
    }
}

/// How addresses of key stores begin, and what is said of one that is not built in.
const STORES: [(&str, &str); 3] = [
    ("sqlite", "stores in SQLite are not built in: build with the feature sqlite"),
    ("postgres", "stores in PostgreSQL are not built in: build with the feature postgres"),
    ("postgresql", "stores in PostgreSQL are not built in: build with the feature postgres"),
];

/// How addresses of KEKs begin, and what is said of one that is not built in.
const KEKS: [(&str, &str); 6] = [
    ("aws-kms", "keys of AWS KMS are not built in: build with the feature aws-kms"),
    ("local", "KEKs in files are not built in: build with the feature local"),
    ("pkcs11", "KEKs on tokens are not built in: build with the feature pkcs11"),
    ("recovery", "recovery keys are not built in: build with the feature recovery"),
    ("transit+https", "transit keys are not built in: build with the feature transit"),
    ("transit+http", "transit keys are not built in: build with the feature transit"),
];

/// What is wrong with an address of this kind, which nothing opens.
#[cold]
fn unknown(kind: &str, kinds: &[(&str, &'static str)], no_address: &'static str) -> Error {
    match kinds.iter().find(|(known, _)| *known == kind) {
        Some((_, message)) => Error::new(ErrorKind::Unsupported, message),
        None => wrong(no_address),
    }
}

#[cold]
fn wrong(message: &'static str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(feature = "sqlite")]
fn sqlite(path: &Path) -> Result<Arc<dyn Store>, Error> {
    existing(path)?;
    Ok(Arc::new(phiseal_stores::SqliteStore::open(path)?))
}

#[cfg(feature = "local")]
fn local(
    text: &str,
    folder: &Path,
    engine: &'static dyn Engine,
) -> Result<Arc<dyn KekBackend>, Error> {
    use phiseal_backends::local::{LocalKek, Passphrase};
    let (file, query) = text.split_once('?').unwrap_or((text, ""));
    let mut values = values::Values::of(query, '&')?;
    let variable = values.take("passphrase-env")?;
    values.end("a KEK in a file has no such value: passphrase-env is the only one")?;
    let path = folder.join(file);
    existing(&path)?;
    Ok(Arc::new(match variable {
        None => LocalKek::open(path, engine)?,
        Some(name) => LocalKek::open_with_passphrase(path, &Passphrase::from_env(&name)?, engine)?,
    }))
}

/// A file that is there: what opens it might make it, or show its path.
#[cfg(any(feature = "local", feature = "pkcs11", feature = "sqlite"))]
fn existing(path: &Path) -> Result<(), Error> {
    let none = || Error::new(ErrorKind::NotFound, "there is no such file");
    if path.is_file() { Ok(()) } else { Err(none()) }
}
