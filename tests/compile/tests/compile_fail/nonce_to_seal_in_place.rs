//! No nonce is given to what seals in place.

use phiseal::{BoundContext, Error, FieldCipher};

fn main() {
    let _: fn(&FieldCipher, &BoundContext, &[u8; 24], &mut [u8]) -> Result<(), Error> = FieldCipher::seal_in_place;
}
