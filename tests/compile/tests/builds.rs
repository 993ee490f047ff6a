//! Secrets cannot be copied, compared, printed or serialised, contexts not mixed up, nonces not given: it does not compile.

use std::path::Path;

/// Builds the library once more beside the other builds, so the first run takes some minutes.
#[test]
fn what_must_not_compile_does_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail");
    let cases = std::fs::read_dir(&folder).unwrap().filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "rs")
    });
    assert_eq!(cases.count(), 22);
    let builds = trybuild::TestCases::new();
    builds.pass("tests/compile_pass/ordinary_use.rs");
    builds.compile_fail("tests/compile_fail/*.rs");
}
