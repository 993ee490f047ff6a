//! The keys of a clinic in a folder, so that another process can have them too, and what its table holds.

use phiseal::backends::local::LocalKek;
use phiseal::rotation::source::{Source, Table};
use phiseal::rotation::{Binding, Census, Column, Pace, census, reseal};
use phiseal::stores::SqliteStore;
use phiseal::{Domain, Phiseal, context};
use pollster::block_on;
use std::path::Path;

const DOMAIN: &str = "clinic/patients";

/// The sealed columns: `ssn` in bytes, the others as text.
pub(crate) const COLUMNS: [&str; 3] = ["ssn", "name", "note"];

/// The sealed values of one row.
pub(crate) struct Sealed {
    pub(crate) ssn: Vec<u8>,
    pub(crate) name: String,
    pub(crate) note: String,
}

pub(crate) struct Clinic {
    // What holds the key store open.
    _phi: Phiseal,
    domain: Domain,
}

impl Clinic {
    /// The one in `folder`; made there, with two versions of its key, if there is none.
    pub(crate) fn open(folder: &Path) -> Self {
        let engine = phiseal::default_engine();
        let is_new = !folder.join("kek.json").exists();
        let kek = LocalKek::open_or_create(folder.join("kek.json"), engine).unwrap();
        let store = SqliteStore::open(folder.join("keys.db")).unwrap();
        let phi = block_on(Phiseal::builder().open(store, kek)).unwrap();
        let domain = block_on(phi.domain(DOMAIN)).unwrap();
        if is_new {
            let keyset = block_on(domain.keyset()).unwrap();
            block_on(phi.key_store().add_version(&keyset)).unwrap();
        }
        Self { _phi: phi, domain }
    }

    /// Makes a version the primary.
    pub(crate) fn set_primary(&self, number: u32) {
        let keyset = block_on(self.domain.key_store().keyset(DOMAIN)).unwrap();
        if keyset.primary() != number {
            block_on(self.domain.key_store().set_primary(&keyset, number)).unwrap();
        }
        block_on(self.domain.refresh()).unwrap();
    }

    /// What rows of these numbers hold, sealed under the primary version; 32 bytes each.
    pub(crate) fn sealed(&self, ids: impl Iterator<Item = i64>) -> impl Iterator<Item = Sealed> {
        ids.map(|id| {
            let [ssn, name, note] = COLUMNS.map(|field| {
                let what = context!(record = format!("mrn-{id}"), field = field);
                let plaintext = format!("{field:>4} of the patient {id:>13}");
                block_on(self.domain.seal(plaintext, &what)).unwrap()
            });
            Sealed { ssn: ssn.into_bytes(), name: name.to_string(), note: note.to_string() }
        })
    }

    /// The table, as a source has it described.
    pub(crate) fn table() -> Table {
        Table::new("patients", &["id"], &COLUMNS).unwrap()
    }

    fn columns(&self) -> Vec<Column> {
        let column = |field| {
            let binding = Binding::new().record("mrn-{id}").unwrap().field(field).unwrap();
            Column::sealed(&self.domain, binding)
        };
        COLUMNS.map(column).into()
    }

    /// Reseals all of its rows, every value of which must be under another version than the primary one.
    pub(crate) fn reseal(&self, source: &dyn Source, rows: u64) {
        let none = |finding| unreachable!("{finding:?}");
        let done = reseal(source, &self.columns(), Pace::default(), none).unwrap();
        assert_eq!((done.written, done.values, done.overtaken), (rows, 3 * rows, 0));
    }

    /// Counts all of its rows.
    pub(crate) fn census(&self, source: &dyn Source) -> Census {
        block_on(census(source, &self.columns(), |_| {})).unwrap()
    }
}
