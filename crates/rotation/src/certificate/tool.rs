//! What the act was done with.

use core::fmt;
use phiseal_audit::{Checkpoint, note::KeyName};
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::{Engine, Validation};
use serde::{Deserialize, Serialize};

/// The program and its cryptographic module, as they report themselves at run time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "what callers build")]
pub struct Tool {
    /// The version of phiseal.
    pub phiseal: String,
    /// The name of the cryptographic module.
    pub module: String,
    /// The module's version.
    pub module_version: String,
    /// Where the module stands.
    pub fips: Fips,
}

/// What is known of a module's FIPS 140-3 validation: see [`Validation`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "status", rename_all = "kebab-case", deny_unknown_fields)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever reads a certificate has to say something of each"
)]
pub enum Fips {
    /// Not a FIPS module, or not in FIPS mode.
    None {},
    /// In FIPS mode, on no certificate that the release knew of.
    Uncertified {},
    /// In FIPS mode; an earlier version of its branch is on this certificate of the CMVP.
    CertifiedBranch {
        /// Its number.
        certificate: String,
    },
    /// In FIPS mode; this version is on this certificate of the CMVP.
    Certified {
        /// Its number.
        certificate: String,
    },
    /// In a way that this release has no word for.
    Unknown {},
}

impl Tool {
    /// This release, with the module of `engine`.
    #[must_use]
    pub fn new(engine: &dyn Engine) -> Self {
        let module = engine.module();
        let fips = match module.validation {
            Validation::None => Fips::None {},
            Validation::Uncertified => Fips::Uncertified {},
            Validation::CertifiedBranch(number) => {
                Fips::CertifiedBranch { certificate: number.to_owned() }
            }
            Validation::Certified(number) => Fips::Certified { certificate: number.to_owned() },
            _ => Fips::Unknown {},
        };
        Self {
            phiseal: env!("CARGO_PKG_VERSION").to_owned(),
            module: module.name.to_owned(),
            module_version: module.version,
            fips,
        }
    }
}

impl fmt::Display for Fips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None {} => f.write_str("not in FIPS mode"),
            Self::Uncertified {} => {
                f.write_str("in FIPS mode, on no CMVP certificate that this release knew of")
            }
            Self::CertifiedBranch { certificate } => write!(
                f,
                "in FIPS mode, of a branch of which an earlier version is on CMVP certificate {certificate}"
            ),
            Self::Certified { certificate } => {
                write!(f, "in FIPS mode, on CMVP certificate {certificate}")
            }
            Self::Unknown {} => f.write_str("FIPS status not known"),
        }
    }
}

/// A checkpoint of the audit log, over the records of the act: origin, size and root (c2sp.org/tlog-checkpoint).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LogHead {
    origin: String,
    size: u64,
    /// In base 64, as the checkpoint has it.
    root: String,
}

impl LogHead {
    /// That of a checkpoint.
    #[must_use]
    pub fn new(checkpoint: &Checkpoint) -> Self {
        let text = checkpoint.to_string();
        let root = text.lines().nth(2).unwrap_or_default().to_owned();
        Self { origin: checkpoint.origin.to_string(), size: checkpoint.size, root }
    }

    /// The checkpoint.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] when it is none.
    pub fn checkpoint(&self) -> Result<Checkpoint, Error> {
        let Self { origin, size, root } = self;
        // A name without line ends: the three lines are three.
        KeyName::new(origin).map_err(|_| {
            Error::new(ErrorKind::Malformed, "the origin of the audit log is no name of a key")
        })?;
        Checkpoint::parse(&format!("{origin}\n{size}\n{root}\n"))
    }
}
