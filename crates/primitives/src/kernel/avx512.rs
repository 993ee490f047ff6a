//! Four blocks in a register: VAES and VPCLMULQDQ with AVX-512.
#![expect(
    unsafe_code,
    reason = "the processor's instructions, each behind the proof that it has them"
)]

use super::aes_ni::{AesNi, REVERSE};
use super::lanes::Lanes;
use core::arch::x86_64::{
    __m128i, __m512i, __mmask64, _mm_xor_si128, _mm256_castsi256_si128, _mm256_extracti128_si256,
    _mm256_xor_si256, _mm512_aesenc_epi128, _mm512_aesenclast_epi128, _mm512_broadcast_i32x4,
    _mm512_castsi512_si256, _mm512_clmulepi64_epi128, _mm512_extracti64x4_epi64,
    _mm512_loadu_si512, _mm512_mask_storeu_epi8, _mm512_maskz_broadcast_i32x4,
    _mm512_maskz_loadu_epi8, _mm512_maskz_mov_epi8, _mm512_shuffle_epi8, _mm512_storeu_si512,
    _mm512_xor_si512,
};

/// The processor has VAES, VPCLMULQDQ, AVX-512F and AVX-512BW, and what [`AesNi`] says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512(AesNi);

impl Avx512 {
    pub(super) fn detect() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("vaes")
            && is_x86_feature_detected!("vpclmulqdq");
        if has_all { AesNi::detect().map(Self) } else { None }
    }
}

/// A bit for each of the first `length` bytes, up to 64.
#[inline(always)]
fn first(length: usize) -> __mmask64 {
    u64::MAX.checked_shr(64 - u32::try_from(length).unwrap_or(64)).unwrap_or(0)
}

impl Lanes<64> for Avx512 {
    type Vector = __m512i;

    #[inline(always)]
    fn narrow(self) -> AesNi {
        self.0
    }

    #[inline(always)]
    fn load(self, bytes: &[u8; 64]) -> __m512i {
        // SAFETY: 64 bytes are read, wherever they lie; `self` says that the processor has AVX-512F.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, vector: __m512i, out: &mut [u8; 64]) {
        // SAFETY: 64 bytes are written, wherever they lie; `self` says that the processor has AVX-512F.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), vector) }
    }

    #[inline(always)]
    unsafe fn load_start(self, from: *const u8, length: usize, _available: usize) -> __m512i {
        // SAFETY: what the mask leaves out is not read; `self` says that the processor has AVX-512BW.
        unsafe { _mm512_maskz_loadu_epi8(first(length), from.cast()) }
    }

    #[inline(always)]
    unsafe fn store_start(self, vector: __m512i, to: *mut u8, length: usize, _available: usize) {
        // SAFETY: what the mask leaves out is not written; `self` says that the processor has AVX-512BW.
        unsafe { _mm512_mask_storeu_epi8(to.cast(), first(length), vector) }
    }

    #[inline(always)]
    fn splat(self, block: u128) -> __m512i {
        // SAFETY: `self` says that the processor has AVX-512F.
        unsafe { _mm512_broadcast_i32x4(self.0.splat(block)) }
    }

    #[inline(always)]
    fn lane(self, block: u128, lane: usize) -> __m512i {
        // SAFETY: `self` says that the processor has AVX-512F.
        unsafe { _mm512_maskz_broadcast_i32x4(0xf << (4 * lane), self.0.splat(block)) }
    }

    #[inline(always)]
    fn xor(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` says that the processor has AVX-512F.
        unsafe { _mm512_xor_si512(a, b) }
    }

    #[inline(always)]
    fn start(self, vector: __m512i, length: usize) -> __m512i {
        // SAFETY: `self` says that the processor has AVX-512BW.
        unsafe { _mm512_maskz_mov_epi8(first(length), vector) }
    }

    #[inline(always)]
    fn reversed(self, vector: __m512i) -> __m512i {
        // SAFETY: `self` says that the processor has AVX-512BW.
        unsafe { _mm512_shuffle_epi8(vector, _mm512_broadcast_i32x4(self.0.load(&REVERSE))) }
    }

    #[inline(always)]
    fn round(self, state: __m512i, key: __m512i) -> __m512i {
        // SAFETY: `self` says that the processor has VAES and AVX-512F.
        unsafe { _mm512_aesenc_epi128(state, key) }
    }

    #[inline(always)]
    fn last_round(self, state: __m512i, key: __m512i) -> __m512i {
        // SAFETY: `self` says that the processor has VAES and AVX-512F.
        unsafe { _mm512_aesenclast_epi128(state, key) }
    }

    #[inline(always)]
    fn multiply<const HALVES: i32>(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` says that the processor has VPCLMULQDQ and AVX-512F.
        unsafe { _mm512_clmulepi64_epi128::<HALVES>(a, b) }
    }

    #[inline(always)]
    fn sum(self, vector: __m512i) -> __m128i {
        // SAFETY: `self` says that the processor has AVX-512F, and so AVX2.
        unsafe {
            let halves = _mm256_xor_si256(
                _mm512_castsi512_si256(vector),
                _mm512_extracti64x4_epi64::<1>(vector),
            );
            _mm_xor_si128(_mm256_castsi256_si128(halves), _mm256_extracti128_si256::<1>(halves))
        }
    }
}
