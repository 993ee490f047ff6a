use crate::engine::copy_and_seal;
use crate::{Aes256Gcm, Engine, Error, Module, Validation, random, stack};
use core::hint::black_box;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use ring::{digest, hkdf, hmac};
use zeroize::Zeroize;

/// The crate `ring`: a small build, and the fastest engine below 1 KiB.
///
/// The library does not zero its keys. Here the copies that expanding a key leaves on the stack are scrubbed before
/// [`Engine::aes_256_gcm`] returns, and a key that is dropped is overwritten.
#[derive(Clone, Copy, Debug)]
pub struct Ring;

impl Engine for Ring {
    fn name(&self) -> &'static str {
        "ring"
    }

    fn module(&self) -> Module {
        // The library does not tell its version; what is known is the release line that this crate is built against.
        Module { name: "ring", version: "0.17".to_owned(), validation: Validation::None }
    }

    fn aes_256_gcm(&self, key: &[u8; 32]) -> Result<Box<dyn Aes256Gcm>, Error> {
        let key = boxed(key);
        stack::scrub();
        key
    }

    fn hkdf_extract(&self, salt: &[u8], ikm: &[u8], prk: &mut [u8; 32]) {
        // The library's `Prk` does not give its bytes away; extraction is HMAC by definition (RFC 5869, 2.2).
        *prk = self.hmac_sha_256(salt, &[ikm]);
    }

    fn hkdf_expand(&self, prk: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
        expand(hkdf::HKDF_SHA256, prk, info, out)
    }

    fn hkdf_expand_sha_512(
        &self,
        prk: &[u8; 32],
        info: &[&[u8]],
        out: &mut [u8],
    ) -> Result<(), Error> {
        expand(hkdf::HKDF_SHA512, prk, info, out)
    }

    fn hmac_sha_256(&self, key: &[u8], data: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        for part in data {
            context.update(part);
        }
        copy_of_32_bytes(context.sign().as_ref())
    }

    fn sha_256(&self, data: &[&[u8]]) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in data {
            context.update(part);
        }
        copy_of_32_bytes(context.finish().as_ref())
    }

    fn fill_random(&self, out: &mut [u8]) -> Result<(), Error> {
        random::fill_from_os(out)
    }
}

#[derive(Debug)]
struct Key(LessSafeKey);

impl Drop for Key {
    fn drop(&mut self) {
        // The one way to overwrite what the library offers no door to: put another key in its place.
        if let Ok(zeros) = unbound(&[0; 32]) {
            self.0 = LessSafeKey::new(zeros);
            black_box(&mut self.0);
        }
    }
}

impl Aes256Gcm for Key {
    #[inline]
    fn seal_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; 16], Error> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(aad), in_out)
            .map_err(|_| Error::Engine)?;
        tag.as_ref().try_into().map_err(|_| Error::Engine)
    }

    #[inline]
    fn seal_into(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        copy_and_seal(self, nonce, aad, plaintext, out)
    }

    fn seal_in_place_with_own_nonce(
        &self,
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<([u8; 12], [u8; 16]), Error> {
        let nonce = random::nonce_from_os()?;
        Ok((nonce, self.seal_in_place(&nonce, aad, in_out)?))
    }

    #[inline]
    fn open_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Error> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened =
            self.0.open_in_place_separate_tag(nonce, Aad::from(aad), Tag::from(*tag), in_out, 0..);
        if opened.is_ok() {
            return Ok(());
        }
        in_out.zeroize();
        Err(Error::Unauthenticated)
    }

    #[inline]
    fn open_into(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; 16],
        plaintext: &mut [u8],
    ) -> Result<(), Error> {
        if ciphertext.len() != plaintext.len() {
            plaintext.zeroize();
            return Err(Error::Length);
        }
        plaintext.copy_from_slice(ciphertext);
        self.open_in_place(nonce, aad, plaintext, tag)
    }
}

fn unbound(key: &[u8; 32]) -> Result<UnboundKey, Error> {
    UnboundKey::new(&AES_256_GCM, key).map_err(|_| Error::Engine)
}

/// Apart from its caller, so that what it leaves on the stack lies below the caller's frame.
#[inline(never)]
fn boxed(key: &[u8; 32]) -> Result<Box<dyn Aes256Gcm>, Error> {
    Ok(Box::new(Key(LessSafeKey::new(unbound(key)?))))
}

/// HKDF-Expand (RFC 5869, 2.3).
fn expand(
    hash: hkdf::Algorithm,
    prk: &[u8; 32],
    info: &[&[u8]],
    out: &mut [u8],
) -> Result<(), Error> {
    let prk = hkdf::Prk::new_less_safe(hash, prk);
    let filled = prk.expand(info, OutputLength(out.len())).and_then(|okm| okm.fill(out));
    filled.map_err(|_| {
        out.zeroize();
        Error::Length
    })
}

/// The output length of one HKDF expansion, in bytes.
struct OutputLength(usize);

impl hkdf::KeyType for OutputLength {
    fn len(&self) -> usize {
        self.0
    }
}

fn copy_of_32_bytes(bytes: &[u8]) -> [u8; 32] {
    let mut copy = [0; 32];
    copy.copy_from_slice(bytes);
    copy
}
