//! A backend that was in use when the process was forked.
#![expect(unsafe_code, reason = "fork, _exit and waitpid have no safe form")]

use crate::fake::{Fake, arn};
use crate::support::{alone, client, context, faked, is_again, kind};
use phiseal_backends::aws_kms::AwsKmsKek;
use phiseal_keys::{ErrorKind, KekBackend};
use pollster::block_on;

const REGION: &str = "eu-central-1";

/// The status with which a forked child ends that does only this.
fn in_fork(act: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the other threads serve requests or wait for work, and hold no lock that the child needs.
    let id = unsafe { libc::fork() };
    assert!(id >= 0, "no fork");
    if id == 0 {
        // A child that hangs ends all the same.
        // SAFETY: `alarm` takes no memory.
        unsafe { libc::alarm(60) };
        let status = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).unwrap_or(99);
        // SAFETY: `_exit` takes no memory of this process.
        unsafe { libc::_exit(status) };
    }
    let mut status = -1;
    // SAFETY: `status` is an integer that the call writes.
    let ended = unsafe { libc::waitpid(id, &raw mut status, 0) };
    assert!(ended == id && libc::WIFEXITED(status), "the child was killed: {status}");
    libc::WEXITSTATUS(status)
}

#[test]
fn a_child_makes_its_own_client_and_leaves_its_parents_alone() {
    if is_again() {
        return fork_in_use();
    }
    alone("forks::a_child_makes_its_own_client_and_leaves_its_parents_alone", &[]);
}

fn fork_in_use() {
    let fake = Fake::start();
    let backend = faked(&fake);
    let url = fake.url();
    let given =
        block_on(AwsKmsKek::builder(&arn(0)).client(client(&url, REGION)).connect()).unwrap();
    let from = AwsKmsKek::builder(&arn(0)).client_from(move || client(&url, REGION));
    let from = block_on(from.connect()).unwrap();
    let made = block_on(backend.generate_key(&context(1))).unwrap();
    for backend in [&given, &from] {
        block_on(backend.describe()).unwrap();
    }
    assert_eq!((fake.count(), fake.connections()), (3, 3));

    let mut all = Some((backend, given, from));
    for children in 1..=3 {
        let status = in_fork(|| {
            let (backend, given, from) = all.take().unwrap();
            let answer = block_on(backend.unwrap_key(&made.wrapped, &context(1))).unwrap();
            assert_eq!(answer.key.expose_secret(), made.key.expose_secret());
            block_on(from.describe()).unwrap();
            assert_eq!(kind(block_on(given.describe())), Some(ErrorKind::Unsupported));
            drop((backend, given, from));
            42
        });
        assert_eq!(status, 42);
        // Its two clients opened a connection each.
        assert_eq!((fake.count(), fake.connections()), (3 + 2 * children, 3 + 2 * children));
    }

    // The parent goes on over the connections that it had.
    let (backend, given, from) = all.unwrap();
    let (count, connections) = (fake.count(), fake.connections());
    for backend in [&*backend, &given, &from] {
        block_on(backend.describe()).unwrap();
    }
    assert_eq!((fake.count(), fake.connections()), (count + 3, connections));
}
