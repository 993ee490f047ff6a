//! Lines of audit logs.

use crate::audit_note::key;
use phiseal::audit::{Entry, verify::Verifier};
use phiseal::default_engine;

/// Parses a line and prints it; and verifies the same bytes as a log without checkpoints.
pub fn audit_record(data: &[u8]) -> bool {
    let mut verifier = Verifier::new(vec![key()], default_engine());
    verifier.checkpoints("none", &b""[..]);
    let verdict = verifier.verify(data).unwrap();
    assert_eq!((verdict.covered, verdict.checkpoints), (0, 0));

    let Ok(entry) = Entry::parse(data) else { return false };
    assert_eq!(entry.to_line().as_bytes(), data);
    assert!(data.iter().all(u8::is_ascii_graphic));
    true
}
