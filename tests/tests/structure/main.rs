//! The shape of the workspace: which crate stands on which, what it brings along, what its sources may hold.
//!
//! Each check is a function from what it looks at to a list of faults. One test gives it the workspace and demands none,
//! another gives it something bad and demands that it notices.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, and so do its helpers"
)]

mod banned;
mod facade;
mod floors;
mod licences;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};

/// The workspace's root folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// What cargo says about the workspace and all it depends on, with every feature switched on.
fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml"));
    command.features(cargo_metadata::CargoOpt::AllFeatures);
    command.exec().unwrap()
}

/// The text of a file, named from the root folder.
fn text_of(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Fails with all of `faults`, one on a line.
#[track_caller]
fn demand_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
