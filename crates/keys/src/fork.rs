//! What a process and the children that it forks must not share.

use crate::os;
use core::fmt;

/// A number that differs between a process and every child it forks, for about a nanosecond.
///
/// Whoever keeps state that a child must not continue (a block of nonces) stores it beside that state and compares.
#[must_use]
#[inline]
pub fn fork_generation() -> u64 {
    os::fork_generation()
}

/// A value of the process that made it: a connection, say, with the threads behind it.
///
/// A forked child gets to see it no more. It does not drop it either: that might wait for a lock that another thread held
/// when the process was forked, or tell the other side of a connection that it is over, which it is not.
pub struct OfProcess<T> {
    value: Option<T>,
    generation: u64,
}

impl<T> OfProcess<T> {
    /// A value of this process.
    pub fn new(value: T) -> Self {
        Self { value: Some(value), generation: fork_generation() }
    }

    /// The value, when it is of this process.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.generation == fork_generation())
    }
}

impl<T> Drop for OfProcess<T> {
    fn drop(&mut self) {
        if self.generation != fork_generation() {
            core::mem::forget(self.value.take());
        }
    }
}

impl<T> fmt::Debug for OfProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfProcess").finish_non_exhaustive()
    }
}
