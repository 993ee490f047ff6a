//! Nor does anything else that somebody wrote.

fn main() {
    let _wrap: phiseal::EncryptionContext = "patient 17".into();
}
