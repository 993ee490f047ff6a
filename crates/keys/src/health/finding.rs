//! What follows from the facts: what is not as it should be, and what to do about it.

use super::{DomainHealth, Health, KekHealth, Wraps};
use crate::KeyState;
use core::fmt;

/// Something that a custodian should do something about. Its `Display` is a sentence that says what.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// What it is about: a KEK, a domain, the store key, this process.
    pub subject: String,
    /// What was found.
    pub what: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// What a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FindingKind {
    /// Secrets of this process may be written to swap or a core dump.
    MemoryNotLocked,
    /// No KEK is configured to wrap new keys.
    NoKekWraps,
    /// A KEK does not answer, or cannot be used.
    KekUnreachable,
    /// A KEK answers, but did not wrap and unwrap a key.
    KekTrialFailed,
    /// The version that new wraps would get is not active.
    KekVersionNotActive,
    /// Wraps are of an older KEK version.
    ToBeRewrapped,
    /// Wraps open no more.
    WrapsLost,
    /// A KEK that wraps has no wrap of a key.
    WrapsMissing,
    /// A KEK that only unwraps is still needed.
    KekLeaving,
    /// Wraps are by a KEK that is not configured.
    KekNotConfigured,
    /// A primary is older than it should be.
    Overdue,
    /// A primary's state does not let it seal.
    PrimaryCannotSeal,
    /// A version is compromised and not yet destroyed.
    Compromised,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, what, remedy, .. } = self;
        write!(f, "{subject} {what}: {remedy}.")
    }
}

impl Health {
    /// What is not as it should be, the process and the KEKs first. Nothing: the store is well.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        if !self.memory_is_locked {
            found.push(Finding {
                kind: FindingKind::MemoryNotLocked,
                subject: "This process".to_owned(),
                what: "keeps secrets in memory that may be swapped or dumped".to_owned(),
                remedy: "raise RLIMIT_MEMLOCK",
            });
        }
        if !self.keks.iter().any(|kek| kek.wraps && !kek.escrow) {
            found.push(Finding {
                kind: FindingKind::NoKekWraps,
                subject: "This store".to_owned(),
                what: "has no KEK that wraps new keys".to_owned(),
                remedy: "configure one",
            });
        }
        for (place, kek) in self.keks.iter().enumerate() {
            found.extend(kek.finding(place));
        }
        let all_known = self.keks.iter().all(|kek| kek.id.is_some());
        let store_key = "The store key".to_owned();
        found.extend(self.store_key.findings(
            &store_key,
            all_known,
            "rewrap it (KeyStore::rewrap_store_key)",
        ));
        for domain in &self.domains {
            found.extend(domain.wraps().findings(
                &domain.subject(),
                all_known,
                "rewrap it (KeyStore::rewrap)",
            ));
            found.extend(domain.findings(self.max_age));
        }
        found
    }
}

impl KekHealth {
    /// The name of the KEK in this place of the order.
    pub(super) fn called(&self, place: usize) -> String {
        let number = place + 1;
        match &self.id {
            Some(id) => format!("KEK {number} ({id})"),
            None => format!("KEK {number}"),
        }
    }

    fn finding(&self, place: usize) -> Option<Finding> {
        let of =
            |kind, what, remedy| Some(Finding { kind, subject: self.called(place), what, remedy });
        let answer = match &self.answer {
            Ok(answer) => answer,
            Err(error) => {
                let remedy = if self.wraps {
                    "see to its service and this process's access to it; no new keys can be made until it answers"
                } else {
                    "see to its service and this process's access to it, or take it out"
                };
                let fails = if error.is_retryable() { "does not answer" } else { "cannot be used" };
                let what = format!("{fails} ({error})");
                return of(FindingKind::KekUnreachable, what, remedy);
            }
        };
        let current = answer.info.current;
        let state = answer.info.state(current).filter(|_| self.wraps);
        match (state, &answer.trial) {
            (Some(state), _) if state != KeyState::Active => of(
                FindingKind::KekVersionNotActive,
                format!("has a current version, {current}, that is {state}"),
                "make a new version of it; no new keys can be made until there is one",
            ),
            (_, Some(Err(error))) => of(
                FindingKind::KekTrialFailed,
                format!("does not do its work ({error})"),
                "see to its service and this process's access to it",
            ),
            _ => None,
        }
    }
}

impl Wraps {
    fn findings(self, subject: &str, all_known: bool, rewrap: &'static str) -> Vec<Finding> {
        let unknown = if all_known { self.unknown } else { 0 };
        let kinds = [
            (
                self.lost,
                FindingKind::WrapsLost,
                "that its KEK no longer opens",
                "rewrap while a wrap by another KEK opens it, or put the KEK version back from a backup",
            ),
            (self.outdated, FindingKind::ToBeRewrapped, "of an older KEK version", rewrap),
            (self.leaving, FindingKind::KekLeaving, "by a KEK that only unwraps", rewrap),
            (
                unknown,
                FindingKind::KekNotConfigured,
                "by a KEK that is not configured",
                "configure that KEK, or rewrap to give it up",
            ),
        ];
        let found = kinds.into_iter().filter(|(count, ..)| *count > 0);
        let mut findings: Vec<_> = found
            .map(|(count, kind, which, remedy)| {
                let what = format!("has {} {which}", counted(count, "wrap"));
                Finding { kind, subject: subject.to_owned(), what, remedy }
            })
            .collect();
        if self.missing > 0 {
            findings.push(Finding {
                kind: FindingKind::WrapsMissing,
                subject: subject.to_owned(),
                what: format!("lacks {} by KEKs that wrap", counted(self.missing, "wrap")),
                remedy: rewrap,
            });
        }
        findings
    }
}

impl DomainHealth {
    fn subject(&self) -> String {
        format!("Domain {}", self.name)
    }

    fn findings(&self, max_age: Option<core::time::Duration>) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut of = |kind, what, remedy| {
            found.push(Finding { kind, subject: self.subject(), what, remedy });
        };
        if let Some(primary) = self.primary_version() {
            if primary.state != KeyState::Active {
                of(
                    FindingKind::PrimaryCannotSeal,
                    format!(
                        "seals nothing, as its primary, version {}, is {}",
                        primary.number, primary.state
                    ),
                    "rotate it, or make the version active again where it was suspended",
                );
            }
            if max_age.is_some_and(|most| primary.age > most) {
                of(
                    FindingKind::Overdue,
                    format!(
                        "has a primary, version {}, that is {} old",
                        primary.number,
                        days(primary.age)
                    ),
                    "rotate it (Domain::rotate)",
                );
            }
        }
        for version in self.versions.iter().filter(|it| it.state == KeyState::Compromised) {
            of(
                FindingKind::Compromised,
                format!("still holds version {}, which is compromised", version.number),
                "reseal what it sealed, then destroy it",
            );
        }
        found
    }
}

/// `1 wrap`, `2 wraps`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Whole days, below three of them whole hours.
pub(super) fn days(age: core::time::Duration) -> String {
    const HOUR: u64 = 3600;
    match age.as_secs() / HOUR {
        hours @ ..72 => format!("{hours} h"),
        hours => format!("{} days", hours / 24),
    }
}
