use crate::engine::copy_and_seal;
use crate::{Aes256Gcm, Engine, Error, Module, Validation, random, stack};
use aes_gcm::{AeadInOut, KeyInit, Nonce, Tag, aead::inout::InOutBuf};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

/// The crates `aes-gcm`, `hkdf`, `hmac` and `sha2`: no C compiler, every target.
///
/// Expanding and using a key spills copies of it to the stack. They are scrubbed after every call, which costs a short
/// message some tens of nanoseconds more than the library alone.
#[derive(Clone, Copy, Debug)]
pub struct RustCrypto;

impl Engine for RustCrypto {
    fn name(&self) -> &'static str {
        "rustcrypto"
    }

    fn module(&self) -> Module {
        // The library does not tell its version; what is known is the release line that this crate is built against.
        Module {
            name: "RustCrypto",
            version: "aes-gcm 0.11".to_owned(),
            validation: Validation::None,
        }
    }

    fn aes_256_gcm(&self, key: &[u8; 32]) -> Result<Box<dyn Aes256Gcm>, Error> {
        let key = expanded(key);
        stack::scrub();
        Ok(key)
    }

    fn hkdf_extract(&self, salt: &[u8], ikm: &[u8], prk: &mut [u8; 32]) {
        let (mut extracted, _) = Hkdf::<Sha256>::extract(Some(salt), ikm);
        prk.copy_from_slice(&extracted);
        extracted.as_mut_slice().zeroize();
    }

    fn hkdf_expand(&self, prk: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
        let expanded = Hkdf::<Sha256>::from_prk(prk)
            .map_err(|_| Error::Engine)
            .and_then(|hkdf| hkdf.expand_multi_info(info, out).map_err(|_| Error::Length));
        expanded.inspect_err(|_| out.zeroize())
    }

    fn hkdf_expand_sha_512(
        &self,
        prk: &[u8; 32],
        info: &[&[u8]],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let expanded = expand_sha_512(prk, info, out);
        stack::scrub();
        expanded.inspect_err(|_| out.zeroize())
    }

    fn hmac_sha_256(&self, key: &[u8], data: &[&[u8]]) -> [u8; 32] {
        // An HMAC key may have any length (RFC 2104, 2); a longer one than a block is hashed first, here as there.
        let mut padded = [0; 64];
        match padded.get_mut(..key.len()) {
            Some(start) => start.copy_from_slice(key),
            None => padded[..32].copy_from_slice(&Sha256::digest(key)),
        }
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&padded).into());
        padded.zeroize();
        for part in data {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn sha_256(&self, data: &[&[u8]]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in data {
            hash.update(part);
        }
        hash.finalize().into()
    }

    fn fill_random(&self, out: &mut [u8]) -> Result<(), Error> {
        random::fill_from_os(out)
    }
}

/// HKDF-Expand with SHA-512 (RFC 5869, 2.3). The crate `hkdf` wants a key as long as the hash, as RFC 5869 has it of one that was
/// extracted; this one is a key already, and HMAC takes any length.
#[inline(never)]
fn expand_sha_512(prk: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
    if out.len() > 255 * 64 {
        return Err(Error::Length);
    }
    let mut previous = Zeroizing::new([0; 64]);
    for (number, block) in (1_u8..=255).zip(out.chunks_mut(64)) {
        let mut mac = Hmac::<Sha512>::new_from_slice(prk).map_err(|_| Error::Engine)?;
        if number > 1 {
            mac.update(&*previous);
        }
        for part in info {
            mac.update(part);
        }
        mac.update(&[number]);
        previous.copy_from_slice(&mac.finalize().into_bytes());
        block.copy_from_slice(&previous[..block.len()]);
    }
    Ok(())
}

struct Key(aes_gcm::Aes256Gcm);

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Key")
    }
}

impl Aes256Gcm for Key {
    fn seal_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; 16], Error> {
        let sealed = seal(&self.0, nonce, aad, in_out);
        stack::scrub();
        sealed
    }

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

    fn open_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Error> {
        let opened = open(&self.0, nonce, aad, in_out.into(), tag);
        stack::scrub();
        opened.inspect_err(|_| in_out.zeroize())
    }

    fn open_into(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; 16],
        plaintext: &mut [u8],
    ) -> Result<(), Error> {
        let opened = match InOutBuf::new(ciphertext, plaintext) {
            Ok(buffer) => open(&self.0, nonce, aad, buffer, tag),
            Err(_) => Err(Error::Length),
        };
        stack::scrub();
        opened.inspect_err(|_| plaintext.zeroize())
    }
}

// Out of line, so that what each leaves on the stack lies below its caller's frame.

#[inline(never)]
fn expanded(key: &[u8; 32]) -> Box<dyn Aes256Gcm> {
    Box::new(Key(aes_gcm::Aes256Gcm::new(key.into())))
}

#[inline(never)]
fn seal(
    key: &aes_gcm::Aes256Gcm,
    nonce: &[u8; 12],
    aad: &[u8],
    in_out: &mut [u8],
) -> Result<[u8; 16], Error> {
    let tag = key
        .encrypt_inout_detached(&Nonce::from(*nonce), aad, in_out.into())
        .map_err(|_| Error::Engine)?;
    Ok(tag.into())
}

#[inline(never)]
fn open(
    key: &aes_gcm::Aes256Gcm,
    nonce: &[u8; 12],
    aad: &[u8],
    buffer: InOutBuf<'_, '_, u8>,
    tag: &[u8; 16],
) -> Result<(), Error> {
    key.decrypt_inout_detached(&Nonce::from(*nonce), aad, buffer, &Tag::from(*tag))
        .map_err(|_| Error::Unauthenticated)
}
