use super::Operation;
use super::lines::{Lines, malformed};
use crate::Digest;
use crate::certificate::Ground;
use core::fmt;
use core::time::Duration;
use phiseal_audit::Time;
use phiseal_audit::note::{KeyName, Note, VerifierKey};
use phiseal_format::{DomainId, EnvironmentId, KekId, hex};
use phiseal_keys::{Error, ErrorKind, Keyset, Signer};
use phiseal_primitives::Engine;

/// What somebody asks the custodians to agree to: one operation on one state of one keyset, once, for a time.
///
/// ```text
/// phiseal request v1
/// environment 5d0f…
/// operation rotate
/// domain clinic/patients
/// domain-id 07ba…
/// keyset 7 2f60…
/// kek local:9f31…
/// manifest 77ac…
/// roster 1b6c…
/// requester ada
/// nonce 90d2…
/// requested 2026-03-01T09:30:00.000Z
/// expires 2026-03-08T09:30:00.000Z
/// ```
///
/// One about what is destroyed already has a line `final backups-expired` or `final wrapping-keys-destroyed`, or both, for each
/// [`Ground`] on which it is gone for good.
///
/// It is a C2SP signed note: those who agree sign just this text. Nothing of it is secret, and no person of whom data is kept is
/// named in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// Which key store.
    pub environment: EnvironmentId,
    /// What is to be done.
    pub operation: Operation,
    /// To which keyset; to none for another roster.
    pub keyset: Option<KeysetState>,
    /// Under which KEKs keys may be wrapped, in ascending order; none where nothing is wrapped.
    pub keks: Vec<KekId>,
    /// Why what is destroyed already is gone for good, in ascending order: whoever signs says so. None where something is to be
    /// destroyed, and where nothing is.
    pub grounds: Vec<Ground>,
    /// The SHA-256 of the manifest that says where data is stored.
    pub manifest: Option<Digest>,
    /// The roster in force; none where one custodian works alone.
    pub roster: Option<Digest>,
    /// Who asks.
    pub requester: KeyName,
    /// 16 random bytes.
    pub nonce: [u8; 16],
    /// When it was made.
    pub requested: Time,
    /// When it ends.
    pub expires: Time,
}

/// One state of one keyset.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeysetState {
    /// The name of its domain.
    pub name: String,
    /// The id of its domain.
    pub domain: DomainId,
    /// Its revision.
    pub revision: u64,
    /// The SHA-256 of its canonical bytes.
    pub digest: Digest,
}

impl KeysetState {
    /// The state of `keyset`.
    ///
    /// # Errors
    ///
    /// As [`Keyset::to_bytes`].
    pub fn of(engine: &dyn Engine, keyset: &Keyset) -> Result<Self, Error> {
        let digest = Digest::of(engine, &keyset.to_bytes()?);
        let (name, domain) = (keyset.name().to_owned(), keyset.domain());
        Ok(Self { name, domain, revision: keyset.revision(), digest })
    }
}

const TITLE: &str = "phiseal request v1";

impl Request {
    /// The longest time for which a request may hold: 31 days.
    pub const LONGEST: Duration = Duration::from_secs(31 * 86_400);

    /// The most KEKs.
    const MOST_KEKS: usize = 16;

    /// Asks for `operation` on `keyset`, from `requested` on, in seconds since 1970, for as long as `holds`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a time of nothing or over [`Request::LONGEST`]; [`ErrorKind::Random`].
    pub fn new(
        engine: &dyn Engine,
        operation: Operation,
        keyset: &Keyset,
        requester: KeyName,
        requested: u64,
        holds: Duration,
    ) -> Result<Self, Error> {
        let environment = keyset.environment();
        let mut request =
            Self::of_no_keyset(engine, environment, operation, requester, requested, holds)?;
        request.keyset = Some(KeysetState::of(engine, keyset)?);
        Ok(request)
    }

    /// As [`Request::new`], for what concerns no keyset.
    pub(super) fn of_no_keyset(
        engine: &dyn Engine,
        environment: EnvironmentId,
        operation: Operation,
        requester: KeyName,
        requested: u64,
        holds: Duration,
    ) -> Result<Self, Error> {
        if holds.is_zero() || holds > Self::LONGEST {
            return Err(Error::new(ErrorKind::Invalid, "a request holds for at most 31 days"));
        }
        let mut nonce = [0; 16];
        engine.fill_random(&mut nonce)?;
        let requested = Time::from_millis(requested.saturating_mul(1_000));
        let holds = u64::try_from(holds.as_millis()).unwrap_or(u64::MAX);
        Ok(Self {
            environment,
            operation,
            keyset: None,
            keks: Vec::new(),
            grounds: Vec::new(),
            manifest: None,
            roster: None,
            requester,
            nonce,
            requested,
            expires: Time::from_millis(requested.as_millis().saturating_add(holds)),
        })
    }

    /// The SHA-256 of its text, by which all that is done because of it names it.
    #[must_use]
    pub fn digest(&self, engine: &dyn Engine) -> Digest {
        Digest::of(engine, self.to_string().as_bytes())
    }

    /// What it does, in the words of one sentence after "This".
    #[must_use]
    pub const fn meaning(&self) -> &'static str {
        if self.grounds.is_empty() {
            return self.operation.meaning();
        }
        "states that what was destroyed before is gone for good, wherever it was, on the grounds named here; nothing else is touched"
    }

    /// Its text, signed by `signer`, whose key the roster has as `key`.
    ///
    /// # Errors
    ///
    /// As [`Note::sign`].
    pub async fn sign(&self, key: &VerifierKey, signer: &dyn Signer) -> Result<Note, Error> {
        let mut note = Note::new(&self.to_string())?;
        note.sign(key, signer).await?;
        Ok(note)
    }

    /// Reads what its `Display` writes, and nothing else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let request = Self::read(text).ok_or_else(|| malformed("this is not a request"))?;
        if request.to_string() != text || !request.is_sound() {
            return Err(malformed("this is not the one text of a request"));
        }
        Ok(request)
    }

    fn read(text: &str) -> Option<Self> {
        let mut lines = Lines::after(TITLE, text)?;
        let environment = lines.parsed("environment")?;
        let operation = lines.parsed("operation")?;
        let keyset = match lines.value("domain") {
            None => None,
            Some(name) => {
                Keyset::check_name(name).ok()?;
                let domain = lines.parsed("domain-id")?;
                let (revision, digest) = lines.value("keyset")?.split_once(' ')?;
                let (revision, digest) = (revision.parse().ok()?, digest.parse().ok()?);
                Some(KeysetState { name: name.to_owned(), domain, revision, digest })
            }
        };
        let keks = lines.values("kek", Self::MOST_KEKS)?.into_iter().map(|kek| kek.parse().ok());
        let keks = keks.collect::<Option<_>>()?;
        let grounds = lines.values("final", Ground::ALL.len())?.into_iter();
        let grounds = grounds.map(|ground| ground.parse().ok()).collect::<Option<_>>()?;
        let manifest = match lines.value("manifest") {
            None => None,
            Some(digest) => Some(digest.parse().ok()?),
        };
        let roster = match lines.value("roster")? {
            "-" => None,
            digest => Some(digest.parse().ok()?),
        };
        let requester = KeyName::new(lines.value("requester")?).ok()?;
        let nonce = hex::parse(lines.value("nonce")?).ok()?;
        let (requested, expires) = (lines.parsed("requested")?, lines.parsed("expires")?);
        lines.is_empty().then_some(Self {
            environment,
            operation,
            keyset,
            keks,
            grounds,
            manifest,
            roster,
            requester,
            nonce,
            requested,
            expires,
        })
    }

    /// What every request is, whoever made it.
    pub(super) fn is_sound(&self) -> bool {
        let holds = self.expires.as_millis().saturating_sub(self.requested.as_millis());
        holds > 0
            && u128::from(holds) <= Self::LONGEST.as_millis()
            && self.keyset.is_none() == matches!(self.operation, Operation::Roster(_))
            && self.keks.is_empty() != self.operation.wraps()
            && self.keks.is_sorted_by(|one, next| one < next)
            && (self.grounds.is_empty() || self.operation.destroys())
            && self.grounds.is_sorted_by(|one, next| one < next)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TITLE}")?;
        writeln!(f, "environment {}", self.environment)?;
        writeln!(f, "operation {}", self.operation)?;
        if let Some(KeysetState { name, domain, revision, digest }) = &self.keyset {
            writeln!(f, "domain {name}\ndomain-id {domain}\nkeyset {revision} {digest}")?;
        }
        self.keks.iter().try_for_each(|kek| writeln!(f, "kek {kek}"))?;
        self.grounds.iter().try_for_each(|ground| writeln!(f, "final {}", ground.name()))?;
        if let Some(manifest) = &self.manifest {
            writeln!(f, "manifest {manifest}")?;
        }
        match &self.roster {
            Some(roster) => writeln!(f, "roster {roster}")?,
            None => writeln!(f, "roster -")?,
        }
        writeln!(f, "requester {}", self.requester)?;
        writeln!(f, "nonce {}", hex::text(&self.nonce))?;
        writeln!(f, "requested {}\nexpires {}", self.requested, self.expires)
    }
}
