//! A secret is filled in place, not copied from elsewhere.

fn main() {
    let _secret = phiseal_keys::Secret::from([7_u8; 32]);
}
