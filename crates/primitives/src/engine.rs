//! The seam between phiseal and a cryptographic library.
//!
//! Everything above this crate speaks to an [`Engine`]; nothing above it names a library. All engines pass the
//! same vectors and produce the same bytes from the same input.

use crate::{Error, Module};
use core::fmt::Debug;
use core::ops::Range;

/// AES-256-GCM keys, HKDF, HMAC and SHA-256 of one library.
///
/// Engines are `'static` unit values, handed around as `&'static dyn Engine`: [`crate::default_engine`] is the one
/// that this build prefers, [`crate::engines`] lists all that are compiled in.
pub trait Engine: Debug + Send + Sync + 'static {
    /// The library's name as the table in the crate's documentation spells it: `aws-lc-rs`, `ring`, `rustcrypto`.
    fn name(&self) -> &'static str;

    /// Which module does the work, and what is known of its validation.
    fn module(&self) -> Module;

    /// Expands `key` for AES-256-GCM (SP 800-38D).
    ///
    /// # Errors
    ///
    /// When the library refuses the key, which none is known to do for 32 bytes.
    fn aes_256_gcm(&self, key: &[u8; 32]) -> Result<Box<dyn Aes256Gcm>, Error>;

    /// HKDF-Extract with SHA-256 (RFC 5869, 2.2); `prk` is overwritten.
    fn hkdf_extract(&self, salt: &[u8], ikm: &[u8], prk: &mut [u8; 32]);

    /// HKDF-Expand with SHA-256 (RFC 5869, 2.3) over the concatenation of `info`; `out` is overwritten.
    ///
    /// # Errors
    ///
    /// When `out` is longer than 255 times 32 bytes; `out` is then zeros.
    fn hkdf_expand(&self, prk: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error>;

    /// HKDF-Expand with SHA-512 (RFC 5869, 2.3) over the concatenation of `info`; `out` is overwritten.
    ///
    /// # Errors
    ///
    /// When `out` is longer than 255 times 64 bytes; `out` is then zeros.
    fn hkdf_expand_sha_512(
        &self,
        prk: &[u8; 32],
        info: &[&[u8]],
        out: &mut [u8],
    ) -> Result<(), Error>;

    /// HMAC-SHA-256 (RFC 2104, FIPS 198-1) over the concatenation of `data`.
    fn hmac_sha_256(&self, key: &[u8], data: &[&[u8]]) -> [u8; 32];

    /// SHA-256 (FIPS 180-4) over the concatenation of `data`.
    fn sha_256(&self, data: &[&[u8]]) -> [u8; 32];

    /// Fills `out` from the module's own generator where it has an approved one, else from the operating system.
    ///
    /// # Errors
    ///
    /// When the generator fails; `out` is then zeros.
    fn fill_random(&self, out: &mut [u8]) -> Result<(), Error>;
}

/// An expanded AES-256-GCM key: 12-byte nonces, 16-byte tags, ciphertext as long as the plaintext.
///
/// # Security
///
/// This is the one place where a nonce is an argument. It is for the crates that build envelopes; an application
/// never holds one of these. A nonce used twice under one key gives both plaintexts and the authentication key away
/// (SP 800-38D, appendix A).
pub trait Aes256Gcm: Debug + Send + Sync {
    /// Encrypts `in_out` where it lies and returns the tag.
    ///
    /// # Errors
    ///
    /// When the library refuses: over 2^36 - 32 bytes, or a caller's nonce in FIPS mode ([`Error::NotApproved`]).
    fn seal_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; 16], Error>;

    /// Encrypts `plaintext` into `out`, which must be 16 bytes longer: ciphertext, then tag.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when `out` is not as long as that; else as [`seal_in_place`](Self::seal_in_place). `out` then
    /// holds zeros.
    fn seal_into(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error>;

    /// Encrypts `in_out` under a nonce that the module draws itself, and returns that nonce and the tag.
    ///
    /// # Errors
    ///
    /// When the library or its generator fails.
    fn seal_in_place_with_own_nonce(
        &self,
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<([u8; 12], [u8; 16]), Error>;

    /// Verifies `tag` and decrypts `in_out` where it lies.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] when anything at all was changed; `in_out` then holds zeros.
    fn open_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Error>;

    /// Verifies `tag` and decrypts `ciphertext` into `plaintext`, which must be as long.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when the two differ in length, [`Error::Unauthenticated`] when anything at all was changed;
    /// `plaintext` then holds zeros.
    fn open_into(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; 16],
        plaintext: &mut [u8],
    ) -> Result<(), Error>;

    /// Encrypts the `text` of each row to `out`, where the tag follows it. What lies behind a row in `out` may be overwritten with zeros, up
    /// to where the next begins; so the next must not begin before it ends.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a row reaches beyond a buffer, or begins before the one before it ends, where that is noticed; that of the
    /// first row that cannot be sealed. `out` then holds zeros.
    fn seal_rows(
        &self,
        rows: &[Row],
        aads: &[u8],
        texts: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let sealed = rows.iter().try_for_each(|row| {
            let aad = aads.get(row.aad.clone()).ok_or(Error::Length)?;
            let text = texts.get(row.text.clone()).ok_or(Error::Length)?;
            let out = out.get_mut(row.out..).and_then(|out| out.get_mut(..text.len() + 16));
            self.seal_into(&row.nonce, aad, text, out.ok_or(Error::Length)?)
        });
        sealed.inspect_err(|_| out.fill(0))
    }

    /// Decrypts the `text` of each row, which the tag follows, to `out`, and says in the row whether it was authentic. What lies behind a
    /// row in `out` may be overwritten with zeros, as in [`seal_rows`](Self::seal_rows). Where one is not authentic, `out` holds zeros in its
    /// place.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when a row reaches beyond a buffer; `out` then holds zeros, and what rows say of themselves means nothing.
    fn open_rows(
        &self,
        rows: &mut [Row],
        aads: &[u8],
        texts: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let opened = rows.iter_mut().try_for_each(|row| {
            let aad = aads.get(row.aad.clone()).ok_or(Error::Length)?;
            let text = texts.get(row.text.clone()).ok_or(Error::Length)?;
            let tag = texts.get(row.text.end..).and_then(<[u8]>::first_chunk);
            let out = out.get_mut(row.out..).and_then(|out| out.get_mut(..text.len()));
            let (tag, out) = (tag.ok_or(Error::Length)?, out.ok_or(Error::Length)?);
            row.authentic = self.open_into(&row.nonce, aad, text, tag, out).is_ok();
            Ok(())
        });
        opened.inspect_err(|_| out.fill(0))
    }
}

/// Where one of many messages lies in the buffers that all of them share.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "whoever seals has to fill in all of it")]
pub struct Row {
    /// The nonce: for sealing, never used before under the key.
    pub nonce: [u8; 12],
    /// Whether it was authentic; set when it is opened.
    pub authentic: bool,
    /// Its associated data.
    pub aad: Range<usize>,
    /// What is encrypted, or decrypted.
    pub text: Range<usize>,
    /// Where the outcome begins: not before that of the row before ends.
    pub out: usize,
}

/// [`Aes256Gcm::seal_into`] for libraries that encrypt in place only.
#[cfg(any(feature = "ring", feature = "rustcrypto"))]
#[inline]
pub(crate) fn copy_and_seal(
    key: &impl Aes256Gcm,
    nonce: &[u8; 12],
    aad: &[u8],
    plaintext: &[u8],
    out: &mut [u8],
) -> Result<(), Error> {
    let sealed = match out.split_last_chunk_mut::<16>() {
        Some((body, tag)) if body.len() == plaintext.len() => {
            body.copy_from_slice(plaintext);
            key.seal_in_place(nonce, aad, body).map(|made| *tag = made)
        }
        _ => Err(Error::Length),
    };
    sealed.inspect_err(|_| out.fill(0))
}
