//! Data keys are compared by their ids.

fn compared<T: PartialEq>(_: &T) {}

fn main() {
    compared(&phiseal::DataKey::generate(phiseal::default_engine()).unwrap());
}
