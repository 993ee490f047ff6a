//! What a block cipher leaves behind on the stack.

use core::hint::black_box;

/// How far below the caller the stack is cleared, in bytes: what sealing with RustCrypto reaches, the deepest of all,
/// is under 7 KiB with optimisations. Without them every temporary has a place of its own.
const DEPTH: usize = if cfg!(debug_assertions) { 160 * 1024 } else { 8 * 1024 };

/// Overwrites the stack below the caller with zeros.
///
/// A compiler may spill key material to the stack, where no destructor reaches it. Call this right after the function
/// that handled the key, and keep that function out of line, so that its frame lies where this one writes.
#[inline(never)]
pub(crate) fn scrub() {
    let mut frame = [0_u8; DEPTH];
    black_box(&mut frame);
}
