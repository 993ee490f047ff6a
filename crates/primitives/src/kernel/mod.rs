//! AES-256-GCM for short messages, one at a time or many together.
//!
//! The libraries take about four times as long for a field of 32 bytes as the instructions that encrypt and authenticate it: they
//! are made for messages of kilobytes. This is the same function (SP 800-38D) for messages of up to 31 blocks, associated data
//! included, on x86-64 processors with AES-NI, and faster on those with VAES, in which several blocks go through one instruction.
//! Everything else, and every processor without, is a library's.
//!
//! What it keeps to:
//!
//! - no branch and no address depends on a key, a plaintext or a tag, only on lengths;
//! - a tag is compared before the first byte of a plaintext is written;
//! - keys are in one place, which is zeroed on drop; key stream is wiped at the end of each call.
//!
//! | file | what |
//! |---|---|
//! | `level` | which instructions a processor has, and the code compiled for each |
//! | `lanes` | what the instruction sets have in common; `aes_ni`, `avx2`, `avx512`: each of them |
//! | `key` | the key schedule (FIPS 197) and the powers of the hash key |
//! | `ghash` | multiplication and reduction (SP 800-38D, RFC 8452) |
//! | `batch` | messages, one or many |

#![expect(
    unsafe_code,
    reason = "instructions are used where the processor has them, and buffers whose bounds were checked once"
)]

mod aes_ni;
mod avx2;
mod avx512;
mod batch;
mod ghash;
mod key;
mod lanes;
mod level;

use self::batch::Batch;
use self::key::ExpandedKey;
use self::level::Level;
use crate::engine::{Aes256Gcm, Engine, Row};
use crate::{Error, Module, Validation, stack};
use core::fmt;

/// Short messages by the processor's own instructions, everything else by another engine.
#[derive(Clone, Copy)]
pub struct Kernel {
    engine: &'static dyn Engine,
    only: Option<Instructions>,
}

/// The instructions that a kernel is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Instructions {
    /// VAES and VPCLMULQDQ on registers of four blocks, with AVX-512F and AVX-512BW.
    Avx512,
    /// VAES and VPCLMULQDQ on registers of two blocks, with AVX2.
    Avx2,
    /// AES-NI and PCLMULQDQ, with AVX.
    AesNi,
}

impl Instructions {
    /// All of them, the fastest first.
    pub const ALL: [Self; 3] = [Self::Avx512, Self::Avx2, Self::AesNi];
}

impl Kernel {
    /// With the fastest instructions that the processor has; `engine` does what the kernel does not.
    #[must_use]
    pub const fn over(engine: &'static dyn Engine) -> Self {
        Self { engine, only: None }
    }

    /// With these instructions, or with none where the processor has not got them.
    #[must_use]
    pub const fn only(self, instructions: Instructions) -> Self {
        Self { only: Some(instructions), ..self }
    }

    /// The instructions that it uses on this processor; without any, everything is done by the engine.
    #[must_use]
    pub fn instructions(&self) -> Option<Instructions> {
        self.level().map(Level::instructions)
    }

    fn level(&self) -> Option<Level> {
        Level::detect().find(|level| self.only.is_none_or(|only| only == level.instructions()))
    }
}

impl Engine for Kernel {
    fn name(&self) -> &'static str {
        match self.only {
            None => "kernel",
            Some(Instructions::Avx512) => "kernel-avx512",
            Some(Instructions::Avx2) => "kernel-avx2",
            Some(Instructions::AesNi) => "kernel-aes-ni",
        }
    }

    fn module(&self) -> Module {
        let Module { name, version, .. } = self.engine.module();
        let own = env!("CARGO_PKG_VERSION");
        let version = match self.instructions() {
            Some(instructions) => format!("{own}, {instructions:?} over {name} {version}"),
            None => format!("{own}, idle over {name} {version}"),
        };
        Module { name: "phiseal kernel", version, validation: Validation::None }
    }

    fn aes_256_gcm(&self, key: &[u8; 32]) -> Result<Box<dyn Aes256Gcm>, Error> {
        if self.engine.module().validation != Validation::None {
            return Err(Error::NotApproved);
        }
        let engine = self.engine.aes_256_gcm(key)?;
        let Some(level) = self.level() else { return Ok(engine) };
        let mut expanded = ExpandedKey::empty();
        level.expand(key, &mut expanded);
        stack::scrub();
        Ok(Box::new(Key { level, expanded, engine }))
    }

    fn hkdf_extract(&self, salt: &[u8], ikm: &[u8], prk: &mut [u8; 32]) {
        self.engine.hkdf_extract(salt, ikm, prk);
    }

    fn hkdf_expand(&self, prk: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
        self.engine.hkdf_expand(prk, info, out)
    }

    fn hkdf_expand_sha_512(
        &self,
        prk: &[u8; 32],
        info: &[&[u8]],
        out: &mut [u8],
    ) -> Result<(), Error> {
        self.engine.hkdf_expand_sha_512(prk, info, out)
    }

    fn hmac_sha_256(&self, key: &[u8], data: &[&[u8]]) -> [u8; 32] {
        self.engine.hmac_sha_256(key, data)
    }

    fn sha_256(&self, data: &[&[u8]]) -> [u8; 32] {
        self.engine.sha_256(data)
    }

    fn fill_random(&self, out: &mut [u8]) -> Result<(), Error> {
        self.engine.fill_random(out)
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

struct Key {
    level: Level,
    expanded: Box<ExpandedKey>,
    /// For what is too long for the kernel.
    engine: Box<dyn Aes256Gcm>,
}

impl Key {
    #[inline]
    fn seal(&self, batch: Batch<'_, &[Row]>) {
        self.level.seal(&self.expanded, batch);
        scrub_without_optimisations();
    }

    #[inline]
    fn open(&self, batch: Batch<'_, &mut [Row]>, tag: Option<&[u8; 16]>) {
        self.level.open(&self.expanded, batch, tag);
        scrub_without_optimisations();
    }
}

impl Aes256Gcm for Key {
    fn seal_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; 16], Error> {
        if !batch::fits(aad.len(), in_out.len()) {
            return self.engine.seal_in_place(nonce, aad, in_out);
        }
        let mut sealed = [0; batch::LONGEST + 16];
        let length = in_out.len();
        let sealed = &mut sealed[..length + 16];
        self.seal_into(nonce, aad, in_out, sealed)?;
        let (ciphertext, tag) = sealed.split_at(length);
        in_out.copy_from_slice(ciphertext);
        tag.try_into().map_err(|_| Error::Length)
    }

    #[inline]
    fn seal_into(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        if out.len() == plaintext.len() + 16
            && let rows = &[row(nonce, aad, plaintext)][..]
            && let Some(batch) = Batch::new(rows, aad, plaintext, out, [0, 16])
        {
            self.seal(batch);
            return Ok(());
        }
        self.engine.seal_into(nonce, aad, plaintext, out)
    }

    fn seal_in_place_with_own_nonce(
        &self,
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<([u8; 12], [u8; 16]), Error> {
        self.engine.seal_in_place_with_own_nonce(aad, in_out)
    }

    fn open_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Error> {
        if !batch::fits(aad.len(), in_out.len()) {
            return self.engine.open_in_place(nonce, aad, in_out, tag);
        }
        let mut ciphertext = [0; batch::LONGEST];
        let ciphertext = &mut ciphertext[..in_out.len()];
        ciphertext.copy_from_slice(in_out);
        self.open_into(nonce, aad, ciphertext, tag, in_out)
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
        let mut rows = [row(nonce, aad, ciphertext)];
        if plaintext.len() == ciphertext.len()
            && let Some(batch) = Batch::new(&mut rows[..], aad, ciphertext, plaintext, [0, 0])
        {
            self.open(batch, Some(tag));
            let [row] = rows;
            return if row.authentic { Ok(()) } else { Err(Error::Unauthenticated) };
        }
        self.engine.open_into(nonce, aad, ciphertext, tag, plaintext)
    }

    fn seal_rows(
        &self,
        rows: &[Row],
        aads: &[u8],
        texts: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        if let Some(batch) = Batch::new(rows, aads, texts, out, [0, 16]) {
            self.seal(batch);
            return Ok(());
        }
        // Some are too long, or wrong.
        let mut runs = rows.chunk_by(|a, b| takes(a) == takes(b));
        let sealed = runs.try_for_each(|rows| {
            if !rows.iter().all(takes) {
                return self.engine.seal_rows(rows, aads, texts, out);
            }
            let batch = Batch::new(rows, aads, texts, out, [0, 16]).ok_or(Error::Length)?;
            self.seal(batch);
            Ok(())
        });
        sealed.inspect_err(|_| out.fill(0))
    }

    fn open_rows(
        &self,
        rows: &mut [Row],
        aads: &[u8],
        texts: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        if let Some(batch) = Batch::new(&mut *rows, aads, texts, out, [16, 0]) {
            self.open(batch, None);
            return Ok(());
        }
        // Some are too long, or wrong.
        let mut runs = rows.chunk_by_mut(|a, b| takes(a) == takes(b));
        let opened = runs.try_for_each(|rows| {
            if !rows.iter().all(takes) {
                return self.engine.open_rows(rows, aads, texts, out);
            }
            let batch = Batch::new(rows, aads, texts, out, [16, 0]).ok_or(Error::Length)?;
            self.open(batch, None);
            Ok(())
        });
        opened.inspect_err(|_| out.fill(0))
    }
}

/// Round keys stay in registers, but for a build in which nothing does.
#[inline(always)]
fn scrub_without_optimisations() {
    if cfg!(debug_assertions) {
        stack::scrub();
    }
}

/// The one message of buffers of its own.
#[inline(always)]
fn row(nonce: &[u8; 12], aad: &[u8], text: &[u8]) -> Row {
    Row { nonce: *nonce, authentic: false, aad: 0..aad.len(), text: 0..text.len(), out: 0 }
}

/// Whether the kernel takes this message: what is too long is the engine's.
#[inline]
fn takes(row: &Row) -> bool {
    batch::fits(row.aad.len(), row.text.len())
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", self.level)
    }
}
