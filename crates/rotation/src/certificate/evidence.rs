//! Which safeguards the facts are evidence for, and on which of them that rests.
//!
//! A safeguard is named only where the facts support it. Nothing here says that an organisation complies with anything.

use super::{Certificate, Counted, Erasure, Operation, Status};
use crate::{Class, Holds};
use serde::{Deserialize, Serialize};

/// A requirement or recommendation that a certificate can support.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Safeguard {
    /// 45 CFR 164.312(a)(2)(iv), encryption and decryption.
    EncryptionAndDecryption,
    /// 45 CFR 164.312(b), audit controls.
    AuditControls,
    /// 45 CFR 164.312(c)(1), integrity.
    Integrity,
    /// 45 CFR 164.312(e)(2)(ii), encryption in transmission.
    Transmission,
    /// 45 CFR 164.316(b)(1) and (2), documentation and how long it is kept.
    Documentation,
    /// NIST SP 800-57 part 1, section 8.2: the operational phase of a key.
    OperationalPhase,
    /// NIST SP 800-57 part 1, section 8.3: the post-operational phase.
    PostOperationalPhase,
    /// NIST SP 800-88: cryptographic erase.
    CryptographicErase,
}

/// A safeguard, and the facts that the certificate offers as evidence for it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Evidence {
    /// The citation.
    pub citation: String,
    /// The members of the certificate that it rests on.
    pub rests_on: Vec<String>,
}

impl Safeguard {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::EncryptionAndDecryption,
        Self::AuditControls,
        Self::Integrity,
        Self::Transmission,
        Self::Documentation,
        Self::OperationalPhase,
        Self::PostOperationalPhase,
        Self::CryptographicErase,
    ];

    /// Where it is written.
    #[must_use]
    pub const fn citation(self) -> &'static str {
        match self {
            Self::EncryptionAndDecryption => "45 CFR 164.312(a)(2)(iv)",
            Self::AuditControls => "45 CFR 164.312(b)",
            Self::Integrity => "45 CFR 164.312(c)(1)",
            Self::Transmission => "45 CFR 164.312(e)(2)(ii)",
            Self::Documentation => "45 CFR 164.316(b)(1)-(2)",
            Self::OperationalPhase => "NIST SP 800-57 part 1, 8.2",
            Self::PostOperationalPhase => "NIST SP 800-57 part 1, 8.3",
            Self::CryptographicErase => "NIST SP 800-88",
        }
    }

    /// What it is about.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::EncryptionAndDecryption => "encryption and decryption",
            Self::AuditControls => "audit controls",
            Self::Integrity => "integrity",
            Self::Transmission => "transmission security: encryption",
            Self::Documentation => "documentation",
            Self::OperationalPhase => "operational phase of a key",
            Self::PostOperationalPhase => "post-operational phase of a key",
            Self::CryptographicErase => "cryptographic erase",
        }
    }

    /// The members of a certificate of `operation` that evidence for it rests on.
    #[must_use]
    pub const fn rests_on(self, operation: &Operation) -> &'static [&'static str] {
        match (self, operation) {
            (Self::EncryptionAndDecryption | Self::Transmission, _) => &["counts", "tool"],
            (Self::AuditControls, _) => &["log", "approval", "times"],
            (Self::Integrity, _) => &["counts"],
            (Self::Documentation, _) => &["operation", "times", "approval"],
            (Self::PostOperationalPhase, Operation::Destroy { .. }) => {
                &["operation", "keys", "counts", "erasure"]
            }
            (Self::PostOperationalPhase | Self::CryptographicErase, Operation::Shred { .. }) => {
                &["operation", "erasure"]
            }
            (Self::OperationalPhase | Self::PostOperationalPhase, _) => {
                &["operation", "keys", "counts"]
            }
            (Self::CryptographicErase, _) => &["operation", "keys", "erasure"],
        }
    }
}

impl Certificate {
    /// The safeguards that the facts support.
    #[must_use]
    pub fn safeguards(&self) -> Vec<Safeguard> {
        Safeguard::ALL.into_iter().filter(|safeguard| self.supports(*safeguard)).collect()
    }

    /// The same, with what each rests on, as the JSON has it.
    #[must_use]
    pub fn evidence(&self) -> Vec<Evidence> {
        let evidence = |safeguard: Safeguard| Evidence {
            citation: safeguard.citation().to_owned(),
            rests_on: safeguard
                .rests_on(&self.operation)
                .iter()
                .map(|member| (*member).to_owned())
                .collect(),
        };
        self.safeguards().into_iter().map(evidence).collect()
    }

    fn supports(&self, safeguard: Safeguard) -> bool {
        let (status, sums) = (self.status(), self.sums());
        let is_finished = status == Status::Finished;
        let is_whole = status != Status::NotFinished && sums.opened > 0 && sums.is_sound();
        match safeguard {
            Safeguard::EncryptionAndDecryption => is_whole && sums.plaintext == 0,
            Safeguard::Integrity => is_whole,
            Safeguard::Transmission => is_whole && sums.resealed > 0,
            Safeguard::AuditControls => self.log.is_some(),
            Safeguard::Documentation => true,
            Safeguard::OperationalPhase => {
                is_finished && matches!(self.operation, Operation::Rotate { .. })
            }
            Safeguard::PostOperationalPhase => {
                is_finished && !matches!(self.operation, Operation::Rotate { .. })
            }
            Safeguard::CryptographicErase => {
                is_finished && matches!(self.erasure, Erasure::Final { .. })
            }
        }
    }

    /// What the latest counts of the domain's columns come to.
    pub(super) fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for table in &self.counts.resealed {
            sums.resealed =
                sums.resealed.saturating_add(table.values.saturating_sub(table.entries));
        }
        for census in self.latest_counts().iter().map(Counted::census) {
            sums.tables = sums.tables.saturating_add(1);
            for column in census.columns.iter().filter(|it| it.domain_id == self.domain_id) {
                sums.columns = sums.columns.saturating_add(1);
                for (class, values) in &column.counts {
                    let sum = match class {
                        Class::Current
                        | Class::Person
                        | Class::PersonOlder
                        | Class::Older(_)
                        | Class::Newer(_) => match column.holds {
                            Holds::Sealed => &mut sums.opened,
                            Holds::Entries | Holds::Tokens => &mut sums.entries,
                        },
                        Class::Plaintext => &mut sums.plaintext,
                        Class::Damaged | Class::Foreign | Class::Stray | Class::Leftover => {
                            &mut sums.unsound
                        }
                        Class::Closed(_)
                        | Class::PersonDropped
                        | Class::Shredded
                        | Class::Unindexed
                        | Class::Nothing => &mut sums.closed,
                    };
                    *sum = sum.saturating_add(*values);
                }
            }
        }
        sums
    }
}

/// Sums over the domain's columns.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) tables: u64,
    pub(super) columns: u64,
    /// Values that were opened for the count.
    pub(super) opened: u64,
    /// Entries of indexes and deterministic tokens, which were told by their keys.
    pub(super) entries: u64,
    pub(super) plaintext: u64,
    /// Values that were sealed and do not open as what they should be.
    pub(super) unsound: u64,
    /// Values whose key opens nothing any more, or that are none.
    pub(super) closed: u64,
    /// Values that were sealed anew.
    pub(super) resealed: u64,
}

impl Sums {
    const fn is_sound(&self) -> bool {
        self.unsound == 0
    }
}
