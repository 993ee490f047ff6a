//! An Ed25519 key on a token, which signs and never leaves it.

use super::binding::{CurveName, Failure, Handle, SigningHalf};
use super::token::Pkcs11Token;
use super::worker::Open;
use core::fmt;
use phiseal_keys::{BoxFuture, Error, ErrorKind, Signer};
use phiseal_primitives::Engine;
use phiseal_primitives::ed25519::VerifyingKey;
use std::sync::Arc;

/// A signing key on a token: see the [module](super). Clones share it.
///
/// ```no_run
/// use phiseal_backends::pkcs11::{Pin, Pkcs11Token};
/// use phiseal_keys::{Error, Signer};
///
/// # fn main() -> Result<(), Error> {
/// let token = Pkcs11Token::builder("/usr/lib/softhsm/libsofthsm2.so")
///     .label("custodians")
///     .pin(Pin::from_env("CUSTODIANS_PIN"))
///     .open(phiseal_primitives::default_engine())?;
/// let signer = token.create_signer("alice")?; // once; from then on:
/// let signer = token.signer("alice")?;
/// let signature = pollster::block_on(signer.sign(b"what is signed"))?;
/// # let _ = signature;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Pkcs11Signer {
    token: Pkcs11Token,
    name: Arc<Name>,
    verifying_key: VerifyingKey,
}

/// By what the key is found: label and `CKA_ID`.
struct Name {
    label: String,
    id: Vec<u8>,
}

/// What a trial signature is of, before 32 random bytes. No note begins so: it holds no zero byte.
const TRIAL: &[u8] = b"phiseal/v1 trial signature\x00";

impl Pkcs11Token {
    /// Makes an Ed25519 key with this label that never leaves the token. Blocks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when the token has a key of this label; [`ErrorKind::Unsupported`] when it makes no such key,
    /// or its signatures do not verify under the public key that it says; [`ErrorKind::Invalid`] for a label that is empty
    /// or over 128 bytes; and what the token answers.
    pub fn create_signer(&self, label: &str) -> Result<Pkcs11Signer, Error> {
        if label.is_empty() || label.len() > 128 {
            return Err(Error::new(ErrorKind::Invalid, "a label has 1 to 128 bytes"));
        }
        let mut id = [0; 16];
        self.engine.fill_random(&mut id)?;
        let (owned, engine) = (label.to_owned(), self.engine);
        let verifying_key = self.block_on(move |open| {
            let _one = open.address.module.custodian();
            if !open.address.module.offers_eddsa(&open.address.token()?)? {
                let message = "the token does not list signatures with Ed25519 (CKM_EDDSA)";
                return Err(Error::new(ErrorKind::Unsupported, message).into());
            }
            if !open.session.keys(&owned)?.is_empty() {
                let message = "the token has a key of this label already";
                return Err(Error::new(ErrorKind::Conflict, message).into());
            }
            let made = generate(open, &owned, &id)?;
            let checked = check_made(open, &owned, &id, engine);
            if checked.is_err() {
                // Nobody has used it.
                open.changing(|session| made.into_iter().try_for_each(|it| session.destroy(it)))?;
            }
            checked
        })?;
        let name = Name { label: label.to_owned(), id: id.to_vec() };
        Ok(Pkcs11Signer { token: self.clone(), name: Arc::new(name), verifying_key })
    }

    /// The Ed25519 key with this label. Blocks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when the token has no such key; [`ErrorKind::Invalid`] when it has several;
    /// [`ErrorKind::Unsupported`] for a key that can leave the token, can be used without the PIN or asks for it with each
    /// signature, may not sign, is of another curve, or whose public half the token does not tell; and what it answers.
    pub fn signer(&self, label: &str) -> Result<Pkcs11Signer, Error> {
        self.find_signer(label, None)
    }

    /// The Ed25519 key with this label and this `CKA_ID`. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Pkcs11Token::signer`].
    pub fn signer_with_id(&self, label: &str, id: &[u8]) -> Result<Pkcs11Signer, Error> {
        self.find_signer(label, Some(id.to_vec()))
    }

    fn find_signer(&self, label: &str, id: Option<Vec<u8>>) -> Result<Pkcs11Signer, Error> {
        let (owned, engine) = (label.to_owned(), self.engine);
        let (id, verifying_key) =
            self.block_on(move |open| tried(open, &owned, id.as_deref(), engine))?;
        let name = Name { label: label.to_owned(), id };
        Ok(Pkcs11Signer { token: self.clone(), name: Arc::new(name), verifying_key })
    }
}

impl Signer for Pkcs11Signer {
    fn verifying_key(&self) -> [u8; 32] {
        *self.verifying_key.as_bytes()
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<[u8; 64], Error>> {
        Box::pin(async move {
            let (name, message, public) = (self.name.clone(), message.to_vec(), self.verifying_key);
            let signed = self.token.workers.run(move |open| {
                let key = private_half(open, &name.label, Some(&name.id))?;
                let signature = sign(open, key.handle, &message)?;
                public.verify(&message, &signature).map_err(|_| {
                    let message = "the token's signature does not verify under its public key";
                    Error::new(ErrorKind::Faulty, message)
                })?;
                Ok(signature)
            });
            signed.await.map_err(|failure| failure.error)
        })
    }
}

/// Without the label, which may be a person's name.
impl fmt::Debug for Pkcs11Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pkcs11Signer")
    }
}

/// Makes the key, by the first name of the curve that the token takes.
fn generate(open: &Open<'_>, label: &str, id: &[u8]) -> Result<[Handle; 2], Failure> {
    let made = |curve| open.changing(|session| session.generate_signing_key(curve, label, id));
    let [first, others @ ..] = CurveName::ALL;
    others.into_iter().fold(made(first), |done, curve| {
        done.or_else(|failure| {
            // What the first name was answered with says most.
            made(curve).map_err(|_| failure)
        })
    })
}

/// The public key of what was just made, when it is the only key of its label and works.
fn check_made(
    open: &Open<'_>,
    label: &str,
    id: &[u8],
    engine: &dyn Engine,
) -> Result<VerifyingKey, Failure> {
    if open.session.keys(label)?.iter().any(|key| key.id != id) {
        // Another custodian made one at the same time: then neither has.
        let message = "a key of this label was made at the same time: try again";
        return Err(Error::new(ErrorKind::Conflict, message).into());
    }
    tried(open, label, Some(id), engine).map(|(_, key)| key)
}

/// The id of the key and its public half: what the token says is one, and a signature verifies under.
fn tried(
    open: &Open<'_>,
    label: &str,
    id: Option<&[u8]>,
    engine: &dyn Engine,
) -> Result<(Vec<u8>, VerifyingKey), Failure> {
    let key = private_half(open, label, id)?;
    // Anybody may have put public halves there: what counts is under which of them a signature verifies.
    let halves = open.session.public_halves(&key.id)?;
    let points = key.points.iter().chain(halves.iter().flat_map(|half| &half.points));
    let candidates: Vec<_> = points.filter_map(|point| public_key(point)).collect();
    let mut random = [0; 32];
    engine.fill_random(&mut random)?;
    let message = [TRIAL, &random].concat();
    let signature = sign(open, key.handle, &message)?;
    let verifies = |public: &VerifyingKey| public.verify(&message, &signature).is_ok();
    match candidates.into_iter().find(verifies) {
        Some(public) => Ok((key.id, public)),
        None => Err(Error::new(
            ErrorKind::Unsupported,
            "the token tells no public key under which its signatures verify",
        )
        .into()),
    }
}

/// The one private half that is meant, when it may be used.
fn private_half(open: &Open<'_>, label: &str, id: Option<&[u8]>) -> Result<SigningHalf, Failure> {
    let (mut keys, unguarded): (Vec<_>, Vec<_>) =
        open.session.signing_keys(label, id)?.into_iter().partition(|key| key.private);
    let refused = |message| Err(Error::new(ErrorKind::Unsupported, message).into());
    let key = match (keys.pop(), keys.is_empty(), unguarded.is_empty()) {
        (Some(key), true, _) => key,
        (Some(_), false, _) => {
            let message = "several keys of the token have this label: name the key's id as well";
            return Err(Error::new(ErrorKind::Invalid, message).into());
        }
        (None, _, false) => {
            return refused("the key can be used without the PIN: make one that is private");
        }
        (None, _, true) => {
            // It may have been hidden, or be away with the token.
            open.check_login()?;
            open.address.token()?;
            let message = "the token has no Ed25519 key of this name";
            return Err(Error::new(ErrorKind::NotFound, message).into());
        }
    };
    let is_ed25519 = CurveName::ALL.into_iter().any(|curve| curve.der() == key.curve);
    match () {
        () if key.leaves_the_token => {
            refused("the key can leave the token: make one that is sensitive and not extractable")
        }
        () if !key.curve.is_empty() && !is_ed25519 => refused("the key is not one for Ed25519"),
        () if !key.signs => refused("the key may not sign"),
        () if key.asks_each_time => refused("the key asks for the PIN with each signature"),
        () => Ok(key),
    }
}

fn sign(open: &Open<'_>, key: Handle, message: &[u8]) -> Result<[u8; 64], Failure> {
    let signature = open.session.sign_ed25519(key, message)?;
    let of_length = signature.try_into();
    of_length.map_err(|_| Error::new(ErrorKind::Faulty, "a signature has 64 bytes").into())
}

/// The key in `CKA_EC_POINT` or `CKA_PUBLIC_KEY_INFO`: 32 bytes, alone or in the DER of an octet string, of a bit string or of
/// a SubjectPublicKeyInfo (RFC 8410, 4).
fn public_key(encoded: &[u8]) -> Option<VerifyingKey> {
    const BEFORE: [&[u8]; 4] = [
        &[],
        &[0x04, 32],
        &[0x03, 33, 0],
        &[0x30, 42, 0x30, 5, 0x06, 3, 0x2b, 0x65, 0x70, 0x03, 33, 0],
    ];
    let bytes = BEFORE.into_iter().find_map(|before| {
        let bytes: Option<[u8; 32]> = encoded.strip_prefix(before)?.try_into().ok();
        bytes
    })?;
    VerifyingKey::from_bytes(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use phiseal_primitives::ed25519::SigningKey;

    #[test]
    fn a_point_is_read_in_each_encoding_that_tokens_use_and_in_no_other() {
        let public = SigningKey::from_seed(&[7; 32]).verifying_key();
        let point = public.as_bytes();
        let info = [&[0x30, 42, 0x30, 5, 0x06, 3, 0x2b, 0x65, 0x70, 0x03, 33, 0], &point[..]];
        for encoded in [
            point.to_vec(),
            [&[0x04, 32], &point[..]].concat(),
            [&[0x03, 33, 0], &point[..]].concat(),
            info.concat(),
        ] {
            assert_eq!(public_key(&encoded), Some(public));
            for other in
                [&encoded[1..], &encoded[..encoded.len() - 1], &[&encoded[..], &[0]].concat()]
            {
                assert_eq!(public_key(other), None);
            }
        }
        // Of Ed448, of another type of string, and a point of small order.
        assert_eq!(public_key(&[[0x04, 57].as_slice(), &[1; 57]].concat()), None);
        assert_eq!(public_key(&[&[0x0c, 32], &point[..]].concat()), None);
        assert_eq!(public_key(&[0; 32]), None);
    }
}
