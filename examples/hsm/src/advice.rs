//! From an error to the sentence that says what to change.

use crate::arguments::{Pin, Wiring};
use phiseal::{Error, ErrorKind};
use std::error::Error as _;
use std::fmt;

/// Why the program ends early.
#[derive(Debug)]
pub(crate) struct Trouble {
    what: String,
    /// What to do; nothing when the error says it already.
    remedy: String,
    /// 1 when the token failed, 2 when something has to be changed.
    pub(crate) code: u8,
}

/// What the program was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// Loading the module, finding the token, logging in: as the arguments say.
    Opening(&'a Wiring),
    /// Finding the KEK, which is there.
    FindingKek,
    /// Making it.
    MakingKek,
    /// Anything after that.
    Working,
}

impl Trouble {
    pub(crate) fn to_change(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into(), code: 2 }
    }

    /// A promise was not kept.
    pub(crate) fn broken(what: impl Into<String>) -> Self {
        let remedy = "do not use this token for keys before this is explained".to_owned();
        Self { what: what.into(), remedy, code: 1 }
    }

    pub(crate) fn of(step: Step<'_>, error: &Error) -> Self {
        let mut what = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            what = format!("{what} ({cause})");
            source = cause.source();
        }
        match remedy(step, error.kind()) {
            Some(remedy) => Self::to_change(what, remedy),
            None => Self { what, remedy: "see to the token and try again".to_owned(), code: 1 },
        }
    }
}

/// What to change, when it is the configuration or the token's set-up that has to be.
fn remedy(step: Step<'_>, kind: ErrorKind) -> Option<&'static str> {
    Some(match (step, kind) {
        (Step::Opening(wiring), ErrorKind::NotFound) => not_found(wiring),
        (Step::Opening(_), ErrorKind::Unsupported) => {
            "name the PKCS#11 library of the token's maker with --module; a 64-bit process needs the 64-bit one"
        }
        (Step::Opening(_), ErrorKind::Invalid) => {
            "name one token, with --serial where several have the label, and give its PIN in one of the two ways"
        }
        (Step::Opening(_), ErrorKind::Denied) => {
            "correct what --pin-env or --pin-file gives before the next attempt: a token locks after a few wrong PINs"
        }
        (Step::FindingKek, ErrorKind::Invalid | ErrorKind::Unsupported) => {
            "name another label with --kek, and a key is made as it has to be; or remove the keys of this label that are not meant"
        }
        (Step::MakingKek, ErrorKind::Unsupported) => {
            "enable CKM_AES_GCM, CKM_AES_KEY_WRAP, or CKM_RSA_PKCS_OAEP with SHA-256 on the token, or take another token"
        }
        (Step::MakingKek, ErrorKind::Invalid) => "give --kek a label of 1 to 128 bytes",
        (Step::MakingKek, ErrorKind::Denied) => {
            "let this user make keys on the token, or make the KEK with the tool of the token's maker"
        }
        (Step::FindingKek | Step::Working, ErrorKind::State) => {
            "make a new version of the KEK, or name another one with --kek"
        }
        _ => return None,
    })
}

fn not_found(wiring: &Wiring) -> &'static str {
    match &wiring.pin {
        _ if !wiring.module.exists() => "correct --module: it is the full path of a library",
        Pin::Environment(name) if std::env::var_os(name).is_none() => {
            "set the variable that --pin-env names, or name the one that has the PIN"
        }
        Pin::File(path) if !path.exists() => "name the file that has the PIN with --pin-file",
        _ => "correct --token or --serial: the tokens that the module has are named above",
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nwhat to do: {}", self.what, self.remedy)
    }
}
