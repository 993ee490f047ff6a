//! A wall clock that is set back again and again, seen through the C library.

#![expect(unsafe_code, reason = "the test stands in for the C library's clock_gettime")]
#![cfg(target_os = "linux")]

use phiseal::{Clock, SystemClock};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Nanoseconds that were taken off the wall clock.
static TAKEN: AtomicI64 = AtomicI64::new(0);

/// # Safety
///
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> i32 {
    const SECOND: i64 = 1_000_000_000;
    // SAFETY: the caller's arguments, passed on.
    let done = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    if matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE) {
        // SAFETY: a timespec that was just written.
        let time = unsafe { &mut *time };
        let nanos = time.tv_sec * SECOND + time.tv_nsec - TAKEN.load(Ordering::SeqCst);
        (time.tv_sec, time.tv_nsec) = (nanos / SECOND, nanos % SECOND);
    }
    i32::try_from(done).unwrap_or(-1)
}

#[test]
fn a_wall_clock_that_is_set_back_again_and_again_does_not_make_time_stand_still() {
    let clock = SystemClock::new();
    let began = clock.coarse();
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(100));
        TAKEN.fetch_add(100_000_000, Ordering::SeqCst);
        let late = clock.now().since(clock.coarse());
        assert!(late <= Duration::from_millis(50), "{late:?} behind");
    }
    assert!(clock.coarse().since(began) >= Duration::from_millis(900));
    let set_back = Duration::from_nanos(TAKEN.load(Ordering::SeqCst).unsigned_abs());
    assert_eq!(set_back, Duration::from_secs(1), "the control");
}
