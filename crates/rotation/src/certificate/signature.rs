//! Custodians' signatures of a certificate, in a note beside it.

use super::{Certificate, Digest, MAX_JSON};
use core::fmt;
use phiseal_audit::note::{Note, VerifierKey};
use phiseal_keys::{Error, ErrorKind, Signer};
use phiseal_primitives::Engine;

/// A certificate, and who signed it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Verified<'k> {
    /// The certificate.
    pub certificate: Certificate,
    /// Those keys that signed it, each once. Whoever counts them counts people and public keys: one of them under two names
    /// is two here.
    pub signers: Vec<&'k VerifierKey>,
}

/// Without the keys' names, which may be people's.
impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// The note to be signed for the certificate in `json`, without a signature yet.
///
/// # Errors
///
/// As [`Certificate::from_json`]: what is no certificate is not signed.
pub fn statement(json: &[u8], engine: &dyn Engine) -> Result<Note, Error> {
    Certificate::from_json(json, engine)?;
    Note::new(&text(json, engine))
}

/// The note of the certificate in `json` with one more signature: that of `signer`, whose key goes by `key`. `earlier` is the
/// note that others have signed, where there is one.
///
/// ```
/// # use phiseal_audit::{LocalSigner, note::{KeyName, VerifierKey}};
/// # use phiseal_rotation::certificate::{Certificate, sign, verify};
/// # fn example(certificate: &Certificate) -> Result<(), phiseal_keys::Error> {
/// let engine = phiseal_primitives::default_engine();
/// let signer = LocalSigner::generate(engine)?;
/// let key = VerifierKey::of(KeyName::new("clinic.example/alice")?, &signer, engine)?;
///
/// let json = certificate.to_json(engine)?;
/// let note = pollster::block_on(sign(&json, None, &key, &signer, engine))?;
///
/// let keys = [key];
/// let verified = verify(&json, note.to_string().as_bytes(), &keys, engine)?;
/// assert_eq!(verified.signers, [&keys[0]]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`statement`]; [`ErrorKind::Invalid`] when `earlier` is the note of something else; [`ErrorKind::Conflict`] when this key
/// has signed it already; and those of [`Note::sign`].
pub async fn sign(
    json: &[u8],
    earlier: Option<&Note>,
    key: &VerifierKey,
    signer: &dyn Signer,
    engine: &dyn Engine,
) -> Result<Note, Error> {
    let fresh = statement(json, engine)?;
    let mut note = match earlier {
        Some(note) if note.text() == fresh.text() => note.clone(),
        Some(_) => {
            return Err(Error::new(ErrorKind::Invalid, "the note is not of this certificate"));
        }
        None => fresh,
    };
    let is_of_key =
        |it: &phiseal_audit::note::Signature| it.name() == key.name() && it.key_id() == key.id();
    if note.signatures().iter().any(is_of_key) {
        return Err(Error::new(ErrorKind::Conflict, "this key has signed the certificate already"));
    }
    note.sign(key, signer).await?;
    Ok(note)
}

/// The certificate in `json` and which of `keys` have signed it: at least one.
///
/// # Errors
///
/// [`ErrorKind::Malformed`] for more than [`MAX_JSON`] bytes, for what is no note, and for a certificate that is signed and is
/// none; [`ErrorKind::Unauthenticated`] when the note is of something else, when a signature of one of `keys` is wrong, and when
/// none of them signed it; and those of [`Note::verify`] and [`Certificate::from_json`].
pub fn verify<'k>(
    json: &[u8],
    note: &[u8],
    keys: &'k [VerifierKey],
    engine: &dyn Engine,
) -> Result<Verified<'k>, Error> {
    if json.len() > MAX_JSON {
        return Err(Error::new(ErrorKind::Malformed, "a certificate has at most 4 MiB"));
    }
    let note = Note::parse(note)?;
    let signers = note.verify(keys)?;
    if note.text() != text(json, engine) {
        let message = "the signatures are of another certificate";
        return Err(Error::new(ErrorKind::Unauthenticated, message));
    }
    Ok(Verified { certificate: Certificate::from_json(json, engine)?, signers })
}

fn text(json: &[u8], engine: &dyn Engine) -> String {
    format!("phiseal certificate v1\nsha256 {}\n", Digest::of(engine, json))
}
