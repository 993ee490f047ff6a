//! How a token wraps: the mechanisms, their order, and what each puts into a wrap.
//!
//! | mechanism | wrap | bound to its context by |
//! |---|---|---|
//! | AES-GCM (SP 800-38D) | nonce 12, ciphertext 32, tag 16 | associated data |
//! | AES key wrap (SP 800-38F, RFC 3394) | 72 bytes | SHA-256 of the context, wrapped behind the key |
//! | RSA-OAEP, SHA-256 (RFC 8017, 7.1) | as long as the modulus | SHA-256 of the context, encrypted behind the key |

use super::binding::{Failure, Handle, NONCE, Session, TAG};
use phiseal_format::{EncryptionContext, WrapAlgorithm};
use phiseal_keys::{DataKey, Error, ErrorKind};
use phiseal_primitives::{Engine, constant_time};
use zeroize::Zeroizing;

/// How a token wraps data keys, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum WrapMechanism {
    /// `CKM_AES_GCM` with associated data: the key encrypts and decrypts.
    AesGcm,
    /// `CKM_AES_KEY_WRAP`: the key wraps and unwraps. For a moment the data key is an object on the token.
    AesKeyWrap,
    /// `CKM_RSA_PKCS_OAEP` with SHA-256: the key encrypts and decrypts. Whoever knows the public half can make wraps, so a
    /// store under such a KEK needs its store key's id pinned.
    RsaOaep,
}

/// Who makes the nonces of AES-GCM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Nonces {
    /// This side, from the engine's generator; the token where it insists.
    #[default]
    Ours,
    /// The token (`C_MessageEncryptInit`, PKCS#11 3.0), as FIPS 140-3 asks (IG C.H); or it fails.
    Token,
}

/// How a session gets the nonces of AES-GCM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonceWay {
    /// Random bytes of this side's.
    Ours,
    /// Zeros, which the token writes its own over.
    InPlace,
    /// From the interface for messages.
    Message,
}

/// The keys of one version, as one session knows them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handles {
    pub(super) wraps: Handle,
    pub(super) unwraps: Handle,
}

impl Handles {
    /// The one or the two objects.
    pub(super) fn each(self) -> impl Iterator<Item = Handle> {
        let other = (self.wraps != self.unwraps).then_some(self.unwraps);
        core::iter::once(self.wraps).chain(other)
    }
}

const KEY: usize = 32;
const DIGEST: usize = 32;

impl WrapMechanism {
    /// All of them, best first.
    pub const ALL: [Self; 3] = [Self::AesGcm, Self::AesKeyWrap, Self::RsaOaep];

    /// The name that PKCS#11 has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesGcm => "CKM_AES_GCM",
            Self::AesKeyWrap => "CKM_AES_KEY_WRAP",
            Self::RsaOaep => "CKM_RSA_PKCS_OAEP (SHA-256)",
        }
    }

    /// Whether its keys encrypt and decrypt; they wrap and unwrap otherwise.
    pub(super) const fn encrypts(self) -> bool {
        !matches!(self, Self::AesKeyWrap)
    }

    pub(super) const fn algorithm(self) -> WrapAlgorithm {
        match self {
            Self::AesGcm => WrapAlgorithm::AesGcm,
            Self::AesKeyWrap => WrapAlgorithm::AesKeyWrap,
            Self::RsaOaep => WrapAlgorithm::RsaOaepSha256,
        }
    }

    /// The bytes of a wrap under a key of so many bits.
    pub(super) const fn wrap_length(self, bits: usize) -> usize {
        match self {
            Self::AesGcm => NONCE + KEY + TAG,
            Self::AesKeyWrap => KEY + DIGEST + 8,
            Self::RsaOaep => bits / 8,
        }
    }
}

/// One version's way of wrapping.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wrapping {
    pub(super) mechanism: WrapMechanism,
    pub(super) nonces: NonceWay,
    pub(super) handles: Handles,
    pub(super) bits: usize,
    pub(super) engine: &'static dyn Engine,
}

impl Wrapping {
    /// The bytes of a wrap of `key`.
    pub(super) fn wrap(
        &self,
        session: &Session,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<Vec<u8>, Failure> {
        self.wrap_and_look(session, key, context).map(|(wrapped, _)| wrapped)
    }

    /// As [`Wrapping::wrap`], and whether the token wrote over the nonce that it was given.
    pub(super) fn wrap_and_look(
        &self,
        session: &Session,
        key: &DataKey,
        context: &EncryptionContext,
    ) -> Result<(Vec<u8>, bool), Failure> {
        let handle = self.handles.wraps;
        let (wrapped, overwritten) = match self.mechanism {
            WrapMechanism::AesGcm => self.encrypt(session, key.expose_secret(), context)?,
            WrapMechanism::AesKeyWrap => {
                (session.wrap_aes(handle, &*self.bound(key, context))?, false)
            }
            WrapMechanism::RsaOaep => {
                (session.encrypt_oaep(handle, &*self.bound(key, context))?, false)
            }
        };
        if wrapped.len() == self.mechanism.wrap_length(self.bits) {
            Ok((wrapped, overwritten))
        } else {
            Err(Error::new(ErrorKind::Faulty, "the token made a wrap of another length").into())
        }
    }

    /// The key in a wrap.
    pub(super) fn unwrap(
        &self,
        session: &Session,
        wrapped: &[u8],
        context: &EncryptionContext,
    ) -> Result<DataKey, Failure> {
        if wrapped.len() != self.mechanism.wrap_length(self.bits) {
            return Err(malformed().into());
        }
        let handle = self.handles.unwraps;
        let opened = match self.mechanism {
            WrapMechanism::AesGcm => {
                let (nonce, sealed) = wrapped.split_first_chunk::<NONCE>().ok_or_else(malformed)?;
                let opened = session.decrypt_gcm(handle, nonce, context.as_bytes(), sealed)?;
                return Ok(DataKey::from_backend(&opened)?);
            }
            WrapMechanism::AesKeyWrap => session.unwrap_aes(handle, wrapped, KEY + DIGEST)?,
            WrapMechanism::RsaOaep => session.decrypt_oaep(handle, wrapped)?,
        };
        let (key, digest) = opened.split_first_chunk::<KEY>().ok_or_else(other_length)?;
        let digest: &[u8; DIGEST] = digest.try_into().map_err(|_| other_length())?;
        if !constant_time::equal(digest, &self.engine.sha_256(&[context.as_bytes()])) {
            return Err(Error::new(ErrorKind::Unauthenticated, "authentication failed").into());
        }
        Ok(DataKey::from_backend(key)?)
    }

    /// Nonce, ciphertext and tag, and whether the nonce is another than the token was given.
    fn encrypt(
        &self,
        session: &Session,
        key: &[u8; KEY],
        context: &EncryptionContext,
    ) -> Result<(Vec<u8>, bool), Failure> {
        let (handle, aad) = (self.handles.wraps, context.as_bytes());
        let mut given = [0; NONCE];
        let (used, sealed) = match self.nonces {
            NonceWay::Ours | NonceWay::InPlace => {
                if self.nonces == NonceWay::Ours {
                    self.engine.fill_random(&mut given)?;
                }
                let mut nonce = given;
                let sealed = session.encrypt_gcm(handle, &mut nonce, aad, key)?;
                (nonce, sealed)
            }
            NonceWay::Message => session.encrypt_gcm_with_own_nonce(handle, aad, key)?,
        };
        if used == [0; NONCE] {
            let message = "the token drew no nonce of its own";
            return Err(Error::new(ErrorKind::Unsupported, message).into());
        }
        Ok(([&used[..], &sealed].concat(), used != given))
    }

    /// The key followed by SHA-256 of what it is bound to.
    fn bound(&self, key: &DataKey, context: &EncryptionContext) -> Zeroizing<[u8; KEY + DIGEST]> {
        let mut bytes = Zeroizing::new([0; KEY + DIGEST]);
        let digest = self.engine.sha_256(&[context.as_bytes()]);
        let parts = key.expose_secret().iter().chain(&digest);
        bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
        bytes
    }
}

#[cold]
fn malformed() -> Error {
    Error::new(ErrorKind::Malformed, "this KEK makes no wraps of this length")
}

#[cold]
fn other_length() -> Error {
    Error::new(ErrorKind::Faulty, "the token unwrapped another number of bytes")
}
