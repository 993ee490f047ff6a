//! A secret is not written anywhere.

fn written<T: serde::Serialize>(_: &T) {}

fn main() {
    written(&phiseal_keys::Secret::zeroed().unwrap());
}
