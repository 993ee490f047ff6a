//! When keys are to be rotated, and which are overdue.

use core::time::Duration;
use phiseal_audit::Time;
use phiseal_keys::{Error, KeyState, KeyStore, Keyset};

/// When the keys of a domain are to be rotated.
///
/// What is overdue is computed from what the key store knows of the keys, so that no restart and no missed schedule hides it.
///
/// ```
/// use phiseal_rotation::Policy;
/// use std::time::Duration;
///
/// let year = Duration::from_secs(365 * 86_400);
/// let policy = Policy { max_age: Some(year), max_uses: Some(1 << 40), ..Policy::default() };
/// assert!(policy.dates.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct Policy {
    /// How long a version may be the primary.
    pub max_age: Option<Duration>,
    /// How many messages may be sealed under a version.
    pub max_uses: Option<u64>,
    /// Days from which on, and events after which, whatever was made before is overdue: a date of a schedule, the day when
    /// somebody left who had access.
    pub dates: Vec<Time>,
}

/// Why the keys of a domain are to be rotated now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Due {
    /// The primary has been it for too long, by so much.
    Age(Duration),
    /// The primary has been used too often.
    Uses(u64),
    /// The primary became it before a date that has come.
    Date(Time),
    /// The primary may not seal: it is suspended or compromised.
    State(KeyState),
}

impl Policy {
    /// Why the keys of `keyset` are to be rotated now, in seconds since 1970; nothing when they are not. `uses` is how many
    /// messages the primary may have sealed: [`KeyStore::uses`].
    #[must_use]
    pub fn due(&self, keyset: &Keyset, uses: u64, now: u64) -> Vec<Due> {
        let mut due = Vec::new();
        let Some(primary) = keyset.version(keyset.primary()) else { return due };
        if primary.state() != KeyState::Active {
            due.push(Due::State(primary.state()));
        }
        let since = primary.activated().unwrap_or(primary.created());
        let age = Duration::from_secs(now.saturating_sub(since));
        if let Some(over) = self.max_age.and_then(|most| age.checked_sub(most)) {
            due.push(Due::Age(over));
        }
        if self.max_uses.is_some_and(|most| uses >= most) {
            due.push(Due::Uses(uses));
        }
        let (since, now) = (since.saturating_mul(1_000), now.saturating_mul(1_000));
        let passed =
            self.dates.iter().filter(|date| since < date.as_millis() && date.as_millis() <= now);
        due.extend(passed.max().map(|date| Due::Date(*date)));
        due
    }

    /// As [`Policy::due`], of the domain's keyset as the key store has it.
    ///
    /// # Errors
    ///
    /// What the key store answers.
    pub async fn due_in(&self, store: &KeyStore, keyset: &Keyset) -> Result<Vec<Due>, Error> {
        let uses = match keyset.version(keyset.primary()) {
            Some(primary) => store.uses(primary.key_id()).await?,
            None => 0,
        };
        Ok(self.due(keyset, uses, store.clock().wall()))
    }

    /// When the primary will have been it for too long, in seconds since 1970.
    #[must_use]
    pub fn next(&self, keyset: &Keyset) -> Option<u64> {
        let primary = keyset.version(keyset.primary())?;
        let since = primary.activated().unwrap_or(primary.created());
        let by_age = self.max_age.map(|most| since.saturating_add(most.as_secs()));
        let dates = self.dates.iter().map(|date| date.as_millis() / 1_000);
        by_age.into_iter().chain(dates.filter(|date| *date > since)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use phiseal_format::{DomainId, EnvironmentId, WrapAlgorithm, WrappedKey};
    use phiseal_keys::FullKeyId;

    const DAY: u64 = 86_400;

    fn keyset() -> Keyset {
        let wrap = WrappedKey::new(
            WrapAlgorithm::try_from(1).unwrap(),
            "local:x".parse().unwrap(),
            phiseal_format::KekVersion(1),
            vec![1; 72],
        );
        let (environment, domain) =
            (EnvironmentId::from_bytes([1; 16]), DomainId::from_bytes([2; 16]));
        let id = FullKeyId::from_bytes([3; 32]);
        Keyset::first(environment, domain, "clinic", id, vec![wrap.unwrap()], 100 * DAY).unwrap()
    }

    #[test]
    fn age_uses_dates_and_state_make_a_key_overdue() {
        let day = |day: u64| Time::from_millis(day * DAY * 1_000);
        let policy = Policy {
            max_age: Some(Duration::from_secs(10 * DAY)),
            max_uses: Some(1_000),
            dates: vec![day(105), day(99), day(120)],
        };
        let keyset = keyset();
        assert_eq!(policy.due(&keyset, 999, 104 * DAY), []);
        assert_eq!(policy.due(&keyset, 1_000, 104 * DAY), [Due::Uses(1_000)]);
        assert_eq!(policy.due(&keyset, 0, 105 * DAY), [Due::Date(day(105))]);
        let both = [Due::Age(Duration::from_secs(2 * DAY)), Due::Date(day(105))];
        assert_eq!(policy.due(&keyset, 0, 112 * DAY), both);
        assert_eq!(policy.next(&keyset), Some(105 * DAY));
        let compromised = keyset.with_state(1, KeyState::Compromised).unwrap();
        assert_eq!(policy.due(&compromised, 0, 104 * DAY), [Due::State(KeyState::Compromised)]);
        assert_eq!(Policy::default().due(&keyset, u64::MAX, u64::MAX / 1_000), []);
        // A clock that was put back makes nothing overdue, and nothing panics.
        assert_eq!(policy.due(&keyset, 0, 0), []);
    }

    #[test]
    fn a_new_primary_is_not_overdue() {
        let policy = Policy { max_age: Some(Duration::from_secs(10 * DAY)), ..Policy::default() };
        let old = keyset();
        assert_eq!(policy.due(&old, 0, 111 * DAY).len(), 1);
        let wraps = old.version(1).unwrap().wraps().to_vec();
        let new = old.rotated(FullKeyId::from_bytes([4; 32]), wraps, 111 * DAY, false).unwrap();
        assert_eq!(policy.due(&new, 0, 111 * DAY), []);
        assert_eq!(policy.next(&new), Some(121 * DAY));
    }
}
