//! What names a patient does not become what a key service prints in its logs.

fn made<T: From<phiseal::Context>>() {}

fn main() {
    made::<phiseal::EncryptionContext>();
}
