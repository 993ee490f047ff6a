//! Plaintext is not called sealed without a look at it.

fn main() {
    let _sealed = phiseal::Sealed::from(b"123-45-6789".to_vec());
}
