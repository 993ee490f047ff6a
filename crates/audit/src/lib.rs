//! phiseal's tamper-evident log of key operations: what was done with keys, by whom, and proof that nobody changed it since.
//!
//! A [`Log`] is a file of JSON lines that only grows, one [`Record`] a line, without anything that could name a patient; a
//! SIEM takes the lines as they are. A hash tree stands over them (RFC 6962, [`tree`]), and at each interval the log signs
//! the tree's root: a [`Checkpoint`], in the published forms c2sp.org/tlog-checkpoint and c2sp.org/signed-note ([`note`]).
//! Checkpoints stand in a file beside the log, and wherever a [`CheckpointSink`] takes them. [`verify`] needs the log, the
//! checkpoints and the public key, and nothing else of phiseal.
//!
//! | somebody | and is noticed by |
//! |---|---|
//! | changes, takes out, puts in or moves a line | the next line, which names the hash of this one, and any checkpoint after it |
//! | rewrites every line from one on | any checkpoint after it |
//! | cuts off the end | any checkpoint over what is gone; lines that none covers yet are gone unnoticed |
//! | rewrites the log and its checkpoints, with the log's key | a checkpoint that is kept elsewhere |
//! | writes false records while the application runs | nobody: the log proves what was told, not that it is true |
//!
//! So what counts is how often checkpoints are signed, and that they are kept where the one who can write the log cannot.

#![forbid(unsafe_code)]

mod checkpoint;
mod lines;
mod log;
pub mod note;
mod notes;
mod record;
pub mod tree;
pub mod verify;

pub use self::checkpoint::Checkpoint;
pub use self::log::{
    CallbackSink, CheckpointSink, CheckpointWait, Commit, FileSink, Log, LogBuilder,
    SignedCheckpoint,
};
pub use self::record::{
    Action, Class, DataKind, Entry, MAX_LINE, Outcome, Record, RequestId, Time,
};
pub use phiseal_keys::LocalSigner;
