//! The clinic's table: sealed cells by patient, in a database of its own, away from the keys.

use phiseal::Sealed;
use rusqlite::{Connection, params};
use std::error::Error;
use std::path::{Path, PathBuf};

/// One sealed cell.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) field: String,
    pub(crate) index: u32,
    pub(crate) sealed: Sealed,
}

/// A row as it lies in the database: patient, field, index, sealed bytes.
pub(crate) type Row = (String, String, u32, Vec<u8>);

pub(crate) struct Table {
    database: Connection,
    path: PathBuf,
}

impl Table {
    /// A new, empty table.
    pub(crate) fn create(path: &Path) -> Result<Self, Box<dyn Error>> {
        let database = Connection::open(path)?;
        database.execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE cells (
                 patient TEXT NOT NULL, field TEXT NOT NULL, idx INTEGER NOT NULL, sealed BLOB NOT NULL,
                 PRIMARY KEY (patient, field, idx)
             ) STRICT, WITHOUT ROWID;",
        )?;
        Ok(Self { database, path: path.to_owned() })
    }

    /// Writes one patient's cells, all or none.
    pub(crate) fn insert(&mut self, patient: &str, cells: &[Cell]) -> Result<(), Box<dyn Error>> {
        let transaction = self.database.transaction()?;
        for cell in cells {
            transaction
                .prepare_cached("INSERT INTO cells VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![patient, cell.field, cell.index, cell.sealed.as_bytes()])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// The ids of all patients, in order.
    pub(crate) fn patients(&self) -> Result<Vec<String>, Box<dyn Error>> {
        let mut query =
            self.database.prepare("SELECT DISTINCT patient FROM cells ORDER BY patient")?;
        Ok(query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    /// One patient's cells.
    pub(crate) fn cells(&self, patient: &str) -> Result<Vec<Cell>, Box<dyn Error>> {
        let mut query = self.database.prepare_cached(
            "SELECT field, idx, sealed FROM cells WHERE patient = ?1 ORDER BY field DESC, idx",
        )?;
        let mut rows = query.query([patient])?;
        let mut cells = Vec::new();
        while let Some(row) = rows.next()? {
            let sealed: Vec<u8> = row.get(2)?;
            cells.push(Cell {
                field: row.get(0)?,
                index: row.get(1)?,
                sealed: Sealed::try_from(sealed)?,
            });
        }
        Ok(cells)
    }

    /// Every row, byte for byte.
    pub(crate) fn contents(&self) -> Result<Vec<Row>, Box<dyn Error>> {
        let mut query = self
            .database
            .prepare("SELECT patient, field, idx, sealed FROM cells ORDER BY 1, 2, 3")?;
        let rows =
            query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Bytes on disk of the clinic's database and of the key store, once everything is checkpointed.
    pub(crate) fn sizes(&self, keys: &Path) -> Result<(u64, u64), Box<dyn Error>> {
        self.database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok((std::fs::metadata(&self.path)?.len(), std::fs::metadata(keys)?.len()))
    }
}
