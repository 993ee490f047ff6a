//! No nonce is given to what seals.

fn sealed(cipher: &phiseal::FieldCipher, context: &phiseal::Context, nonce: &[u8; 24]) {
    let _ = cipher.seal("value", context, nonce);
}

fn main() {
    let _ = sealed;
}
