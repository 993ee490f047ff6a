//! A secret is not written anywhere.

fn written<T: serde::Serialize>(_: &T) {}

fn main() {
    let secret = phiseal_keys::Secret::zeroed().unwrap();
    written(&secret);
}
