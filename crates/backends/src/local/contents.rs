//! What a key file holds, and what can have come after it.

use super::protection::Protection;
use crate::versions::{Version, Versions};
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::constant_time;

/// What a key file holds.
pub(super) struct Contents {
    /// 1 in a new file, and one more with every change.
    pub(super) revision: u64,
    pub(super) versions: Versions,
    pub(super) protection: Protection,
}

impl Contents {
    /// What a new file holds.
    pub(super) const fn first(versions: Versions, protection: Protection) -> Self {
        Self { revision: 1, versions, protection }
    }

    /// What the file holds once its versions are these; none when they are as they were.
    pub(super) fn next(&self, versions: Versions) -> Result<Option<Self>, Error> {
        if same_states(&self.versions, &versions) {
            return Ok(None);
        }
        let revision = self.revision.checked_add(1).ok_or_else(|| {
            Error::new(ErrorKind::Exhausted, "no revision of the key file is left")
        })?;
        Ok(Some(Self { revision, versions, protection: self.protection.clone() }))
    }

    /// Refuses what cannot have come after this: another KEK; a version that is gone or has another key; a state that the
    /// version's state before does not lead to; an older revision, or the same one with something else in it.
    pub(super) fn check_successor(&self, later: &Self) -> Result<(), Error> {
        if later.versions.id != self.versions.id {
            return Err(Error::new(ErrorKind::Tampered, "the key file is now that of another KEK"));
        }
        let revision_follows = later.revision > self.revision
            || later.revision == self.revision && same_states(&self.versions, &later.versions);
        let versions_follow = self.versions.versions.iter().all(|(number, then)| {
            later.versions.versions.get(number).is_some_and(|now| follows(then, now))
        });
        if revision_follows && versions_follow {
            Ok(())
        } else {
            Err(Error::new(
                ErrorKind::Tampered,
                "an older or another key file was put in its place",
            ))
        }
    }
}

fn same_states(one: &Versions, other: &Versions) -> bool {
    let states = |of: &Versions| {
        of.versions.iter().map(|(number, version)| (*number, version.state)).collect::<Vec<_>>()
    };
    states(one) == states(other)
}

fn follows(then: &Version, now: &Version) -> bool {
    let same_key = match (&then.key, &now.key) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(then), Some(now)) => constant_time::equal(then.expose_secret(), now.expose_secret()),
    };
    same_key && then.state.leads_to(now.state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use phiseal_format::KekId;
    use phiseal_keys::{KeyState, Secret};
    use std::sync::Arc;

    /// A row for each state before, a column for each after, in the order of `KeyState::ALL`.
    const LEADS_TO: [&str; 6] = ["YYYYYY", "-YYYYY", "-YYYYY", "---YYY", "----YY", "-----Y"];

    fn contents(revision: u64, states: &[KeyState], byte: u8) -> Contents {
        let id = KekId::try_from("local:00000000000000000000000000000000".to_owned()).unwrap();
        let mut versions = Versions::new(phiseal_primitives::default_engine(), id);
        for (number, state) in (1..).zip(states) {
            let key = Secret::filled(|out| {
                out.fill(byte);
                Ok::<_, Error>(())
            });
            let key = (*state != KeyState::Destroyed).then(|| Arc::new(key.unwrap()));
            versions.versions.insert(number, Version { state: *state, key });
        }
        Contents { revision, versions, protection: Protection::Plain }
    }

    fn refusal(then: &Contents, now: &Contents) -> Option<ErrorKind> {
        then.check_successor(now).err().map(|error| error.kind())
    }

    #[test]
    fn all_36_pairs_of_states() {
        let mut checked = 0;
        for (from, row) in KeyState::ALL.into_iter().zip(LEADS_TO) {
            for (to, cell) in KeyState::ALL.into_iter().zip(row.chars()) {
                let expected = (cell != 'Y').then_some(ErrorKind::Tampered);
                let (then, now) = (contents(4, &[from], 1), contents(5, &[to], 1));
                assert_eq!(refusal(&then, &now), expected, "{from} to {to}");
                checked += 1;
            }
        }
        assert_eq!(checked, 36);
    }

    #[test]
    fn a_revision_does_not_fall_and_holds_one_thing() {
        use KeyState::{Active, Suspended};
        let then = contents(4, &[Active], 1);
        let tampered = Some(ErrorKind::Tampered);
        for (what, revision, states, byte, expected) in [
            ("the same", 4, &[Active][..], 1, None),
            ("a later one", 9, &[Active, Active], 1, None),
            ("an older one", 3, &[Active], 1, tampered),
            ("the same revision in another state", 4, &[Suspended], 1, tampered),
            ("the same revision with one more version", 4, &[Active, Active], 1, tampered),
            ("another key at the same revision", 4, &[Active], 2, tampered),
            ("another key at a later revision", 5, &[Active], 2, tampered),
            ("no version", 5, &[], 1, tampered),
        ] {
            assert_eq!(refusal(&then, &contents(revision, states, byte)), expected, "{what}");
        }
    }

    #[test]
    fn only_a_change_makes_a_new_revision() {
        use KeyState::{Active, Suspended};
        let then = contents(4, &[Active], 1);
        assert!(then.next(then.versions.draft()).unwrap().is_none());
        let next = then.next(contents(0, &[Suspended], 1).versions).unwrap().unwrap();
        assert_eq!(next.revision, 5);
        let last = contents(u64::MAX, &[Active], 1);
        let error = last.next(contents(0, &[Suspended], 1).versions).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Exhausted);
    }
}
