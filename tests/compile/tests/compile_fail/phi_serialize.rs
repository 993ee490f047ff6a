//! Plaintext does not slip into an answer.

fn written<T: serde::Serialize>(_: &T) {}

fn main() {
    let name = phiseal::Phi::from(String::from("Jane Doe"));
    written(&name);
}
