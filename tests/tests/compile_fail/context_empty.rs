//! A field is always sealed as something.

fn main() {
    let _nothing = phiseal::context!();
}
