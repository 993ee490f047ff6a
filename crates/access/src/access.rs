use crate::alert::Alert;
use crate::policy::Policy;
use crate::rate::Rates;
use core::fmt;
use phiseal_audit::{Action, Class, Log, Outcome, Record, RequestId};
use phiseal_envelope::{Mask, Reveal, RevealForm, RevealPolicy};
use phiseal_keys::{Clock, Error, ErrorKind, Moment, Reader, SystemClock};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Judges by a policy what readers see, and writes each reveal on an audit log.
///
/// Set as [`Options::reveals`](phiseal_envelope::Options::reveals) of a domain, it is asked before anything is opened, revealed or
/// searched through that domain. What is allowed is recorded with what came of it before the reader gets it, and is withheld when
/// it cannot be recorded; what is denied is recorded too. A record names actor, use, kind of data and the person's pseudonym:
///
/// | class | action | |
/// |---|---|---|
/// | `reveal` | `reveal`, `reveal-masked`, `search` | allowed by the policy, or denied |
/// | `reveal` | `rate-alert` | one actor revealed more than is usual; `count` says how many |
/// | `break-glass` | the same | allowed only by an emergency, whose id stands under `request` |
///
/// Records are on disk a moment later ([`Log::commit`]): what a crash takes is what was revealed in that moment.
pub struct Access {
    policy: Policy,
    log: Log,
    clock: Arc<dyn Clock>,
    rates: Option<Rates>,
    /// Who has broken the glass, in this process.
    emergencies: Mutex<HashMap<Reader, InForce>>,
    on_alert: Box<dyn Fn(&Alert) + Send + Sync>,
}

/// An emergency that lets its reader see more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InForce {
    pub(crate) id: RequestId,
    pub(crate) until: Moment,
}

impl Access {
    /// Judges by `policy`, and records on `log`.
    #[must_use]
    pub fn new(policy: Policy, log: Log) -> Self {
        Self {
            rates: policy.alert().map(Rates::new),
            policy,
            log,
            clock: Arc::new(SystemClock::new()),
            emergencies: Mutex::default(),
            on_alert: Box::new(|_| ()),
        }
    }

    /// With another clock than the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Has `tell` called with each alert, before what raised it goes on. It must not wait.
    #[must_use]
    pub fn on_alert(mut self, tell: impl Fn(&Alert) + Send + Sync + 'static) -> Self {
        self.on_alert = Box::new(tell);
        self
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn time(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn alert(&self, alert: &Alert) {
        ::log::warn!("phiseal: {alert:?}");
        (self.on_alert)(alert);
    }

    /// Lets a reader see what may be seen in an emergency.
    pub(crate) fn admit(&self, reader: Reader, emergency: InForce) {
        let now = self.clock.now();
        let mut emergencies = self.emergencies.lock().unwrap_or_else(PoisonError::into_inner);
        emergencies.retain(|_, emergency| now < emergency.until);
        emergencies.insert(reader, emergency);
    }

    /// Ends that at once.
    pub(crate) fn dismiss(&self, actor: &str) {
        let mut emergencies = self.emergencies.lock().unwrap_or_else(PoisonError::into_inner);
        emergencies.retain(|reader, _| reader.actor() != actor);
    }

    fn emergency_of(&self, reader: &Reader) -> Option<InForce> {
        let now = self.clock.now();
        let emergencies = self.emergencies.lock().unwrap_or_else(PoisonError::into_inner);
        emergencies.get(reader).filter(|emergency| now < emergency.until).copied()
    }

    /// What allows a reveal: the policy, or an emergency.
    fn grounds(&self, reveal: &Reveal<'_>) -> Result<Option<InForce>, Error> {
        let denied = |message| Err(Error::new(ErrorKind::Denied, message));
        let Some(reader) = reveal.reader else {
            return denied("nobody was named who reads: open with the handle of a reader");
        };
        let Some(field) = reveal.field.filter(|field| self.policy.kind(field).is_some()) else {
            return denied("the policy says nothing of this field");
        };
        if self.policy.most(reader, field).is_some_and(|most| most >= reveal.form) {
            return Ok(None);
        }
        match self.emergency_of(reader) {
            Some(emergency) if self.policy.is_seen_in_emergency(field) => Ok(Some(emergency)),
            _ => denied(
                "the policy does not let this reader see this field for this use in this form",
            ),
        }
    }

    fn count(&self, reveal: &Reveal<'_>) -> Result<(), Error> {
        let (Some(rates), Some(reader)) = (&self.rates, reveal.reader) else { return Ok(()) };
        let now = self.clock.coarse();
        let Some(reveals) = rates.count(reader.actor(), reveal.count, now) else { return Ok(()) };
        let mut record = Record::new(Class::Reveal, Action::new("rate-alert")?, Outcome::Success);
        record.reader = Some(reader.clone());
        record.count = Some(reveals);
        self.log.append(record)?;
        let within = rates.limit().within;
        self.alert(&Alert::Rate { reader: reader.clone(), reveals, within });
        Ok(())
    }

    fn record(
        &self,
        reveal: &Reveal<'_>,
        emergency: Option<InForce>,
        outcome: Outcome,
    ) -> Result<(), Error> {
        let class = if emergency.is_some() { Class::BreakGlass } else { Class::Reveal };
        let action = Action::new(match reveal.form {
            RevealForm::Index => "search",
            RevealForm::Masked => "reveal-masked",
            RevealForm::Full => "reveal",
        })?;
        let mut record = Record::new(class, action, outcome);
        record.reader = reveal.reader.cloned();
        record.domain = Some(reveal.domain);
        record.subject = reveal.subject;
        record.kind = reveal.field.and_then(|field| self.policy.kind(field)).cloned();
        record.request = emergency.map(|emergency| emergency.id);
        record.count = Some(reveal.count);
        self.log.append(record)
    }
}

impl RevealPolicy for Access {
    fn reveal(
        &self,
        reveal: &Reveal<'_>,
        open: &mut dyn FnMut() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let emergency = match self.grounds(reveal) {
            Ok(emergency) => emergency,
            Err(denied) => {
                self.record(reveal, None, Outcome::Failure(denied.kind()))?;
                return Err(denied);
            }
        };
        let opened = open();
        let outcome = opened.as_ref().map(|_| ()).map_err(Error::kind);
        self.record(reveal, emergency, Outcome::from(outcome))?;
        if opened.is_ok() && reveal.form > RevealForm::Index {
            self.count(reveal)?;
        }
        opened
    }

    fn mask(&self, field: &str) -> Mask {
        self.policy.mask(field)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("policy", &self.policy).finish_non_exhaustive()
    }
}
