//! From an error to the sentence that says what to change.

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
pub(crate) enum Step {
    /// Loading the module, finding the token, logging in.
    Opening,
    /// Finding or making the KEK.
    FindingKek,
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

    pub(crate) fn of(step: Step, error: &Error) -> Self {
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
fn remedy(step: Step, kind: ErrorKind) -> Option<&'static str> {
    Some(match (step, kind) {
        (Step::Opening, ErrorKind::NotFound) => {
            "correct --module, --token or --serial, or the source of the PIN, whichever is named above"
        }
        (Step::Opening, ErrorKind::Unsupported) => {
            "name the PKCS#11 library of the token's maker with --module; a 64-bit process needs the 64-bit one"
        }
        (Step::Opening, ErrorKind::Invalid) => {
            "correct --token, --serial or the PIN, as is said above"
        }
        (Step::Opening, ErrorKind::Denied) => {
            "correct the PIN before the next attempt: a token locks after a few wrong ones"
        }
        (Step::FindingKek, ErrorKind::Invalid) => {
            "name a KEK with --kek whose label one key alone has, or remove the keys that are not meant"
        }
        (Step::FindingKek, ErrorKind::Unsupported) => {
            "name another KEK with --kek, which is then made as it has to be; or enable one of CKM_AES_GCM, CKM_AES_KEY_WRAP and CKM_RSA_PKCS_OAEP with SHA-256 on the token"
        }
        (Step::FindingKek, ErrorKind::Denied) => {
            "let this user make keys on the token, or make the KEK with the tool of its maker"
        }
        (Step::FindingKek | Step::Working, ErrorKind::State) => {
            "make a new version of the KEK, or name another one with --kek"
        }
        _ => return None,
    })
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nwhat to do: {}", self.what, self.remedy)
    }
}
