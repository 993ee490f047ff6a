//! Signed notes: text that one or more keys have signed (c2sp.org/signed-note), with Ed25519 keys.
//!
//! ```text
//! This is an example message.
//!
//! — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
//! ```
//!
//! ```
//! use phiseal_audit::note::{Note, VerifierKey};
//! use phiseal_primitives::default_engine;
//!
//! let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
//! let key = VerifierKey::parse(key, default_engine())?;
//! let note = Note::parse("This is an example message.\n\n— example.com/foo \
//!     Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n".as_bytes())?;
//! assert_eq!(note.verify(&[key])?.len(), 1);
//! # Ok::<(), phiseal_keys::Error>(())
//! ```

mod base64;
mod key;
mod signature;

pub(crate) use self::base64::{decode_exactly, encode};
pub use self::key::{KeyName, VerifierKey};
pub use self::signature::Signature;

use core::fmt;
use phiseal_keys::{Error, ErrorKind, Signer};
use signature::SIGNATURE_START;

/// The longest note, signatures included: 1 MiB.
pub const MAX_NOTE: usize = 1 << 20;

/// The most signatures on one note.
pub const MAX_SIGNATURES: usize = 100;

/// A text and its signatures, none of them verified yet.
///
/// # Security
///
/// The text means nothing before [`Note::verify`] has returned the keys that signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: Box<str>,
    signatures: Vec<Signature>,
}

impl Note {
    /// A text that nobody has signed yet; it ends in a line end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] when it does not, when it holds a control character other than line ends, or when it leaves
    /// no room for signatures within [`MAX_NOTE`].
    pub fn new(text: &str) -> Result<Self, Error> {
        let sound = text.ends_with('\n') && text.len() <= MAX_NOTE / 2 && is_plain(text);
        if !sound {
            return Err(malformed("a note's text is lines of at most 512 KiB in all"));
        }
        Ok(Self { text: text.into(), signatures: Vec::new() })
    }

    /// Reads a note with at least one signature.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] when it is longer than [`MAX_NOTE`], has more than [`MAX_SIGNATURES`], is not UTF-8, holds
    /// a control character, or has no line of signature, or one that is none, after its last empty line.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_NOTE {
            return Err(malformed("a note is at most 1 MiB long"));
        }
        let note = str::from_utf8(bytes).map_err(|_| malformed("a note is UTF-8"))?;
        if !is_plain(note) {
            return Err(malformed("a note holds no control characters"));
        }
        let (text, lines) =
            note.rsplit_once("\n\n").ok_or_else(|| malformed("a note has signatures"))?;
        let text = note.get(..=text.len()).unwrap_or_default();
        let lines = lines
            .strip_suffix('\n')
            .ok_or_else(|| malformed("a note's last line is a signature and has an end"))?;
        if lines.split('\n').count() > MAX_SIGNATURES {
            return Err(malformed("a note has at most 100 signatures"));
        }
        let signatures = lines.split('\n').map(Signature::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.into(), signatures })
    }

    /// The text, with its last line end.
    ///
    /// # Security
    ///
    /// It is not to be acted upon, nor shown as if it were true, before [`Note::verify`] has returned.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in the order of their lines.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Adds the signature of `signer`, whose key goes by `key` with those who verify.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when `key` is not the signer's, or the note has [`MAX_SIGNATURES`] already,
    /// [`ErrorKind::Faulty`] when the signer returns a signature that its own key does not verify, and what it fails with.
    pub async fn sign(&mut self, key: &VerifierKey, signer: &dyn Signer) -> Result<(), Error> {
        if signer.verifying_key() != *key.public_key().as_bytes() {
            return Err(Error::new(ErrorKind::Invalid, "the signer has another key"));
        }
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(Error::new(ErrorKind::Invalid, "a note has at most 100 signatures"));
        }
        let bytes = signer.sign(self.text.as_bytes()).await?;
        key.public_key().verify(self.text.as_bytes(), &bytes).map_err(|_| {
            Error::new(ErrorKind::Faulty, "the signer's signature does not verify under its key")
        })?;
        self.signatures.push(Signature::of(key, &bytes));
        Ok(())
    }

    /// This note with the signatures of `other`, another copy of it, that it does not have yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when that is another text, or for more than [`MAX_SIGNATURES`].
    pub fn merged(mut self, other: &Self) -> Result<Self, Error> {
        if self.text != other.text {
            return Err(Error::new(ErrorKind::Invalid, "a note of another text"));
        }
        for signature in &other.signatures {
            if !self.signatures.contains(signature) {
                self.signatures.push(signature.clone());
            }
        }
        if self.signatures.len() > MAX_SIGNATURES {
            return Err(Error::new(ErrorKind::Invalid, "a note has at most 100 signatures"));
        }
        Ok(self)
    }

    /// Which of `keys` have signed this text: each at most once, in their own order, and never none.
    ///
    /// Signatures of keys that are not among `keys` are passed over. Whoever counts signatures toward a threshold counts
    /// distinct *public keys and people*: the same public key under two names is two keys here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unauthenticated`] when a signature that names one of `keys` is not its signature of this text, or when
    /// none of them has signed; [`ErrorKind::Invalid`] when two of `keys` have one name and one id.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, Error> {
        let twice = |(at, key): (usize, &VerifierKey)| {
            keys.iter().take(at).any(|earlier| earlier.goes_by(key.name(), key.id()))
        };
        if keys.iter().enumerate().any(twice) {
            return Err(Error::new(ErrorKind::Invalid, "two keys have one name and one id"));
        }
        let mut signed = vec![false; keys.len()];
        for signature in &self.signatures {
            for (key, signed) in keys.iter().zip(&mut signed) {
                if key.goes_by(signature.name(), signature.key_id()) {
                    self.check(key, signature)?;
                    *signed = true;
                }
            }
        }
        let signers: Vec<_> =
            keys.iter().zip(signed).filter_map(|(key, signed)| signed.then_some(key)).collect();
        if signers.is_empty() {
            return Err(Error::new(ErrorKind::Unauthenticated, "no known key has signed the note"));
        }
        Ok(signers)
    }

    fn check(&self, key: &VerifierKey, signature: &Signature) -> Result<(), Error> {
        let forged =
            || Error::new(ErrorKind::Unauthenticated, "a signature of the note is not its key's");
        let bytes = signature.bytes().try_into().map_err(|_| forged())?;
        key.public_key().verify(self.text.as_bytes(), bytes).map_err(|_| forged())
    }
}

/// The note as it is stored and sent.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| {
            writeln!(f, "{SIGNATURE_START}{} {}", signature.name(), signature.base64())
        })
    }
}

/// Whether no character is an ASCII control character other than a line end. (The published form bans those below U+0020.)
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte >= b' ' || byte == b'\n')
}

fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

#[cfg(test)]
mod tests;
