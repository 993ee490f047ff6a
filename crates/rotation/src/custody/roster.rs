use super::lines::{Lines, malformed};
use crate::Digest;
use core::fmt;
use phiseal_audit::note::VerifierKey;
use phiseal_format::EnvironmentId;
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Engine;

/// Who the custodians of a key store are, and how many of them agree to a change of keys.
///
/// ```text
/// phiseal roster v1
/// environment 5d0f…
/// number 2
/// previous 1b6c…
/// threshold 1
/// custodian ada+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
/// custodian ben+…
/// ```
///
/// One of them requests, `threshold` others agree. So a threshold of one is the rule of two people, and the highest
/// is one less than there are custodians.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    environment: EnvironmentId,
    number: u32,
    previous: Option<Digest>,
    threshold: usize,
    custodians: Vec<VerifierKey>,
}

const TITLE: &str = "phiseal roster v1";

impl Roster {
    /// The most custodians.
    pub const MOST: usize = 32;

    /// The first roster of a key store.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for fewer than two custodians or more than [`Roster::MOST`], for two of one name or of one key, for a
    /// name that is not all printable ASCII, and for a threshold of zero or one that those who did not request cannot reach.
    pub fn first(
        environment: EnvironmentId,
        threshold: usize,
        custodians: Vec<VerifierKey>,
    ) -> Result<Self, Error> {
        Self { environment, number: 1, previous: None, threshold, custodians }.checked()
    }

    /// The one that comes after this.
    ///
    /// # Errors
    ///
    /// As [`Roster::first`].
    pub fn next(
        &self,
        engine: &dyn Engine,
        threshold: usize,
        custodians: Vec<VerifierKey>,
    ) -> Result<Self, Error> {
        let number = self.number.checked_add(1);
        let number = number.ok_or_else(|| Error::new(ErrorKind::Exhausted, "no number is left"))?;
        let previous = Some(self.digest(engine));
        let environment = self.environment;
        Self { environment, number, previous, threshold, custodians }.checked()
    }

    /// The key store whose custodians they are.
    #[must_use]
    pub const fn environment(&self) -> EnvironmentId {
        self.environment
    }

    /// Which roster of its key store it is, from 1.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// How many have to agree beside the one who requests.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.threshold
    }

    /// The custodians' keys, each under the custodian's name.
    #[must_use]
    pub fn custodians(&self) -> &[VerifierKey] {
        &self.custodians
    }

    /// The custodian of this name.
    #[must_use]
    pub fn custodian(&self, name: &str) -> Option<&VerifierKey> {
        self.custodians.iter().find(|key| key.name() == name)
    }

    /// The SHA-256 of its text, by which a configuration or a request names it.
    #[must_use]
    pub fn digest(&self, engine: &dyn Engine) -> Digest {
        Digest::of(engine, self.to_string().as_bytes())
    }

    /// Whether it can come after `earlier`.
    pub(super) fn follows(&self, earlier: &Self, engine: &dyn Engine) -> bool {
        self.environment == earlier.environment
            && Some(self.number) == earlier.number.checked_add(1)
            && self.previous == Some(earlier.digest(engine))
    }

    /// Reads what its `Display` writes, and nothing else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`]; [`ErrorKind::Invalid`] as [`Roster::first`].
    pub fn parse(text: &str, engine: &dyn Engine) -> Result<Self, Error> {
        let read = || {
            let mut lines = Lines::after(TITLE, text)?;
            let environment = lines.parsed("environment")?;
            let number = lines.parsed("number")?;
            let previous = match lines.value("previous")? {
                "-" => None,
                digest => Some(digest.parse().ok()?),
            };
            let threshold = lines.parsed("threshold")?;
            let keys = lines.values("custodian", Self::MOST)?;
            let keys = keys.into_iter().map(|key| VerifierKey::parse(key, engine).ok());
            let custodians = keys.collect::<Option<Vec<_>>>()?;
            let is_whole = lines.is_empty() && (number == 1) == previous.is_none();
            is_whole.then_some(Self { environment, number, previous, threshold, custodians })
        };
        let roster = read().ok_or_else(|| malformed("this is not a roster of custodians"))?;
        let roster = roster.checked()?;
        if roster.number == 0 || roster.to_string() != text {
            return Err(malformed("this is not the one text of a roster"));
        }
        Ok(roster)
    }

    fn checked(self) -> Result<Self, Error> {
        let invalid = |message| Err(Error::new(ErrorKind::Invalid, message));
        let twice = |(at, key): (usize, &VerifierKey)| {
            self.custodians.iter().take(at).any(|other| {
                other.name() == key.name()
                    || other.public_key().as_bytes() == key.public_key().as_bytes()
            })
        };
        // Of two names that look the same, whoever approves a roster sees one person twice, or does not see it.
        if !self.custodians.iter().all(|key| key.name().bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return invalid("a custodian's name is of printable ASCII characters");
        }
        if !(2..=Self::MOST).contains(&self.custodians.len()) {
            return invalid("a roster has two to thirty-two custodians");
        }
        if self.custodians.iter().enumerate().any(twice) {
            return invalid("two custodians have one name or one key");
        }
        if self.threshold == 0 || self.threshold >= self.custodians.len() {
            return invalid(
                "at least one custodian beside the requester agrees, at most all others",
            );
        }
        Ok(self)
    }
}

impl fmt::Display for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TITLE}")?;
        writeln!(f, "environment {}", self.environment)?;
        writeln!(f, "number {}", self.number)?;
        match &self.previous {
            Some(digest) => writeln!(f, "previous {digest}")?,
            None => writeln!(f, "previous -")?,
        }
        writeln!(f, "threshold {}", self.threshold)?;
        self.custodians.iter().try_for_each(|key| writeln!(f, "custodian {key}"))
    }
}
