//! What is left of an envelope, or of a token, in a value that was damaged.

use crate::source::Stored;
use phiseal_format::{KeyId, text};

/// What is left of an envelope or a token in what is neither.
pub(super) enum Remains {
    /// What their text begins with.
    Prefix,
    /// What stands where the id of the key would.
    Id(KeyId),
    Nothing,
}

/// Where in an envelope, and in a token, the id of its key is.
const KEY_ID: core::ops::Range<usize> = 1..17;

/// The most bits in which an id that was damaged differs from what it was. Two ids that have nothing to do with each other
/// differ in 64 of their 128 bits, in as few as these with a probability below 2^-60.
const LIKE: u32 = 16;

/// What there is in `value`, which is these bytes.
pub(super) fn remains(value: &Stored, bytes: &[u8]) -> Remains {
    let id = match value {
        Stored::Text(text) if text.starts_with(text::PREFIX) => return Remains::Prefix,
        // The beginning, whatever was made of the prefix, up to what no symbol can be.
        Stored::Text(_) => {
            let symbols = bytes.get(text::PREFIX.len()..).unwrap_or_default();
            let head = symbols.get(..24).and_then(|head| core::str::from_utf8(head).ok());
            let head = head.map(|head| format!("{}{head}", text::PREFIX));
            head.and_then(|head| text::decode(&head).ok()).and_then(|head| id_in(&head))
        }
        _ => id_in(bytes),
    };
    id.map_or(Remains::Nothing, Remains::Id)
}

/// What stands where the id of the key would.
fn id_in(bytes: &[u8]) -> Option<KeyId> {
    let id = bytes.get(KEY_ID).and_then(|id| <[u8; 16]>::try_from(id).ok());
    id.map(KeyId::from_bytes)
}

/// Whether it is one of these, or was before it was damaged.
pub(super) fn is_like(id: &KeyId, mut known: impl Iterator<Item = KeyId>) -> bool {
    known.any(|known| {
        let pairs = known.as_bytes().iter().zip(id.as_bytes());
        pairs.map(|(one, other)| (one ^ other).count_ones()).sum::<u32>() <= LIKE
    })
}
