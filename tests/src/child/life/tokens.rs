//! Tokens, indexes and a vault of what must not be seen.

use super::{Canaries, Printer, Setting};
use phiseal::blocking::wait;
use phiseal::stores::MemoryStore;
use phiseal::tokens::{
    Alphabet, BlindIndex, Cardinality, Column, DateOrder, DateShift, Deterministic, Format,
    FormatPreserving, Leakage, Normaliser, Part, Token, Vault, Vaulted, VaultedForm,
};
use phiseal::{Engine, ErrorKind, Mask, Phi};
use std::sync::Arc;

const MANY: Cardinality = Cardinality::of(1_000_000);

/// Every kind of token and index, of values, tenants and columns that are canaries.
pub(super) fn live(engine: &'static dyn Engine, printer: &mut Printer, canaries: &mut Canaries) {
    let setting = Setting::new(engine);
    let blocking = setting.domain(setting.builder()).unwrap();
    let domain = blocking.as_async();
    let form = Format::of(Alphabet::alphanumeric(), 16..=19).separated_by(" ");
    for _ in 0..30 {
        let (tenant, name) = (canaries.text(), canaries.text());
        let opaque = Deterministic::new(MANY).unwrap();
        let opaque = Column::of_tenant(domain, &tenant, &name, opaque);
        let value = canaries.text();
        let token = wait(opaque.token(&value)).unwrap();
        let opened: Phi<String> = wait(opaque.open(&token)).unwrap();
        printer.debug(&(&opaque, wait(opaque.ready()).unwrap(), &token, &opened));
        printer.display(&token);
        printer.display(&opened.masked(Mask::keep_last(2)));
        printer.debug(&opened.masked(Mask::keep_last(4).keep_separators()));
        let other = Column::of_tenant(domain, canaries.text(), &name, opaque.kind().clone());
        printer.refused(wait(other.open::<String>(&token)), ErrorKind::Unauthenticated);
        printer.refused(canaries.text().parse::<Token>(), ErrorKind::Malformed);

        let like = FormatPreserving::new(form.clone(), MANY).unwrap();
        let like = Column::of_tenant(domain, &tenant, &name, like);
        let number = canaries.text();
        match wait(like.tokenize(&number)) {
            Ok(token) => {
                printer.display(&token);
                printer.debug(&wait(like.reveal(&token)).unwrap());
            }
            refused => printer.refused(refused, ErrorKind::Invalid),
        }
        let parts = [
            Part::new(Normaliser::Text, MANY),
            Part::new(Normaliser::Date(DateOrder::MonthFirst), Cardinality::BIRTH_DATE),
        ];
        let index = BlindIndex::new(parts).unwrap();
        let index = Column::of_tenant(domain, &tenant, &name, index);
        let row = [canaries.text(), "1980-01-31".to_owned()];
        let entry = wait(index.entry(&row)).unwrap();
        printer.debug(&(&index, &entry, wait(index.terms(&row)).unwrap()));
        printer.refused(wait(index.entry(&[&row[0], &canaries.text()])), ErrorKind::Invalid);

        let person = blocking.subject_or_create(&canaries.text()).unwrap();
        let shift = wait(DateShift::new(person.as_async(), &canaries.text(), 365)).unwrap();
        printer.debug(&shift);
        printer.refused(shift.shifted(&canaries.text()), ErrorKind::Invalid);
    }
    vault(domain, printer, canaries);
    let mut leakage = Leakage::of([canaries.text(), canaries.text()]).unwrap();
    for _ in 0..50 {
        leakage.row(&[Some(&canaries.phi()), Some(&canaries.phi())]).unwrap();
    }
    let report = leakage.report();
    let counts: Vec<_> = report.iter().map(|line| (line.distinct, line.most_frequent)).collect();
    printer.debug(&counts);
}

fn vault(domain: &phiseal::Domain, printer: &mut Printer, canaries: &mut Canaries) {
    let storage = Arc::new(MemoryStore::new());
    let kind = Vaulted::new(VaultedForm::text(), &MANY).unwrap();
    let name = canaries.text();
    let vault = wait(Vault::open(storage, domain, &name, kind)).unwrap();
    let person = wait(domain.subject_or_create(&canaries.text())).unwrap();
    for _ in 0..30 {
        let value = canaries.phi();
        let token = wait(vault.tokenize(&value)).unwrap();
        let of_person = wait(vault.tokenize_of(&person, &value)).unwrap();
        let opened: Phi<Vec<u8>> = wait(vault.reveal(&token)).unwrap();
        assert_eq!(*opened.expose_secret(), value);
        printer.debug(&(&vault, &token, &of_person, &opened));
        wait(vault.disable(&token)).unwrap();
        printer.refused(wait(vault.reveal::<String>(&token)), ErrorKind::State);
        printer.refused(wait(vault.reveal::<String>(&canaries.text())), ErrorKind::Invalid);
    }
    wait(domain.rotate()).unwrap();
    printer.debug(&wait(vault.renew()).unwrap());
    printer.debug(&wait(vault.census()).unwrap());
    wait(domain.shred_subject("nobody")).unwrap_err();
    printer.debug(&wait(vault.purge_person(person.tag())).unwrap());
}
