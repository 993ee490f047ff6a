//! No nonce is given to what seals into a buffer.

fn sealed(cipher: &phiseal::FieldCipher, context: &phiseal::BoundContext, out: &mut [u8], nonce: &[u8; 24]) {
    let _ = cipher.seal_into(b"value", context, nonce, out);
}

fn main() {
    let _ = sealed;
}
