//! The one folder that names the binding, `cryptoki`: modules, tokens, sessions and keys as the rest of this backend speaks
//! of them.

mod failure;
mod module;
mod session;
#[cfg(feature = "custodian")]
mod signing;

pub(super) use failure::{Cause, Failure};
pub(super) use module::{Module, Token};
pub(super) use session::{Handle, Key, NONCE, Part, Session, TAG, Usage};
#[cfg(feature = "custodian")]
pub(super) use signing::{CurveName, SigningHalf};
