//! The offline verifier: a log, its checkpoints and those kept elsewhere, and the keys of the log.

mod sources;
mod verdict;

pub use self::verdict::{Fault, Proved, Verdict, Wrong};

use self::sources::{Due, Sources};
use crate::lines::{Line, Lines, short};
use crate::note::VerifierKey;
use crate::record::{Entry, Time};
use crate::tree::{Hash, Tree, leaf_hash};
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Engine;
use std::io::BufRead;

/// Verifies a log line by line, in memory that does not grow with it.
///
/// Each line names the start of the hash of the line before, so that a changed line is found by itself. What proves the log
/// is the hash tree: whoever rewrites a line and every later one must also forge a checkpoint, or all of them, those kept
/// elsewhere included.
///
/// ```
/// use phiseal_audit::verify::Verifier;
/// # use phiseal_audit::{LocalSigner, Log};
/// # use phiseal_format::EnvironmentId;
/// # use phiseal_primitives::default_engine;
/// # use std::{fs::File, io::BufReader};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("audit.jsonl");
/// # let signer = LocalSigner::generate(default_engine())?;
/// # let environment = EnvironmentId::from_bytes([7; 16]);
/// # let builder = Log::builder("clinic.example/audit", environment, signer, default_engine())?;
/// # let key = builder.verifier_key().clone();
/// # builder.open(&path)?.close()?;
/// let log = BufReader::new(File::open(&path).unwrap());
/// let checkpoints = BufReader::new(File::open(Log::checkpoints_of(&path)).unwrap());
/// let mut verifier = Verifier::new(vec![key], default_engine());
/// verifier.checkpoints("its own", checkpoints);
/// let verdict = verifier.verify(log)?;
/// assert!(verdict.fault.is_none());
/// assert_eq!(verdict.covered, verdict.lines);
/// # Ok::<(), phiseal_keys::Error>(())
/// ```
#[derive(Debug)]
pub struct Verifier<'a> {
    engine: &'static dyn Engine,
    keys: Vec<VerifierKey>,
    sources: Sources<'a>,
}

impl<'a> Verifier<'a> {
    /// A verifier of the log that these keys sign for: more than one where the key was changed.
    #[must_use]
    pub fn new(keys: Vec<VerifierKey>, engine: &'static dyn Engine) -> Self {
        Self { engine, keys, sources: Sources::default() }
    }

    /// Adds checkpoints, the older ones first, as they are kept: notes one after the other. `name` is what the verdict calls
    /// the place.
    pub fn checkpoints(&mut self, name: impl Into<String>, notes: impl BufRead + 'a) {
        self.sources.add(name.into(), Box::new(notes));
    }

    /// Reads everything and says what it found, up to the first thing that is wrong.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when there is no key or no place with checkpoints,
    /// [`ErrorKind::Unavailable`] when something cannot be read. What is wrong with the log is no error, but the verdict's
    /// [`fault`](Verdict::fault).
    pub fn verify(self, log: impl BufRead) -> Result<Verdict, Error> {
        let start = Proved::nothing(self.engine);
        self.verify_after(&start, log)
    }

    /// As [`Verifier::verify`], of a log whose first lines were proved before: `rest` begins with the line after them. A log
    /// that grows is verified so in time that does not.
    ///
    /// Checkpoints over fewer lines than were proved are passed over, if they are the log's.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify`].
    pub fn verify_after(mut self, proved: &Proved, rest: impl BufRead) -> Result<Verdict, Error> {
        if self.keys.is_empty() || self.sources.is_empty() {
            let message = "a log is verified by a key and by checkpoints";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        self.sources.pass_over(proved.lines());
        let mut pass = Pass::after(proved.clone(), self.engine);
        let fault = self.pass(&mut pass, rest)?;
        Ok(Verdict {
            lines: pass.tree.size(),
            covered: pass.proved.lines(),
            checkpoints: pass.fitted,
            first: pass.first,
            last: pass.last,
            proved: pass.proved,
            unfinished: pass.unfinished,
            unfinished_notes: self.sources.unfinished(),
            fault,
        })
    }

    fn pass(&mut self, pass: &mut Pass, log: impl BufRead) -> Result<Option<Fault>, Error> {
        let mut lines = Lines::new(log);
        loop {
            if pass.suspect.is_none()
                && let Some(fault) = self.compare(pass)?
            {
                pass.suspect = Some(Suspect::Root(fault));
            }
            let line = match lines.next()? {
                Line::Whole(line) => Some(line),
                // A line that is too long to be one is read as an empty one, which is wrong just so.
                Line::TooLong => Some(&b""[..]),
                Line::Unfinished(bytes) => {
                    pass.unfinished = bytes;
                    None
                }
                Line::End => None,
            };
            let Some(line) = line else { break };
            if let Some(fault) = pass.line(line) {
                return Ok(Some(fault));
            }
        }
        if let Some(fault) = pass.end() {
            return Ok(Some(fault));
        }
        self.beyond(pass.tree.size())
    }

    /// Every checkpoint that is left is over more lines than there are: the largest says how many are gone.
    fn beyond(&mut self, size: u64) -> Result<Option<Fault>, Error> {
        let mut cut: Option<Fault> = None;
        while let Some(due) = self.sources.beyond(&self.keys)? {
            match due {
                Due::Bad { what, name } => {
                    return Ok(cut.or_else(|| Some(Fault::checkpoint(what, name))));
                }
                Due::At { size: over, name, .. } => {
                    if cut.as_ref().is_none_or(|cut| cut.through < over) {
                        let gone = Fault::lines(size.saturating_add(1), over, Wrong::Cut);
                        cut = Some(gone.by(name));
                    }
                }
            }
        }
        Ok(cut)
    }

    /// Compares the lines so far with every checkpoint over exactly as many.
    fn compare(&mut self, pass: &mut Pass) -> Result<Option<Fault>, Error> {
        let size = pass.tree.size();
        while let Some(due) = self.sources.at(size, &self.keys)? {
            match due {
                Due::Bad { what, name } => return Ok(Some(Fault::checkpoint(what, name))),
                Due::At { root, name, .. } => {
                    if root != pass.tree.root() {
                        let from = pass.proved.lines().saturating_add(1).min(size.max(1));
                        return Ok(Some(Fault::lines(from, size, Wrong::Rewritten).by(name)));
                    }
                    pass.proved = pass.reached();
                    pass.fitted = pass.fitted.saturating_add(1);
                }
            }
        }
        Ok(None)
    }
}

/// How far one reading of a log has come.
struct Pass {
    engine: &'static dyn Engine,
    tree: Tree,
    proved: Proved,
    fitted: u64,
    hash: Option<Hash>,
    first: Option<Time>,
    last: Option<Time>,
    unfinished: u64,
    /// What is wrong before the present line, if the next line does not say it better.
    suspect: Option<Suspect>,
}

enum Suspect {
    /// A checkpoint does not fit.
    Root(Fault),
    /// Line `n` does not name the hash of line `n - 1`: either may be the changed one.
    Chain(u64),
}

impl Pass {
    fn after(proved: Proved, engine: &'static dyn Engine) -> Self {
        Self {
            engine,
            tree: proved.tree.clone(),
            hash: proved.hash,
            first: proved.first,
            last: proved.last,
            proved,
            fitted: 0,
            unfinished: 0,
            suspect: None,
        }
    }

    fn reached(&self) -> Proved {
        Proved { tree: self.tree.clone(), hash: self.hash, first: self.first, last: self.last }
    }

    fn line(&mut self, line: &[u8]) -> Option<Fault> {
        let number = self.tree.size().saturating_add(1);
        let entry = Entry::parse(line).ok();
        let previous = self.hash.as_ref().map_or([0; 8], short);
        let follows = entry.as_ref().map(|entry| entry.previous == previous);
        match (self.suspect.take(), follows) {
            // The line before was not the last one wrong: it is what this line names.
            (Some(Suspect::Chain(at)), Some(true)) => {
                return Some(Fault::line(at.saturating_sub(1), Wrong::Changed));
            }
            (Some(Suspect::Chain(at)), _) => return Some(Fault::line(at, Wrong::Changed)),
            (Some(Suspect::Root(fault)), Some(false)) if fault.what == Wrong::Rewritten => {
                return Some(
                    Fault::line(number.saturating_sub(1), Wrong::Changed).by_some(fault.by),
                );
            }
            (Some(Suspect::Root(fault)), _) => return Some(fault),
            (None, _) => {}
        }
        let Some(entry) = entry else { return Some(Fault::line(number, Wrong::Changed)) };
        if entry.sequence != number {
            let missing = entry.sequence.saturating_sub(1);
            return Some(match (follows, entry.sequence > number) {
                (Some(true), _) => Fault::line(number, Wrong::Changed),
                (_, true) => Fault::lines(number, missing, Wrong::Missing),
                (_, false) => Fault::line(number, Wrong::More),
            });
        }
        if follows == Some(false) {
            if number == self.proved.lines().saturating_add(1) || number == 1 {
                // The line before is proved by a checkpoint, or there is none.
                return Some(Fault::line(number, Wrong::Changed));
            }
            self.suspect = Some(Suspect::Chain(number));
        }
        let hash = leaf_hash(self.engine, line);
        self.tree.push(hash);
        self.hash = Some(hash);
        self.first = self.first.or(Some(entry.time));
        self.last = Some(entry.time);
        None
    }

    /// What the last line leaves open.
    fn end(&mut self) -> Option<Fault> {
        match self.suspect.take()? {
            Suspect::Root(fault) => Some(fault),
            Suspect::Chain(at) => Some(Fault::lines(at.saturating_sub(1), at, Wrong::Changed)),
        }
    }
}
