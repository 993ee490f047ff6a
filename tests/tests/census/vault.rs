//! A vault, counted by whoever may change nothing.

use crate::clinic::{Clinic, DOMAIN};
use phiseal::blocking::{Phiseal, wait};
use phiseal::rotation::Class;
use phiseal::rotation::run::Holding;
use phiseal::stores::MemoryStore;
use phiseal::tokens::{Cardinality, Vault, Vaulted, VaultedForm};
use phiseal::{Builder, KeyState};
use pollster::block_on;
use std::sync::Arc;

fn vault(phi: &Phiseal, store: &Arc<MemoryStore>) -> Vault {
    let kind = Vaulted::new(VaultedForm::text(), &Cardinality::of(1_000_000)).unwrap();
    let domain = phi.domain(DOMAIN).unwrap();
    wait(Vault::open(store.clone(), domain.as_async(), "number", kind)).unwrap()
}

#[test]
fn a_handle_that_only_reads_counts_what_is_under_each_version() {
    let (clinic, store) = (Clinic::new(), Arc::new(MemoryStore::new()));
    let phi = clinic.phi();
    let written = vault(&phi, &store);
    let person = phi.domain(DOMAIN).unwrap().subject_or_create("ada").unwrap();
    for number in 0..6 {
        wait(written.tokenize(format!("number {number}"))).unwrap();
    }
    wait(written.tokenize_of(person.as_async(), "hers")).unwrap();
    let counted = || {
        let reading = clinic.phi_with(Builder::new().existing().read_only());
        let holdings = Holding::of_vault("numbers", &vault(&reading, &store)).unwrap();
        holdings.map(|holding| {
            let census = holding.census(&mut |_| {}).unwrap();
            census.columns[0].counts.clone().into_iter().collect::<Vec<_>>()
        })
    };
    let current = [vec![(Class::Current, 6), (Class::Person, 1)], vec![(Class::Current, 7)]];
    assert_eq!(counted(), current);
    clinic.add_primary();
    let older = [vec![(Class::Person, 1), (Class::Older(1), 6)], vec![(Class::Older(1), 7)]];
    assert_eq!(counted(), older);
    let keys = phi.key_store();
    let keyset = block_on(keys.keyset(DOMAIN)).unwrap();
    block_on(keys.set_state(&keyset, 1, KeyState::Suspended)).unwrap();
    // The person's key is wrapped by the version, too.
    assert_eq!(counted(), [vec![(Class::Closed(1), 7)], vec![(Class::Closed(1), 7)]]);
    // What a token stands for opens, and the entry that leads to it is under the version all the same, as far as is known.
    let active = |state| {
        let keyset = block_on(keys.keyset(DOMAIN)).unwrap();
        block_on(keys.set_state(&keyset, 1, state)).unwrap();
    };
    active(KeyState::Active);
    let domain = clinic.phi().domain(DOMAIN).unwrap();
    domain.rewrap_subjects().unwrap();
    active(KeyState::Suspended);
    let [values, entries] = counted();
    assert_eq!(values, [(Class::Person, 1), (Class::Closed(1), 6)]);
    assert_eq!(entries, [(Class::Closed(1), 7)]);
}
