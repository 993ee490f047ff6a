//! Which instructions this processor has, and the code that is compiled for each.
#![expect(
    unsafe_code,
    reason = "code that is compiled for instructions is called where the processor has them"
)]

use super::Instructions;
use super::aes_ni::AesNi;
use super::avx2::Avx2;
use super::avx512::Avx512;
use super::batch::{self, Batch};
use super::key::ExpandedKey;
use crate::engine::Row;

/// The instructions that the kernel uses.
#[derive(Clone, Copy, Debug)]
pub(super) enum Level {
    AesNi(AesNi),
    Avx2(AesNi, Avx2),
    Avx512(AesNi, Avx512),
}

impl Level {
    /// All that this processor has, the fastest first.
    pub(super) fn detect() -> impl Iterator<Item = Self> {
        let one = AesNi::detect();
        let avx512 = one.zip(Avx512::detect()).map(|(one, four)| Self::Avx512(one, four));
        let avx2 = one.zip(Avx2::detect()).map(|(one, two)| Self::Avx2(one, two));
        avx512.into_iter().chain(avx2).chain(one.map(Self::AesNi))
    }

    pub(super) const fn instructions(self) -> Instructions {
        match self {
            Self::AesNi(_) => Instructions::AesNi,
            Self::Avx2(..) => Instructions::Avx2,
            Self::Avx512(..) => Instructions::Avx512,
        }
    }

    const fn one_block(self) -> AesNi {
        match self {
            Self::AesNi(lanes) | Self::Avx2(lanes, _) | Self::Avx512(lanes, _) => lanes,
        }
    }

    pub(super) fn expand(self, key: &[u8; 32], out: &mut ExpandedKey) {
        // SAFETY: a level is only made where the processor has its instructions.
        unsafe { expand(self.one_block(), key, out) }
    }

    pub(super) fn seal(self, key: &ExpandedKey, batch: Batch<'_, &[Row]>) {
        // SAFETY: a level is only made where the processor has its instructions.
        unsafe {
            match self {
                Self::AesNi(lanes) => seal_aes_ni(lanes, key, batch),
                Self::Avx2(_, lanes) => seal_avx2(lanes, key, batch),
                Self::Avx512(_, lanes) => seal_avx512(lanes, key, batch),
            }
        }
    }

    pub(super) fn open(
        self,
        key: &ExpandedKey,
        batch: Batch<'_, &mut [Row]>,
        tag: Option<&[u8; 16]>,
    ) {
        // SAFETY: a level is only made where the processor has its instructions.
        unsafe {
            match self {
                Self::AesNi(lanes) => open_aes_ni(lanes, key, batch, tag),
                Self::Avx2(_, lanes) => open_avx2(lanes, key, batch, tag),
                Self::Avx512(_, lanes) => open_avx512(lanes, key, batch, tag),
            }
        }
    }
}

#[inline(never)]
#[target_feature(enable = "aes,pclmulqdq,avx")]
fn expand(lanes: AesNi, key: &[u8; 32], out: &mut ExpandedKey) {
    out.expand(lanes, key);
}

#[target_feature(enable = "aes,pclmulqdq,avx")]
fn seal_aes_ni(lanes: AesNi, key: &ExpandedKey, batch: Batch<'_, &[Row]>) {
    batch::seal(lanes, key, batch);
}

#[target_feature(enable = "aes,pclmulqdq,avx")]
fn open_aes_ni(
    lanes: AesNi,
    key: &ExpandedKey,
    batch: Batch<'_, &mut [Row]>,
    tag: Option<&[u8; 16]>,
) {
    batch::open(lanes, key, batch, tag);
}

#[target_feature(enable = "avx2,vaes,vpclmulqdq")]
fn seal_avx2(lanes: Avx2, key: &ExpandedKey, batch: Batch<'_, &[Row]>) {
    batch::seal(lanes, key, batch);
}

#[target_feature(enable = "avx2,vaes,vpclmulqdq")]
fn open_avx2(lanes: Avx2, key: &ExpandedKey, batch: Batch<'_, &mut [Row]>, tag: Option<&[u8; 16]>) {
    batch::open(lanes, key, batch, tag);
}

#[target_feature(enable = "avx512f,avx512bw,vaes,vpclmulqdq")]
fn seal_avx512(lanes: Avx512, key: &ExpandedKey, batch: Batch<'_, &[Row]>) {
    batch::seal(lanes, key, batch);
}

#[target_feature(enable = "avx512f,avx512bw,vaes,vpclmulqdq")]
fn open_avx512(
    lanes: Avx512,
    key: &ExpandedKey,
    batch: Batch<'_, &mut [Row]>,
    tag: Option<&[u8; 16]>,
) {
    batch::open(lanes, key, batch, tag);
}
