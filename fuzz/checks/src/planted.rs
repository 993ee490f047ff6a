//! The planted crash.
use std::hint::black_box;

/// The four stages that an input must pass, one byte each, before it crashes.
///
/// A byte is multiplied by an odd number before it is compared, so that a fuzzer which only copies
/// the constants it saw in comparisons does not get through: it must keep an input because the
/// input reached new code. Blind, one input in 2^32 passes; guided, one in some 200,000 does.
const STAGES: [u8; 4] = [0x6b, 0x91, 0x2e, 0xd5];

/// Panics if the first four bytes of `data` pass [`STAGES`].
pub fn planted(data: &[u8]) {
    let [first, second, third, fourth, ..] = *data else { return };
    if stage(first) == STAGES[0] {
        black_box(1);
        if stage(second) == STAGES[1] {
            black_box(2);
            if stage(third) == STAGES[2] {
                black_box(3);
                if stage(fourth) == STAGES[3] {
                    panic!("the planted crash was reached");
                }
            }
        }
    }
}

/// A permutation of the bytes.
fn stage(byte: u8) -> u8 {
    black_box(byte.wrapping_mul(167) ^ 0x5a)
}
