//! A secret is not printed.

fn main() {
    println!("{}", phiseal_keys::Secret::zeroed().unwrap());
}
