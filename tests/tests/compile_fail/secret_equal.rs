//! A secret is not compared by `==`, whose time tells where two differ.

fn main() {
    let secret = phiseal_keys::Secret::zeroed().unwrap();
    let other = phiseal_keys::Secret::zeroed().unwrap();
    let _equal = secret == other;
}
