//! There is no other function that takes one.

fn sealed(cipher: &phiseal::FieldCipher, context: &phiseal::Context, nonce: &[u8; 24]) {
    let _ = cipher.seal_with_nonce("value", context, nonce);
}

fn main() {
    let _ = sealed;
}
