use crate::column::{GENERATION as NAME, generation};
use core::fmt;
use phiseal_envelope::ColumnSecrets;
use phiseal_format::KeyId;
use phiseal_keys::Error;

/// How long the longest entry is, in bytes.
const MAX: usize = NAME + 32;

/// How long an entry of so many bits is, in bytes.
pub(super) const fn len(bits: u16) -> usize {
    NAME + (bits as usize).div_ceil(8)
}

/// What a row has in an index: the name of the generation, then the first bits of the code.
///
/// Equal bytes are equal values, by one definition of the index and one version of its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexEntry {
    bytes: [u8; MAX],
    len: u8,
}

impl IndexEntry {
    #[inline]
    pub(super) fn new(generation: Generation, code: &[u8; 32], bits: u16) -> Self {
        let mut bytes = [0; MAX];
        let len = len(bits).min(MAX);
        let (name, rest) = bytes.split_at_mut(NAME);
        name.copy_from_slice(&generation.0);
        let rest = &mut rest[..len - NAME];
        rest.copy_from_slice(&code[..len - NAME]);
        if let Some(last) = rest.last_mut() {
            // The bits that are too many, on the right of the last byte, are zeros.
            *last &= 0xff << ((8 - bits % 8) % 8);
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 40")]
        let len = len as u8;
        Self { bytes, len }
    }

    /// The bytes, as they are stored and compared.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len).min(MAX)]
    }
}

impl AsRef<[u8]> for IndexEntry {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for IndexEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for IndexEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IndexEntry({self})")
    }
}

/// Of which generation an entry is: by which definition of the index, under which version of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexGeneration {
    /// As entries are made now.
    Current,
    /// Under an older key, or by a definition that was replaced, or both: searches find it, and it is to be made anew.
    Earlier {
        /// The key that it is under.
        key_id: KeyId,
        /// Whether the definition was another one.
        redefined: bool,
    },
    /// Neither: no search finds it.
    Unknown,
}

/// The name of a generation. It follows from the key, the column and the definition, so nobody has to number them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Generation([u8; NAME]);

impl Generation {
    pub(super) fn of(secrets: &ColumnSecrets<'_>, definition: &str) -> Result<Self, Error> {
        generation(secrets, definition).map(Self)
    }

    /// Whether stored bytes are an entry of this generation.
    pub(super) fn made(self, stored: &[u8], bits: u16) -> bool {
        stored.len() == len(bits) && stored.starts_with(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_the_bits_that_were_asked_for() {
        let generation = Generation(*b"12345678");
        for bits in 1..=256 {
            let entry = IndexEntry::new(generation, &[0xff; 32], bits);
            let (name, code) = entry.as_bytes().split_at(8);
            assert_eq!(name, b"12345678");
            let ones: u32 = code.iter().map(|byte| byte.count_ones()).sum();
            assert_eq!((ones, code.len()), (u32::from(bits), usize::from(bits).div_ceil(8)));
            let leading = code.iter().take_while(|byte| **byte == 0xff).count();
            assert_eq!(leading, usize::from(bits) / 8);
            assert!(generation.made(entry.as_bytes(), bits));
            assert!(!Generation(*b"12345679").made(entry.as_bytes(), bits));
            assert!(!generation.made(&entry.as_bytes()[1..], bits));
        }
    }

    #[test]
    fn entries_are_equal_where_their_bytes_are() {
        let of = |code: u8, bits| IndexEntry::new(Generation([7; 8]), &[code; 32], bits);
        assert_eq!(of(0xf0, 4), of(0xff, 4));
        assert_ne!(of(0xf0, 5), of(0xff, 5));
        assert_ne!(of(0, 8), of(0, 16), "zeros are told from nothing");
        assert_eq!(of(1, 8).to_string(), "070707070707070701");
    }
}
