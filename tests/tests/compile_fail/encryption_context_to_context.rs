//! Nor the other way.

fn main() {
    let environment = phiseal::EnvironmentId::from_bytes([1; 16]);
    let _context: phiseal::Context = phiseal::EncryptionContext::store_key(&environment).into();
}
