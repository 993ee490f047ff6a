//! Whether the keys of a file of any size are unique, in bounded memory.
//!
//! Of each key a hash of 128 bits is kept, under a secret that is drawn anew each time. A million of them are sorted in memory;
//! where there are more, sorted runs go to a temporary file and are merged at the end. Two keys of one hash are taken for one:
//! that happens by chance once in 10^20 files of a billion rows.

use super::error::failed;
use super::temporary::Temporary;
use crate::source::{RowKey, Scalar};
use core::hash::{BuildHasher, Hash, Hasher};
use core::mem::size_of;
use phiseal_keys::Error;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::hash::RandomState;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// A hash of a key.
pub(super) type KeyHash = u128;

/// How keys are hashed in this process.
#[derive(Default)]
pub(super) struct Hashing(RandomState, RandomState);

impl Hashing {
    pub(super) fn of(&self, key: &RowKey) -> KeyHash {
        let half = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            for part in key.parts() {
                match part {
                    Scalar::Nothing => 0_u8.hash(&mut hasher),
                    Scalar::Integer(number) => (1_u8, number).hash(&mut hasher),
                    Scalar::Text(text) => (2_u8, text).hash(&mut hasher),
                    Scalar::Bytes(bytes) => (3_u8, bytes).hash(&mut hasher),
                }
            }
            u128::from(hasher.finish())
        };
        half(&self.0) << 64 | half(&self.1)
    }

    /// Sums of contents.
    pub(super) fn sum(&self) -> Sum {
        Sum(self.0.build_hasher(), self.1.build_hasher())
    }
}

/// A sum of records, in their order, under the secret of a [`Hashing`].
pub(super) struct Sum(<RandomState as BuildHasher>::Hasher, <RandomState as BuildHasher>::Hasher);

impl Sum {
    pub(super) fn add(&mut self, record: &[u8]) {
        record.hash(&mut self.0);
        record.hash(&mut self.1);
    }

    pub(super) fn finish(&self) -> u128 {
        u128::from(self.0.finish()) << 64 | u128::from(self.1.finish())
    }
}

/// Looks for a hash that comes twice.
pub(super) struct Seen {
    run: Vec<KeyHash>,
    /// The longest run.
    most: usize,
    spilled: Option<Spilled>,
    path: PathBuf,
}

/// Sorted runs in a file.
struct Spilled {
    file: File,
    /// Where each run ends, in bytes.
    ends: Vec<u64>,
    _temporary: Temporary,
}

/// How many hashes are sorted in memory.
const MOST: usize = 1 << 20;

/// How many bytes of each run are read at once.
const BUFFER: usize = 1 << 13;

const WIDTH: usize = size_of::<KeyHash>();

impl Seen {
    /// Where there are too many for the memory, they are in a new file at `path`.
    pub(super) fn new(path: PathBuf) -> Self {
        Self::with_most(path, MOST)
    }

    fn with_most(path: PathBuf, most: usize) -> Self {
        Self { run: Vec::new(), most, spilled: None, path }
    }

    /// One more; the one that comes twice if that is found out already.
    pub(super) fn add(&mut self, hash: KeyHash) -> Result<Option<KeyHash>, Error> {
        self.run.push(hash);
        if self.run.len() < self.most { Ok(None) } else { self.spill() }
    }

    /// One that comes twice.
    pub(super) fn finish(mut self) -> Result<Option<KeyHash>, Error> {
        if self.spilled.is_none() {
            self.run.sort_unstable();
            return Ok(twice(&self.run));
        }
        let found = self.spill()?;
        match (found, self.spilled) {
            (None, Some(spilled)) => spilled.merge(),
            (found, _) => Ok(found),
        }
    }

    fn spill(&mut self) -> Result<Option<KeyHash>, Error> {
        self.run.sort_unstable();
        if let Some(hash) = twice(&self.run) {
            return Ok(Some(hash));
        }
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            None => {
                let (file, temporary) = Temporary::create(self.path.clone())?;
                self.spilled.insert(Spilled { file, ends: Vec::new(), _temporary: temporary })
            }
        };
        let bytes: Vec<u8> = self.run.iter().flat_map(|hash| hash.to_be_bytes()).collect();
        spilled.file.write_all(&bytes).map_err(failed)?;
        spilled.ends.push(spilled.file.stream_position().map_err(failed)?);
        self.run.clear();
        Ok(None)
    }
}

/// A neighbour of its equal.
fn twice(sorted: &[KeyHash]) -> Option<KeyHash> {
    sorted.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(*one),
        _ => None,
    })
}

impl Spilled {
    fn merge(mut self) -> Result<Option<KeyHash>, Error> {
        let mut start = 0;
        let mut runs = Vec::new();
        for end in &self.ends {
            runs.push(Run { next: start, end: *end, buffer: Vec::new() });
            start = *end;
        }
        let mut heap = BinaryHeap::new();
        for (at, run) in runs.iter_mut().enumerate() {
            heap.extend(run.pop(&mut self.file)?.map(|hash| Reverse((hash, at))));
        }
        let mut last = None;
        while let Some(Reverse((hash, at))) = heap.pop() {
            if last == Some(hash) {
                return Ok(last);
            }
            last = Some(hash);
            if let Some(run) = runs.get_mut(at) {
                heap.extend(run.pop(&mut self.file)?.map(|hash| Reverse((hash, at))));
            }
        }
        Ok(None)
    }
}

/// What is left of a run.
struct Run {
    next: u64,
    end: u64,
    /// Read already, the next one last.
    buffer: Vec<KeyHash>,
}

impl Run {
    fn pop(&mut self, file: &mut File) -> Result<Option<KeyHash>, Error> {
        if self.buffer.is_empty() && self.next < self.end {
            let left = usize::try_from(self.end.saturating_sub(self.next)).unwrap_or(usize::MAX);
            let mut bytes = vec![0; left.min(BUFFER)];
            file.seek(SeekFrom::Start(self.next)).map_err(failed)?;
            file.read_exact(&mut bytes).map_err(failed)?;
            let (hashes, _) = bytes.as_chunks::<WIDTH>();
            self.buffer = hashes.iter().rev().map(|hash| KeyHash::from_be_bytes(*hash)).collect();
            let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.next = self.next.saturating_add(read);
        }
        Ok(self.buffer.pop())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(hashes: impl Iterator<Item = u128>, most: usize) -> Option<u128> {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = Seen::with_most(folder.path().join("keys"), most);
        for hash in hashes {
            if let Some(hash) = seen.add(hash).unwrap() {
                return Some(hash);
            }
        }
        let found = seen.finish().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file is left");
        found
    }

    #[test]
    fn what_comes_twice_is_found_wherever_it_is() {
        // All different: odd numbers times an odd number.
        let different =
            |count: u128| (0..count).map(|at| (2 * at + 1).wrapping_mul((u128::MAX / 7) | 1));
        for most in [2, 7, 100, 1_024, 10_000] {
            assert_eq!(found(different(5_000), most), None, "{most}");
            for (first, second) in [(0, 1), (0, 4_999), (17, 2_500), (4_998, 4_999)] {
                let mut hashes: Vec<_> = different(5_000).collect();
                hashes[second] = hashes[first];
                let twice = hashes[first];
                assert_eq!(found(hashes.into_iter(), most), Some(twice), "{most} {first} {second}");
            }
        }
    }

    #[test]
    fn keys_of_other_types_or_parts_have_other_hashes() {
        let hashing = Hashing::default();
        let text = |text: &str| Scalar::Text(text.to_owned());
        let keys = [
            vec![text("ab")],
            vec![text("a"), text("b")],
            vec![text(""), text("ab")],
            vec![Scalar::Bytes(b"ab".to_vec())],
            vec![Scalar::Integer(1)],
            vec![text("1")],
        ];
        let hash = |parts: &Vec<Scalar>| hashing.of(&RowKey::new(parts.clone()).unwrap());
        let mut hashes: Vec<_> = keys.iter().map(hash).collect();
        assert_eq!(hashes, keys.iter().map(hash).collect::<Vec<_>>(), "the control");
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), keys.len());
    }
}
