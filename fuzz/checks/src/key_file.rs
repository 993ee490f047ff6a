//! Key files of the local backend.

use std::error::Error as _;
use std::fs::{File, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use phiseal::backends::local::{Cost, LocalKek, Passphrase};
use phiseal::{EncryptionContext, EnvironmentId, Error, ErrorKind, default_engine};
use pollster::block_on;
use serde_json::Value;

use crate::key_document::{KeyDocument, PASSPHRASE, cost};

/// Opens a file that holds the input, without a passphrase and with one. What opens has the MAC that belongs to it, and
/// the KEK that comes of it works. A cost that is out of bounds is refused as such, before a key is derived at it; an
/// error quotes no key.
pub fn key_file(data: &[u8]) -> bool {
    FILE.with(|file| {
        file.write(data);
        check(data, file)
    })
}

thread_local! {
    static FILE: AnonymousFile = AnonymousFile::new();
}

/// What a derivation may cost here, in KiB times passes. More is within the bounds, but not for a million inputs.
const AFFORDABLE: u64 = 256;

fn check(data: &[u8], opener: &dyn Opener) -> bool {
    let plain = opener.open();
    let opened = outcome(data, &plain);
    let asked_for = asked_for(data);
    if asked_for == Asked::TooMuchForThisTarget {
        assert!(!opened, "a file with a passphrase was opened without it");
        return false;
    }
    let passphrase = Passphrase::from_bytes(PASSPHRASE.to_vec()).unwrap();
    let protected = opener.open_with_passphrase(&passphrase);
    let opened_with_passphrase = outcome(data, &protected);
    if asked_for == Asked::OutOfBounds {
        let kind = protected.as_ref().map(drop).map_err(Error::kind);
        let refusals = [ErrorKind::Malformed, ErrorKind::Unsupported, ErrorKind::Invalid];
        assert!(kind.is_err_and(|kind| refusals.contains(&kind)), "{asked_for:?}: {kind:?}");
    }
    match (plain, protected) {
        (Ok(_), protected) => assert_eq!(protected.unwrap_err().kind(), ErrorKind::Invalid),
        (plain, Ok(_)) => assert_eq!(plain.unwrap_err().kind(), ErrorKind::Denied),
        _ => {}
    }
    opened || opened_with_passphrase
}

/// What a file asks for to derive the key that protects the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Nothing, or nothing that can be understood, or little.
    Affordable,
    /// More than this target has time for.
    TooMuchForThisTarget,
    /// Less or more than any file may ask for.
    OutOfBounds,
}

fn asked_for(data: &[u8]) -> Asked {
    let value: Value = serde_json::from_slice(data).unwrap_or_default();
    let Some(Cost { memory_kib, passes, lanes }) = cost(&value["passphrase"]) else {
        return Asked::Affordable;
    };
    // As the documentation of `Cost` says.
    let least = lanes.saturating_mul(8);
    if !(1..=16).contains(&lanes)
        || !(1..=16).contains(&passes)
        || !(least..=1_048_576).contains(&memory_kib)
    {
        Asked::OutOfBounds
    } else if u64::from(memory_kib) * u64::from(passes) > AFFORDABLE {
        Asked::TooMuchForThisTarget
    } else {
        Asked::Affordable
    }
}

/// Whether the file opened, which must be right.
fn outcome(data: &[u8], opened: &Result<LocalKek, Error>) -> bool {
    match opened {
        Ok(kek) => {
            assert!(KeyDocument::is_authentic(data), "a file was opened that is not authentic");
            assert_works(data, kek);
            true
        }
        Err(error) => {
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::Malformed
                        | ErrorKind::Unsupported
                        | ErrorKind::Denied
                        | ErrorKind::Invalid
                        | ErrorKind::Unauthenticated
                ),
                "{error:?}"
            );
            assert_quotes_no_key(data, error);
            false
        }
    }
}

/// The KEK is the one in the file, and its newest version wraps if it is active.
fn assert_works(data: &[u8], kek: &LocalKek) {
    let value: Value = serde_json::from_slice(data).unwrap();
    let newest = value["versions"].as_array().unwrap().last().unwrap();
    let info = block_on(phiseal::KekBackend::describe(kek)).unwrap();
    assert_eq!(info.id.as_str().strip_prefix("local:"), value["id"].as_str());
    assert_eq!(Some(u64::from(info.current.0)), newest["version"].as_u64());

    let context = EncryptionContext::store_key(&EnvironmentId::from_bytes([7; 16]));
    match block_on(phiseal::KekBackend::generate_key(kek, &context)) {
        Ok(generated) => {
            assert_eq!(newest["state"], "active");
            let unwrapped = phiseal::KekBackend::unwrap_key(kek, &generated.wrapped, &context);
            let key = block_on(unwrapped).unwrap().key;
            assert_eq!(key.expose_secret(), generated.key.expose_secret());
        }
        Err(error) => {
            assert_ne!(newest["state"], "active");
            assert_eq!(error.kind(), ErrorKind::State);
        }
    }
}

/// Nothing that may be half of a key is in an error, or in what caused it.
fn assert_quotes_no_key(data: &[u8], error: &Error) {
    let mut said = format!("{error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        said.push_str(&format!("{cause} {cause:?}"));
        source = cause.source();
    }
    for run in data.split(|byte| !byte.is_ascii_hexdigit()).filter(|run| run.len() >= 32) {
        let half = str::from_utf8(&run[..32]).unwrap();
        assert!(!said.contains(half), "an error quotes a key");
    }
}

/// A file that has no name but one under `/proc`, in memory where the system has a place for that. It is private to this
/// user, and gone with the process.
pub(crate) struct AnonymousFile {
    file: File,
    path: PathBuf,
}

impl AnonymousFile {
    pub(crate) fn new() -> Self {
        let file = tempfile::tempfile_in("/dev/shm").or_else(|_| tempfile::tempfile()).unwrap();
        file.set_permissions(Permissions::from_mode(0o600)).unwrap();
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        Self { file, path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces what is in it.
    pub(crate) fn write(&self, bytes: &[u8]) {
        self.file.set_len(u64::try_from(bytes.len()).unwrap()).unwrap();
        self.file.write_all_at(bytes, 0).unwrap();
    }
}

/// The two ways in which a key file opens; the seam at which tests put broken ones.
trait Opener {
    fn open(&self) -> Result<LocalKek, Error>;
    fn open_with_passphrase(&self, passphrase: &Passphrase) -> Result<LocalKek, Error>;
}

impl Opener for AnonymousFile {
    fn open(&self) -> Result<LocalKek, Error> {
        LocalKek::open(&self.path, default_engine())
    }

    fn open_with_passphrase(&self, passphrase: &Passphrase) -> Result<LocalKek, Error> {
        LocalKek::open_with_passphrase(&self.path, passphrase, default_engine())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{must_panic, seeds};

    /// Opens another file than the one that holds the input, or says what it is told to.
    struct Broken {
        other: AnonymousFile,
        says: Option<(ErrorKind, &'static str)>,
    }

    impl Broken {
        fn opens(bytes: &[u8]) -> Self {
            let other = AnonymousFile::new();
            other.write(bytes);
            Self { other, says: None }
        }

        fn says(kind: ErrorKind, message: &'static str) -> Self {
            Self { says: Some((kind, message)), ..Self::opens(b"") }
        }
    }

    impl Opener for Broken {
        fn open(&self) -> Result<LocalKek, Error> {
            match self.says {
                Some((kind, message)) => Err(Error::new(kind, message)),
                None => self.other.open(),
            }
        }

        fn open_with_passphrase(&self, passphrase: &Passphrase) -> Result<LocalKek, Error> {
            match self.says {
                Some((kind, message)) => Err(Error::new(kind, message)),
                None => self.other.open_with_passphrase(passphrase),
            }
        }
    }

    fn seed(name: &str) -> Vec<u8> {
        seeds::bytes("key_file", name)
    }

    #[test]
    fn a_backend_that_opens_what_is_not_authentic_is_noticed() {
        for (good, bad) in
            [("valid-plain", "refused-plain-mac"), ("valid-passphrase", "refused-passphrase-state")]
        {
            assert!(key_file(&seed(good)));
            assert!(!key_file(&seed(bad)));
            must_panic(|| check(&seed(bad), &Broken::opens(&seed(good))));
        }
        must_panic(|| check(&seed("valid-every-state"), &Broken::opens(&seed("valid-plain"))));
    }

    #[test]
    fn a_cost_that_is_not_refused_as_such_is_noticed() {
        let hostile = ["refused-memory", "refused-passes", "refused-lanes", "refused-no-memory"];
        for name in hostile {
            let data = seed(name);
            assert_eq!(asked_for(&data), Asked::OutOfBounds, "{name}");
            let file = AnonymousFile::new();
            file.write(&data);
            let passphrase = Passphrase::from_bytes(PASSPHRASE.to_vec()).unwrap();
            let refused = file.open_with_passphrase(&passphrase);
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid, "{name}");
            // What comes of a derivation that was begun: no memory, or a key that is not the right one.
            for kind in [ErrorKind::Faulty, ErrorKind::Unauthenticated] {
                must_panic(|| check(&data, &Broken::says(kind, "refused")));
            }
        }
        assert_eq!(asked_for(&seed("refused-default-cost")), Asked::TooMuchForThisTarget);
    }

    #[test]
    fn an_error_that_quotes_a_key_is_noticed() {
        let data = seed("refused-plain-mac");
        let text = str::from_utf8(&data).unwrap();
        let key = text.split_once("\"key\": \"").unwrap().1[..64].to_owned();
        let quoting: &'static str = Box::leak(format!("not a key: {key}").into_boxed_str());
        assert!(!check(&data, &Broken::says(ErrorKind::Malformed, "not a key file")));
        must_panic(|| check(&data, &Broken::says(ErrorKind::Malformed, quoting)));
    }
}
