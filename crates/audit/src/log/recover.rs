//! What a log that is opened again holds: all of it verified against its last checkpoint.

use super::files;
use crate::Checkpoint;
use crate::lines::{Line, Lines, short};
use crate::note::VerifierKey;
use crate::record::Entry;
use crate::tree::{Tree, leaf_hash};
use phiseal_format::EnvironmentId;
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Engine;
use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};

/// Where a log stands.
pub(super) struct Recovered {
    /// Every line so far.
    pub(super) tree: Tree,
    /// The start of the last line's hash.
    pub(super) previous: [u8; 8],
    /// How many lines the last checkpoint covers; `None` when there is none, because the log is new.
    pub(super) covered: Option<u64>,
    /// How many bytes of an unfinished last line were cut off.
    pub(super) cut: u64,
}

/// Reads both files, whose lock the caller holds, and cuts off what a crash left unfinished at their ends.
///
/// # Errors
///
/// [`ErrorKind::Tampered`] when they do not fit each other or hold what no log writes, [`ErrorKind::Invalid`] when the log
/// is of another environment, [`ErrorKind::Unavailable`] and [`ErrorKind::Faulty`] for the files.
pub(super) fn recover(
    log: &File,
    checkpoints: &File,
    key: &VerifierKey,
    environment: EnvironmentId,
    engine: &'static dyn Engine,
) -> Result<Recovered, Error> {
    let last = match files::cut_unfinished_note(checkpoints)? {
        None => None,
        Some(note) => {
            let verified = Checkpoint::verified(&note, std::slice::from_ref(key));
            Some(verified.map_err(|error| {
                tampered("the last checkpoint of the audit log is not its key's").with_source(error)
            })?)
        }
    };
    let mut from_start = log;
    from_start.seek(SeekFrom::Start(0)).map_err(crate::notes::unreadable)?;
    let mut lines = Lines::new(BufReader::with_capacity(1 << 16, from_start));
    let mut tree = Tree::new(engine);
    let mut previous = [0; 8];
    let mut whole = 0_u64;
    let mut cut = 0;
    loop {
        if let Some(last) = last.as_ref().filter(|last| last.size == tree.size())
            && last.root != tree.root()
        {
            return Err(tampered("the audit log is not what its last checkpoint covers"));
        }
        match lines.next()? {
            Line::End => break,
            Line::Unfinished(length) => {
                cut = length;
                break;
            }
            Line::TooLong => return Err(wrong_line(&tree)),
            Line::Whole(line) => {
                let entry = Entry::parse(line).map_err(|_| wrong_line(&tree))?;
                if entry.environment != environment {
                    let message = "the audit log is of another environment";
                    return Err(Error::new(ErrorKind::Invalid, message));
                }
                let next = tree.size().saturating_add(1);
                if entry.sequence != next || entry.previous != previous {
                    return Err(wrong_line(&tree));
                }
                let hash = leaf_hash(engine, line);
                previous = short(&hash);
                tree.push(hash);
                whole = whole
                    .saturating_add(u64::try_from(line.len()).unwrap_or_default())
                    .saturating_add(1);
            }
        }
    }
    match &last {
        Some(last) if last.size > tree.size() => {
            return Err(tampered("the audit log is shorter than its last checkpoint says"));
        }
        None if tree.size() > 0 => {
            return Err(tampered("the audit log has lines and no checkpoint"));
        }
        _ => {}
    }
    if cut > 0 {
        files::cut(log, whole)?;
    }
    Ok(Recovered { tree, previous, covered: last.map(|last| last.size), cut })
}

fn wrong_line(before: &Tree) -> Error {
    let line = before.size().saturating_add(1);
    tampered("a line of the audit log is not what the log wrote")
        .with_source(format!("line {line}"))
}

fn tampered(message: &'static str) -> Error {
    Error::new(ErrorKind::Tampered, message)
}
