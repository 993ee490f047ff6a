//! No nonce is given by way of a policy.

fn main() {
    let _policy = phiseal::NoncePolicy::Fixed([7; 24]);
}
