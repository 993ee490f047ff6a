//! A table of SQLite, and the bare loop over it.

use crate::clinic::{Clinic, Sealed};
use crate::{PAGE, Store};
use phiseal::rotation::source::{Source, SqliteSource};
use rusqlite::{Connection, TransactionBehavior};
use std::path::{Path, PathBuf};

pub(crate) struct Sqlite {
    path: PathBuf,
    connection: Connection,
}

impl Sqlite {
    /// The table in `folder`; made if there is none.
    pub(crate) fn open(folder: &Path) -> Self {
        let path = folder.join("clinic.db");
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        let schema = "CREATE TABLE IF NOT EXISTS patients (id INTEGER PRIMARY KEY, ssn BLOB, name TEXT, note TEXT)";
        connection.execute_batch(schema).unwrap();
        Self { path, connection }
    }
}

impl Store for Sqlite {
    fn source(&self) -> Box<dyn Source> {
        Box::new(SqliteSource::open(&self.path, Clinic::table()).unwrap())
    }

    fn fill(&mut self, rows: &mut dyn Iterator<Item = Sealed>) {
        let transaction = self.connection.transaction().unwrap();
        let mut insert = transaction
            .prepare("INSERT INTO patients (ssn, name, note) VALUES (?1, ?2, ?3)")
            .unwrap();
        for row in rows {
            insert.execute((row.ssn, row.name, row.note)).unwrap();
        }
        drop(insert);
        transaction.commit().unwrap();
    }

    fn swap_all(&mut self, new: &[Sealed]) {
        let connection = &mut self.connection;
        let mut last = 0;
        loop {
            let mut old: Vec<(i64, Sealed)> = Vec::new();
            {
                let sql =
                    "SELECT id, ssn, name, note FROM patients WHERE id > ?1 ORDER BY id LIMIT ?2";
                let mut select = connection.prepare_cached(sql).unwrap();
                let mut rows = select.query((last, PAGE)).unwrap();
                while let Some(row) = rows.next().unwrap() {
                    let [ssn, name, note] = [1, 2, 3];
                    let sealed = Sealed {
                        ssn: row.get(ssn).unwrap(),
                        name: row.get(name).unwrap(),
                        note: row.get(note).unwrap(),
                    };
                    old.push((row.get(0).unwrap(), sealed));
                }
            }
            let Some((end, _)) = old.last() else { return };
            last = *end;
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
            let sql = "UPDATE patients SET ssn = ?1, name = ?2, note = ?3 WHERE id = ?4 AND ssn COLLATE BINARY IS ?5 \
                       AND name COLLATE BINARY IS ?6 AND note COLLATE BINARY IS ?7";
            let mut update = transaction.prepare_cached(sql).unwrap();
            for (id, old) in &old {
                let new = &new[usize::try_from(*id - 1).unwrap()];
                let swap = (&new.ssn, &new.name, &new.note, id, &old.ssn, &old.name, &old.note);
                assert_eq!(update.execute(swap).unwrap(), 1);
            }
            drop(update);
            transaction.commit().unwrap();
        }
    }

    fn settle(&mut self) {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    }
}
