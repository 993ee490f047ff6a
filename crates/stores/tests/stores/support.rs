//! What the tests of the SQLite store share.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Poll, Waker};

/// The result of a future of this store, which is ready at once.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("a future of the store was not ready at once"),
    }
}

/// The database, its write-ahead log and its shared memory, read by another process: if this one closed the files, it
/// would drop SQLite's locks on them.
pub(crate) fn medium(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        if Path::new(&file).exists() {
            let output = Command::new("cat").arg(&file).output().unwrap();
            assert!(output.status.success());
            bytes.extend(output.stdout);
        }
    }
    assert!(!bytes.is_empty());
    bytes
}
