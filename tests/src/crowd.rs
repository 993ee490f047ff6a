//! A thousand callers at once.
#![expect(clippy::panic, reason = "what tests share may fail them")]

use phiseal::Error;
use std::sync::Barrier;
use std::thread::{self, Builder};
use std::time::Duration;

/// How many they are.
pub const THREADS: usize = 1_000;

/// Starts [`THREADS`] threads that do `act` at once, each with its number, and returns what they returned.
///
/// # Panics
///
/// When a thread cannot be started, or panics.
pub fn crowd<T: Send>(act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (act, barrier) = (&act, &barrier);
                let body = move || {
                    barrier.wait();
                    act(number)
                };
                Builder::new().stack_size(256 * 1024).spawn_scoped(scope, body).unwrap()
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Does `act` again for as long as it may be done again, as an application would.
///
/// # Panics
///
/// When it fails for good, or a thousand times.
pub fn insistently<T>(act: impl Fn() -> Result<T, Error>) -> T {
    for _ in 0..1_000 {
        match act() {
            Ok(done) => return done,
            Err(error) if error.is_retryable() => thread::sleep(Duration::from_millis(20)),
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("a thousand attempts failed");
}
