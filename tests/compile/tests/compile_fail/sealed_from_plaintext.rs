//! Plaintext is not called sealed without a look at it.

fn made<T: From<Vec<u8>>>() {}

fn main() {
    made::<phiseal::Sealed>();
}
