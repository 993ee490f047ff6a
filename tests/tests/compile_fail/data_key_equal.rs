//! Data keys are compared by their ids.

fn main() {
    let key = phiseal::DataKey::generate(phiseal::default_engine()).unwrap();
    let other = phiseal::DataKey::generate(phiseal::default_engine()).unwrap();
    let _equal = key == other;
}
