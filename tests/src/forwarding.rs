//! An engine that is the default one but for what a test says.

use phiseal::{Engine, Module};
use phiseal_primitives::{Aes256Gcm, Error};
use std::fmt::Debug;

/// What an engine does otherwise than the default one, whose `key` does the work where nothing else is said.
pub trait Otherwise: Copy + Debug + Send + Sync + 'static {
    /// See [`Engine::name`].
    const NAME: &'static str;

    /// See [`Engine::module`].
    fn module(self) -> Module {
        phiseal::default_engine().module()
    }

    /// See [`Aes256Gcm::seal_in_place`].
    ///
    /// # Errors
    ///
    /// As there.
    fn seal_in_place(
        self,
        key: &dyn Aes256Gcm,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; 16], Error> {
        key.seal_in_place(nonce, aad, in_out)
    }

    /// See [`Aes256Gcm::seal_into`].
    ///
    /// # Errors
    ///
    /// As there.
    fn seal_into(
        self,
        key: &dyn Aes256Gcm,
        nonce: &[u8; 12],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        key.seal_into(nonce, aad, plaintext, out)
    }

    /// See [`Aes256Gcm::seal_in_place_with_own_nonce`].
    ///
    /// # Errors
    ///
    /// As there.
    fn seal_in_place_with_own_nonce(
        self,
        key: &dyn Aes256Gcm,
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<([u8; 12], [u8; 16]), Error> {
        key.seal_in_place_with_own_nonce(aad, in_out)
    }
}

/// The default engine, but for what `O` says.
#[derive(Debug)]
pub struct Forwarding<O>(pub O);

#[derive(Debug)]
struct Key<O>(Box<dyn Aes256Gcm>, O);

impl<O: Otherwise> Engine for Forwarding<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }
    fn module(&self) -> Module {
        self.0.module()
    }
    fn aes_256_gcm(&self, key: &[u8; 32]) -> Result<Box<dyn Aes256Gcm>, Error> {
        Ok(Box::new(Key(phiseal::default_engine().aes_256_gcm(key)?, self.0)))
    }
    fn hkdf_extract(&self, salt: &[u8], ikm: &[u8], prk: &mut [u8; 32]) {
        phiseal::default_engine().hkdf_extract(salt, ikm, prk);
    }
    fn hkdf_expand(&self, prk: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
        phiseal::default_engine().hkdf_expand(prk, info, out)
    }
    fn hkdf_expand_sha_512(
        &self,
        prk: &[u8; 32],
        info: &[&[u8]],
        out: &mut [u8],
    ) -> Result<(), Error> {
        phiseal::default_engine().hkdf_expand_sha_512(prk, info, out)
    }
    fn hmac_sha_256(&self, key: &[u8], data: &[&[u8]]) -> [u8; 32] {
        phiseal::default_engine().hmac_sha_256(key, data)
    }
    fn sha_256(&self, data: &[&[u8]]) -> [u8; 32] {
        phiseal::default_engine().sha_256(data)
    }
    fn fill_random(&self, out: &mut [u8]) -> Result<(), Error> {
        phiseal::default_engine().fill_random(out)
    }
}

impl<O: Otherwise> Aes256Gcm for Key<O> {
    fn seal_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; 16], Error> {
        self.1.seal_in_place(&*self.0, nonce, aad, in_out)
    }
    fn seal_into(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        self.1.seal_into(&*self.0, nonce, aad, plaintext, out)
    }
    fn seal_in_place_with_own_nonce(
        &self,
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<([u8; 12], [u8; 16]), Error> {
        self.1.seal_in_place_with_own_nonce(&*self.0, aad, in_out)
    }
    fn open_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Error> {
        self.0.open_in_place(nonce, aad, in_out, tag)
    }
    fn open_into(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; 16],
        plaintext: &mut [u8],
    ) -> Result<(), Error> {
        self.0.open_into(nonce, aad, ciphertext, tag, plaintext)
    }
}
