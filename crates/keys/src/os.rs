//! What the operating system does for secrets and clocks: every `unsafe` line of this crate.
//!
//! On Linux: pages that are locked (`mlock`), left out of core dumps (`MADV_DONTDUMP`) and zeroed when freed; a word
//! that a forked child finds changed (`MADV_WIPEONFORK`); a clock that counts time asleep (`CLOCK_BOOTTIME`).
//! Elsewhere: ordinary pages, the process id, the standard library's monotonic clock.
#![cfg_attr(
    target_os = "linux",
    expect(
        unsafe_code,
        reason = "mmap, mlock, madvise and clock_gettime have no safe form as cheap as a call"
    )
)]

#[cfg(target_os = "linux")]
pub(crate) use linux::{Leaked, Pages, boot_nanos, fork_generation, tick};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{Leaked, Pages, boot_nanos, fork_generation, tick};

/// How well a run of pages is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Protection {
    /// Never written to swap.
    pub(crate) locked: bool,
    /// Left out of core dumps.
    pub(crate) undumped: bool,
}

impl Protection {
    /// Both.
    pub(crate) const fn is_full(self) -> bool {
        self.locked && self.undumped
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::Protection;
    use core::ptr::NonNull;
    use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

    /// Whole pages of zeros that belong to this value alone, for as long as the process lives.
    #[derive(Debug)]
    pub(crate) struct Pages {
        start: NonNull<u8>,
        len: usize,
        pub(crate) protection: Protection,
    }

    // SAFETY: `Pages` is an address range that nobody else holds; it has no thread affinity.
    unsafe impl Send for Pages {}

    impl Pages {
        /// Maps `len` bytes, a multiple of the page size, and protects them as well as the system allows.
        pub(crate) fn map(len: usize) -> Option<Self> {
            // SAFETY: an anonymous private mapping at an address of the kernel's choice aliases nothing.
            let start = unsafe {
                libc::mmap(
                    core::ptr::null_mut(),
                    len,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                    -1,
                    0,
                )
            };
            if start == libc::MAP_FAILED {
                return None;
            }
            // SAFETY: the range was just mapped and is `len` bytes long; neither call changes its contents.
            let (locked, undumped) = unsafe {
                (libc::mlock(start, len) == 0, libc::madvise(start, len, libc::MADV_DONTDUMP) == 0)
            };
            let start = NonNull::new(start.cast())?;
            Some(Self { start, len, protection: Protection { locked, undumped } })
        }

        /// Hands the pages over as memory that is never unmapped.
        pub(crate) fn leak(self) -> (&'static mut [u8], Leaked) {
            let pages = core::mem::ManuallyDrop::new(self);
            let leaked =
                Leaked { start: pages.start, len: pages.len, protection: pages.protection };
            // SAFETY: `map` made `len` readable, writable, zeroed bytes that nobody else refers to; `drop` does not run, so
            // they stay mapped for ever; taking `self` by value makes this the only reference.
            (unsafe { core::slice::from_raw_parts_mut(pages.start.as_ptr(), pages.len) }, leaked)
        }
    }

    /// Where pages lie that were handed over: an address, never read or written through.
    #[derive(Debug)]
    pub(crate) struct Leaked {
        start: NonNull<u8>,
        len: usize,
        pub(crate) protection: Protection,
    }

    // SAFETY: as for `Pages`.
    unsafe impl Send for Leaked {}

    impl Leaked {
        /// In a forked child, which has its parent's pages and advice, but not its locks (mlock(2)).
        pub(crate) fn lock_again(&mut self) {
            // SAFETY: the range stays mapped for ever, and locking it changes nothing that is in it.
            self.protection.locked =
                unsafe { libc::mlock(self.start.as_ptr().cast(), self.len) } == 0;
        }
    }

    impl Drop for Pages {
        fn drop(&mut self) {
            // SAFETY: `map` made just this mapping, and no reference to it was ever given out.
            unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
        }
    }

    /// Nanoseconds since the machine started, time asleep included.
    pub(crate) fn boot_nanos() -> u64 {
        nanos(libc::CLOCK_BOOTTIME)
    }

    /// A number that changes with every tick of the kernel's (1 to 10 ms) while the machine is awake, for about 4 ns.
    #[inline]
    pub(crate) fn tick() -> u64 {
        nanos(libc::CLOCK_MONOTONIC_COARSE)
    }

    /// A clock that cannot be read stands at the end of time: whatever has a deadline is then over.
    #[inline]
    fn nanos(clock: libc::clockid_t) -> u64 {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a valid timespec that the call writes.
        if unsafe { libc::clock_gettime(clock, &raw mut time) } != 0 {
            return u64::MAX;
        }
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
    }

    /// A number that differs between a process and every child it forks; one relaxed load once it is set up.
    #[inline]
    pub(crate) fn fork_generation() -> u64 {
        let word = WORD.load(Ordering::Acquire);
        if word.is_null() {
            return set_up();
        }
        // SAFETY: `word` points into a mapping that `set_up` made, aligned to a page, and never unmaps.
        let generation = unsafe { &*word }.load(Ordering::Relaxed);
        if generation == 0 { after_fork(word) } else { generation }
    }

    /// In a page that the kernel replaces by zeros in every forked child.
    static WORD: AtomicPtr<AtomicU64> = AtomicPtr::new(core::ptr::null_mut());
    /// In ordinary memory, which a child inherits.
    static LAST: AtomicU64 = AtomicU64::new(0);

    /// Set where the kernel has no such page: a handler that `fork` runs in the child counts instead.
    static COUNTED_BY_HANDLER: AtomicBool = AtomicBool::new(false);

    #[cold]
    fn set_up() -> u64 {
        if !COUNTED_BY_HANDLER.load(Ordering::Acquire) {
            match map_word() {
                Some(fresh) => {
                    let word = WORD.compare_exchange(
                        core::ptr::null_mut(),
                        fresh,
                        Ordering::AcqRel,
                        Ordering::Acquire,
                    );
                    return after_fork(word.map_or_else(|earlier| earlier, |_| fresh));
                }
                None if count_by_handler() => {}
                // Neither can be had: the process's number, which a child has anew, at the price of a system call.
                None => return u64::from(std::process::id()) | (1 << 62),
            }
        }
        LAST.load(Ordering::Relaxed) | (1 << 63)
    }

    fn map_word() -> Option<*mut AtomicU64> {
        const PAGE: usize = 4096;
        // SAFETY: as in `Pages::map`; the advice changes what a child sees, nothing here; a page without it is given back
        // before anybody knows its address.
        unsafe {
            let page = libc::mmap(
                core::ptr::null_mut(),
                PAGE,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            if page == libc::MAP_FAILED {
                return None;
            }
            if libc::madvise(page, PAGE, libc::MADV_WIPEONFORK) != 0 {
                libc::munmap(page, PAGE);
                return None;
            }
            Some(page.cast())
        }
    }

    /// Whether the handler could be registered.
    fn count_by_handler() -> bool {
        extern "C" fn in_child() {
            LAST.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the handler only adds to an atomic, which is allowed between `fork` and `exec` in any process. Two
        // threads may register it twice, which counts twice as fast.
        let registered = unsafe { libc::pthread_atfork(None, None, Some(in_child)) } == 0;
        COUNTED_BY_HANDLER.store(registered, Ordering::Release);
        registered
    }

    #[cold]
    fn after_fork(word: *mut AtomicU64) -> u64 {
        // SAFETY: as in `fork_generation`.
        let word = unsafe { &*word };
        let next = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        match word.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => next,
            Err(earlier) => earlier,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use super::Protection;
    use std::sync::OnceLock;
    use std::time::Instant;

    #[derive(Debug)]
    pub(crate) struct Pages {
        bytes: Vec<u8>,
        pub(crate) protection: Protection,
    }

    impl Pages {
        pub(crate) fn map(len: usize) -> Option<Self> {
            Some(Self {
                bytes: vec![0; len],
                protection: Protection { locked: false, undumped: false },
            })
        }

        pub(crate) fn leak(self) -> (&'static mut [u8], Leaked) {
            (self.bytes.leak(), Leaked { protection: self.protection })
        }
    }

    #[derive(Debug)]
    pub(crate) struct Leaked {
        pub(crate) protection: Protection,
    }

    impl Leaked {
        pub(crate) fn lock_again(&mut self) {}
    }

    pub(crate) fn boot_nanos() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn tick() -> u64 {
        boot_nanos()
    }

    pub(crate) fn fork_generation() -> u64 {
        u64::from(std::process::id())
    }
}
