//! Plaintext is not copied by accident.

fn copied<T: Clone>(_: &T) {}

fn main() {
    let name = phiseal::Phi::from(String::from("Jane Doe"));
    copied(&name);
}
