//! Whether the act is finished, and what keeps it from being so: by the facts alone.

use super::keys::maybe_state;
use super::{Certificate, Counted, Erasure, Operation, Version, counts};
use crate::Class;
use core::fmt;
use phiseal_keys::KeyState;
use serde::{Deserialize, Serialize};

/// How far the act came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever reads a certificate has to say something of each"
)]
pub enum Status {
    /// It is finished.
    Finished,
    /// It is finished, but copies of what was destroyed may be left: [`Erasure::Pending`].
    ErasurePending,
    /// Something remains to be done.
    NotFinished,
}

/// Something that keeps the act from being finished.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Remains {
    /// Nothing was counted afterwards.
    NoCount {},
    /// A table that was counted before was not counted afterwards.
    TableNotCounted {
        /// The table.
        table: String,
    },
    /// The last count of a table is from before the act, or from when another version was the primary.
    CountIsOld {
        /// The table.
        table: String,
    },
    /// Values that are not as the act leaves them.
    Values {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What they are, and how many.
        #[serde(with = "counts::class")]
        values: (Class, u64),
    },
    /// The primary version is the one that it was.
    SamePrimary {
        /// Its number.
        version: u32,
    },
    /// A version is not in the state that the act leads to.
    State {
        /// Its number.
        version: u32,
        /// The state that it is in; none when that is not told.
        #[serde(with = "maybe_state")]
        state: Option<KeyState>,
    },
    /// A destroyed version is still wrapped.
    Wraps {
        /// Its number.
        version: u32,
    },
    /// The store still has the person's key.
    Person {},
}

impl Certificate {
    /// How far the act came.
    #[must_use]
    pub fn status(&self) -> Status {
        if !self.remains().is_empty() {
            return Status::NotFinished;
        }
        match self.erasure {
            Erasure::Pending { .. } => Status::ErasurePending,
            Erasure::None {} | Erasure::Final { .. } => Status::Finished,
        }
    }

    /// What keeps the act from being finished; nothing when it is.
    ///
    /// A rotation is finished when another version is the primary, a compromised one is marked so, and the census of every
    /// table, taken since, finds nothing in the domain's columns that is [not in order](Class::is_in_order). A version is retired or
    /// destroyed when it is in that state and nothing that was counted is or may be under it; a destroyed one has no wraps.
    /// A person is shredded when the store says so.
    #[must_use]
    pub fn remains(&self) -> Vec<Remains> {
        let mut remains = Vec::new();
        match &self.operation {
            Operation::Rotate { compromised } => {
                self.check_primary(*compromised, &mut remains);
                self.check_counts(&mut remains, |class, _| !class.is_in_order());
            }
            &Operation::Retire { version } => {
                self.check_state(version, is_out_of_use, &mut remains);
                self.check_counts(&mut remains, |class, primary| {
                    class.may_be_under(version, primary)
                });
            }
            &Operation::Destroy { version } => {
                self.check_state(version, |state| state == KeyState::Destroyed, &mut remains);
                if self.version(version).is_some_and(|version| !version.wraps_after.is_empty()) {
                    remains.push(Remains::Wraps { version });
                }
                self.check_counts(&mut remains, |class, primary| {
                    class.may_be_under(version, primary)
                });
            }
            Operation::Shred { shredded, .. } => {
                if !shredded {
                    remains.push(Remains::Person {});
                }
            }
        }
        remains
    }

    /// The censuses that say what is stored now: those after the act, or those before one that changes no data.
    pub(super) fn latest_counts(&self) -> &[Counted] {
        if self.counts.after.is_empty() && self.operation.erases() {
            return &self.counts.before;
        }
        &self.counts.after
    }

    fn check_primary(&self, compromised: bool, remains: &mut Vec<Remains>) {
        let (before, after) = (self.keys.primary_before, self.keys.primary_after);
        if before == after {
            remains.push(Remains::SamePrimary { version: after });
        } else if compromised {
            let marked = |state| matches!(state, KeyState::Compromised | KeyState::Destroyed);
            self.check_state(before, marked, remains);
        }
        self.check_state(after, |state| state == KeyState::Active, remains);
    }

    fn check_state(
        &self,
        number: u32,
        is_right: impl Fn(KeyState) -> bool,
        remains: &mut Vec<Remains>,
    ) {
        let state = self.version(number).map(|version| version.state_after);
        if !state.is_some_and(is_right) {
            remains.push(Remains::State { version: number, state });
        }
    }

    /// Adds each count of the domain's columns that is not zero, and of a class that is `in_the_way`.
    fn check_counts(&self, remains: &mut Vec<Remains>, in_the_way: impl Fn(Class, u32) -> bool) {
        let latest = self.latest_counts();
        if self.sums().columns == 0 {
            remains.push(Remains::NoCount {});
        }
        for before in &self.counts.before {
            let table = &before.census().table;
            if !latest.iter().any(|counted| counted.census().table == *table) {
                remains.push(Remains::TableNotCounted { table: table.clone() });
            }
        }
        let is_of_after = !self.counts.after.is_empty();
        for census in latest.iter().map(Counted::census) {
            let columns = || census.columns.iter().filter(|it| it.domain_id == self.domain_id);
            let is_early = is_of_after && census.began < self.times.began;
            if is_early || columns().any(|column| column.primary != self.keys.primary_after) {
                remains.push(Remains::CountIsOld { table: census.table.clone() });
            }
            for column in columns() {
                let left = column
                    .counts
                    .iter()
                    .filter(|(class, values)| **values > 0 && in_the_way(**class, column.primary));
                remains.extend(left.map(|(class, values)| Remains::Values {
                    table: census.table.clone(),
                    column: column.column.clone(),
                    values: (*class, *values),
                }));
            }
        }
    }

    pub(super) fn version(&self, number: u32) -> Option<&Version> {
        self.keys.versions.iter().find(|version| version.number == number)
    }
}

const fn is_out_of_use(state: KeyState) -> bool {
    matches!(state, KeyState::Deactivated | KeyState::Compromised | KeyState::Destroyed)
}

/// A sentence without its full stop.
impl fmt::Display for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCount {} => f.write_str("nothing was counted afterwards"),
            Self::TableNotCounted { table } => {
                write!(f, "table {table} was counted before, and not afterwards")
            }
            Self::CountIsOld { table } => {
                write!(f, "the last count of table {table} is from before the act")
            }
            Self::Values { table, column, values: (class, 1) } => {
                write!(f, "1 value in column {column} of table {table} is left: {class}")
            }
            Self::Values { table, column, values: (class, values) } => {
                write!(f, "{values} values in column {column} of table {table} are left: {class}")
            }
            Self::SamePrimary { version } => {
                write!(f, "version {version} is still the one that new data is encrypted under")
            }
            Self::State { version, state: Some(state) } => {
                write!(f, "the state of version {version} is: {state}")
            }
            Self::State { version, state: None } => {
                write!(f, "the state of version {version} is not told")
            }
            Self::Wraps { version } => {
                write!(f, "version {version} is still kept in wrapped form")
            }
            Self::Person {} => f.write_str("the key store still has the person's key"),
        }
    }
}
