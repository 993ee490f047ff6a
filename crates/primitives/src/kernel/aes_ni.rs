//! One block in a register: AES-NI and PCLMULQDQ, encoded as AVX instructions, which spare a copy each.
#![expect(
    unsafe_code,
    reason = "the processor's instructions, each behind the proof that it has them"
)]

use super::lanes::{Lanes, block_from, block_into};
use core::arch::x86_64::{
    __m128i, _mm_aesenc_si128, _mm_aesenclast_si128, _mm_aeskeygenassist_si128, _mm_and_si128,
    _mm_clmulepi64_si128, _mm_loadu_si128, _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_slli_si128,
    _mm_storeu_si128, _mm_testz_si128, _mm_xor_si128,
};
use core::slice;

/// The processor has AES-NI, PCLMULQDQ and AVX.
#[derive(Clone, Copy, Debug)]
pub(super) struct AesNi(());

impl AesNi {
    pub(super) fn detect() -> Option<Self> {
        let has_all = is_x86_feature_detected!("aes")
            && is_x86_feature_detected!("pclmulqdq")
            && is_x86_feature_detected!("avx");
        has_all.then_some(Self(()))
    }

    /// The one block in a register, as a number whose first byte is the lowest.
    #[inline(always)]
    pub(super) fn block(self, vector: __m128i) -> u128 {
        let mut bytes = [0; 16];
        self.store(vector, &mut bytes);
        u128::from_le_bytes(bytes)
    }

    /// What the key schedule makes of the last word of `vector` (FIPS 197, 5.2), in each word: substituted, rotated and with the
    /// round's constant for an odd round, substituted for an even one.
    #[inline(always)]
    pub(super) fn schedule_word<const CONSTANT: i32>(self, vector: __m128i) -> __m128i {
        // SAFETY: `self` says that the processor has AES-NI.
        unsafe {
            let words = _mm_aeskeygenassist_si128::<CONSTANT>(vector);
            if CONSTANT == 0 {
                _mm_shuffle_epi32::<0xaa>(words)
            } else {
                _mm_shuffle_epi32::<0xff>(words)
            }
        }
    }

    /// Each word of `vector` and all words before it, added.
    #[inline(always)]
    pub(super) fn running_sum(self, vector: __m128i) -> __m128i {
        // SAFETY: every x86-64 processor has SSE2.
        unsafe {
            let pairs = _mm_xor_si128(vector, _mm_slli_si128::<4>(vector));
            _mm_xor_si128(pairs, _mm_slli_si128::<8>(pairs))
        }
    }

    /// Whether two blocks are equal, by one instruction that takes as long for any two.
    #[inline(always)]
    pub(super) fn equal(self, a: __m128i, b: __m128i) -> bool {
        let difference = self.xor(a, b);
        // SAFETY: `self` says that the processor has AVX, and so SSE4.1.
        unsafe { _mm_testz_si128(difference, difference) == 1 }
    }

    /// The halves of `vector`, one in the other's place.
    #[inline(always)]
    pub(super) fn swapped(self, vector: __m128i) -> __m128i {
        // SAFETY: every x86-64 processor has SSE2.
        unsafe { _mm_shuffle_epi32::<0x4e>(vector) }
    }
}

/// For every length up to 16: as many bytes of ones, and zeros behind them.
static ONES: [u8; 32] = {
    let mut bytes = [0; 32];
    let mut at = 0;
    while at < 16 {
        bytes[at] = 0xff;
        at += 1;
    }
    bytes
};

pub(super) static REVERSE: [u8; 16] = [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0];

impl Lanes<16> for AesNi {
    type Vector = __m128i;

    #[inline(always)]
    fn narrow(self) -> AesNi {
        self
    }

    #[inline(always)]
    fn load(self, bytes: &[u8; 16]) -> __m128i {
        // SAFETY: sixteen bytes are read, wherever they lie.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    #[inline(always)]
    fn store(self, vector: __m128i, out: &mut [u8; 16]) {
        // SAFETY: sixteen bytes are written, wherever they lie.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), vector) }
    }

    #[inline(always)]
    unsafe fn load_start(self, from: *const u8, length: usize, available: usize) -> __m128i {
        // SAFETY: no more is read than is available.
        unsafe {
            if available >= 16 {
                return _mm_loadu_si128(from.cast());
            }
            self.splat(block_from(slice::from_raw_parts(from, length)))
        }
    }

    #[inline(always)]
    unsafe fn store_start(self, vector: __m128i, to: *mut u8, length: usize, available: usize) {
        // SAFETY: no more is written than is available.
        unsafe {
            if available >= 16 {
                return _mm_storeu_si128(to.cast(), vector);
            }
            block_into(self.block(vector), slice::from_raw_parts_mut(to, length));
        }
    }

    #[inline(always)]
    fn splat(self, block: u128) -> __m128i {
        self.load(&block.to_le_bytes())
    }

    #[inline(always)]
    fn lane(self, block: u128, _lane: usize) -> __m128i {
        self.splat(block)
    }

    #[inline(always)]
    fn xor(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: every x86-64 processor has SSE2.
        unsafe { _mm_xor_si128(a, b) }
    }

    #[inline(always)]
    fn start(self, vector: __m128i, length: usize) -> __m128i {
        let ones = ONES[16 - length..].first_chunk().map_or(vector, |ones| self.load(ones));
        // SAFETY: every x86-64 processor has SSE2.
        unsafe { _mm_and_si128(vector, ones) }
    }

    #[inline(always)]
    fn reversed(self, vector: __m128i) -> __m128i {
        // SAFETY: `self` says that the processor has AVX, and so SSSE3.
        unsafe { _mm_shuffle_epi8(vector, self.load(&REVERSE)) }
    }

    #[inline(always)]
    fn round(self, state: __m128i, key: __m128i) -> __m128i {
        // SAFETY: `self` says that the processor has AES-NI.
        unsafe { _mm_aesenc_si128(state, key) }
    }

    #[inline(always)]
    fn last_round(self, state: __m128i, key: __m128i) -> __m128i {
        // SAFETY: `self` says that the processor has AES-NI.
        unsafe { _mm_aesenclast_si128(state, key) }
    }

    #[inline(always)]
    fn multiply<const HALVES: i32>(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: `self` says that the processor has PCLMULQDQ.
        unsafe { _mm_clmulepi64_si128::<HALVES>(a, b) }
    }

    #[inline(always)]
    fn sum(self, vector: __m128i) -> __m128i {
        vector
    }
}
