//! The passphrase of a key file.

use super::file;
use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::argon2id::MAX_INPUT;
use std::env::{self, VarError};
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

/// What a key file is encrypted under: zeroed on drop, never printed.
///
/// ```
/// use phiseal_backends::local::Passphrase;
///
/// let passphrase = Passphrase::from_bytes(b"correct horse battery staple".to_vec())?;
/// assert_eq!(format!("{passphrase:?}"), "Passphrase");
/// # Ok::<(), phiseal_keys::Error>(())
/// ```
pub struct Passphrase(Zeroizing<Vec<u8>>);

/// SP 800-63B-4, 3.1.1.2: a password that is used alone.
const SHORTEST_NEW: usize = 15;

impl Passphrase {
    /// These bytes, 1 to 4,096 of them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for none or more.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, Error> {
        let bytes = Zeroizing::new(bytes);
        match bytes.len() {
            1..=MAX_INPUT => Ok(Self(bytes)),
            _ => Err(Error::new(ErrorKind::Invalid, "a passphrase has 1 to 4,096 bytes")),
        }
    }

    /// The value of the environment variable `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none, [`ErrorKind::Malformed`] when it is not UTF-8, and those of
    /// [`Passphrase::from_bytes`].
    pub fn from_env(name: &str) -> Result<Self, Error> {
        Self::from_bytes(variable(name)?.into_bytes())
    }

    /// The contents of a file without one line end at their end. The file is as private as a key file must be.
    ///
    /// # Errors
    ///
    /// Those of reading a key file ([`LocalKek::open`](super::LocalKek::open)), and those of [`Passphrase::from_bytes`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let (mut bytes, _) = file::read(path.as_ref())?;
        let length = bytes
            .strip_suffix(b"\n")
            .map_or(bytes.len(), |line| line.strip_suffix(b"\r").unwrap_or(line).len());
        bytes.truncate(length);
        Self::from_bytes(core::mem::take(&mut *bytes))
    }

    pub(super) fn expose_secret(&self) -> &[u8] {
        &self.0
    }

    /// Refuses to protect a new file under a passphrase that could be guessed.
    pub(super) fn check_length(&self) -> Result<(), Error> {
        if self.0.len() >= SHORTEST_NEW {
            Ok(())
        } else {
            Err(Error::new(
                ErrorKind::Invalid,
                "the passphrase of a new key file has at least 15 bytes",
            ))
        }
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

/// The value of an environment variable, to be wiped by the caller.
pub(super) fn variable(name: &str) -> Result<String, Error> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Error::new(ErrorKind::Invalid, "no environment variable can have this name"));
    }
    env::var(name).map_err(|error| match error {
        VarError::NotPresent => {
            Error::new(ErrorKind::NotFound, "the environment variable is not set")
        }
        VarError::NotUnicode(value) => {
            value.into_encoded_bytes().zeroize();
            Error::new(ErrorKind::Malformed, "the environment variable is not text")
        }
    })
}
