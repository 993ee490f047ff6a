//! A field is always sealed as something, also by generic code.

fn main() {
    let _nothing = phiseal::Context::default();
}
