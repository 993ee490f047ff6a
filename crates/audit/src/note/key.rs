use super::base64::{decode_exactly, encode};
use super::malformed;
use core::fmt;
use phiseal_keys::{Error, ErrorKind, Signer};
use phiseal_primitives::{Engine, ed25519::VerifyingKey};

/// The name of a key, which is also the origin of the log that it signs: 1 to 255 bytes without spaces or a plus.
///
/// A URL without its scheme is recommended: `clinic.example/audit`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(Box<str>);

impl KeyName {
    /// Takes the name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when it is empty, longer than 255 bytes, or holds a space, a plus or a control character.
    pub fn new(name: &str) -> Result<Self, Error> {
        if !is_name(name) {
            let message = "the name of a key is 1 to 255 bytes without spaces and without a plus";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyName({self})")
    }
}

/// A public key that verifies notes, and the name it goes by.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: [u8; 4],
    public: VerifyingKey,
}

/// The type byte of Ed25519 signatures of notes.
const ED25519: u8 = 1;

impl VerifierKey {
    /// `public` under `name`.
    #[must_use]
    pub fn new(name: KeyName, public: VerifyingKey, engine: &dyn Engine) -> Self {
        let hash = engine.sha_256(&[name.0.as_bytes(), b"\n", &[ED25519], public.as_bytes()]);
        let [a, b, c, d, ..] = hash;
        Self { name, id: [a, b, c, d], public }
    }

    /// The key of `signer` under `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Faulty`] when the signer's public key is not one that may be used.
    pub fn of(name: KeyName, signer: &dyn Signer, engine: &dyn Engine) -> Result<Self, Error> {
        let public = VerifyingKey::from_bytes(&signer.verifying_key()).map_err(|_| {
            Error::new(ErrorKind::Faulty, "the signer's public key is not a strict Ed25519 key")
        })?;
        Ok(Self::new(name, public, engine))
    }

    /// Reads `name+hex(id)+base64(type || public key)`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] when it is anything else, of another type than Ed25519, has an id that is not the key's,
    /// or a key that may not be used.
    pub fn parse(text: &str, engine: &dyn Engine) -> Result<Self, Error> {
        let wrong = || malformed("a verifier key is a name, an id and an Ed25519 key");
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let [kind, public @ ..] = decode_exactly::<33>(key).ok_or_else(wrong)?;
        if kind != ED25519 {
            return Err(wrong());
        }
        let name = KeyName::new(name).map_err(|_| wrong())?;
        let public = VerifyingKey::from_bytes(&public).map_err(|_| wrong())?;
        let key = Self::new(name, public, engine);
        if hex(key.id) != id {
            return Err(malformed("the id of a verifier key is not its key's"));
        }
        Ok(key)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// The first four bytes of `SHA-256(name || 0x0A || 0x01 || public key)`.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> &VerifyingKey {
        &self.public
    }

    pub(super) fn goes_by(&self, name: &str, id: [u8; 4]) -> bool {
        self.name() == name && self.id == id
    }
}

/// The text that [`VerifierKey::parse`] reads.
impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519], &self.public.as_bytes()[..]].concat();
        write!(f, "{}+{}+{}", self.name, hex(self.id), encode(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

pub(super) fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}
