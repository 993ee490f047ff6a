//! A data key has no copies.

fn copied<T: Clone>(_: &T) {}

fn main() {
    let key = phiseal::DataKey::generate(phiseal::default_engine()).unwrap();
    copied(&key);
}
