//! A process that forks, with a token open.

use crate::{BOTH, CHILD, Setting, arguments};
use phiseal_tests::processes::run;

#[test]
fn children_open_a_token_of_their_own_and_their_parent_goes_on() {
    for soft in BOTH {
        let Some(setting) = Setting::new(soft) else { return };
        let folder = tempfile::tempdir().unwrap();
        let arguments = arguments(&setting, &["fork"]);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = run(CHILD, &arguments, folder.path());
        assert!(output.status.success(), "{soft:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
