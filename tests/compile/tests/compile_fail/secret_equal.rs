//! A secret is not compared by `==`, whose time tells where two differ.

fn compared<T: PartialEq>(_: &T) {}

fn main() {
    compared(&phiseal_keys::Secret::zeroed().unwrap());
}
