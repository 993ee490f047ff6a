//! Plaintext does not slip into a text.

fn main() {
    let name = phiseal::Phi::from(String::from("Jane Doe"));
    println!("{name}");
}
