//! A wrap as the server writes it: `vault:v7:` and base64 of nonce, ciphertext and tag.

use super::error::senseless;
use base64ct::{Base64, Encoding};
use phiseal_format::{KekId, KekVersion, WrapAlgorithm, WrappedKey};
use phiseal_keys::{Error, ErrorKind};

/// The longest text there is: ten digits for the version.
pub(super) const MAX: usize = "vault:v:".len() + 10 + BASE64;

/// AES-256-GCM of 32 bytes: nonce 12, ciphertext 32, tag 16.
const BYTES: usize = 60;
const BASE64: usize = BYTES / 3 * 4;

/// A wrap that a server may have made, in the one form it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ciphertext<'a> {
    text: &'a str,
    version: u32,
}

impl<'a> Ciphertext<'a> {
    /// Reads the text strictly: each wrap has one.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (digits, base64) = text.strip_prefix("vault:v")?.split_once(':')?;
        let canonical =
            digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        let version = digits.parse().ok().filter(|_| canonical)?;
        let mut bytes = [0; BYTES];
        let whole = base64.len() == BASE64 && Base64::decode(base64, &mut bytes).is_ok();
        whole.then_some(Self { text, version })
    }

    /// The text inside a wrapped key, which must name the version that the label does.
    pub(super) fn of(wrapped: &'a WrappedKey) -> Result<Self, Error> {
        let text = str::from_utf8(wrapped.wrapped()).ok();
        text.filter(|_| wrapped.algorithm() == WrapAlgorithm::Service)
            .and_then(Self::parse)
            .filter(|it| it.version() == wrapped.kek_version())
            .ok_or_else(|| Error::new(ErrorKind::Malformed, "malformed bytes"))
    }

    /// The text of an answer.
    pub(super) fn answered(text: &'a str) -> Result<Self, Error> {
        Self::parse(text).ok_or_else(senseless)
    }

    pub(super) const fn text(self) -> &'a str {
        self.text
    }

    pub(super) const fn version(self) -> KekVersion {
        KekVersion(self.version)
    }

    pub(super) fn wrapped(self, id: &KekId) -> Result<WrappedKey, Error> {
        let bytes = self.text.as_bytes().to_vec();
        Ok(WrappedKey::new(WrapAlgorithm::Service, id.clone(), self.version(), bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "vault:v12:c9uy+Ka5+LYXPESJnmwB2nUL07Ylpt9uEhSBnzR8vGcHfVR7dL1+lpz9yfHYo0jXwRiM/lTa5jd0/4WJ";

    #[test]
    fn one_text_for_each_wrap() {
        let good = Ciphertext::parse(GOOD).unwrap();
        assert_eq!((good.version(), good.text()), (KekVersion(12), GOOD));
        let longest = GOOD.replace("12", "4294967295");
        assert_eq!(Ciphertext::parse(&longest).map(|it| it.text().len()), Some(MAX));
        let bad = [
            GOOD.replace("v12", "v012"),
            GOOD.replace("v12", "v0"),
            GOOD.replace("v12", "v"),
            GOOD.replace("v12", "v+12"),
            GOOD.replace("v12", "v4294967296"),
            GOOD.replace("vault", "bao"),
            GOOD.replace("vault", "Vault"),
            GOOD.replace(":v12:", ":v12::"),
            GOOD.replace('+', "-"),
            GOOD.replace("4WJ", "4W="),
            format!("{GOOD} "),
            format!("{GOOD}AAAA"),
            GOOD[..GOOD.len() - 4].to_owned(),
            format!(" {GOOD}"),
            String::new(),
            "vault:v1:".to_owned(),
        ];
        for text in bad {
            assert_eq!(Ciphertext::parse(&text), None, "{text}");
        }
    }
}
