//! Plaintext is not taken out of what wipes it.

fn taken<T: Into<String>>() {}

fn main() {
    taken::<phiseal::Phi<String>>();
}
