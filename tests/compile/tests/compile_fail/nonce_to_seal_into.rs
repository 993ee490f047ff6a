//! No nonce is given to what seals into a buffer.

use phiseal::{BoundContext, Error, FieldCipher};

fn main() {
    let _: fn(&FieldCipher, &[u8], &BoundContext, &[u8; 24], &mut [u8]) -> Result<usize, Error> = FieldCipher::seal_into;
}
