//! One share of a recovery key, as it stands on paper.

use super::text::{Mistakes, checked, malformed, with_checksum};
use crate::hex;
use core::fmt;
use phiseal_keys::{Error, Secret};
use phiseal_primitives::{Engine, shamir};
use zeroize::Zeroizing;

/// One share of a recovery key. Any one alone says nothing about the key; as many as the threshold are the key.
///
/// In locked memory, wiped when dropped, never printed: [`Share::expose_text`] is its one door.
pub struct Share {
    engine: &'static dyn Engine,
    pub(super) set: SetId,
    pub(super) threshold: u8,
    pub(super) index: u8,
    value: Secret,
}

/// Which shares belong together, and to which key: random, then bound to threshold and public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct SetId([u8; 16]);

const PREFIX: &str = "phiseal-share1-";
const SET_LABEL: &[u8] = b"phiseal/v1 recovery set\x00";

impl Share {
    /// The share in this line, as [`Share::expose_text`] printed it. Whoever calls wipes the line.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`](phiseal_keys::ErrorKind::Malformed), and a sentence that says what is wrong: the prefix, the
    /// checksum, the shape, the threshold or the index. [`ErrorKind::Memory`](phiseal_keys::ErrorKind::Memory).
    pub fn parse(text: &str, engine: &'static dyn Engine) -> Result<Self, Error> {
        const MISTAKES: Mistakes = Mistakes {
            prefix: "not a share of a recovery key: it does not begin with phiseal-share1-",
            shape: "a share of another shape than it has",
            checksum: "a character of the share is wrong: its checksum does not match",
        };
        let shape = || malformed(MISTAKES.shape);
        let body = checked(engine, text, PREFIX, MISTAKES)?;
        let mut parts = body.split('-');
        let mut next = || parts.next().ok_or_else(shape);
        let (set_text, threshold, index, digits) = (next()?, next()?, next()?, next()?);
        if parts.next().is_some() {
            return Err(shape());
        }
        let mut set = [0; 16];
        hex::parse(set_text, &mut set).map_err(|_| shape())?;
        let threshold = number(threshold)
            .filter(|number| (shamir::MIN_THRESHOLD..=shamir::MAX_SHARES).contains(number))
            .ok_or_else(|| malformed("a share's threshold is 2 to 16"))?;
        let index = number(index)
            .filter(|number| (1..=shamir::MAX_SHARES).contains(number))
            .ok_or_else(|| malformed("a share's index is 1 to 16"))?;
        let value = Secret::filled(|out| hex::parse(digits, out).map_err(|_| shape()))?;
        Ok(Self { engine, set: SetId(set), threshold, index, value })
    }

    /// The line for paper. It is a part of the key: print it, seal it, wipe it.
    #[must_use]
    pub fn expose_text(&self) -> Zeroizing<String> {
        let (set, value) = (hex::text(&self.set.0), hex::text(self.value.expose_secret()));
        let numbers = format!("-{}-{}-", self.threshold, self.index);
        with_checksum(self.engine, &[PREFIX, &set, &numbers, &value])
    }

    /// How many shares of the set give the key back.
    #[must_use]
    pub const fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Which share of the set it is, from 1.
    #[must_use]
    pub const fn index(&self) -> u8 {
        self.index
    }

    /// The set it belongs to, in hex: no secret. Shares go together when this is the same.
    #[must_use]
    pub fn set(&self) -> String {
        hex::text(&self.set.0).to_string()
    }

    pub(super) fn new(
        engine: &'static dyn Engine,
        set: SetId,
        threshold: u8,
        point: &shamir::Share,
    ) -> Result<Self, Error> {
        let value = Secret::filled(|out| {
            *out = point.value;
            Ok::<(), Error>(())
        })?;
        Ok(Self { engine, set, threshold, index: point.index, value })
    }

    pub(super) fn point(&self) -> shamir::Share {
        shamir::Share { index: self.index, value: *self.value.expose_secret() }
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Share({} of set {}, {} needed)", self.index, self.set(), self.threshold)
    }
}

impl SetId {
    pub(super) fn of(engine: &dyn Engine, salt: [u8; 8], threshold: u8, public: &[u8; 32]) -> Self {
        let bound = engine.sha_256(&[SET_LABEL, &salt, &[threshold], public]);
        let mut id = [0; 16];
        id.iter_mut().zip(salt.into_iter().chain(bound)).for_each(|(to, from)| *to = from);
        Self(id)
    }

    pub(super) fn salt(self) -> [u8; 8] {
        self.0.first_chunk().copied().unwrap_or_default()
    }
}

/// 1 to 99, in decimal without a leading zero.
fn number(text: &str) -> Option<u8> {
    let plain = !text.starts_with(['0', '+']) && text.len() <= 2;
    text.parse().ok().filter(|_| plain)
}
