//! A clinic's database and its keys.

use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::rotation::source::{Scalar, Source, SqliteSource, Table};
use phiseal::rotation::{self, Binding, Census, Class, Column, Finding};
use phiseal::stores::MemoryStore;
use phiseal::{Context, Error, Sealed, Store, context};
use pollster::block_on;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) const DOMAIN: &str = "clinic/patients";

/// The sealed columns: `ssn` in bytes, `name` as text, `note` as text under the key of the person.
pub(crate) const COLUMNS: [&str; 3] = ["ssn", "name", "note"];

pub(crate) struct Clinic {
    folder: TempDir,
    pub(crate) store: Arc<MemoryStore>,
    kek: Arc<MemoryKek>,
    pub(crate) database: Connection,
}

impl Clinic {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Connection::open(folder.path().join("clinic.db")).unwrap();
        let schema = "CREATE TABLE patients (id INTEGER PRIMARY KEY, mrn TEXT, ssn, name, note)";
        database.execute_batch(schema).unwrap();
        let kek = MemoryKek::new(phiseal::default_engine()).unwrap();
        Self { folder, store: Arc::default(), kek: Arc::new(kek), database }
    }

    /// Handles that have looked at nothing yet, as those of a process that starts.
    pub(crate) fn phi(&self) -> Phiseal {
        Phiseal::open(self.store.clone(), self.kek.clone()).unwrap()
    }

    pub(crate) fn phi_with(&self, builder: phiseal::Builder) -> Phiseal {
        Phiseal::open_with(builder, self.store.clone(), self.kek.clone()).unwrap()
    }

    pub(crate) fn source(&self) -> SqliteSource {
        SqliteSource::open(self.path(), table("patients")).unwrap()
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("clinic.db")
    }

    pub(crate) fn columns(&self) -> Vec<Column> {
        let domain = self.domain_of(self.store.clone());
        let bound = |field: &str| Binding::new().record("{mrn}").unwrap().field(field).unwrap();
        let bindings = [bound("ssn"), bound("name"), bound("note").subject("{mrn}").unwrap()];
        bindings.map(|binding| Column::sealed(&domain, binding)).into()
    }

    /// The domain as a handle has it whose keys are in `store`.
    pub(crate) fn domain_of(&self, store: impl Store) -> phiseal::Domain {
        let phi = block_on(phiseal::Phiseal::builder().open(store, self.kek.clone())).unwrap();
        block_on(phi.domain(DOMAIN)).unwrap()
    }

    /// What is counted, and what is not in order: by row and column.
    pub(crate) fn count(&self, source: &dyn Source) -> Result<(Census, Found), Error> {
        let mut found = Found::new();
        let counted = block_on(rotation::census(source, &self.columns(), |finding| {
            assert!(found.insert(cell(&finding), finding.class).is_none(), "told twice");
        }));
        counted.map(|census| (census, found))
    }

    /// A new version as the primary; the one before stays active, and could be the primary again.
    pub(crate) fn add_primary(&self) {
        let phi = self.phi();
        let store = phi.key_store();
        let keyset = block_on(store.keyset(DOMAIN)).unwrap();
        let keyset = block_on(store.add_version(&keyset)).unwrap();
        let newest = keyset.versions().last().unwrap().number();
        block_on(store.set_primary(&keyset, newest)).unwrap();
    }

    /// Puts a row there whose three columns are sealed as they are to be.
    pub(crate) fn put(&self, phi: &Phiseal, id: i64) {
        let domain = phi.domain(DOMAIN).unwrap();
        let sealed = [0, 1, 2].map(|column| {
            let (value, what) = (format!("value {id} {column}"), context_of(id, column));
            if column == 2 {
                domain.subject_or_create(&mrn(id)).unwrap().seal(value, &what).unwrap()
            } else {
                domain.seal(value, &what).unwrap()
            }
        });
        let [ssn, name, note] = &sealed;
        let values = (id, mrn(id), ssn.as_bytes(), name.to_string(), note.to_string());
        self.database.execute("INSERT INTO patients VALUES (?1, ?2, ?3, ?4, ?5)", values).unwrap();
    }

    /// Writes a value over that of a cell, in the form of its column.
    pub(crate) fn write(&self, id: i64, column: usize, sealed: &Sealed) {
        if column == 0 {
            self.write_raw(id, column, sealed.as_bytes());
        } else {
            self.write_raw(id, column, sealed.to_string());
        }
    }

    pub(crate) fn write_raw(&self, id: i64, column: usize, value: impl rusqlite::ToSql) {
        let sql = format!("UPDATE patients SET {} = ?2 WHERE id = ?1", COLUMNS[column]);
        assert_eq!(self.database.execute(&sql, rusqlite::params![id, value]).unwrap(), 1);
    }
}

pub(crate) type Found = BTreeMap<(i64, usize), Class>;

/// The row and the column.
pub(crate) fn cell(finding: &Finding) -> (i64, usize) {
    let [Scalar::Integer(id)] = finding.key.parts() else { unreachable!() };
    (*id, COLUMNS.iter().position(|name| *name == finding.column).unwrap())
}

pub(crate) fn table(name: &str) -> Table {
    Table::new(name, &["id"], &COLUMNS).unwrap().with_others(&["mrn"]).unwrap()
}

pub(crate) fn mrn(id: i64) -> String {
    format!("mrn-{id}")
}

pub(crate) fn context_of(id: i64, column: usize) -> Context {
    context!(record = mrn(id), field = COLUMNS[column])
}

/// The counts of one column.
pub(crate) fn counts(census: &Census, column: usize) -> Vec<(Class, u64)> {
    census.columns[column].counts.iter().map(|(class, count)| (*class, *count)).collect()
}
