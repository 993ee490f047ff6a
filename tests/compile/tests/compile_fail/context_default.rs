//! A field is always sealed as something, also by generic code.

fn made<T: Default>() {}

fn main() {
    made::<phiseal::Context>();
}
