//! The programs as they were built beside the tests.

use std::path::Path;
use std::process::{Command, Output};

/// What a program says to these arguments.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Output {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap().join("examples");
    let path = folder.join(program);
    assert!(path.is_file(), "cargo builds examples with tests");
    Command::new(path).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

/// What a program that succeeds prints.
pub(crate) fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}
