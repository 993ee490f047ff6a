//! Nor does anything else that somebody wrote.

fn made<T: for<'a> From<&'a str>>() {}

fn main() {
    made::<phiseal::EncryptionContext>();
}
