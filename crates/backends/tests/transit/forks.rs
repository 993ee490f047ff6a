//! A backend that was in use when the process was forked.
#![expect(unsafe_code, reason = "fork, _exit and waitpid have no safe form")]

use crate::fake::{Fake, Reply};
use phiseal_backends::transit::TransitKek;
use phiseal_format::{DomainId, EncryptionContext, EnvironmentId};
use phiseal_keys::KekBackend;
use pollster::block_on;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const CHILDREN: usize = 20;
const AGAIN: &str = "PHISEAL_TEST_AGAIN";

fn context() -> EncryptionContext {
    EncryptionContext::data_key(
        &EnvironmentId::from_bytes([1; 16]),
        &DomainId::from_bytes([2; 16]),
        1,
    )
}

/// The status with which a forked child ends that does only this.
fn in_fork(act: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the other threads make calls or wait for work, and hold no lock that the child needs.
    let id = unsafe { libc::fork() };
    assert!(id >= 0, "no fork");
    if id == 0 {
        // A child that hangs ends all the same.
        // SAFETY: `alarm` takes no memory.
        unsafe { libc::alarm(20) };
        let status = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).unwrap_or(99);
        // SAFETY: `_exit` takes no memory of this process.
        unsafe { libc::_exit(status) };
    }
    let mut status = -1;
    // SAFETY: `status` is an integer that the call writes.
    let ended = unsafe { libc::waitpid(id, &raw mut status, 0) };
    assert_eq!(ended, id, "no child");
    if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { -1 }
}

#[test]
fn a_child_has_its_own_connection_and_lets_go_of_its_parents() {
    if std::env::var_os(AGAIN).is_some() {
        return fork_in_use();
    }
    let test = "forks::a_child_has_its_own_connection_and_lets_go_of_its_parents";
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", test]).env(AGAIN, "1").output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && out.contains("1 passed"), "{out}");
}

fn fork_in_use() {
    // A token that is renewed, so that there is a task behind each handle.
    let fake = Fake::start(|seen| {
        let lives = serde_json::json!({"ttl": 3600, "renewable": true});
        seen.line.contains("lookup-self").then(|| Reply::ok(&lives))
    });
    let described = |kek: &TransitKek| block_on(kek.describe()).unwrap().current.0;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        // The locks of the threads that calls run on are taken all the time.
        for _ in 0..3 {
            scope.spawn(|| {
                let busy = fake.kek();
                while !stop.load(Ordering::SeqCst) {
                    described(&busy);
                }
            });
        }
        for number in 0..CHILDREN {
            let mut kek = Some(fake.kek());
            let made = block_on(kek.as_ref().unwrap().generate_key(&context())).unwrap();
            let status = in_fork(|| {
                let kek = kek.take().unwrap();
                // Every other one is dropped as it was inherited.
                if number % 2 == 0 {
                    let opened = block_on(kek.unwrap_key(&made.wrapped, &context())).unwrap();
                    assert_eq!(opened.key.expose_secret(), made.key.expose_secret());
                }
                drop(kek);
                42
            });
            if status != 42 {
                stop.store(true, Ordering::SeqCst);
            }
            assert_eq!(status, 42, "child {number}");
            assert_eq!(described(kek.as_ref().unwrap()), 1, "the parent goes on");
        }
        stop.store(true, Ordering::SeqCst);
    });
}
