use crate::alert::Alert;
use crate::policy::Policy;
use crate::rate::Rates;
use core::fmt;
use phiseal_audit::{Action, Class, Log, Outcome, Record, RequestId};
use phiseal_envelope::{Mask, Reveal, RevealForm, RevealPolicy};
use phiseal_keys::{Clock, Error, ErrorKind, Moment, Reader, SystemClock};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Judges by a policy what readers see, and writes each reveal on an audit log.
///
/// Set as [`Options::reveals`](phiseal_envelope::Options::reveals) of a domain, it is asked before anything is opened, revealed or
/// searched through that domain. What is allowed is handed to the log, with what came of it, before the reader gets it, and is
/// withheld when the log does not take it; what is denied is recorded too. A record names actor, use, kind of data, and the
/// pseudonym of the person or of the record that the field is of
/// ([`KeyStore::record_tag`](phiseal_keys::KeyStore::record_tag)); columns of tokens and indexes know of no person, unless they are
/// of one's own key.
///
/// | class | action | |
/// |---|---|---|
/// | `reveal` | `reveal`, `reveal-masked`, `search` | allowed by the policy, or denied |
/// | `reveal` | `rate-alert` | one actor asked for more than is usual; `count` says how much |
/// | `break-glass` | the same | allowed only by an emergency, whose id stands under `request` |
///
/// Records are on disk a moment later ([`Log::commit`]). What a crash or a full disk takes is what was revealed in that moment;
/// once the log cannot be written, nothing is revealed.
///
/// Alerts count what is asked for, denied or not, searches too, by actor and in this process. A window begins with the first that
/// is asked for after the one before is over.
///
/// One policy is of all domains that it is set for: where a field of one name is another thing in another domain, give that one
/// another policy.
pub struct Access {
    policy: Policy,
    log: Log,
    clock: Arc<dyn Clock>,
    rates: Option<Rates>,
    /// Who has broken the glass, in this process.
    emergencies: Mutex<Emergencies>,
    on_alert: Box<dyn Fn(&Alert) + Send + Sync>,
}

/// Who has broken the glass, and how often each actor's emergencies were ended.
#[derive(Debug, Default)]
struct Emergencies {
    in_force: HashMap<Reader, InForce>,
    dismissals: HashMap<Box<str>, u64>,
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

    /// How often emergencies of an actor were ended: to be read before the one that is to be admitted is.
    pub(crate) fn dismissals(&self, actor: &str) -> u64 {
        self.emergencies().dismissals.get(actor).copied().unwrap_or_default()
    }

    /// Lets a reader see what may be seen in an emergency, unless it was ended since `dismissals` was the count.
    pub(crate) fn admit(
        &self,
        reader: &Reader,
        emergency: InForce,
        dismissals: u64,
    ) -> Result<(), Error> {
        let (now, actor) = (self.clock.now(), reader.actor());
        let mut emergencies = self.emergencies();
        if emergencies.dismissals.get(actor).copied().unwrap_or_default() != dismissals {
            return Err(Error::new(ErrorKind::State, "the emergency was ended meanwhile"));
        }
        emergencies.in_force.retain(|_, emergency| now < emergency.until);
        emergencies.in_force.insert(reader.clone(), emergency);
        Ok(())
    }

    /// Ends that at once.
    pub(crate) fn dismiss(&self, actor: &str) {
        let mut emergencies = self.emergencies();
        emergencies.in_force.retain(|reader, _| reader.actor() != actor);
        *emergencies.dismissals.entry(actor.into()).or_default() += 1;
    }

    fn emergency_of(&self, reader: &Reader) -> Option<InForce> {
        let now = self.clock.now();
        let emergencies = self.emergencies();
        emergencies.in_force.get(reader).filter(|emergency| now < emergency.until).copied()
    }

    fn emergencies(&self) -> MutexGuard<'_, Emergencies> {
        self.emergencies.lock().unwrap_or_else(PoisonError::into_inner)
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
        let Some(asked) = rates.count(reader.actor(), reveal.count, now) else { return Ok(()) };
        let within = rates.limit().within;
        self.alert(&Alert::Rate { reader: reader.clone(), asked, within });
        let mut record = Record::new(Class::Reveal, Action::new("rate-alert")?, Outcome::Success);
        record.reader = Some(reader.clone());
        record.count = Some(asked);
        self.log.append(record)
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
                self.count(reveal)?;
                return Err(denied);
            }
        };
        let opened = open();
        let outcome = opened.as_ref().map(|_| ()).map_err(Error::kind);
        self.record(reveal, emergency, Outcome::from(outcome))?;
        self.count(reveal)?;
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
