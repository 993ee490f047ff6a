//! Emergencies: what the policy denies is seen all the same.

mod emergency;
mod places;
mod review;

pub use emergency::{Emergency, Review};
pub use review::{Finding, Unreviewed};

use crate::access::{Access, InForce};
use crate::alert::Alert;
use core::time::Duration;
use emergency::{Kept, State};
use phiseal_audit::{Action, Class, Outcome, Record, RequestId};
use phiseal_envelope::{Domain, Phi};
use phiseal_keys::{Error, ErrorKind, KeyStore, Moment, Reader};
use std::sync::Arc;

/// Lets somebody see what the policy denies, in an emergency (45 CFR 164.312(a)(2)(ii)).
///
/// Whoever may, by the policy's `[break-glass]`, does it for a time and for a reason. It is on the audit log, on disk, and an
/// [`Alert`] is raised, before the first field is seen; whatever it lets through is recorded under the class `break-glass` with the
/// emergency's id. It ends by itself. The same actor cannot do it again until another person, a reviewer by the policy, has
/// [reviewed](BreakGlass::review) it.
///
/// What is kept stands in the key store, authenticated, the reason sealed by the domain's key. It says nothing about other actors:
/// one who waits for a review holds up nobody else in an emergency.
///
/// # Security
///
/// Whoever can write the key store cannot forge a review, but can take the record of an emergency out, or put the store back to a
/// time before it: the audit log has it still. A review is by another actor; whether that is another person is for whoever gives
/// out the actors' names to see to. An emergency that was [resumed](BreakGlass::resume) in other processes goes on there until its
/// time is over, also when it is ended or reviewed before.
///
/// ```
/// # pollster::block_on(async {
/// # use phiseal_audit::{LocalSigner, Log};
/// # use phiseal_backends::memory::MemoryKek;
/// # use phiseal_envelope::{Domain, Options};
/// # use phiseal_format::EnvironmentId;
/// # use phiseal_keys::{Keks, KeyStore, KeyStoreConfig};
/// # let engine = phiseal_primitives::default_engine();
/// # let keks = Keks::later(Arc::new(MemoryKek::new(engine)?), engine);
/// # let store = KeyStore::open(Arc::new(phiseal_stores::MemoryStore::new()), keks, KeyStoreConfig::new(engine)).await?;
/// # let store = Arc::new(store);
/// # let folder = tempfile::tempdir().unwrap();
/// # let environment = EnvironmentId::from_bytes([7; 16]);
/// # let log = Log::builder("clinic.example/audit", environment, LocalSigner::generate(engine)?, engine)?.open(folder.path().join("audit"))?;
/// # let policy = Policy::parse(include_str!("../../tests/access/policy.toml")).unwrap();
/// use phiseal_access::{Access, BreakGlass, Finding, Policy};
/// use phiseal_format::Context;
/// use phiseal_keys::Reader;
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// let access = Arc::new(Access::new(policy, log));
/// let mut options = Options::new(engine);
/// options.reveals = Some(access.clone());
/// let patients = Domain::connect(store, "clinic/patients", options.into()).await?;
/// let what = Context::of_record("mrn-1029").field("allergies");
/// let sealed = patients.seal("penicillin", &what).await?;
///
/// let nurse = Reader::new("nurse/17", "billing")?;
/// let of_nurse = patients.read_by(nurse.clone());
/// assert!(of_nurse.open::<String>(&sealed, &what).await.is_err());
///
/// let glass = BreakGlass::new(access, &patients);
/// let reason = "unconscious in the emergency room, nobody from the ward to be reached";
/// glass.begin(&nurse, reason, Duration::from_secs(1800)).await?;
/// assert_eq!(of_nurse.open::<String>(&sealed, &what).await?.expose_secret(), "penicillin");
/// glass.end(&nurse).await?;
/// assert!(of_nurse.open::<String>(&sealed, &what).await.is_err());
/// assert!(glass.begin(&nurse, reason, Duration::from_secs(1800)).await.is_err());
///
/// let officer = Reader::new("privacy-officer", "review")?;
/// for emergency in glass.unreviewed(&officer).await?.emergencies {
///     glass.review(&officer, &emergency, Finding::Justified, "seen the chart, talked to the nurse").await?;
/// }
/// # Ok::<(), phiseal_keys::Error>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct BreakGlass {
    access: Arc<Access>,
    domain: Domain,
}

/// The longest reason or note, in bytes.
const MAX_TEXT: usize = 4096;

impl BreakGlass {
    /// Emergencies in which `access` lets somebody see more, kept in the key store of `domain`.
    #[must_use]
    pub fn new(access: Arc<Access>, domain: &Domain) -> Self {
        Self { access, domain: domain.assume_allowed() }
    }

    /// Breaks the glass for `reader`, for at most `lasts`, and says why.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] for who may not, by the policy; [`ErrorKind::State`] while an earlier emergency of the same actor was
    /// not reviewed; [`ErrorKind::Invalid`] without a reason, or one of more than 4 KiB, and for no time or more than the policy
    /// allows; what the key store answers; and why it could not be written to the audit log. Nothing more is seen then.
    pub async fn begin(
        &self,
        reader: &Reader,
        reason: &str,
        lasts: Duration,
    ) -> Result<Emergency, Error> {
        let dismissals = self.access.dismissals(reader.actor());
        let (kept, reason) = match self.planned(reader, reason, lasts).await {
            Ok(planned) => planned,
            Err(error) => {
                self.append(BEGIN, reader, None, Outcome::Failure(error.kind()))?;
                return Err(error);
            }
        };
        let id = kept.id;
        // All of it before anything is in force: whoever goes away in the middle has seen nothing that nobody knows of.
        self.append(BEGIN, reader, Some(id), Outcome::Success)?;
        self.access.log().commit().await?;
        self.access.alert(&Alert::BreakGlass { reader: reader.clone(), emergency: id, lasts });
        // Of two who begin at the same moment, one does.
        let written = self.written(kept, |_| ()).await.map_err(|error| match error.kind() {
            ErrorKind::Conflict => not_reviewed(),
            _ => error,
        });
        if let Err(error) = &written {
            self.append(BEGIN, reader, Some(id), Outcome::Failure(error.kind()))?;
        }
        let kept = written?;
        self.access.admit(reader, InForce { id, until: self.until(lasts) }, dismissals)?;
        Ok(kept.with_texts(Some(reason), None))
    }

    /// Lets the same reader go on in another process, or after a restart, until the emergency ends, and no longer than the policy
    /// allows now; `None` when there is none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`] for who may not any more, by the policy; [`ErrorKind::State`] when the wall clock stands before the
    /// emergency began, or before it was resumed last; what the key store answers; and why it could not be written to the audit
    /// log.
    pub async fn resume(&self, reader: &Reader) -> Result<Option<Emergency>, Error> {
        let dismissals = self.access.dismissals(reader.actor());
        let Some(kept) = self.latest(reader.actor()).await? else { return Ok(None) };
        let kept = self.settled(kept).await?;
        let now = self.wall();
        if kept.reader != *reader || kept.state(now) != State::InForce {
            return Ok(None);
        }
        let allowed = match self.access.policy().longest_emergency(reader.actor()) {
            None => Err(Error::new(ErrorKind::Denied, MAY_NOT)),
            Some(_) if now < kept.seen => Err(Error::new(
                ErrorKind::State,
                "the clock stands before the emergency began, or was resumed: set it right",
            )),
            Some(longest) => Ok(longest),
        };
        if let Err(error) = &allowed {
            self.append(RESUME, reader, Some(kept.id), Outcome::Failure(error.kind()))?;
        }
        let longest = allowed?;
        let ends = kept.ends.min(kept.began.saturating_add(millis(longest)));
        let left = Duration::from_millis(ends.saturating_sub(now));
        let emergency = self.opened(&kept).await?;
        self.append(RESUME, reader, Some(kept.id), Outcome::Success)?;
        self.access.log().commit().await?;
        let kept = self.written(kept, |kept| kept.seen = now).await?;
        self.access.admit(reader, InForce { id: kept.id, until: self.until(left) }, dismissals)?;
        Ok(Some(emergency))
    }

    /// Ends an actor's emergency before its time, here at once; processes where it was resumed go on until its time is over.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when none is in force; what the key store answers; and why it could not be written to the audit log.
    pub async fn end(&self, reader: &Reader) -> Result<(), Error> {
        self.access.dismiss(reader.actor());
        let now = self.wall();
        let kept = self.latest(reader.actor()).await?;
        let Some(kept) = kept.filter(|kept| kept.state(now) == State::InForce) else {
            return Err(Error::new(ErrorKind::NotFound, "no emergency of this actor is in force"));
        };
        self.append(END, reader, Some(kept.id), Outcome::Success)?;
        let written = self.written(kept, |kept| kept.ended = Some(now)).await;
        // Once more, for one that was being resumed.
        self.access.dismiss(reader.actor());
        written.map(drop)
    }

    /// The emergency that is to begin, and why.
    async fn planned(
        &self,
        reader: &Reader,
        reason: &str,
        lasts: Duration,
    ) -> Result<(Kept, Phi<String>), Error> {
        let Some(longest) = self.access.policy().longest_emergency(reader.actor()) else {
            return Err(Error::new(ErrorKind::Denied, MAY_NOT));
        };
        if lasts.is_zero() || lasts > longest {
            return Err(Error::new(
                ErrorKind::Invalid,
                "an emergency lasts some time, and no longer than the policy allows",
            ));
        }
        let reason = text(reason)?;
        let (number, unreviewed) = match self.latest(reader.actor()).await? {
            Some(kept) => {
                let kept = self.settled(kept).await?;
                (kept.number.checked_add(1), kept.review.is_none())
            }
            None => (Some(0), false),
        };
        if unreviewed {
            return Err(not_reviewed());
        }
        let number = number.ok_or(Error::new(ErrorKind::Exhausted, "too many emergencies"))?;
        let mut id = [0; 16];
        self.store().engine().fill_random(&mut id)?;
        let (id, began) = (RequestId::from_bytes(id), self.wall());
        let ends = began.saturating_add(millis(lasts));
        let sealed = self.sealed(id, REASON, reason).await?;
        let kept = Kept {
            reader: reader.clone(),
            number,
            revision: 0,
            id,
            began,
            ends,
            seen: began,
            ended: None,
            reason: sealed,
            review: None,
        };
        Ok((kept, Phi::from(reason.to_owned())))
    }

    /// The same, with its end written down once it is over: a clock that is set back does not revive it.
    async fn settled(&self, kept: Kept) -> Result<Kept, Error> {
        let now = self.wall();
        if kept.state(now) == State::Over && kept.ended.is_none() {
            let ends = kept.ends;
            return self.written(kept, |kept| kept.ended = Some(ends)).await;
        }
        Ok(kept)
    }

    fn append(
        &self,
        action: &'static str,
        reader: &Reader,
        emergency: Option<RequestId>,
        outcome: Outcome,
    ) -> Result<(), Error> {
        let mut record = Record::new(Class::BreakGlass, Action::new(action)?, outcome);
        record.reader = Some(reader.clone());
        record.request = emergency;
        self.access.log().append(record)
    }

    fn store(&self) -> &KeyStore {
        self.domain.key_store()
    }

    fn wall(&self) -> u64 {
        self.access.time().wall_millis()
    }

    fn until(&self, lasts: Duration) -> Moment {
        self.access.time().now().saturating_add(lasts)
    }
}

const MAY_NOT: &str = "the policy does not let this actor break the glass";

const BEGIN: &str = "break-glass";
const RESUME: &str = "break-glass-resume";
const END: &str = "break-glass-end";

/// What a sealed text of an emergency is.
const REASON: &str = "reason";
const NOTE: &str = "note";

/// A reason or a note that says something.
fn text(text: &str) -> Result<&str, Error> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_TEXT {
        return Err(Error::new(ErrorKind::Invalid, "a reason or note is a text of at most 4 KiB"));
    }
    Ok(text)
}

fn not_reviewed() -> Error {
    Error::new(
        ErrorKind::State,
        "an earlier emergency of this actor was not reviewed by another person",
    )
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
