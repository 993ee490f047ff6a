//! What only the operating system can do to a process.
#![expect(unsafe_code, reason = "fork, _exit, waitpid, setrlimit and setuid have no safe form")]

/// Makes a child of this process, which has one thread: `true` in the child.
///
/// # Panics
///
/// When the system makes none.
pub(crate) fn fork() -> Option<libc::pid_t> {
    // SAFETY: this process has one thread, so no lock is held by a thread that the child does not have.
    let id = unsafe { libc::fork() };
    assert!(id >= 0, "no fork");
    (id > 0).then_some(id)
}

/// Makes a child of this process, whose other threads belong to the library: `true` in the child.
///
/// # Panics
///
/// When the system makes none.
#[cfg(any(feature = "audit", feature = "pkcs11", feature = "transit"))]
pub(crate) fn fork_among_threads() -> Option<libc::pid_t> {
    // SAFETY: the child goes on as a program may whose C library puts its own locks in order at a fork, as those of Linux do
    // (their allocators among them); locks of the other threads are what the test is about.
    let id = unsafe { libc::fork() };
    assert!(id >= 0, "no fork");
    (id > 0).then_some(id)
}

/// Ends this process without running anything that its parent will also run.
pub(crate) fn end_at_once() -> ! {
    // SAFETY: `_exit` takes no memory of this process.
    unsafe { libc::_exit(0) }
}

/// Waits for a child, which must end well.
pub(crate) fn wait_for(id: libc::pid_t) {
    let mut status = -1;
    // SAFETY: `status` is an integer that the call writes.
    let ended = unsafe { libc::waitpid(id, &raw mut status, 0) };
    assert_eq!((ended, status), (id, 0), "a child failed");
}

/// Lets the system write a core dump of this process, of any size.
pub(crate) fn allow_core_dumps() {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the call reads one valid structure.
    let _ = unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) };
}

/// Takes the right to lock memory away, root's as well, by becoming nobody.
pub(crate) fn forbid_locked_memory() {
    const NOBODY: libc::uid_t = 65534;
    let limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the calls read one valid structure and numbers.
    unsafe {
        assert_eq!(libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit), 0);
        if libc::geteuid() == 0 {
            assert_eq!(libc::setgid(NOBODY), 0);
            assert_eq!(libc::setuid(NOBODY), 0);
        }
    }
}
