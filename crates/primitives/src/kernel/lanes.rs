//! Blocks of 128 bits side by side in one register.

use super::aes_ni::AesNi;
use core::arch::x86_64::__m128i;

/// One block in a register.
pub(super) type Block = __m128i;

/// What a processor's instructions do to a register of `BYTES` bytes, a *vector* of blocks.
///
/// The value is the proof that this processor has the instructions: it is made by looking, and only by that. So what is
/// built on this trait is safe code.
pub(super) trait Lanes<const BYTES: usize>: Copy {
    /// The register.
    type Vector: Copy;

    fn load(self, bytes: &[u8; BYTES]) -> Self::Vector;

    fn store(self, vector: Self::Vector, out: &mut [u8; BYTES]);

    /// The first `length` bytes, fewer than `BYTES`, and anything behind them. `available` bytes may be read, at least as many.
    ///
    /// # Safety
    ///
    /// `from` is valid for reads of `available` bytes.
    unsafe fn load_start(self, from: *const u8, length: usize, available: usize) -> Self::Vector;

    /// Writes the first `length` bytes, fewer than `BYTES`, and anything behind them. `available` bytes may be written, at least as
    /// many.
    ///
    /// # Safety
    ///
    /// `to` is valid for writes of `available` bytes.
    unsafe fn store_start(self, vector: Self::Vector, to: *mut u8, length: usize, available: usize);

    /// The same block in each lane.
    fn splat(self, block: u128) -> Self::Vector;

    /// A block in one lane, zeros in the others.
    fn lane(self, block: u128, lane: usize) -> Self::Vector;

    fn xor(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// The first `length` bytes, and zeros behind them.
    fn start(self, vector: Self::Vector, length: usize) -> Self::Vector;

    /// The bytes of each block in reverse order.
    fn reversed(self, vector: Self::Vector) -> Self::Vector;

    /// One round of AES in each lane (FIPS 197, 5.1).
    fn round(self, state: Self::Vector, key: Self::Vector) -> Self::Vector;

    /// The last round of AES in each lane (FIPS 197, 5.1).
    fn last_round(self, state: Self::Vector, key: Self::Vector) -> Self::Vector;

    /// In each lane, the product of two 64-bit polynomials over GF(2): of `a`'s half and `b`'s, where `HALVES` is
    /// 0x00 for both low ones, 0x11 for both high ones, 0x01 for `a`'s high and `b`'s low one, 0x10 for the reverse.
    fn multiply<const HALVES: i32>(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;

    /// The sum of all lanes, in GF(2^128), as one block.
    fn sum(self, vector: Self::Vector) -> Block;

    /// The instructions for one block, which every level has.
    fn narrow(self) -> AesNi;
}

/// Up to 16 bytes and zeros behind them. How long it takes depends on their number only.
#[inline(always)]
pub(super) fn block_from(bytes: &[u8]) -> u128 {
    let length = bytes.len();
    if let Some(block) = bytes.first_chunk() {
        u128::from_le_bytes(*block)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let last = u128::from(u64::from_le_bytes(*last)) << (8 * (length - 8));
        u128::from(u64::from_le_bytes(*first)) | last
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let last = u64::from(u32::from_le_bytes(*last)) << (8 * (length - 4));
        u128::from(u64::from(u32::from_le_bytes(*first)) | last)
    } else if let (Some(first), Some(last)) = (bytes.first(), bytes.last()) {
        let middle = u32::from(bytes[length / 2]) << (8 * (length / 2));
        u128::from(u32::from(*first) | middle | u32::from(*last) << (8 * (length - 1)))
    } else {
        0
    }
}

/// Writes the first bytes of `block`, as many as `out` takes, up to 16.
#[inline(always)]
pub(super) fn block_into(block: u128, out: &mut [u8]) {
    let length = out.len();
    let bytes = block.to_le_bytes();
    if let Some(out) = out.first_chunk_mut() {
        *out = bytes;
    } else if length >= 8 {
        copy_ends::<8>((block >> (8 * (length - 8))).to_le_bytes(), bytes, out);
    } else if length >= 4 {
        copy_ends::<4>((block >> (8 * (length - 4))).to_le_bytes(), bytes, out);
    } else {
        for (byte, out) in bytes.iter().zip(out) {
            *out = *byte;
        }
    }
}

#[inline(always)]
fn copy_ends<const N: usize>(last: [u8; 16], first: [u8; 16], out: &mut [u8]) {
    if let (Some(bytes), Some(out)) = (first.first_chunk::<N>(), out.first_chunk_mut()) {
        *out = *bytes;
    }
    if let (Some(bytes), Some(out)) = (last.first_chunk::<N>(), out.last_chunk_mut()) {
        *out = *bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_block_goes_both_ways_in_every_length() {
        let bytes: [u8; 16] = core::array::from_fn(|at| 0xf0 | u8::try_from(at).unwrap());
        for length in 0..=16 {
            let mut padded = [0; 16];
            padded[..length].copy_from_slice(&bytes[..length]);
            assert_eq!(block_from(&bytes[..length]).to_le_bytes(), padded, "{length} bytes");
            let mut out = [0; 16];
            block_into(u128::from_le_bytes(bytes), &mut out[..length]);
            assert_eq!(out, padded, "{length} bytes");
        }
    }
}
