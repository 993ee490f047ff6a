//! A secret has no copies.

fn main() {
    let secret = phiseal_keys::Secret::zeroed().unwrap();
    let _copy = secret.clone();
}
