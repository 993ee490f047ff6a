//! Nor the other way.

fn made<T: From<phiseal::EncryptionContext>>() {}

fn main() {
    made::<phiseal::Context>();
}
