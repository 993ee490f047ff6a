//! The cases of the [`KekBackend`] contract and of that of its administration, [`KekAdminBackend`].

mod answers;
mod binding;
mod conduct;
mod versions;
mod wraps;

use crate::forms::said;
use crate::guard::Made;
use crate::report::{CaseReport, Report, Stop};
use crate::run::{Case, PATIENCE, finish};
use core::future::Future;
use core::time::Duration;
use phiseal_format::{DomainId, EncryptionContext, EnvironmentId, SubjectTag, WrappedKey};
use phiseal_keys::{DataKey, Error, KekAdminBackend, KekBackend, UnwrappedKey};
use phiseal_primitives::{Engine, constant_time};
use std::sync::Arc;

/// Two KEKs of one kind, and what may administer the first.
#[derive(Debug)]
pub struct Fixture {
    engine: &'static dyn Engine,
    backend: Arc<dyn KekBackend>,
    other: Arc<dyn KekBackend>,
    administration: Administration,
    patience: Duration,
}

#[derive(Debug)]
enum Administration {
    Unsaid,
    By(Arc<dyn KekAdminBackend>),
    Never(&'static str),
}

impl Fixture {
    /// The KEK that is tested, and another one of the same kind with another id.
    #[must_use]
    pub fn new(
        engine: &'static dyn Engine,
        backend: Arc<dyn KekBackend>,
        other: Arc<dyn KekBackend>,
    ) -> Self {
        Self { engine, backend, other, administration: Administration::Unsaid, patience: PATIENCE }
    }

    /// What administers the KEK that is tested. Clauses 9 and 13 to 17 need it.
    #[must_use]
    pub fn with_admin(mut self, admin: Arc<dyn KekAdminBackend>) -> Self {
        self.administration = Administration::By(admin);
        self
    }

    /// Nothing administers this KEK, for this reason: clauses 9 and 13 to 17 do not apply.
    #[must_use]
    pub fn without_admin(mut self, reason: &'static str) -> Self {
        self.administration = Administration::Never(reason);
        self
    }

    /// Waits this long for one answer instead of 30 seconds.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// What administers the KEK; without it the case does not apply, if the fixture says why.
    fn admin(&self) -> Result<&dyn KekAdminBackend, Stop> {
        match &self.administration {
            Administration::By(admin) => Ok(&**admin),
            Administration::Never(reason) => Err(Stop::NotApplicable((*reason).to_owned())),
            Administration::Unsaid => Err(Stop::Failed(
                "the fixture says neither with_admin nor without_admin".to_owned(),
            )),
        }
    }

    /// The answer of a call, however it is.
    fn answer<T>(&self, call: impl Future<Output = T>) -> Result<T, Stop> {
        finish(call, self.patience)
    }

    /// The answer of a call that has to succeed.
    fn done<T>(&self, what: &str, call: impl Future<Output = Result<T, Error>>) -> Result<T, Stop> {
        self.answer(call)?.map_err(|error| Stop::Failed(format!("{what} failed: {}", said(&error))))
    }

    fn unwrapped(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Result<UnwrappedKey, Error>, Stop> {
        self.answer(self.backend.unwrap_key(wrapped, context))
    }

    /// Refused for good, and not because the backend could not be reached.
    fn refused(
        &self,
        what: &str,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Error, Stop> {
        match self.unwrapped(wrapped, context)? {
            Err(error) if !error.is_retryable() => Ok(error),
            Err(error) => Err(Stop::Failed(format!(
                "{what}: {} does not tell that it is refused",
                said(&error)
            ))),
            Ok(_) => Err(Stop::Failed(format!("{what}: a key came out"))),
        }
    }

    /// As [`Fixture::refused`], of `rewrap_key`.
    fn not_rewrapped(
        &self,
        what: &str,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<(), Stop> {
        match self.answer(self.backend.rewrap_key(wrapped, context))? {
            Err(error) if !error.is_retryable() => Ok(()),
            Err(error) => Err(Stop::Failed(format!(
                "rewrap_key of {what}: {} does not tell that it is refused",
                said(&error)
            ))),
            Ok(_) => Err(Stop::Failed(format!("rewrap_key of {what}: a wrap came out"))),
        }
    }
}

const CASES: [Case<Fixture>; 17] = [
    Case { clause: 1, name: "clause_01_describe_is_steady", run: answers::describe_is_steady },
    Case { clause: 2, name: "clause_02_generated_keys_open", run: wraps::generated_keys_open },
    Case { clause: 3, name: "clause_03_wrapped_keys_open", run: wraps::wrapped_keys_open },
    Case { clause: 4, name: "clause_04_keys_and_wraps_differ", run: wraps::keys_and_wraps_differ },
    Case {
        clause: 5,
        name: "clause_05_other_contexts_are_refused",
        run: binding::other_contexts_are_refused,
    },
    Case {
        clause: 6,
        name: "clause_06_changed_wraps_are_refused",
        run: binding::changed_wraps_are_refused,
    },
    Case {
        clause: 7,
        name: "clause_07_wraps_of_another_kek_are_refused",
        run: binding::wraps_of_another_kek_are_refused,
    },
    Case {
        clause: 8,
        name: "clause_08_answers_name_the_key_that_was_used",
        run: answers::answers_name_the_key_that_was_used,
    },
    Case { clause: 9, name: "clause_09_older_versions_open", run: versions::older_versions_open },
    Case {
        clause: 10,
        name: "clause_10_errors_and_debug_hold_no_key",
        run: conduct::errors_and_debug_hold_no_key,
    },
    Case {
        clause: 11,
        name: "clause_11_futures_run_anywhere_and_can_be_dropped",
        run: conduct::futures_run_anywhere_and_can_be_dropped,
    },
    Case {
        clause: 12,
        name: "clause_12_calls_run_concurrently",
        run: conduct::calls_run_concurrently,
    },
    Case {
        clause: 13,
        name: "clause_13_a_new_version_makes_the_next_wraps",
        run: versions::a_new_version_makes_the_next_wraps,
    },
    Case {
        clause: 14,
        name: "clause_14_a_deactivated_version_only_opens",
        run: versions::a_deactivated_version_only_opens,
    },
    Case {
        clause: 15,
        name: "clause_15_a_destroyed_version_opens_nothing",
        run: versions::a_destroyed_version_opens_nothing,
    },
    Case {
        clause: 16,
        name: "clause_16_an_active_version_is_not_destroyed",
        run: versions::an_active_version_is_not_destroyed,
    },
    Case {
        clause: 17,
        name: "clause_17_a_version_that_is_not_there_is_not_found",
        run: versions::a_version_that_is_not_there_is_not_found,
    },
];

/// Runs every case, each on a fresh fixture.
pub fn suite<M: Made<Fixture>>(fixture: impl Fn() -> M) -> Report {
    Report::new(CASES.iter().map(|case| case.report(&fixture)).collect())
}

/// Runs the case of this name; there is none of another name, and that is a failure.
#[must_use]
pub fn check<M: Made<Fixture>>(name: &'static str, fixture: impl FnOnce() -> M) -> CaseReport {
    match CASES.iter().find(|case| case.name == name) {
        Some(case) => case.report(fixture),
        None => CaseReport::missing(name),
    }
}

/// The names of all cases, in order.
pub fn clauses() -> impl Iterator<Item = &'static str> {
    CASES.iter().map(|case| case.name)
}

fn same(a: &DataKey, b: &DataKey) -> bool {
    constant_time::equal(a.expose_secret(), b.expose_secret())
}

/// The context of the data key of one keyset version.
fn context(keyset_version: u32) -> EncryptionContext {
    EncryptionContext::data_key(
        &EnvironmentId::from_bytes([0xe1; 16]),
        &DomainId::from_bytes([0xd1; 16]),
        keyset_version,
    )
}

/// One context of each purpose, and data key contexts that differ in one component.
fn contexts() -> Vec<EncryptionContext> {
    let (environment, domain) =
        (EnvironmentId::from_bytes([0xe1; 16]), DomainId::from_bytes([0xd1; 16]));
    let (other_environment, other_domain) =
        (EnvironmentId::from_bytes([0xe2; 16]), DomainId::from_bytes([0xd2; 16]));
    let subject = |last| {
        let mut tag = [0x5a; 16];
        tag[15] = last;
        EncryptionContext::subject_key(
            &environment,
            &domain,
            1,
            &SubjectTag::from_bytes(tag),
            &[7; 32],
        )
    };
    vec![
        EncryptionContext::data_key(&environment, &domain, 1),
        EncryptionContext::data_key(&environment, &domain, 2),
        EncryptionContext::data_key(&environment, &domain, 0x0100_0000),
        EncryptionContext::data_key(&environment, &other_domain, 1),
        EncryptionContext::data_key(&other_environment, &domain, 1),
        EncryptionContext::store_key(&environment),
        EncryptionContext::store_key(&other_environment),
        subject(0),
        subject(1),
    ]
}
