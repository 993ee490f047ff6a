//! Policy files: of reveals, and of Safe Harbor.

use phiseal::access::Policy;
use phiseal::tokens::safe_harbor::SafeHarbor;
use phiseal::{Mask, PolicyError, Reader};

/// Reads the input as a policy of reveals and as one of Safe Harbor. What is wrong is said of a place in the text; what is right grants
/// nothing of what it does not name.
pub fn policy(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else { return false };
    let read = Policy::parse(text);
    match &read {
        Ok(policy) => {
            let reader = Reader::new("nobody@nowhere", "no-use").unwrap();
            // A name that no line of this length holds.
            let unknown = "x".repeat(data.len() + 1);
            assert!(policy.most(&reader, &unknown).is_none());
            assert!(policy.most(&reader, "").is_none(), "a field has a name");
            assert!(policy.kind(&unknown).is_none());
            assert_eq!(policy.mask(&unknown), Mask::all());
        }
        Err(error) => assert_is_within(text, error),
    }
    let safe_harbor = SafeHarbor::parse(text);
    if let Err(error) = &safe_harbor {
        assert_is_within(text, error);
    }
    assert!(read.is_err() || safe_harbor.is_err(), "one text is two policies");
    read.is_ok() || safe_harbor.is_ok()
}

/// A place of the text, or just after its end.
fn assert_is_within(text: &str, error: &PolicyError) {
    let lines: Vec<&str> = text.split('\n').collect();
    assert!((1..=lines.len()).contains(&error.line()), "{error}");
    let columns = lines[error.line() - 1].chars().count();
    assert!((1..=columns + 1).contains(&error.column()), "{error}");
}
