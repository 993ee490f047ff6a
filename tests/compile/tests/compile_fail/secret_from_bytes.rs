//! A secret is filled in place, not copied from elsewhere.

fn made<T: From<[u8; 32]>>() {}

fn main() {
    made::<phiseal_keys::Secret>();
}
