//! What names a patient does not become what a key service prints in its logs.

fn main() {
    let context = phiseal::Context::of_record("patient 17");
    let _wrap: phiseal::EncryptionContext = context.into();
}
