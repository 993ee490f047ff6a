//! Memory of changes that were written, for the next ones.

use crate::source::{Change, Stored, Swap};
use phiseal_format::text;

/// Memory that has held new values: all of it ciphertext, none of it large.
#[derive(Default)]
pub(crate) struct Spare {
    swaps: Vec<Vec<Swap>>,
    texts: Vec<String>,
    bytes: Vec<Vec<u8>>,
}

/// What is larger is not kept, in bytes.
const LARGE: usize = 4096;

impl Spare {
    /// Keeps the memory of these, and of none that came before.
    pub(crate) fn keep(&mut self, changes: impl IntoIterator<Item = Change>) {
        *self = Self::default();
        for Change { mut swaps, .. } in changes {
            for swap in swaps.drain(..) {
                match swap.new {
                    Stored::Text(text) if text.capacity() <= LARGE => self.texts.push(text),
                    Stored::Bytes(bytes) if bytes.capacity() <= LARGE => self.bytes.push(bytes),
                    _ => {}
                }
            }
            self.swaps.push(swaps);
        }
    }

    /// Room for swaps.
    pub(crate) fn swaps(&mut self) -> Vec<Swap> {
        self.swaps.pop().unwrap_or_default()
    }

    /// An envelope as it is in a column of text.
    pub(crate) fn text(&mut self, envelope: &[u8]) -> Stored {
        Stored::Text(text::encode_again(envelope, self.texts.pop().unwrap_or_default()))
    }

    /// An envelope as it is in a column of bytes.
    pub(crate) fn bytes(&mut self, envelope: &[u8]) -> Stored {
        let mut bytes = self.bytes.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(envelope);
        Stored::Bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{RowKey, Scalar};

    #[test]
    fn memory_is_used_again_and_nothing_of_what_was_in_it() {
        let mut spare = Spare::default();
        let new = [spare.text(&[7; 90]), spare.bytes(&[7; 90]), spare.bytes(&[7; LARGE + 1])];
        let swaps = new.map(|new| Swap { column: 0, old: Stored::Nothing, new });
        let key = RowKey::new(vec![Scalar::Integer(1)]).unwrap();
        spare.keep(vec![Change { key, swaps: swaps.into() }]);
        assert_eq!((spare.texts.len(), spare.bytes.len(), spare.swaps.len()), (1, 1, 1));

        for length in [3, 200] {
            assert_eq!(spare.text(&vec![8; length]), Stored::Text(text::encode(&vec![8; length])));
            assert_eq!(spare.bytes(&vec![8; length]), Stored::Bytes(vec![8; length]));
            assert!(spare.swaps().is_empty());
        }
        assert_eq!((spare.texts.len(), spare.bytes.len(), spare.swaps.len()), (0, 0, 0));
    }
}
