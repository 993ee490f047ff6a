use super::base64::{decode, encode};
use super::key::is_name;
use super::{VerifierKey, malformed};
use phiseal_keys::Error;

/// What a line of signature begins with: an em dash (U+2014) and a space.
pub(super) const SIGNATURE_START: &str = "\u{2014} ";

/// The longest signature in text, its key's id included: 16 KiB, which holds any of the published types.
const MAX_BASE64: usize = 16 * 1024;

/// One line of signature: of which key it says it is, and the bytes, of whatever type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: Box<str>,
    id: [u8; 4],
    bytes: Box<[u8]>,
}

impl Signature {
    pub(super) fn of(key: &VerifierKey, bytes: &[u8; 64]) -> Self {
        Self { name: key.name().into(), id: key.id(), bytes: bytes.as_slice().into() }
    }

    /// Reads a line without its end.
    pub(super) fn parse(line: &str) -> Result<Self, Error> {
        let line = line
            .strip_prefix(SIGNATURE_START)
            .ok_or_else(|| malformed("after its last empty line a note has signatures only"))?;
        let (name, base64) =
            line.split_once(' ').ok_or_else(|| malformed("a signature has a name and a value"))?;
        if !is_name(name) {
            return Err(malformed("the name of a key has no spaces and no plus"));
        }
        let bytes = (base64.len() <= MAX_BASE64).then(|| decode(base64)).flatten();
        match bytes.as_deref().and_then(|bytes| bytes.split_first_chunk::<4>()) {
            Some((id, bytes)) if !bytes.is_empty() => {
                Ok(Self { name: name.into(), id: *id, bytes: bytes.into() })
            }
            _ => Err(malformed("a signature is base 64 of a key's id and more")),
        }
    }

    /// The name of the key that this claims to be of.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of that key.
    #[must_use]
    pub fn key_id(&self) -> [u8; 4] {
        self.id
    }

    /// The signature itself, without the key's id.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn base64(&self) -> String {
        encode(&[&self.id, &self.bytes[..]].concat())
    }
}
