//! What the store of a vault answers, which is not trusted.
//!
//! ```text
//! what u8 | bytes: in the place of 0 the token's record, 1 the entry, 2 the token's record with these bytes xored to it
//! ```

use phiseal::blocking::wait;
use phiseal::stores::MemoryStore;
use phiseal::tokens::{Cardinality, Vault, Vaulted, VaultedForm};
use phiseal::{ErrorKind, Phi, RecordKind, Store};
use pollster::block_on;
use std::sync::Arc;

use crate::clinic::CLINIC;

const VALUE: &str = "123-45-6789";

/// Puts the input in the place of what was written. The value is revealed from the genuine record only, and no other value ever; nobody
/// panics, and what is made of the rest is an error or a new token.
pub fn vault_record(data: &[u8]) -> bool {
    let Some((what, bytes)) = data.split_first() else { return false };
    let store = Arc::new(MemoryStore::new());
    let kind = Vaulted::new(VaultedForm::text(), &Cardinality::SSN).unwrap();
    let domain = CLINIC.patients(0, 0).as_async();
    let vault = wait(Vault::open(store.clone(), domain, "ssn", kind)).unwrap();
    let token = wait(vault.tokenize(VALUE)).unwrap();
    let kind = if what % 3 == 1 { RecordKind::TokenEntry } else { RecordKind::Token };
    let (id, record) = block_on(store.scan(kind, None, 1)).unwrap().remove(0);
    let bytes = match what % 3 {
        2 => {
            let mut masked = record.bytes.clone();
            masked.iter_mut().zip(bytes).for_each(|(byte, mask)| *byte ^= mask);
            masked
        }
        _ => bytes.to_vec(),
    };
    let is_genuine = bytes == record.bytes;
    block_on(store.write(kind, &id, 1, &bytes)).unwrap();

    let revealed: Result<Phi<String>, _> = wait(vault.reveal(&token));
    match &revealed {
        Ok(value) => assert_eq!(value.expose_secret(), VALUE),
        Err(error) => assert_ne!(error.kind(), ErrorKind::Faulty),
    }
    assert_eq!(revealed.is_ok(), is_genuine || kind == RecordKind::TokenEntry);
    wait(vault.census()).unwrap();
    if let Ok(again) = wait(vault.tokenize(VALUE)) {
        let value: Phi<String> = wait(vault.reveal(&again)).unwrap();
        assert_eq!(value.expose_secret(), VALUE);
    }
    wait(vault.renew()).unwrap();
    is_genuine
}
