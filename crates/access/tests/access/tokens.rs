//! Tokens and indexes in the hands of readers.

use crate::{Clinic, Process};
use phiseal_envelope::{Domain, Phi};
use phiseal_keys::{Error, ErrorKind, Reader};
use phiseal_stores::MemoryStore;
use phiseal_tokens::{
    BlindIndex, Cardinality, Column, DateShift, Deterministic, Format, FormatPreserving,
    Normaliser, Part, Vault, Vaulted, VaultedForm,
};
use pollster::block_on;
use std::sync::Arc;

const MANY: Cardinality = Cardinality::SSN;

fn nurse() -> Reader {
    crate::reader("nurse/17", "treatment")
}

fn billing() -> Reader {
    crate::reader("clerk/1", "billing")
}

fn scheduling() -> Reader {
    crate::reader("clerk/1", "scheduling")
}

fn denied<T>(result: Result<T, Error>) {
    assert_eq!(result.map(drop).unwrap_err().kind(), ErrorKind::Denied);
}

fn text(opened: Result<Phi<String>, Error>) -> String {
    opened.unwrap().expose_secret().clone()
}

fn actions(process: &Process) -> Vec<String> {
    process.told()
}

#[test]
fn deterministic_tokens_open_for_who_may() {
    let process = Clinic::new().process();
    let column = Column::new(&process.domain, "name", Deterministic::new(MANY).unwrap());
    let token = block_on(column.token("Jane Doe")).expect("whoever writes makes tokens");
    assert!(process.records().is_empty());
    // Who is named could compare what he guesses.
    denied(block_on(column.read_by(billing()).token("Jane Doe")));
    assert_eq!(block_on(column.read_by(scheduling()).token("Jane Doe")).unwrap(), token);
    let made = process.records().len();
    assert_eq!(actions(&process), ["reveal search denied", "reveal search success"]);
    assert_eq!(text(block_on(column.read_by(nurse()).open(&token))), "Jane Doe");
    assert_eq!(block_on(column.read_by(nurse()).open_masked(&token)).unwrap(), "J****");
    denied(block_on(column.open::<String>(&token)));
    denied(block_on(column.read_by(billing()).open::<String>(&token)));
    denied(block_on(column.read_by(billing()).open_masked(&token)));
    // Index only: rows can be looked for, and not one of them read.
    let by_index = column.read_by(scheduling());
    assert!(block_on(by_index.tokens("Jane Doe")).unwrap().contains(&token));
    denied(block_on(by_index.open::<String>(&token)));
    denied(block_on(column.read_by(billing()).tokens("Jane Doe")));
    assert_eq!(
        actions(&process)[made..],
        [
            "reveal reveal success",
            "reveal reveal-masked success",
            "reveal reveal denied",
            "reveal reveal denied",
            "reveal reveal-masked denied",
            "reveal search success",
            "reveal reveal denied",
            "reveal search denied",
        ]
    );
    assert_eq!(process.records()[0].record.kind.as_ref().unwrap().as_str(), "name");
}

#[test]
fn format_preserving_tokens_open_for_who_may() {
    let process = Clinic::new().process();
    let kind = FormatPreserving::new(Format::digits(9).separated_by("-"), MANY).unwrap();
    let column = Column::new(&process.domain, "ssn", kind);
    let (id, token) = block_on(column.tokenize_under("123-45-6789")).unwrap();
    let clerk = column.read_by(billing());
    assert_eq!(block_on(clerk.reveal_masked(&token)).unwrap(), "***-**-6789");
    assert_eq!(block_on(clerk.reveal_masked_under(id, &token)).unwrap(), "***-**-6789");
    denied(block_on(clerk.reveal(&token)));
    denied(block_on(clerk.reveal_under(id, &token)));
    assert_eq!(block_on(clerk.tokens("123-45-6789")).unwrap(), [(id, token.clone())]);
    for nobody in [column.clone(), column.read_by(nurse())] {
        denied(block_on(nobody.reveal(&token)));
        denied(block_on(nobody.reveal_masked(&token)));
        denied(block_on(nobody.tokens("123-45-6789")));
    }
    denied(block_on(column.read_by(nurse()).tokenize("123-45-6789")));
    denied(block_on(column.read_by(nurse()).tokenize_under("123-45-6789")));
    let allowed = Column::new(&process.domain.assume_allowed(), "ssn", column.kind().clone());
    assert_eq!(text(block_on(allowed.reveal(&token))), "123-45-6789");
}

#[test]
fn an_index_is_searched_by_who_may() {
    let process = Clinic::new().process();
    let part = Part::new(Normaliser::Text, Cardinality::of(160_000));
    let index = Column::new(&process.domain, "by name", BlindIndex::new([part]).unwrap());
    let entry = block_on(index.entry(&["Doe"])).expect("whoever writes makes entries");
    assert!(process.records().is_empty());
    assert_eq!(block_on(index.read_by(scheduling()).terms(&["doe"])).unwrap(), [entry]);
    assert_eq!(block_on(index.read_by(nurse()).terms(&["doe"])).unwrap(), [entry]);
    denied(block_on(index.terms(&["doe"])));
    denied(block_on(index.read_by(billing()).terms(&["doe"])));
    denied(block_on(index.read_by(billing()).entry(&["doe"])));
    assert_eq!(
        actions(&process),
        [
            "reveal search success",
            "reveal search success",
            "reveal search denied",
            "reveal search denied",
            "reveal search denied"
        ]
    );
}

#[test]
fn a_vault_reveals_to_who_may_and_goes_on_without_a_reader() {
    let process = Clinic::new().process();
    let kind = Vaulted::new(VaultedForm::number(12).unwrap(), &MANY).unwrap();
    let store = Arc::new(MemoryStore::new());
    let vault = block_on(Vault::open(store, &process.domain, "name", kind)).unwrap();
    // What a vault opens for itself is no reveal.
    let token = block_on(vault.tokenize("Jane Doe")).unwrap();
    assert_eq!(block_on(vault.tokenize("Jane Doe")).unwrap(), token);
    block_on(vault.disable(&token)).unwrap();
    block_on(vault.enable(&token)).unwrap();
    block_on(process.domain.rotate()).unwrap();
    block_on(vault.renew()).unwrap();
    assert!(process.records().is_empty());

    assert_eq!(text(block_on(vault.read_by(nurse()).reveal(&token))), "Jane Doe");
    assert_eq!(block_on(vault.read_by(nurse()).reveal_masked(&token)).unwrap(), "J****");
    denied(block_on(vault.reveal::<String>(&token)));
    denied(block_on(vault.read_by(billing()).reveal::<String>(&token)));
    denied(block_on(vault.read_by(scheduling()).reveal_masked(&token)));
    denied(block_on(vault.read_by(billing()).tokenize("Jane Doe")));
    denied(block_on(vault.read_by(billing()).tokenize_all(&["Jane Doe"])));
    assert_eq!(block_on(vault.read_by(scheduling()).tokenize("Jane Doe")).unwrap(), token);
    // Nor does the vault hand out a way around.
    let sealed = block_on(vault.domain().seal("Jane Doe", &crate::field("name"))).unwrap();
    denied(block_on(vault.domain().open::<String>(&sealed, &crate::field("name"))));

    let person = block_on(process.domain.subject_or_create("mrn-1029")).unwrap();
    let token = block_on(vault.tokenize_of(&person, "Jane Doe")).unwrap();
    assert_eq!(text(block_on(vault.read_by(nurse()).reveal(&token))), "Jane Doe");
    assert_eq!(process.records().pop().unwrap().record.subject, Some(person.tag()));
    denied(block_on(vault.read_by(billing()).reveal::<String>(&token)));
}

#[test]
fn shifted_dates_are_moved_back_for_who_may() {
    let process = Clinic::new().process();
    let shift_of = |domain: &Domain| {
        let person = block_on(domain.subject_or_create("mrn-1029")).unwrap();
        block_on(DateShift::new(&person, "study 7", 365)).unwrap()
    };
    let shift = shift_of(&process.domain);
    let shifted = shift.shifted("2024-02-29").expect("whoever writes shifts dates");
    denied(shift.back(&shifted));
    denied(shift.back_under(shift.key_id().unwrap(), &shifted));
    // One date of one's own, shifted, tells the days.
    let nurse = shift_of(&process.domain.read_by(nurse()));
    denied(nurse.back(&shifted));
    denied(nurse.shifted("2000-01-01"));
    let registrar = shift_of(&process.domain.read_by(crate::reader("registrar", "research")));
    assert_eq!(registrar.back(&shifted).unwrap(), "2024-02-29");
    assert_eq!(registrar.shifted("2024-02-29").unwrap(), shifted);
    let told = actions(&process);
    assert_eq!(told[..4], ["reveal reveal denied"; 4]);
    assert_eq!(told[4..], ["reveal reveal success"; 2]);
}

/// The keys of a column are made once for all readers.
#[test]
fn handles_of_readers_share_the_keys_of_a_column() {
    let process = Clinic::new().process();
    let column = Column::new(&process.domain, "name", Deterministic::new(MANY).unwrap());
    let token = block_on(column.token("Jane Doe")).unwrap();
    for _ in 0..3 {
        assert_eq!(text(block_on(column.read_by(nurse()).open(&token))), "Jane Doe");
        denied(block_on(column.read_by(billing()).open::<String>(&token)));
    }
    block_on(process.domain.rotate()).unwrap();
    let newer = block_on(column.token("Jane Doe")).unwrap();
    assert_ne!(newer.key_id(), token.key_id());
    for token in [&token, &newer] {
        assert_eq!(text(block_on(column.read_by(nurse()).open(token))), "Jane Doe");
        denied(block_on(column.read_by(billing()).open::<String>(token)));
    }
}
