//! A secret is not printed.

fn main() {
    let secret = phiseal_keys::Secret::zeroed().unwrap();
    println!("{secret}");
}
