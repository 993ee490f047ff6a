//! Plaintext is not taken out of what wipes it.

fn main() {
    let name = phiseal::Phi::from(String::from("Jane Doe"));
    let _name: String = name.into();
}
