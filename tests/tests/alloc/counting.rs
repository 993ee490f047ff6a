//! An allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which counts what each thread asks of it.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a thread has asked for, in calls and in bytes.
#[derive(Clone, Copy)]
struct Counts {
    calls: u64,
    live: isize,
    peak: isize,
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { calls: 0, live: 0, peak: 0 }) };
}

/// Notes a call that takes `taken` bytes and then gives `given` back.
fn note(taken: usize, given: usize) {
    let bytes = |count| isize::try_from(count).unwrap_or(isize::MAX);
    // A thread that is ending has no counts any more, and nobody reads them.
    let _ = COUNTS.try_with(|counts| {
        let Counts { calls, live, peak } = counts.get();
        let (highest, live) = (live + bytes(taken), live + bytes(taken) - bytes(given));
        counts.set(Counts { calls: calls + u64::from(taken > 0), live, peak: peak.max(highest) });
    });
}

#[expect(unsafe_code, reason = "an allocator that counts is an implementation of an unsafe trait")]
// SAFETY: every call is handed to the system's allocator as it came; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: the caller's promise, unchanged.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: the caller's promise, unchanged.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, layout.size());
        // SAFETY: the caller's promise, unchanged.
        unsafe { System.dealloc(pointer, layout) }
    }

    /// Counted as if old and new bytes were there at the same time.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size, layout.size());
        // SAFETY: the caller's promise, unchanged.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// How often `work` allocated on this thread, and the most bytes that it held at once.
pub(crate) fn measured(work: impl FnOnce()) -> (u64, usize) {
    let before = COUNTS.get();
    COUNTS.set(Counts { peak: before.live, ..before });
    work();
    let after = COUNTS.get();
    (after.calls - before.calls, usize::try_from(after.peak - before.live).unwrap())
}

#[test]
fn the_allocator_counts_control() {
    assert_eq!(measured(|| ()), (0, 0));
    let (calls, peak) = measured(|| {
        let mut held = vec![1_u8; 1_000];
        held.reserve_exact(4_000);
        drop(std::hint::black_box(held));
        drop(std::hint::black_box(Box::new([0_u8; 10])));
    });
    assert_eq!((calls, peak), (3, 6_000));
}
