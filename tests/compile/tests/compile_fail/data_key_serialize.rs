//! A data key is stored wrapped, or not at all.

fn written<T: serde::Serialize>(_: &T) {}

fn main() {
    let key = phiseal::DataKey::generate(phiseal::default_engine()).unwrap();
    written(&key);
}
