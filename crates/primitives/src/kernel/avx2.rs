//! Two blocks in a register: VAES and VPCLMULQDQ with AVX2.
#![expect(
    unsafe_code,
    reason = "the processor's instructions, each behind the proof that it has them"
)]

use super::aes_ni::{AesNi, REVERSE};
use super::lanes::Lanes;
use core::arch::x86_64::{
    __m128i, __m256i, _mm_xor_si128, _mm256_aesenc_epi128, _mm256_aesenclast_epi128,
    _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_castsi256_si128,
    _mm256_clmulepi64_epi128, _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_set_m128i,
    _mm256_shuffle_epi8, _mm256_storeu_si256, _mm256_xor_si256,
};

/// The processor has VAES, VPCLMULQDQ and AVX2, and what [`AesNi`] says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx2(AesNi);

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("vaes")
            && is_x86_feature_detected!("vpclmulqdq");
        if has_all { AesNi::detect().map(Self) } else { None }
    }
}

/// For every length up to 32: as many bytes of ones, and zeros behind them.
static ONES: [u8; 64] = {
    let mut bytes = [0; 64];
    let mut at = 0;
    while at < 32 {
        bytes[at] = 0xff;
        at += 1;
    }
    bytes
};

impl Lanes<32> for Avx2 {
    type Vector = __m256i;

    #[inline(always)]
    fn narrow(self) -> AesNi {
        self.0
    }

    #[inline(always)]
    fn load(self, bytes: &[u8; 32]) -> __m256i {
        // SAFETY: 32 bytes are read, wherever they lie; `self` says that the processor has AVX2.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, vector: __m256i, out: &mut [u8; 32]) {
        // SAFETY: 32 bytes are written, wherever they lie; `self` says that the processor has AVX2.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), vector) }
    }

    #[inline(always)]
    unsafe fn load_start(self, from: *const u8, length: usize, available: usize) -> __m256i {
        // SAFETY: no more is read than is available; `self` says that the processor has AVX2.
        unsafe {
            if available >= 32 {
                return _mm256_loadu_si256(from.cast());
            }
            if length <= 16 {
                let first = self.0.load_start(from, length, available);
                return _mm256_set_m128i(self.0.splat(0), first);
            }
            let second = self.0.load_start(from.add(16), length - 16, available - 16);
            _mm256_set_m128i(second, self.0.load_start(from, 16, 16))
        }
    }

    #[inline(always)]
    unsafe fn store_start(self, vector: __m256i, to: *mut u8, length: usize, available: usize) {
        // SAFETY: no more is written than is available; `self` says that the processor has AVX2.
        unsafe {
            if available >= 32 {
                return _mm256_storeu_si256(to.cast(), vector);
            }
            let first = _mm256_castsi256_si128(vector);
            if length <= 16 {
                return self.0.store_start(first, to, length, available);
            }
            self.0.store_start(first, to, 16, 16);
            let second = _mm256_extracti128_si256::<1>(vector);
            self.0.store_start(second, to.add(16), length - 16, available - 16);
        }
    }

    #[inline(always)]
    fn splat(self, block: u128) -> __m256i {
        // SAFETY: `self` says that the processor has AVX2.
        unsafe { _mm256_broadcastsi128_si256(self.0.splat(block)) }
    }

    #[inline(always)]
    fn lane(self, block: u128, lane: usize) -> __m256i {
        let (block, zero) = (self.0.splat(block), self.0.splat(0));
        // SAFETY: `self` says that the processor has AVX2.
        unsafe {
            if lane == 0 { _mm256_set_m128i(zero, block) } else { _mm256_set_m128i(block, zero) }
        }
    }

    #[inline(always)]
    fn xor(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` says that the processor has AVX2.
        unsafe { _mm256_xor_si256(a, b) }
    }

    #[inline(always)]
    fn start(self, vector: __m256i, length: usize) -> __m256i {
        let ones = ONES[32 - length..].first_chunk().map_or(vector, |ones| self.load(ones));
        // SAFETY: `self` says that the processor has AVX2.
        unsafe { _mm256_and_si256(vector, ones) }
    }

    #[inline(always)]
    fn reversed(self, vector: __m256i) -> __m256i {
        // SAFETY: `self` says that the processor has AVX2.
        unsafe { _mm256_shuffle_epi8(vector, _mm256_broadcastsi128_si256(self.0.load(&REVERSE))) }
    }

    #[inline(always)]
    fn round(self, state: __m256i, key: __m256i) -> __m256i {
        // SAFETY: `self` says that the processor has VAES.
        unsafe { _mm256_aesenc_epi128(state, key) }
    }

    #[inline(always)]
    fn last_round(self, state: __m256i, key: __m256i) -> __m256i {
        // SAFETY: `self` says that the processor has VAES.
        unsafe { _mm256_aesenclast_epi128(state, key) }
    }

    #[inline(always)]
    fn multiply<const HALVES: i32>(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` says that the processor has VPCLMULQDQ.
        unsafe { _mm256_clmulepi64_epi128::<HALVES>(a, b) }
    }

    #[inline(always)]
    fn sum(self, vector: __m256i) -> __m128i {
        // SAFETY: `self` says that the processor has AVX2.
        unsafe {
            _mm_xor_si128(_mm256_castsi256_si128(vector), _mm256_extracti128_si256::<1>(vector))
        }
    }
}
