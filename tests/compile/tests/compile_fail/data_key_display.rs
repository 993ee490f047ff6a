//! A data key is not printed.

fn main() {
    let key = phiseal::DataKey::generate(phiseal::default_engine()).unwrap();
    println!("{key}");
}
