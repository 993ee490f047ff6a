//! What a token really does: a mechanism that it lists is tried before it is used.

use super::binding::{Failure, Session};
use super::mechanism::{Handles, NonceWay, Nonces, WrapMechanism, Wrapping};
use phiseal_format::{EncryptionContext, EnvironmentId};
use phiseal_keys::{DataKey, Error, ErrorKind};
use phiseal_primitives::{Engine, constant_time};

/// A way in which tokens differ that was met, and what is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Quirk {
    /// It draws the nonce of AES-GCM itself and writes it over the one it was given: the one that was used is stored.
    OverwritesNonces,
    /// It takes no nonce of ours, only zeros to write its own over.
    RefusesNonces,
    /// It does not tell a wrap that is not authentic from a fault of its own: a trial with a good wrap decides.
    UnclearRefusals,
    /// A session is of no use after a refusal, as its operation stays active: no session is used again after one.
    StaysActive,
}

impl Quirk {
    /// All that are looked for.
    pub const ALL: [Self; 4] =
        [Self::OverwritesNonces, Self::RefusesNonces, Self::UnclearRefusals, Self::StaysActive];

    /// What the token does, and what is done about it.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::OverwritesNonces => {
                "draws its own nonces over ours: the nonce that it used is stored"
            }
            Self::RefusesNonces => {
                "takes no nonce of ours: it is given zeros to write its own over"
            }
            Self::UnclearRefusals => {
                "does not tell a wrap that is not authentic from a fault of its own: a trial with a good wrap decides"
            }
            Self::StaysActive => {
                "keeps an operation active after a refusal: every failed call gets a new session"
            }
        }
    }
}

/// A mechanism that works, and how.
#[derive(Clone, Debug)]
pub(super) struct Works {
    pub(super) nonces: NonceWay,
    pub(super) quirks: Vec<Quirk>,
}

/// Tries `mechanism` with a key that this session makes for it, and that ends with it.
pub(super) fn of_mechanism(
    session: &Session,
    mechanism: WrapMechanism,
    nonces: Nonces,
    engine: &'static dyn Engine,
) -> Result<Works, Failure> {
    let handles = session.generate(mechanism, None)?;
    let bits = if mechanism == WrapMechanism::RsaOaep { 3072 } else { 256 };
    of_key(session, mechanism, nonces, handles, bits, engine)
}

/// Tries `mechanism` with these keys.
pub(super) fn of_key(
    session: &Session,
    mechanism: WrapMechanism,
    nonces: Nonces,
    handles: Handles,
    bits: usize,
    engine: &'static dyn Engine,
) -> Result<Works, Failure> {
    let with = |nonces| Wrapping { mechanism, nonces, handles, bits, engine };
    if mechanism != WrapMechanism::AesGcm {
        return tried(session, &with(NonceWay::Ours));
    }
    match nonces {
        Nonces::Token => tried(session, &with(NonceWay::Message)),
        Nonces::Ours => match tried(session, &with(NonceWay::Ours)) {
            Err(failure) if failure.error.kind() != ErrorKind::NotFound => {
                let refused = tried(session, &with(NonceWay::InPlace));
                refused.map_err(|_| failure).map(|mut works| {
                    works.quirks.push(Quirk::RefusesNonces);
                    works
                })
            }
            other => other,
        },
    }
}

/// A key that is wrapped and unwrapped, and not unwrapped under another context.
fn tried(session: &Session, wrapping: &Wrapping) -> Result<Works, Failure> {
    let (key, context) = payload(wrapping.engine)?;
    let other = EncryptionContext::store_key(&EnvironmentId::from_bytes([2; 16]));
    let (wrapped, overwritten) = wrapping.wrap_and_look(session, &key, &context)?;
    let opened = wrapping.unwrap(session, &wrapped, &context)?;
    if !constant_time::equal(opened.expose_secret(), key.expose_secret()) {
        return Err(Error::new(ErrorKind::Faulty, "the token unwrapped another key").into());
    }
    let mut quirks = Vec::new();
    if overwritten && wrapping.nonces == NonceWay::Ours {
        quirks.push(Quirk::OverwritesNonces);
    }
    match wrapping.unwrap(session, &wrapped, &other) {
        Ok(_) => {
            let message = "the token does not bind a wrap to its context";
            return Err(Error::new(ErrorKind::Unsupported, message).into());
        }
        Err(failure) if failure.error.kind() == ErrorKind::Unauthenticated => {}
        Err(_) => quirks.push(Quirk::UnclearRefusals),
    }
    if wrapping.unwrap(session, &wrapped, &context).is_err() {
        quirks.push(Quirk::StaysActive);
    }
    Ok(Works { nonces: wrapping.nonces, quirks })
}

/// A key that protects nothing, and the context that it is wrapped under.
pub(super) fn payload(engine: &dyn Engine) -> Result<(DataKey, EncryptionContext), Error> {
    let context = EncryptionContext::store_key(&EnvironmentId::from_bytes([1; 16]));
    Ok((DataKey::generate(engine)?, context))
}
