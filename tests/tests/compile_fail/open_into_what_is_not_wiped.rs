//! A plaintext that cannot wipe itself is not opened into.

fn opened(cipher: &phiseal::FieldCipher, sealed: &phiseal::Sealed, context: &phiseal::Context) {
    let _ = cipher.open::<std::borrow::Cow<'static, str>>(sealed, context);
}

fn main() {
    let _ = opened;
}
