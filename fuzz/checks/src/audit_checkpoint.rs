//! Checkpoints of logs.

use crate::audit_note::key;
use phiseal::audit::{Checkpoint, verify::Verifier};
use phiseal::default_engine;

/// Parses the text of a checkpoint and prints its three lines; and reads the same bytes as a file of checkpoints.
pub fn audit_checkpoint(data: &[u8]) -> bool {
    let mut verifier = Verifier::new(vec![key()], default_engine());
    verifier.checkpoints("data", data);
    let verdict = verifier.verify(&b""[..]).unwrap();
    assert_eq!((verdict.checkpoints, verdict.lines), (0, 0));

    let Ok(text) = str::from_utf8(data) else { return false };
    let Ok(checkpoint) = Checkpoint::parse(text) else { return false };
    let printed = checkpoint.to_string();
    assert!(text.starts_with(&printed));
    assert_eq!(Checkpoint::parse(&printed).unwrap(), checkpoint);
    true
}
