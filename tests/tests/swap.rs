//! SWAP and ROLL: a field opens only where it was sealed.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal::blocking::Domain;
use phiseal::{BoundContext, Context, ErrorKind, FieldCipher, Suite};
use phiseal_tests::numbers::full;
use phiseal_tests::spy::SpyKek;
use phiseal_tests::warm::{Warm, matrix};
use std::collections::BTreeMap;

const TENANTS: [&str; 2] = ["north", "south"];
const PATIENTS: usize = 20;
const COLUMNS: [&str; 10] = [
    "name",
    "birth date",
    "ssn",
    "phone",
    "email",
    "address",
    "diagnosis",
    "allergies",
    "notes",
    "insurer",
];
const CELLS: usize = TENANTS.len() * PATIENTS * COLUMNS.len();

/// One cell of the table: where it is, as bytes that are bound, and what is sealed there.
struct Cell {
    bound: BoundContext,
    plaintext: Vec<u8>,
    envelope: Vec<u8>,
}

/// Seals the whole table; `place` says what a cell is sealed as.
fn table(cipher: &FieldCipher, place: impl Fn(&str, usize, &str) -> Context) -> Vec<Cell> {
    let mut cells = Vec::new();
    for tenant in TENANTS {
        for patient in 0..PATIENTS {
            for column in COLUMNS {
                let bound = cipher.bind(&place(tenant, patient, column)).unwrap();
                let plaintext = format!("{column} of {patient} in {tenant}").into_bytes();
                let envelope = cipher.seal_bound(&plaintext, &bound).unwrap().into_bytes();
                cells.push(Cell { bound, plaintext, envelope });
            }
        }
    }
    assert_eq!(cells.len(), CELLS);
    cells
}

fn cell(tenant: &str, patient: usize, column: &str) -> Context {
    Context::of_tenant(tenant).record(patient.to_string()).field(column)
}

/// What comes of every move of a cell to the place of another.
#[derive(Debug, Default, PartialEq)]
struct Moves {
    opened: usize,
    refused: BTreeMap<&'static str, usize>,
}

impl Moves {
    fn note(&mut self, opened: Result<usize, phiseal::Error>) {
        match opened {
            Ok(_) => self.opened += 1,
            Err(error) => *self.refused.entry(name(error.kind())).or_default() += 1,
        }
    }

    fn all(kind: &'static str, count: usize) -> Self {
        Self { opened: 0, refused: [(kind, count)].into() }
    }
}

fn name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthenticated => "unauthenticated",
        ErrorKind::Foreign => "foreign",
        ErrorKind::Invalid => "invalid",
        _ => "another kind",
    }
}

/// Every ordered pair of different cells, or the `sample`-th of them.
fn moves(cipher: &FieldCipher, cells: &[Cell], sample: usize) -> Moves {
    let mut moves = Moves::default();
    let mut out = [0; 128];
    let pairs = (0..CELLS)
        .flat_map(|from| (0..CELLS).map(move |to| (from, to)))
        .filter(|(from, to)| from != to);
    for (from, to) in pairs.step_by(sample) {
        moves.note(cipher.open_into(&cells[from].envelope, &cells[to].bound, &mut out));
    }
    moves
}

/// The control: each cell opens in its own place.
fn assert_all_open(cipher: &FieldCipher, cells: &[Cell]) {
    for cell in cells {
        let mut out = [0; 128];
        let length = cipher.open_into(&cell.envelope, &cell.bound, &mut out).unwrap();
        assert_eq!(out[..length], cell.plaintext);
    }
}

#[test]
fn no_cell_opens_in_the_place_of_another() {
    for (index, (engine, suite)) in matrix().enumerate() {
        let warm = Warm::new(engine, suite);
        let cipher = warm.cipher();
        let cells = table(&cipher, cell);
        assert_all_open(&cipher, &cells);
        // The engines authenticate the same bytes; outside a full run the slower ones try every seventh move.
        let sample = if index < 2 || full() { 1 } else { 7 };
        let tried = (CELLS * (CELLS - 1)).div_ceil(sample);
        assert_eq!(
            moves(&cipher, &cells, sample),
            Moves::all("unauthenticated", tried),
            "{}",
            engine.name()
        );
        if sample == 1 {
            assert_eq!(tried, 159_600);
        }
    }
}

/// The control: a context that leaves out the patient lets moves between patients through, and exactly those.
#[test]
fn a_context_without_the_patient_is_noticed_control() {
    let warm = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm);
    let cipher = warm.cipher();
    let cells = table(&cipher, |tenant, _, column| Context::of_tenant(tenant).field(column));
    let found = moves(&cipher, &cells, 1);
    assert_eq!(found.opened, CELLS * (PATIENTS - 1));
    assert_eq!(found.refused, [("unauthenticated", 159_600 - CELLS * (PATIENTS - 1))].into());
}

/// Each of `cells` opened by another cipher, in the same place as that one would encode it.
fn moved_to(cipher: &FieldCipher, cells: &[Cell]) -> (Moves, Moves) {
    let (mut encoded_there, mut encoded_here) = (Moves::default(), Moves::default());
    let mut index = 0;
    for tenant in TENANTS {
        for patient in 0..PATIENTS {
            for column in COLUMNS {
                let bound = cipher.bind(&cell(tenant, patient, column)).unwrap();
                let mut out = [0; 128];
                encoded_there.note(cipher.open_into(&cells[index].envelope, &bound, &mut out));
                encoded_here.note(cipher.open_into(
                    &cells[index].envelope,
                    &cells[index].bound,
                    &mut out,
                ));
                index += 1;
            }
        }
    }
    assert_eq!(index, CELLS);
    (encoded_there, encoded_here)
}

#[test]
fn no_cell_opens_in_another_domain() {
    for (engine, suite) in matrix() {
        let warm = Warm::new(engine, suite);
        let cells = table(&warm.cipher(), cell);
        let other = warm.phiseal.domain("clinic/archive").unwrap().ready().unwrap();
        let (there, here) = moved_to(&other, &cells);
        assert_eq!(there, Moves::all("foreign", CELLS));
        assert_eq!(here, Moves::all("invalid", CELLS), "a context is of one domain");
        assert_all_open(&warm.cipher(), &cells);
    }
}

/// Even where a backend gave the same data key to domains of two stores, neither of which can notice: the domain's id is in
/// every context.
#[test]
fn no_cell_opens_in_another_domain_under_the_same_key() {
    for (engine, suite) in matrix() {
        let [warm, elsewhere] = [(); 2].map(|()| {
            let kek = SpyKek::new(engine, [0x4b; 32]);
            kek.prepare([[1; 32], [2; 32]]);
            Warm::under(kek, engine, suite)
        });
        let cells = table(&warm.cipher(), cell);
        let other = elsewhere.cipher();
        assert_eq!(warm.cipher().sealing_key_id(), other.sealing_key_id(), "the keys are the same");
        let (there, here) = moved_to(&other, &cells);
        assert_eq!(there, Moves::all("unauthenticated", CELLS));
        assert_eq!(here, Moves::all("invalid", CELLS));
    }
}

#[test]
fn no_cell_opens_under_another_person_or_the_domain() {
    for (engine, suite) in matrix() {
        let warm = Warm::new(engine, suite);
        let person = |name: &str| warm.domain.subject_or_create(name).unwrap().ready().unwrap();
        let (ann, ben, everybody) = (person("ann"), person("ben"), warm.cipher());
        let of_ann = table(&ann, cell);
        let of_everybody = table(&everybody, cell);
        for (cipher, cells) in [(&ben, &of_ann), (&everybody, &of_ann), (&ann, &of_everybody)] {
            let (there, here) = moved_to(cipher, cells);
            assert_eq!((there, here), (Moves::all("foreign", CELLS), Moves::all("foreign", CELLS)));
        }
        assert_all_open(&ann, &of_ann);
        assert_all_open(&everybody, &of_everybody);
    }
}

/// Rows whose value is put back to the one before.
const ROLLS: usize = 1_000;

/// How often the old value opened, and how often it did not.
fn roll(domain: &Domain, versioned: bool) -> (usize, usize) {
    let (mut accepted, mut refused) = (0, 0);
    for row in 0..ROLLS {
        let place = |version: u64| {
            let place = Context::of_record(row.to_string()).field("dose");
            if versioned { place.row_version(version) } else { place }
        };
        let old = domain.seal("5 mg", &place(1)).unwrap();
        let new = domain.seal("50 mg", &place(2)).unwrap();
        assert_eq!(domain.open::<String>(&new, &place(2)).unwrap().expose_secret(), "50 mg");
        match domain.open::<String>(&old, &place(2)) {
            Ok(plaintext) => {
                assert_eq!(plaintext.expose_secret(), "5 mg");
                accepted += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unauthenticated);
                refused += 1;
            }
        }
    }
    assert_eq!(accepted + refused, ROLLS);
    (accepted, refused)
}

#[test]
fn an_old_value_is_refused_where_the_context_has_a_row_version() {
    let mut refused = 0;
    for (engine, suite) in matrix() {
        let (accepted, here) = roll(&Warm::new(engine, suite).domain, true);
        assert_eq!(accepted, 0);
        refused += here;
    }
    assert_eq!(refused, 6 * ROLLS);
}

/// What is not promised: the manual says so, and this is the control of the test before.
#[test]
fn an_old_value_opens_where_the_context_has_none_and_the_manual_says_so() {
    let warm = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm);
    assert_eq!(roll(&warm.domain, false), (ROLLS, 0));

    let manual = include_str!("../../crates/phiseal/src/manual/threat_model.rs");
    let words: Vec<&str> =
        manual.lines().flat_map(|line| line.trim_start_matches("//!").split_whitespace()).collect();
    let manual = words.join(" ");
    let (_, not_promised) = manual.split_once("# What is not promised").unwrap();
    assert!(
        not_promised
            .contains("An older value of the same cell, sealed under the same context, opens")
    );
    assert!(not_promised.contains("It is refused only when the context has a row version"));
}
