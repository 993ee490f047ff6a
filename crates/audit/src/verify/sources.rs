//! Checkpoints of several places, in the order of their sizes, with one of each place in memory.

use super::verdict::Wrong;
use crate::Checkpoint;
use crate::note::VerifierKey;
use crate::notes::Notes;
use crate::tree::Hash;
use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use std::io::BufRead;

#[derive(Default)]
pub(super) struct Sources<'a>(Vec<Source<'a>>);

struct Source<'a> {
    name: String,
    notes: Notes<Box<dyn BufRead + 'a>>,
    ahead: Ahead,
    /// The size of the last checkpoint that was taken.
    size: u64,
    /// Checkpoints over fewer lines are not looked for.
    from: u64,
}

enum Ahead {
    Unread,
    Checkpoint(Checkpoint),
    Bad(Wrong),
    End,
}

/// A checkpoint whose turn it is.
pub(super) enum Due {
    At { size: u64, root: Hash, name: String },
    Bad { what: Wrong, name: String },
}

impl<'a> Sources<'a> {
    pub(super) fn add(&mut self, name: String, notes: Box<dyn BufRead + 'a>) {
        let notes = Notes::new(notes);
        self.0.push(Source { name, notes, ahead: Ahead::Unread, size: 0, from: 0 });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many places end in the middle of a checkpoint.
    pub(super) fn unfinished(&self) -> u64 {
        self.0.iter().map(|source| u64::from(source.notes.is_unfinished())).sum()
    }

    /// Leaves out the checkpoints over fewer lines than `size`, once they are known to be the log's.
    pub(super) fn pass_over(&mut self, size: u64) {
        self.0.iter_mut().for_each(|source| source.from = size);
    }

    /// Takes a checkpoint over `size` lines, or one that is wrong, if some place has one next.
    pub(super) fn at(&mut self, size: u64, keys: &[VerifierKey]) -> Result<Option<Due>, Error> {
        self.take(keys, |next| next == size)
    }

    /// Takes the first checkpoint that is left.
    pub(super) fn beyond(&mut self, keys: &[VerifierKey]) -> Result<Option<Due>, Error> {
        self.take(keys, |_| true)
    }

    fn take(
        &mut self,
        keys: &[VerifierKey],
        wanted: impl Fn(u64) -> bool,
    ) -> Result<Option<Due>, Error> {
        for source in &mut self.0 {
            source.look(keys)?;
            while source.is_behind() {
                source.ahead = Ahead::Unread;
                source.look(keys)?;
            }
            match &source.ahead {
                Ahead::Bad(what) => {
                    let due = Due::Bad { what: *what, name: source.name.clone() };
                    source.ahead = Ahead::End;
                    return Ok(Some(due));
                }
                Ahead::Checkpoint(next) if wanted(next.size) => {
                    let (size, root) = (next.size, next.root);
                    (source.size, source.ahead) = (size, Ahead::Unread);
                    return Ok(Some(Due::At { size, root, name: source.name.clone() }));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

impl Source<'_> {
    fn is_behind(&self) -> bool {
        matches!(&self.ahead, Ahead::Checkpoint(next) if next.size < self.from)
    }

    /// Reads the next checkpoint, if it is not read yet.
    fn look(&mut self, keys: &[VerifierKey]) -> Result<(), Error> {
        if !matches!(self.ahead, Ahead::Unread) {
            return Ok(());
        }
        let note = match self.notes.next() {
            Ok(note) => note,
            Err(error) if error.kind() == ErrorKind::Malformed => {
                self.ahead = Ahead::Bad(Wrong::Malformed);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.ahead = match note.map(|note| Checkpoint::verified(&note, keys)) {
            None => Ahead::End,
            Some(Ok(next)) if next.size < self.size => Ahead::Bad(Wrong::Disordered),
            Some(Ok(next)) => Ahead::Checkpoint(next),
            Some(Err(error)) if error.kind() == ErrorKind::Invalid => return Err(error),
            Some(Err(error)) if error.kind() == ErrorKind::Unauthenticated => {
                Ahead::Bad(Wrong::Forged)
            }
            Some(Err(_)) => Ahead::Bad(Wrong::Malformed),
        };
        Ok(())
    }
}

impl fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|source| &source.name)).finish()
    }
}
