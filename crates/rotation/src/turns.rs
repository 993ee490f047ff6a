//! Something that threads have one after the other, by number.

use core::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Has the `T` go around: to whoever has the number 0 first, then 1, and so on.
pub(crate) struct Turns<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    next: u64,
    is_stopped: bool,
    it: T,
}

impl<T> Turns<T> {
    pub(crate) const fn new(it: T) -> Self {
        let state = State { next: 0, is_stopped: false, it };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Waits until it is the turn of `number`. `None` when somebody stopped it.
    pub(crate) fn wait(&self, number: u64) -> Option<Turn<'_, T>> {
        let is_to_wait = |state: &mut State<T>| state.next != number && !state.is_stopped;
        let state = self.changed.wait_while(self.state(), is_to_wait);
        self.turn(state.unwrap_or_else(PoisonError::into_inner), number)
    }

    /// As [`Turns::wait`]; `None` also when it is not the turn of `number` now.
    pub(crate) fn try_wait(&self, number: u64) -> Option<Turn<'_, T>> {
        match self.state.try_lock() {
            Ok(state) => self.turn(state, number),
            Err(_) => None,
        }
    }

    fn turn<'a>(&'a self, state: MutexGuard<'a, State<T>>, number: u64) -> Option<Turn<'a, T>> {
        (state.next == number && !state.is_stopped).then_some(Turn { turns: self, state })
    }

    /// What stops the others if it is dropped and not done: nobody waits for one who does not come any more.
    pub(crate) const fn stop_unless_done(&self) -> Stop<'_, T> {
        Stop { turns: self, is_done: false }
    }

    pub(crate) fn into_inner(self) -> T {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).it
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// It, for as long as this is there.
pub(crate) struct Turn<'a, T> {
    turns: &'a Turns<T>,
    state: MutexGuard<'a, State<T>>,
}

impl<T> Turn<'_, T> {
    /// Whose turn it is.
    pub(crate) fn number(&self) -> u64 {
        self.state.next
    }

    /// From now on it is the turn of the next number.
    pub(crate) fn pass_on(&mut self) {
        self.state.next = self.state.next.saturating_add(1);
    }
}

impl<T> Deref for Turn<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.state.it
    }
}

impl<T> DerefMut for Turn<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.state.it
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.turns.changed.notify_all();
    }
}

pub(crate) struct Stop<'a, T> {
    turns: &'a Turns<T>,
    is_done: bool,
}

impl<T> Stop<'_, T> {
    pub(crate) fn done(mut self) {
        self.is_done = true;
    }
}

impl<T> Drop for Stop<'_, T> {
    fn drop(&mut self) {
        if !self.is_done {
            self.turns.state().is_stopped = true;
            self.turns.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn each_has_it_when_it_is_its_turn() {
        let turns = Turns::new(Vec::new());
        thread::scope(|scope| {
            for number in [3, 1, 0, 2] {
                let turns = &turns;
                scope.spawn(move || {
                    let mut turn = turns.wait(number).unwrap();
                    turn.push(number);
                    turn.pass_on();
                });
            }
        });
        assert_eq!(turns.into_inner(), [0, 1, 2, 3]);
    }

    #[test]
    fn who_does_not_want_to_wait_has_it_only_when_it_is_its_turn() {
        let turns = Turns::new(());
        assert!(turns.try_wait(1).is_none());
        let mut turn = turns.try_wait(0).unwrap();
        turn.pass_on();
        assert_eq!(turn.number(), 1);
        assert!(turns.try_wait(1).is_none(), "somebody has it still");
        drop(turn);
        assert!(turns.try_wait(1).is_some());
        drop(turns.stop_unless_done());
        assert!(turns.try_wait(1).is_none());
    }

    #[test]
    fn nobody_waits_for_one_who_does_not_pass_it_on() {
        let stops: [fn(&Turns<()>); 3] = [
            |turns| drop(turns.stop_unless_done()),
            |turns| {
                let _stop = turns.stop_unless_done();
                drop(turns.wait(0));
            },
            |turns| {
                let _stop = turns.stop_unless_done();
                let _turn = turns.wait(0);
                panic!("on purpose");
            },
        ];
        for stop in stops {
            let turns = Turns::new(());
            thread::scope(|scope| {
                let waiting = scope.spawn(|| turns.wait(1).is_some());
                let _ = scope.spawn(|| stop(&turns)).join();
                assert!(!waiting.join().unwrap());
            });
        }

        let turns = Turns::new(());
        turns.stop_unless_done().done();
        assert!(turns.wait(0).is_some(), "the control");
    }
}
