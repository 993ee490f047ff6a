//! Where the PIN of a token comes from.

use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use std::env::{self, VarError};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// Where the PIN of a token comes from: the environment, a file, a file descriptor or a callback; never an argument of a
/// program, which every user of the machine can read.
///
/// It is asked for at each login: when a token is opened, and when it has forgotten that the user is logged in. The PIN
/// itself is wiped as soon as the token has it; only one from a descriptor, which can be read once, is kept.
///
/// ```
/// use phiseal_backends::pkcs11::Pin;
///
/// let pin = Pin::from_env("CLINIC_HSM_PIN");
/// assert_eq!(format!("{pin:?}"), "Pin(from the environment)");
/// ```
#[derive(Clone)]
pub struct Pin(Source);

#[derive(Clone)]
enum Source {
    Environment(String),
    File(PathBuf),
    Kept(Arc<Zeroizing<Vec<u8>>>),
    Callback(Arc<Callback>),
    /// The token has a keypad of its own.
    PinPad,
}

type Callback = dyn Fn() -> Result<Zeroizing<Vec<u8>>, Error> + Send + Sync;

/// The longest PIN, in bytes: some services join a user's name and a password.
const LONGEST: usize = 255;

impl Pin {
    /// From this environment variable.
    #[must_use]
    pub fn from_env(name: &str) -> Self {
        Self(Source::Environment(name.to_owned()))
    }

    /// From this file, without one line end at its end. Nobody but its owner may write it, and others than its owner and
    /// group may not read it.
    #[must_use]
    pub fn from_file(path: impl AsRef<Path>) -> Self {
        Self(Source::File(path.as_ref().to_path_buf()))
    }

    /// From an open file, a pipe or a socket, to its end, now; without one line end at its end. `File::from(OwnedFd)`
    /// makes one of a descriptor that this process was given.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when it cannot be read, [`ErrorKind::Invalid`] for an empty or an overlong PIN.
    pub fn from_fd(file: File) -> Result<Self, Error> {
        Ok(Self(Source::Kept(Arc::new(read_to_end(file)?))))
    }

    /// From what this function returns, each time.
    #[must_use]
    pub fn from_callback(
        ask: impl Fn() -> Result<Zeroizing<Vec<u8>>, Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Source::Callback(Arc::new(ask)))
    }

    /// Typed in on the token itself (`CKF_PROTECTED_AUTHENTICATION_PATH`).
    #[must_use]
    pub const fn from_pin_pad() -> Self {
        Self(Source::PinPad)
    }

    /// The PIN, or nothing when the token asks for it itself.
    pub(super) fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let pin = match &self.0 {
            Source::Environment(name) => variable(name)?,
            Source::File(path) => read_file(path)?,
            Source::Kept(pin) => Zeroizing::new(pin.to_vec()),
            Source::Callback(ask) => ask()?,
            Source::PinPad => return Ok(None),
        };
        check_length(pin).map(Some)
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Source::Environment(_) => "Pin(from the environment)",
            Source::File(_) => "Pin(from a file)",
            Source::Kept(_) => "Pin(from a descriptor)",
            Source::Callback(_) => "Pin(from a callback)",
            Source::PinPad => "Pin(from the token's keypad)",
        })
    }
}

fn check_length(pin: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, Error> {
    match pin.len() {
        1..=LONGEST => Ok(pin),
        0 => Err(Error::new(ErrorKind::Invalid, "the PIN is empty")),
        _ => Err(Error::new(ErrorKind::Invalid, "the PIN is over 255 bytes long")),
    }
}

fn variable(name: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(Error::new(ErrorKind::Invalid, "no environment variable can have this name"));
    }
    match env::var(name) {
        Ok(value) => Ok(Zeroizing::new(value.into_bytes())),
        Err(VarError::NotPresent) => {
            let message = "the environment variable with the PIN is not set";
            Err(Error::new(ErrorKind::NotFound, message).with_source(name.to_owned()))
        }
        Err(VarError::NotUnicode(value)) => Ok(Zeroizing::new(value.into_encoded_bytes())),
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let at = |kind, message| Error::new(kind, message).with_source(path.display().to_string());
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => at(ErrorKind::NotFound, "there is no file with the PIN"),
        std::io::ErrorKind::PermissionDenied => {
            at(ErrorKind::Denied, "the file with the PIN cannot be read by this user")
        }
        _ => at(ErrorKind::Unavailable, "the file with the PIN cannot be read"),
    })?;
    let facts = file
        .metadata()
        .map_err(|_| at(ErrorKind::Unavailable, "the file with the PIN cannot be read"))?;
    if is_open_to_others(&facts) {
        return Err(at(
            ErrorKind::Denied,
            "the file with the PIN can be read or changed by others: take those rights away",
        ));
    }
    read_to_end(file)
}

#[cfg(unix)]
fn is_open_to_others(facts: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    // Secrets that a cluster mounts are often readable by the group that the process runs in.
    facts.permissions().mode() & 0o027 != 0
}

#[cfg(not(unix))]
const fn is_open_to_others(_: &std::fs::Metadata) -> bool {
    false
}

/// Everything up to the end, without one line end.
fn read_to_end(file: File) -> Result<Zeroizing<Vec<u8>>, Error> {
    // Room for all of it from the start, so that no part is left in memory that was grown out of.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST + 3));
    let mut buffer = Zeroizing::new([0_u8; LONGEST + 3]);
    let mut file = file;
    loop {
        let read = file.read(&mut buffer[..]).map_err(|_| {
            Error::new(ErrorKind::Unavailable, "the PIN cannot be read from its file")
        })?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        if bytes.len().saturating_add(read) > LONGEST + 2 {
            return Err(Error::new(ErrorKind::Invalid, "the PIN is over 255 bytes long"));
        }
        bytes.extend_from_slice(part);
    }
    let length = bytes
        .strip_suffix(b"\n")
        .map_or(bytes.len(), |line| line.strip_suffix(b"\r").unwrap_or(line).len());
    if let Some(end) = bytes.get_mut(length..) {
        end.zeroize();
    }
    bytes.truncate(length);
    check_length(bytes)
}
