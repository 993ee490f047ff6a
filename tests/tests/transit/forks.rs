//! A process that forks, with a connection to the server at hand.

use phiseal_tests::processes::run;
use phiseal_tests::transit::Server;

const CHILD: &str = env!("CARGO_BIN_EXE_phiseal-tests-child");

#[test]
fn children_and_their_parent_go_on_with_one_kek() {
    let Some(server) = Server::given() else { return };
    let folder = tempfile::tempdir().unwrap();
    let name = server.new_key();
    let output = run(CHILD, &["transit-fork", &server.address, &name], folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
