//! A database of sealed patients with three blind indexes.

use crate::patient::Patient;
use core::fmt;
use phiseal::backends::local::LocalKek;
use phiseal::blocking::{Domain, Phiseal, wait};
use phiseal::stores::SqliteStore;
use phiseal::tokens::{BlindIndex, Cardinality, Column, DateOrder, IndexEntry, Normaliser, Part};
use phiseal::{Phi, context, default_engine};
use rusqlite::{Connection, params_from_iter};
use std::error::Error;
use std::path::Path;

/// What somebody looks for, as it was typed.
pub(crate) enum Asked {
    Name(String),
    NameAndBirth(String, String),
    Phone(String),
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "name {name:?}"),
            Self::NameAndBirth(name, born) => write!(f, "name {name:?}, born {born:?}"),
            Self::Phone(phone) => write!(f, "phone {phone:?}"),
        }
    }
}

pub(crate) struct Clinic {
    patients: Domain,
    database: Connection,
    by_name: Column<BlindIndex>,
    by_name_and_birth: Column<BlindIndex>,
    by_phone: Column<BlindIndex>,
}

impl Clinic {
    /// An empty one: keys and data in two files.
    pub(crate) fn open(
        folder: &Path,
        order: DateOrder,
        country: [u8; 2],
    ) -> Result<Self, Box<dyn Error>> {
        let kek = LocalKek::open_or_create(folder.join("kek.json"), default_engine())?;
        let phi = Phiseal::open(SqliteStore::open(folder.join("keys.db"))?, kek)?;
        let patients = phi.domain("clinic/patients")?;
        // The keys of what is searched are rotated apart from those of what is sealed.
        let search = phi.domain("clinic/search")?;
        let index = |name: &str, parts: Vec<Part>| -> Result<_, phiseal::Error> {
            Ok(Column::new(search.as_async(), name, BlindIndex::new(parts)?))
        };
        // Last names in the United States that a hundred people or more have (census of 2010).
        let name = Part::new(Normaliser::Text, Cardinality::of(162_253));
        let born = Part::new(Normaliser::Date(order), Cardinality::BIRTH_DATE);
        let phone = Part::new(Normaliser::Phone(country), Cardinality::of(1_000_000_000));
        let database = Connection::open(folder.join("clinic.db"))?;
        database.execute_batch(
            "CREATE TABLE patients (id INTEGER PRIMARY KEY, sealed BLOB NOT NULL); \
             CREATE TABLE entries (entry BLOB NOT NULL, patient INTEGER NOT NULL, PRIMARY KEY (entry, patient)) WITHOUT ROWID",
        )?;
        Ok(Self {
            patients,
            database,
            by_name: index("last name", vec![name.clone()])?,
            by_name_and_birth: index("last name and birth date", vec![name, born])?,
            by_phone: index("phone", vec![phone])?,
        })
    }

    /// Seals and indexes patients; how many telephone numbers were none.
    pub(crate) fn fill(&mut self, patients: &[Patient]) -> Result<usize, Box<dyn Error>> {
        let (names, births, phones) = (
            wait(self.by_name.ready())?,
            wait(self.by_name_and_birth.ready())?,
            wait(self.by_phone.ready())?,
        );
        let transaction = self.database.transaction()?;
        let mut skipped = 0;
        for (id, patient) in (1_i64..).zip(patients) {
            let what = context!(record = id.to_string(), field = "patient");
            let sealed = self.patients.seal(patient.to_json(), &what)?;
            transaction.execute("INSERT INTO patients VALUES (?1, ?2)", (id, sealed.as_bytes()))?;
            let mut entries: Vec<IndexEntry> = Vec::new();
            for name in &patient.names {
                entries.push(names.entry(&[name])?);
                // A date of which the day is not known is found by no date.
                entries.extend(patient.born.iter().flat_map(|born| births.entry(&[name, born])));
            }
            for phone in &patient.phones {
                match phones.entry(&[phone]) {
                    Ok(entry) => entries.push(entry),
                    Err(_) => skipped += 1,
                }
            }
            for entry in entries {
                let sql = "INSERT OR IGNORE INTO entries VALUES (?1, ?2)";
                transaction.execute(sql, (entry.as_bytes(), id))?;
            }
        }
        transaction.commit()?;
        Ok(skipped)
    }

    pub(crate) fn search(&self, asked: &Asked) -> Result<Vec<Patient>, Box<dyn Error>> {
        let terms = match asked {
            Asked::Name(name) => wait(self.by_name.terms(&[name])),
            Asked::NameAndBirth(name, born) => wait(self.by_name_and_birth.terms(&[name, born])),
            Asked::Phone(phone) => wait(self.by_phone.terms(&[phone])),
        }?;
        let places = vec!["?"; terms.len()].join(", ");
        let sql = format!(
            "SELECT DISTINCT p.id, p.sealed FROM entries e JOIN patients p ON p.id = e.patient \
             WHERE e.entry IN ({places}) ORDER BY p.id"
        );
        let mut statement = self.database.prepare(&sql)?;
        let mut rows = statement.query(params_from_iter(terms.iter().map(IndexEntry::as_bytes)))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(self.opened(row.get(0)?, &row.get::<_, Vec<u8>>(1)?)?);
        }
        Ok(found)
    }

    fn opened(&self, id: i64, sealed: &[u8]) -> Result<Patient, Box<dyn Error>> {
        let what = context!(record = id.to_string(), field = "patient");
        let opened: Phi<String> = self.patients.open(&sealed.try_into()?, &what)?;
        Ok(Patient::from_json(opened.expose_secret())?)
    }

    /// The first row and its entries, as they are stored.
    pub(crate) fn row(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let sql = "SELECT 'sealed ' || substr(hex(sealed), 1, 60) || '…' FROM patients WHERE id = 1 \
                   UNION ALL SELECT 'entry  ' || hex(entry) FROM entries WHERE patient = 1";
        let mut statement = self.database.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// New keys for the indexes.
    pub(crate) fn rotate(&self) -> Result<(), Box<dyn Error>> {
        wait(self.by_name.domain().rotate())?;
        Ok(())
    }

    /// The name of somebody.
    pub(crate) fn any_name(&self) -> Result<Option<Asked>, Box<dyn Error>> {
        let sql = "SELECT id, sealed FROM patients WHERE id = 1";
        let first =
            self.database.query_row(sql, [], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)));
        let Ok((id, sealed)) = first else { return Ok(None) };
        Ok(self.opened(id, &sealed)?.names.into_iter().next().map(Asked::Name))
    }
}
