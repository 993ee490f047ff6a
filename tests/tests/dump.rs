//! DUMP: whoever steals the database finds no plaintext in it and no key, in any of the forms in which either might have
//! been written by mistake.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal::blocking::{Domain, Phiseal};
use phiseal::stores::SqliteStore;
use phiseal::{Context, Engine, Suite};
use phiseal_format::label;
use phiseal_keys::{DataKey, Purpose, WrappingKey};
use phiseal_tests::forge;
use phiseal_tests::numbers::{Dice, figure};
use phiseal_tests::spy::SpyKek;
use pollster::block_on;
use rusqlite::{Connection, params};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use tempfile::TempDir;

const COLUMNS: [&str; 4] = ["name", "ssn", "diagnosis", "notes"];

/// The column that is sealed under the person's own key.
const PERSONAL: &str = "notes";

/// What must not be found, each with what it is.
#[derive(Default)]
struct Needles(Vec<Needle>);

struct Needle {
    what: &'static str,
    number: usize,
    form: &'static str,
    bytes: Vec<u8>,
}

/// How often each value is counted: raw, hex in both cases, and base64 in both alphabets at three places.
const FORMS: usize = 9;

impl Needles {
    /// `secret` itself and as hex in both cases, and as base64 in both alphabets at each of the three places where it can
    /// begin in a longer text.
    fn add(&mut self, what: &'static str, number: usize, secret: &[u8]) {
        let mut form = |form, bytes| self.0.push(Needle { what, number, form, bytes });
        form("raw", secret.to_vec());
        form("hex", hex::encode(secret).into_bytes());
        form("upper hex", hex::encode_upper(secret).into_bytes());
        for before in 0..3 {
            form("base64", base64(secret, before, b"+/"));
            form("base64url", base64(secret, before, b"-_"));
        }
    }

    /// A key: the whole of it, and either half.
    fn add_key(&mut self, what: &'static str, number: usize, key: &[u8; 32]) {
        [&key[..], &key[..16], &key[16..]]
            .into_iter()
            .for_each(|part| self.add(what, number, part));
    }

    /// A data key and all that is derived from it.
    fn add_data_key(&mut self, engine: &dyn Engine, number: usize, key: &[u8; 32]) {
        self.add_key("data key", number, key);
        for suite in Suite::ALL {
            for (what, label) in
                [("field key", label::FIELD), ("subject wrap key", label::SUBJECT_WRAP)]
            {
                self.add_key(what, number, &forge::derive(engine, key, label, &[suite.to_byte()]));
            }
        }
    }

    /// Those that are in `haystack`. They are looked up by their first eight bytes.
    fn found_in(&mut self, haystack: &[u8]) -> Vec<&Needle> {
        self.0.sort_by(|a, b| a.bytes.cmp(&b.bytes));
        let mut starts: HashMap<[u8; 8], Range<usize>> = HashMap::new();
        for (index, needle) in self.0.iter().enumerate() {
            let start = needle.bytes[..8].try_into().unwrap();
            starts
                .entry(start)
                .and_modify(|range| range.end = index + 1)
                .or_insert(index..index + 1);
        }
        let mut found = BTreeSet::new();
        for (place, start) in haystack.windows(8).enumerate() {
            let Some(range) = starts.get(start) else { continue };
            found.extend(
                range.clone().filter(|index| haystack[place..].starts_with(&self.0[*index].bytes)),
            );
        }
        found.into_iter().map(|index| &self.0[index]).collect()
    }
}

/// The symbols of base64 that `secret` alone decides, when `before` bytes stand before it in its group of three.
fn base64(secret: &[u8], before: usize, rest: &[u8; 2]) -> Vec<u8> {
    let symbol = |bits: u8| match bits {
        0..26 => b'A' + bits,
        26..52 => b'a' + bits - 26,
        52..62 => b'0' + bits - 52,
        _ => rest[usize::from(bits - 62)],
    };
    let padded = [&vec![0; before], secret].concat();
    let bit = |place: usize| padded[place / 8] >> (7 - place % 8) & 1;
    let (first, last) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
    (first..last)
        .map(|index| symbol((0..6).fold(0, |bits, at| bits << 1 | bit(index * 6 + at))))
        .collect()
}

/// A row's plaintexts: each is long, and no two rows share one.
fn row(dice: &mut Dice, number: usize) -> [String; 4] {
    const FIRST: [&str; 4] = ["Mary", "Ahmed", "Yuki", "Zoe"];
    const LAST: [&str; 4] = ["Smith", "Garcia", "Tanaka", "Okafor"];
    let (first, last) = (FIRST[dice.below(4)], LAST[dice.below(4)]);
    [
        format!("{first} {last} of {:08x}", dice.number()),
        format!(
            "{:03}-{:02}-{:04}/{number:07}",
            dice.below(1000),
            dice.below(100),
            dice.below(10_000)
        ),
        format!("E{:02}.{number:07} type {:06x}", dice.below(100), dice.number()),
        format!("{number:07}: {last} reports {:016x} since spring", dice.number()),
    ]
}

fn place(row: usize, column: &str) -> Context {
    Context::of_tenant("north clinic").record(row.to_string()).field(column)
}

/// What the application calls the person of a row; ten rows are of one person. The store must not know the name either.
fn person(row: usize) -> String {
    format!("person/{:07}/mary-of-the-north", row / 10)
}

/// A key store and a table in two files of one folder, both still open.
struct Database {
    folder: TempDir,
    rows: usize,
    kek: SpyKek,
    phiseal: Phiseal,
    table: Connection,
    needles: Needles,
}

impl Database {
    fn new(rows: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kek = SpyKek::new(phiseal::default_engine(), Dice::new(50).array());
        let store = SqliteStore::open(folder.path().join("keys.db")).unwrap();
        let phiseal = Phiseal::open(store, kek.clone()).unwrap();
        let table = Connection::open(folder.path().join("patients.db")).unwrap();
        table
            .execute_batch(
                "PRAGMA journal_mode = WAL;
                 CREATE TABLE patients (id INTEGER PRIMARY KEY, name TEXT, ssn BLOB, diagnosis BLOB, notes TEXT)",
            )
            .unwrap();
        let mut database = Self { folder, rows, kek, phiseal, table, needles: Needles::default() };
        let domain = database.phiseal.domain("clinic/patients").unwrap();
        database.fill(&domain);
        domain.rotate().unwrap();
        domain.rewrap().unwrap();
        database.add_persons(&domain);
        database.add_keys();
        database
    }

    fn fill(&mut self, domain: &Domain) {
        let mut dice = Dice::new(51);
        let transaction = self.table.transaction().unwrap();
        for number in 0..self.rows {
            let plaintexts = row(&mut dice, number);
            let person = domain.subject_or_create(&person(number)).unwrap();
            let mut sealed = Vec::new();
            for (column, plaintext) in COLUMNS.iter().zip(&plaintexts) {
                self.needles.add(column, number, plaintext.as_bytes());
                let place = place(number, column);
                let field = if *column == PERSONAL {
                    person.seal(plaintext, &place)
                } else {
                    domain.seal(plaintext, &place)
                };
                sealed.push(field.unwrap());
            }
            let (name, notes) = (sealed[0].to_string(), sealed[3].to_string());
            transaction
                .execute(
                    "INSERT INTO patients VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![
                        i64::try_from(number).unwrap(),
                        name,
                        sealed[1].as_bytes(),
                        sealed[2].as_bytes(),
                        notes
                    ],
                )
                .unwrap();
        }
        transaction.commit().unwrap();
    }

    /// The persons' keys, as the domain unwraps them, and the persons' names.
    fn add_persons(&mut self, domain: &Domain) {
        let engine = phiseal::default_engine();
        let (keyset, store) = (domain.keyset().unwrap(), self.phiseal.key_store());
        let first = DataKey::from_backend(&self.kek.data_keys()[1]).unwrap();
        let wrap_key = WrappingKey::of_subjects(engine, &first).unwrap();
        for number in (0..self.rows).step_by(10) {
            let tag = store.subject_tag(&keyset, &person(number)).unwrap();
            let record = block_on(store.find_subject(&keyset, tag)).unwrap().unwrap();
            let [key] = record.keys() else { unreachable!("one key") };
            assert_eq!(key.domain_version(), 1);
            let key = store.unwrap_subject(&keyset, tag, key, &wrap_key).unwrap();
            self.needles.add_key("person's key", number, key.expose_secret());
            self.needles.add("person", number, person(number).as_bytes());
        }
    }

    /// The KEK, the data keys, and what is derived from them.
    fn add_keys(&mut self) {
        let engine = phiseal::default_engine();
        let keys = self.kek.data_keys();
        assert_eq!(keys.len(), 3, "the store's key and two versions of the domain's");
        self.needles.add_key("KEK", 0, &self.kek.kek());
        for (number, key) in keys.iter().enumerate() {
            self.needles.add_data_key(engine, number, key);
        }
        let store_key = DataKey::from_backend(&keys[0]).unwrap();
        for kind in 2..=4 {
            let mac = store_key.derive(engine, Purpose::StoreMac, &[kind]).unwrap();
            self.needles.add_key("MAC key of the store", usize::from(kind), mac.expose_secret());
        }
        let tag = store_key.derive(engine, Purpose::SubjectTag, &[]).unwrap();
        self.needles.add_key("key of persons' tags", 0, tag.expose_secret());
    }

    /// Every file, the logs beside the databases included, in one piece.
    fn dump(folder: &TempDir, rows: usize) -> Vec<u8> {
        let mut all = Vec::new();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            all.extend(std::fs::read(file.unwrap().path()).unwrap());
        }
        assert!(all.len() > rows * 4 * (57 + 20), "{} bytes are less than was sealed", all.len());
        all
    }
}

#[test]
fn a_stolen_database_holds_no_plaintext_and_no_key() {
    let rows = figure(2_000, 100_000);
    let Database { folder, phiseal, table, mut needles, .. } = Database::new(rows);
    let persons = rows / 10;
    assert_eq!(needles.0.len(), FORMS * (4 * rows + 4 * persons + 3 * (1 + 3 * 5 + 3 + 1)));
    let open = Database::dump(&folder, rows);
    drop((phiseal, table));
    let closed = Database::dump(&folder, rows);
    for all in [open, closed] {
        let found = needles.found_in(&all);
        let names: Vec<_> =
            found.iter().map(|needle| (needle.what, needle.number, needle.form)).collect();
        assert!(names.is_empty(), "{names:?}");

        // The control: sealed fields, and what is promised to no one, are in what was searched.
        let count =
            |needle: &[u8]| all.windows(needle.len()).filter(|part| *part == needle).count();
        assert!(count(b"phi1.") >= 2 * rows);
        assert!(count(b"clinic/patients") > 0, "the domain's name stands in clear");
    }
}

/// The control: a single value that was stored without being sealed is found, whichever it is and in each form.
#[test]
fn a_planted_value_is_found_control() {
    const ROWS: usize = 10;
    let Database { folder, table, mut needles, .. } = Database::new(ROWS);
    let (mut planted, mut forms) = (0, BTreeSet::new());
    for index in (0..needles.0.len()).step_by(13) {
        let around = [b"{\"a\": \"".as_slice(), &needles.0[index].bytes, b"\"}"].concat();
        let (what, form) = (needles.0[index].what, needles.0[index].form);
        table.execute("UPDATE patients SET name = ?1 WHERE id = 3", params![around]).unwrap();
        let all = Database::dump(&folder, ROWS);
        let found = needles.found_in(&all);
        assert!(
            found.iter().any(|needle| needle.what == what && needle.form == form),
            "{what}, {form}"
        );
        planted += 1;
        forms.insert(form);
    }
    assert!(planted > 50, "{planted}");
    assert_eq!(forms.len(), 5);
}

#[test]
fn base64_is_that_of_the_rfc() {
    // RFC 4648, 10; then with one and with two zero bytes before, of which only whole symbols of the value are kept.
    assert_eq!(base64(b"foobar", 0, b"+/"), b"Zm9vYmFy");
    assert_eq!(base64(b"foobar", 1, b"+/"), b"Zvb2Jhc");
    assert_eq!(base64(b"foobar", 2, b"+/"), b"mb29iYX");
    assert_eq!(base64(&[0xfb, 0xff, 0xfe], 0, b"-_"), b"-__-");
    assert_eq!(base64(&[0xfb, 0xff, 0xfe], 0, b"+/"), b"+//+");
}
