use crate::record::Time;
use crate::tree::{Hash, Tree};
use core::fmt;
use phiseal_primitives::Engine;

/// What a verifier found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// Lines that were read, up to the fault if there is one.
    pub lines: u64,
    /// Lines that a checkpoint proves. Those after them, if any, could have been changed.
    pub covered: u64,
    /// Checkpoints that fit.
    pub checkpoints: u64,
    /// The time of the first line.
    pub first: Option<Time>,
    /// The time of the last line.
    pub last: Option<Time>,
    /// The lines that a checkpoint proves, for [`Verifier::verify_after`](super::Verifier::verify_after).
    pub proved: Proved,
    /// Bytes after the last whole line: a crash, or a log that is being written.
    pub unfinished: u64,
    /// Places whose last checkpoint is cut off.
    pub unfinished_notes: u64,
    /// The first thing that is wrong.
    pub fault: Option<Fault>,
}

impl Verdict {
    /// Whether nothing is wrong, and checkpoints prove something.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.fault.is_none() && (self.covered > 0 || self.lines == 0)
    }
}

/// The first lines of a log, which were proved: what has to be known of them to verify the rest.
#[derive(Clone, Debug)]
pub struct Proved {
    pub(super) tree: Tree,
    pub(super) hash: Option<Hash>,
    pub(super) first: Option<Time>,
    pub(super) last: Option<Time>,
}

impl Proved {
    pub(super) fn nothing(engine: &'static dyn Engine) -> Self {
        Self { tree: Tree::new(engine), hash: None, first: None, last: None }
    }

    /// How many lines they are.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.tree.size()
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// What.
    pub what: Wrong,
    /// The first line that is wrong, counted from 1; 0 when it is a checkpoint and no line.
    pub line: u64,
    /// The last line that it may be; as `line` when the line is known.
    pub through: u64,
    /// The place of the checkpoint that showed it, by the name it was given.
    pub by: Option<String>,
}

/// What can be wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wrong {
    /// A line is not the one that was written there. Lines before it may have been changed to agree with it, back to the last
    /// one that a checkpoint proves ([`Verdict::covered`]).
    Changed,
    /// Lines were taken out, or moved.
    Missing,
    /// A line was put in, or moved.
    More,
    /// The log ends before a checkpoint that was signed over more lines.
    Cut,
    /// The lines agree with each other, but not with a signed checkpoint: they were rewritten together.
    Rewritten,
    /// A checkpoint is not signed by a key of the log.
    Forged,
    /// A checkpoint is over fewer lines than the one before it in the same place.
    Disordered,
    /// What should be a checkpoint is none.
    Malformed,
}

impl Fault {
    pub(super) fn line(line: u64, what: Wrong) -> Self {
        Self::lines(line, line, what)
    }

    pub(super) fn lines(line: u64, through: u64, what: Wrong) -> Self {
        Self { what, line, through, by: None }
    }

    pub(super) fn checkpoint(what: Wrong, name: String) -> Self {
        Self::lines(0, 0, what).by(name)
    }

    pub(super) fn by(self, name: String) -> Self {
        self.by_some(Some(name))
    }

    pub(super) fn by_some(self, by: Option<String>) -> Self {
        Self { by, ..self }
    }
}

/// One sentence, without a full stop.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, through, .. } = self;
        let by = self.by.as_deref().unwrap_or("a checkpoint");
        match (self.what, line == through) {
            (Wrong::Changed, true) => {
                write!(f, "line {line} was changed after it was written")
            }
            (Wrong::Changed, false) => {
                write!(f, "line {line} or line {through} was changed after it was written")
            }
            (Wrong::Missing, true) => write!(f, "line {line} is missing from its place"),
            (Wrong::Missing, false) => {
                write!(f, "lines {line} to {through} are missing from their place")
            }
            (Wrong::More, _) => write!(f, "line {line} does not belong where it stands"),
            (Wrong::Cut, true) => {
                write!(
                    f,
                    "line {line} is missing at the end: a checkpoint was signed over it ({by})"
                )
            }
            (Wrong::Cut, false) => write!(
                f,
                "lines {line} to {through} are missing at the end: a checkpoint was signed over them ({by})"
            ),
            (Wrong::Rewritten, true) => {
                write!(f, "line {line} is not the one that a checkpoint was signed over ({by})")
            }
            (Wrong::Rewritten, false) => write!(
                f,
                "among lines {line} to {through} at least one is not what a checkpoint was signed over ({by})"
            ),
            (Wrong::Forged, _) => {
                write!(f, "a checkpoint is not signed by a key of this log ({by})")
            }
            (Wrong::Disordered, _) => {
                write!(f, "a checkpoint is over fewer lines than the one before it ({by})")
            }
            (Wrong::Malformed, _) => write!(f, "what should be a checkpoint is none ({by})"),
        }
    }
}
