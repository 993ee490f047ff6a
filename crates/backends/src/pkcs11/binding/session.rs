//! Sessions, and what is done to keys in one.

use super::failure::{Cause, Failure, failed};
use crate::pkcs11::mechanism::{Handles, WrapMechanism};
use cryptoki::error::{Error as CkError, RvError};
use cryptoki::mechanism::aead::{GcmMessageParams, GcmParams, GeneratorFunction};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType, MessageParam};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session as CkSession, SessionState, UserType};
use cryptoki::types::RawAuthPin;
use phiseal_keys::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zeroize::{Zeroize, Zeroizing};

/// An object on a token, as one session knows it.
pub(in crate::pkcs11) type Handle = ObjectHandle;

/// Bytes of a nonce and of a tag: of the lengths that tokens accept, the only ones that are used (SP 800-38D, 5.2.1).
pub(in crate::pkcs11) const NONCE: usize = 12;
pub(in crate::pkcs11) const TAG: usize = 16;

/// What a key may do. A KEK does one pair of it: encrypt and decrypt, or wrap and unwrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::pkcs11) struct Usage {
    pub(in crate::pkcs11) encrypt: bool,
    pub(in crate::pkcs11) decrypt: bool,
    pub(in crate::pkcs11) wrap: bool,
    pub(in crate::pkcs11) unwrap: bool,
}

/// A key on the token.
#[derive(Clone, Debug)]
pub(in crate::pkcs11) struct Key {
    pub(in crate::pkcs11) handle: Handle,
    pub(in crate::pkcs11) id: Vec<u8>,
    pub(in crate::pkcs11) part: Part,
    pub(in crate::pkcs11) usage: Usage,
    pub(in crate::pkcs11) bits: usize,
    /// Whether its value can be had, in the clear or wrapped.
    pub(in crate::pkcs11) leaves_the_token: bool,
    /// Whether it takes the PIN to make, see or use it.
    pub(in crate::pkcs11) private: bool,
    /// What the halves of a pair have in common; of an RSA key alone.
    pub(in crate::pkcs11) pair: Pair,
}

/// Modulus and public exponent of an RSA key, each empty where the token does not tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::pkcs11) struct Pair {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl Pair {
    /// Whether a public half with these numbers belongs to this private half. Some tokens tell no exponent of the latter.
    pub(in crate::pkcs11) fn has(&self, public: &Self) -> bool {
        !self.modulus.is_empty()
            && self.modulus == public.modulus
            && (self.exponent.is_empty() || self.exponent == public.exponent)
    }
}

/// Which part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pkcs11) enum Part {
    /// A secret key for AES.
    Aes,
    /// The public half of an RSA key.
    RsaPublic,
    /// The private half of an RSA key.
    RsaPrivate,
    /// A key of another type.
    Other,
}

/// An open session. After a call of it has failed it is to be dropped: its operation may still be active.
#[derive(Debug)]
pub(in crate::pkcs11) struct Session {
    session: Option<CkSession>,
    /// How often the module has been initialised, and how often it was when this session was opened.
    times: Arc<AtomicU64>,
    time: u64,
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(session) = self.session.take()
            && self.time == self.times.load(Ordering::SeqCst)
        {
            // It may be lost already.
            let _ = session.close();
        }
    }
}

impl Session {
    pub(super) const fn new(session: CkSession, times: Arc<AtomicU64>, time: u64) -> Self {
        Self { session: Some(session), times, time }
    }

    pub(super) fn open(&self) -> Result<&CkSession, Failure> {
        let gone = || Failure::of(Cause::Lost, ErrorKind::Unavailable, "the session is closed");
        self.session.as_ref().ok_or_else(gone)
    }

    /// Logs the user in; it is no failure when he is.
    pub(in crate::pkcs11) fn login(&self, pin: Option<Zeroizing<Vec<u8>>>) -> Result<(), Failure> {
        let done = match pin {
            Some(mut pin) => {
                let pin = RawAuthPin::new(Box::new(core::mem::take(&mut *pin)));
                self.open()?.login_with_raw(UserType::User, &pin)
            }
            None => self.open()?.login(UserType::User, None),
        };
        match done {
            Ok(()) | Err(CkError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Every key with this label.
    pub(in crate::pkcs11) fn keys(&self, label: &str) -> Result<Vec<Key>, Failure> {
        let mut found = Vec::new();
        for class in [ObjectClass::SECRET_KEY, ObjectClass::PUBLIC_KEY, ObjectClass::PRIVATE_KEY] {
            let template = [
                Attribute::Class(class),
                Attribute::Token(true),
                Attribute::Label(label.as_bytes().to_vec()),
            ];
            for handle in self.open()?.find_objects(&template).map_err(failed)? {
                found.push(self.key(handle, class)?);
            }
        }
        Ok(found)
    }

    fn key(&self, handle: Handle, class: ObjectClass) -> Result<Key, Failure> {
        const WANTED: [AttributeType; 13] = [
            AttributeType::Id,
            AttributeType::Private,
            AttributeType::KeyType,
            AttributeType::Encrypt,
            AttributeType::Decrypt,
            AttributeType::Wrap,
            AttributeType::Unwrap,
            AttributeType::Sensitive,
            AttributeType::Extractable,
            AttributeType::ValueLen,
            AttributeType::ModulusBits,
            AttributeType::Modulus,
            AttributeType::PublicExponent,
        ];
        // A module that does not say whether a key stays inside is taken to say that it does not; so with the PIN.
        let (mut id, mut kind, mut usage) = (Vec::new(), None, Usage::default());
        let (mut sensitive, mut extractable, mut bits) = (false, true, 0);
        let (mut private, mut pair) = (false, Pair::default());
        for attribute in self.open()?.get_attributes(handle, &WANTED).map_err(failed)? {
            match attribute {
                Attribute::Id(value) => id = value,
                Attribute::Private(value) => private = value,
                Attribute::KeyType(value) => kind = Some(value),
                Attribute::Encrypt(value) => usage.encrypt = value,
                Attribute::Decrypt(value) => usage.decrypt = value,
                Attribute::Wrap(value) => usage.wrap = value,
                Attribute::Unwrap(value) => usage.unwrap = value,
                Attribute::Sensitive(value) => sensitive = value,
                Attribute::Extractable(value) => extractable = value,
                Attribute::ValueLen(value) => bits = to_usize(*value).saturating_mul(8),
                Attribute::ModulusBits(value) => bits = to_usize(*value),
                Attribute::Modulus(value) => pair.modulus = value,
                Attribute::PublicExponent(value) => pair.exponent = value,
                _ => {}
            }
        }
        let part = match (class, kind) {
            (ObjectClass::SECRET_KEY, Some(KeyType::AES)) => Part::Aes,
            (ObjectClass::PUBLIC_KEY, Some(KeyType::RSA)) => Part::RsaPublic,
            (ObjectClass::PRIVATE_KEY, Some(KeyType::RSA)) => Part::RsaPrivate,
            _ => Part::Other,
        };
        let leaves_the_token = part != Part::RsaPublic && (extractable || !sensitive);
        Ok(Key { handle, id, part, usage, bits, leaves_the_token, private, pair })
    }

    /// Makes a key for `mechanism` that cannot leave the token; one of the session alone, unless `name` gives label and id.
    pub(in crate::pkcs11) fn generate(
        &self,
        mechanism: WrapMechanism,
        name: Option<(&str, &[u8])>,
    ) -> Result<Handles, Failure> {
        let mut common = vec![Attribute::Token(name.is_some())];
        if let Some((label, id)) = name {
            common.push(Attribute::Label(label.as_bytes().to_vec()));
            common.push(Attribute::Id(id.to_vec()));
        }
        let with = |own: &[Attribute]| [&common[..], own].concat();
        let inside =
            [Attribute::Private(true), Attribute::Sensitive(true), Attribute::Extractable(false)];
        let (encrypts, wraps) = (mechanism.encrypts(), !mechanism.encrypts());
        match mechanism {
            WrapMechanism::AesGcm | WrapMechanism::AesKeyWrap => {
                let usage = [
                    Attribute::ValueLen(32.into()),
                    Attribute::Encrypt(encrypts),
                    Attribute::Decrypt(encrypts),
                    Attribute::Wrap(wraps),
                    Attribute::Unwrap(wraps),
                ];
                let template = with(&[&inside[..], &usage].concat());
                let key =
                    self.open()?.generate_key(&Mechanism::AesKeyGen, &template).map_err(failed)?;
                Ok(Handles { wraps: key, unwraps: key })
            }
            WrapMechanism::RsaOaep => {
                let public = with(&[
                    Attribute::ModulusBits(3072.into()),
                    Attribute::PublicExponent(vec![1, 0, 1]),
                    Attribute::Encrypt(true),
                    Attribute::Wrap(false),
                    Attribute::Verify(false),
                ]);
                let usage =
                    [Attribute::Decrypt(true), Attribute::Unwrap(false), Attribute::Sign(false)];
                let private = with(&[&inside[..], &usage].concat());
                let (wraps, unwraps) = self
                    .open()?
                    .generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private)
                    .map_err(failed)?;
                Ok(Handles { wraps, unwraps })
            }
        }
    }

    /// Says anew what the key may do; only what `usage` has is set, and only what the key's part knows.
    pub(in crate::pkcs11) fn set_usage(&self, key: &Key, usage: Usage) -> Result<(), Failure> {
        let encrypt = [Attribute::Encrypt(usage.encrypt), Attribute::Wrap(usage.wrap)];
        let decrypt = [Attribute::Decrypt(usage.decrypt), Attribute::Unwrap(usage.unwrap)];
        let attributes = match key.part {
            Part::RsaPublic => encrypt.to_vec(),
            Part::RsaPrivate => decrypt.to_vec(),
            Part::Aes | Part::Other => [encrypt, decrypt].concat(),
        };
        self.open()?.update_attributes(key.handle, &attributes).map_err(failed)
    }

    pub(in crate::pkcs11) fn set_label(&self, key: Handle, label: &str) -> Result<(), Failure> {
        let label = Attribute::Label(label.as_bytes().to_vec());
        self.open()?.update_attributes(key, &[label]).map_err(failed)
    }

    pub(in crate::pkcs11) fn destroy(&self, handle: Handle) -> Result<(), Failure> {
        self.open()?.destroy_object(handle).map_err(failed)
    }

    /// Whether the token still takes this session for the user's; without it, private keys are as if they were not there.
    pub(in crate::pkcs11) fn is_logged_in(&self) -> Result<bool, Failure> {
        let state = self.open()?.get_session_info().map_err(failed)?.session_state();
        Ok(matches!(state, SessionState::RoUser | SessionState::RwUser))
    }

    /// AES-GCM with a nonce of 12 bytes and a tag of 16; `nonce` afterwards is what the token used.
    pub(in crate::pkcs11) fn encrypt_gcm(
        &self,
        key: Handle,
        nonce: &mut [u8; NONCE],
        associated_data: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let parameters = GcmParams::new(nonce, associated_data, TAG_BITS.into()).map_err(failed)?;
        self.open()?.encrypt(&Mechanism::AesGcm(parameters), key, plaintext).map_err(failed)
    }

    /// AES-GCM with a nonce that the token draws (`C_EncryptMessage`, PKCS#11 3.0): the nonce, and ciphertext and tag.
    pub(in crate::pkcs11) fn encrypt_gcm_with_own_nonce(
        &self,
        key: Handle,
        associated_data: &[u8],
        plaintext: &[u8],
    ) -> Result<([u8; NONCE], Vec<u8>), Failure> {
        let (mut nonce, mut tag) = ([0; NONCE], [0; TAG]);
        let generator = GeneratorFunction::GenerateRandom;
        let parameters =
            GcmMessageParams::new(&mut nonce, 0.into(), generator, &mut tag).map_err(failed)?;
        self.open()?
            .message_encrypt_init(&Mechanism::AesGcmMessage(parameters), key)
            .map_err(failed)?;
        let message = MessageParam::AesGcmMessage(parameters);
        let mut sealed =
            self.open()?.encrypt_message(&message, associated_data, plaintext).map_err(failed)?;
        self.open()?.message_encrypt_final().map_err(failed)?;
        sealed.extend_from_slice(&tag);
        Ok((nonce, sealed))
    }

    pub(in crate::pkcs11) fn decrypt_gcm(
        &self,
        key: Handle,
        nonce: &[u8; NONCE],
        associated_data: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let mut nonce = *nonce;
        let parameters =
            GcmParams::new(&mut nonce, associated_data, TAG_BITS.into()).map_err(failed)?;
        let opened = self.open()?.decrypt(&Mechanism::AesGcm(parameters), key, ciphertext);
        opened.map(Zeroizing::new).map_err(failed)
    }

    /// AES key wrap (RFC 3394) over `plaintext`, which the token holds for a moment as an object of this session.
    pub(in crate::pkcs11) fn wrap_aes(
        &self,
        key: Handle,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let mut template = payload(plaintext.len()).to_vec();
        let _ = template.pop();
        template.push(Attribute::Value(plaintext.to_vec()));
        let held = self.open()?.create_object(&template).map_err(failed);
        for attribute in &mut template {
            if let Attribute::Value(value) = attribute {
                value.zeroize();
            }
        }
        let held = held?;
        let wrapped = self.open()?.wrap_key(&Mechanism::AesKeyWrap, key, held).map_err(failed);
        self.destroy(held)?;
        wrapped
    }

    /// What AES key wrap protects, `length` bytes.
    pub(in crate::pkcs11) fn unwrap_aes(
        &self,
        key: Handle,
        wrapped: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let (session, template) = (self.open()?, payload(length));
        let held =
            session.unwrap_key(&Mechanism::AesKeyWrap, key, wrapped, &template).or_else(|error| {
                // Some tokens take the length from what they unwrap, and refuse to be told.
                if is_about_the_template(&error) {
                    let [template @ .., _length] = &template;
                    return session.unwrap_key(&Mechanism::AesKeyWrap, key, wrapped, template);
                }
                Err(error)
            });
        let held = held.map_err(failed)?;
        let read = self.open()?.get_attributes(held, &[AttributeType::Value]).map_err(failed);
        write_over_freed(length);
        self.destroy(held)?;
        match read?.pop() {
            Some(Attribute::Value(value)) => Ok(Zeroizing::new(value)),
            _ => Err(Failure::of(
                Cause::Unclear,
                ErrorKind::Faulty,
                "the token shows no unwrapped key",
            )),
        }
    }

    /// RSA-OAEP with SHA-256 and MGF1 with SHA-256 (RFC 8017, 7.1), no label.
    pub(in crate::pkcs11) fn encrypt_oaep(
        &self,
        key: Handle,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        self.open()?.encrypt(&oaep(), key, plaintext).map_err(failed)
    }

    pub(in crate::pkcs11) fn decrypt_oaep(
        &self,
        key: Handle,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        self.open()?.decrypt(&oaep(), key, ciphertext).map(Zeroizing::new).map_err(failed)
    }
}

const TAG_BITS: u64 = 128;

fn oaep() -> Mechanism<'static> {
    let parameters = PkcsOaepParams::new(
        MechanismType::SHA256,
        PkcsMgfType::MGF1_SHA256,
        PkcsOaepSource::empty(),
    );
    Mechanism::RsaPkcsOaep(parameters)
}

/// A key as bytes, of this session alone, that may be wrapped and read; its length last.
fn payload(length: usize) -> [Attribute; 6] {
    [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::Token(false),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
        Attribute::ValueLen(u64::try_from(length).unwrap_or(u64::MAX).into()),
    ]
}

fn is_about_the_template(error: &CkError) -> bool {
    matches!(
        error,
        CkError::Pkcs11(
            RvError::TemplateInconsistent
                | RvError::AttributeReadOnly
                | RvError::AttributeValueInvalid
                | RvError::AttributeTypeInvalid,
            _
        )
    )
}

/// Writes over memory of this length that this thread has just freed. The binding frees the one buffer into which a token
/// wrote a value without wiping it, and allocators hand out first what was freed last.
fn write_over_freed(length: usize) {
    let covers: [Vec<u8>; 4] = core::array::from_fn(|_| {
        let mut cover = Vec::with_capacity(length);
        // Not zeros, for which an allocator may look elsewhere.
        cover.resize(length, 0xa5);
        cover
    });
    core::hint::black_box(&covers);
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
