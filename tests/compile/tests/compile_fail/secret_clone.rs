//! A secret has no copies.

fn copied<T: Clone>(_: &T) {}

fn main() {
    copied(&phiseal_keys::Secret::zeroed().unwrap());
}
