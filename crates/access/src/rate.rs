//! How much each actor asks for.

use crate::policy::RateLimit;
use phiseal_keys::Moment;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The windows of the actors who ask for something at present.
///
/// A window begins with the first that an actor asks for after the one before was over: what is asked for at its end and in the next
/// one's beginning is counted apart.
#[derive(Debug)]
pub(crate) struct Rates {
    limit: RateLimit,
    windows: Mutex<Windows>,
}

#[derive(Debug, Default)]
struct Windows {
    actors: HashMap<Box<str>, Window>,
    /// How many there may be before those that are over are cleared away.
    enough: usize,
}

#[derive(Debug)]
struct Window {
    began: Moment,
    asked: u64,
}

impl Rates {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, windows: Mutex::default() }
    }

    pub(crate) const fn limit(&self) -> RateLimit {
        self.limit
    }

    /// Counts what `actor` asks for, and says how much that is in the window where it is too much for the first time.
    pub(crate) fn count(&self, actor: &str, count: u64, now: Moment) -> Option<u64> {
        let RateLimit { most: limit, within } = self.limit;
        let is_over = |window: &Window| now.since(window.began) >= within;
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.actors.len() > windows.enough {
            windows.actors.retain(|_, window| !is_over(window));
            windows.enough = (2 * windows.actors.len()).max(FEW);
        }
        let before = match windows.actors.get_mut(actor) {
            Some(window) if !is_over(window) => {
                let before = window.asked;
                window.asked = before.saturating_add(count);
                before
            }
            _ => {
                windows.actors.insert(actor.into(), Window { began: now, asked: count });
                0
            }
        };
        let asked = before.saturating_add(count);
        (before <= limit && asked > limit).then_some(asked)
    }
}

const FEW: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn one_too_many_is_said_once_in_each_window() {
        let within = Duration::from_secs(60);
        let rates = Rates::new(RateLimit { most: 3, within });
        let at = |seconds: u64| Moment::from_nanos(seconds * 1_000_000_000);
        for second in 0..3 {
            assert_eq!(rates.count("ada", 1, at(second)), None);
        }
        assert_eq!(rates.count("bob", 3, at(3)), None, "another actor has a count of his own");
        assert_eq!(rates.count("ada", 1, at(59)), Some(4));
        assert_eq!(rates.count("ada", 100, at(59)), None, "said already");
        assert_eq!(rates.count("ada", 3, at(60)), None, "another window");
        assert_eq!(rates.count("ada", 9, at(119)), Some(12), "many at once");
        assert_eq!(rates.count("bob", u64::MAX, at(62)), Some(u64::MAX));
    }

    #[test]
    fn actors_whose_windows_are_over_are_forgotten() {
        let rates = Rates::new(RateLimit { most: 1, within: Duration::from_nanos(10) });
        for number in 0..10_000 {
            rates.count(&format!("actor {number}"), 1, Moment::from_nanos(number));
        }
        assert!(rates.windows.lock().unwrap().actors.len() <= 2 * FEW);
    }
}
