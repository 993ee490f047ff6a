//! No nonce is given to what seals.

use phiseal::{BoundContext, Error, FieldCipher, Sealed};

fn main() {
    let _: fn(&FieldCipher, &[u8], &BoundContext, &[u8; 24]) -> Result<Sealed, Error> = FieldCipher::seal_bound;
}
