//! What the server says about the transit key, and whether it is one to wrap with.

use super::error::senseless;
use phiseal_format::KekVersion;
use phiseal_keys::{Error, ErrorKind, KeyState};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The answer to a look at a key, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(super) struct TransitKey {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    derived: bool,
    #[serde(default)]
    convergent_encryption: bool,
    exportable: bool,
    allow_plaintext_backup: bool,
    deletion_allowed: bool,
    #[serde(default)]
    soft_deleted: bool,
    /// The versions that open, and when each was made.
    #[serde(default)]
    keys: BTreeMap<String, serde_json::Value>,
    latest_version: u32,
    #[serde(default)]
    min_available_version: u32,
    min_decryption_version: u32,
    min_encryption_version: u32,
}

impl TransitKey {
    /// Refuses a key that would lose a promise, and says what to change.
    pub(super) fn check(&self, name: &str) -> Result<(), Error> {
        let unsupported = |message| Err(Error::new(ErrorKind::Unsupported, message));
        if self.name != name || self.latest_version == 0 {
            return Err(senseless());
        }
        if self.kind != "aes256-gcm96" {
            return unsupported("the transit key is not of type aes256-gcm96: make another one");
        }
        if !self.derived {
            return unsupported(
                "the transit key binds no context: make another one with derived=true",
            );
        }
        if self.convergent_encryption {
            return unsupported(
                "the transit key is convergent: make another one without convergent_encryption",
            );
        }
        if self.exportable {
            return unsupported("the transit key can be exported, for good: make another one");
        }
        if self.allow_plaintext_backup {
            return unsupported(
                "the transit key can be backed up in the clear, for good: make another one",
            );
        }
        if self.deletion_allowed {
            return unsupported(
                "the transit key can be deleted: set deletion_allowed=false in its config",
            );
        }
        if self.soft_deleted {
            return Err(Error::new(ErrorKind::State, "the transit key is soft-deleted"));
        }
        Ok(())
    }

    /// The version that new wraps get.
    pub(super) const fn latest(&self) -> KekVersion {
        KekVersion(self.latest_version)
    }

    /// The oldest version whose key the server still has.
    pub(super) fn oldest_kept(&self) -> u32 {
        self.min_available_version.max(1)
    }

    /// The oldest version that opens.
    pub(super) fn oldest_open(&self) -> u32 {
        self.min_decryption_version.max(self.oldest_kept())
    }

    /// The oldest version that is active: the server encrypts under none before it.
    pub(super) fn oldest_active(&self) -> u32 {
        self.min_encryption_version.max(self.oldest_open())
    }

    /// Whether the key has, or had, this version.
    pub(super) const fn knows(&self, version: KekVersion) -> bool {
        1 <= version.0 && version.0 <= self.latest_version
    }

    /// Every version that the server still has, and the state that its thresholds give it: the newest [`MOST_STATES`].
    ///
    /// A version that is out of use counts as suspended, since it neither wraps nor opens.
    pub(super) fn states(&self) -> Vec<(KekVersion, KeyState)> {
        // Thresholds are what a server says: those of a wrong one name four thousand million versions.
        let newest = self.latest_version.saturating_sub(MOST_STATES - 1);
        let states = (self.oldest_kept().max(newest)..=self.latest_version).map(|number| {
            let state = match number {
                _ if number >= self.oldest_active() => KeyState::Active,
                _ if number >= self.oldest_open() => KeyState::Deactivated,
                _ => KeyState::Suspended,
            };
            (KekVersion(number), state)
        });
        states.collect()
    }

    /// When its versions were made.
    pub(super) fn births(&self) -> Result<Births, Error> {
        let times = self
            .keys
            .iter()
            .map(|(version, time)| Some((version.parse::<u32>().ok()?, time.as_i64()?)));
        let times = times.collect::<Option<BTreeMap<_, _>>>().ok_or_else(senseless)?;
        let births = Births { latest: self.latest_version, oldest_kept: self.oldest_kept(), times };
        let open = self.oldest_open()..=self.latest_version;
        if births.times.keys().copied().eq(open) { Ok(births) } else { Err(senseless()) }
    }
}

/// The most versions of a key whose states are told: more than an answer of 64 KiB has room to list as open.
const MOST_STATES: u32 = 4_096;

/// When the versions of a key were made: by that a key is known from another one that has its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Births {
    latest: u32,
    oldest_kept: u32,
    times: BTreeMap<u32, i64>,
}

impl Births {
    /// Whether a key with these can be what became of the one with `earlier`.
    pub(super) fn follow(&self, earlier: &Self) -> bool {
        let mut shared = self
            .times
            .iter()
            .filter_map(|(version, time)| earlier.times.get(version).map(|before| before == time));
        self.latest >= earlier.latest
            && self.oldest_kept >= earlier.oldest_kept
            && shared.all(|same| same)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(change: &[(&str, serde_json::Value)]) -> TransitKey {
        let mut json = serde_json::json!({
            "name": "phi", "type": "aes256-gcm96", "derived": true, "convergent_encryption": false,
            "exportable": false, "allow_plaintext_backup": false, "deletion_allowed": false,
            "soft_deleted": false, "keys": {"1": 100, "2": 200}, "latest_version": 2,
            "min_available_version": 0, "min_decryption_version": 1, "min_encryption_version": 0,
        });
        for (name, value) in change {
            json[*name] = value.clone();
        }
        serde_json::from_value(json).unwrap()
    }

    fn births(keys: serde_json::Value, latest: u32, open: u32, kept: u32) -> Births {
        let change: [(&str, serde_json::Value); 4] = [
            ("keys", keys),
            ("latest_version", latest.into()),
            ("min_decryption_version", open.into()),
            ("min_available_version", kept.into()),
        ];
        key(&change).births().unwrap()
    }

    #[test]
    fn a_key_that_would_lose_a_promise_is_refused() {
        assert!(key(&[]).check("phi").is_ok(), "the control");
        for (name, value, expected) in [
            ("name", "phj".into(), ErrorKind::Faulty),
            ("latest_version", 0.into(), ErrorKind::Faulty),
            ("type", "chacha20-poly1305".into(), ErrorKind::Unsupported),
            ("derived", false.into(), ErrorKind::Unsupported),
            ("convergent_encryption", true.into(), ErrorKind::Unsupported),
            ("exportable", true.into(), ErrorKind::Unsupported),
            ("allow_plaintext_backup", true.into(), ErrorKind::Unsupported),
            ("deletion_allowed", true.into(), ErrorKind::Unsupported),
            ("soft_deleted", true.into(), ErrorKind::State),
        ] {
            let refused = key(&[(name, value)]).check("phi").unwrap_err();
            assert_eq!(refused.kind(), expected, "{name}");
        }
    }

    #[test]
    fn what_became_of_a_key_is_known_from_another_key() {
        let first = births(serde_json::json!({"1": 100, "2": 200}), 2, 1, 0);
        let followers = [
            first.clone(),
            births(serde_json::json!({"1": 100, "2": 200, "3": 300}), 3, 1, 0),
            births(serde_json::json!({"2": 200, "3": 300}), 3, 2, 0),
            births(serde_json::json!({"3": 300}), 3, 3, 3),
        ];
        for follower in followers {
            assert!(follower.follow(&first), "{follower:?}");
        }
        let strangers = [
            births(serde_json::json!({"1": 101}), 1, 1, 0),
            births(serde_json::json!({"1": 100}), 1, 1, 0),
            births(serde_json::json!({"1": 100, "2": 201}), 2, 1, 0),
            births(serde_json::json!({"1": 101, "2": 201, "3": 301}), 3, 1, 0),
        ];
        for stranger in strangers {
            assert!(!stranger.follow(&first), "{stranger:?}");
        }
        let trimmed = births(serde_json::json!({"2": 200}), 2, 2, 2);
        assert!(trimmed.follow(&first) && !first.follow(&trimmed));
    }

    #[test]
    fn births_that_leave_a_version_out_make_no_sense() {
        for keys in [
            serde_json::json!({"1": 100}),
            serde_json::json!({"1": 100, "2": 200, "3": 300}),
            serde_json::json!({"1": 100, "2": "200"}),
            serde_json::json!({}),
        ] {
            assert_eq!(key(&[("keys", keys)]).births().unwrap_err().kind(), ErrorKind::Faulty);
        }
    }

    #[test]
    fn the_thresholds_of_a_fresh_key_and_of_an_old_one() {
        let fresh = key(&[]);
        assert_eq!((fresh.oldest_kept(), fresh.oldest_open(), fresh.oldest_active()), (1, 1, 1));
        let old = key(&[
            ("latest_version", 9.into()),
            ("min_available_version", 3.into()),
            ("min_decryption_version", 4.into()),
            ("min_encryption_version", 6.into()),
        ]);
        assert_eq!((old.oldest_kept(), old.oldest_open(), old.oldest_active()), (3, 4, 6));
        let states: Vec<_> =
            old.states().iter().map(|(number, state)| (number.0, *state)).collect();
        let (suspended, deactivated, active) =
            (KeyState::Suspended, KeyState::Deactivated, KeyState::Active);
        assert_eq!(states[..4], [(3, suspended), (4, deactivated), (5, deactivated), (6, active)]);
        assert_eq!((states.len(), states.last()), (7, Some(&(9, active))));
        let immense = key(&[("latest_version", u32::MAX.into())]).states();
        assert_eq!((immense.len(), immense.last().unwrap().0.0), (4_096, u32::MAX));
        assert!(old.knows(KekVersion(9)) && old.knows(KekVersion(1)));
        assert!(!old.knows(KekVersion(0)) && !old.knows(KekVersion(10)));
    }
}
