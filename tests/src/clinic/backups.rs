//! The files of a clinic, and backups: of its data and of its keys, each for itself.

use super::{Clinic, Data};
use std::fs;
use std::path::PathBuf;

/// What is backed up for itself.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a clinic has no other")]
pub enum Part {
    /// The sealed values.
    Data,
    /// The key store.
    Keys,
}

impl Clinic {
    /// Keeps what there is as the backup of this number. No process has it open.
    pub fn back_up(&self, part: Part, number: usize) {
        let backup = self.backup(part, number);
        match self.data() {
            Data::Sqlite(_) => {
                let [file, log, _] = self.files(part);
                assert!(!log.exists(), "all of it is in the file");
                assert!(fs::copy(file, backup).unwrap() > 0);
            }
            #[cfg(feature = "postgres")]
            Data::Postgres(schema) => schema.dump(&of(part, &schema), &backup),
        }
    }

    /// Puts that backup in the place of what there is. No process has it open.
    pub fn restore(&self, part: Part, number: usize) {
        let backup = self.backup(part, number);
        match self.data() {
            Data::Sqlite(_) => {
                let files = self.files(part);
                files[1..].iter().for_each(|file| drop(fs::remove_file(file)));
                assert!(fs::copy(backup, &files[0]).unwrap() > 0);
            }
            #[cfg(feature = "postgres")]
            Data::Postgres(schema) => schema.restore(&of(part, &schema), &backup),
        }
    }

    /// How often `bytes`, or either half of them, are in the files of the key store; there are none of one on a server.
    #[must_use]
    pub fn count_in_key_files(&self, bytes: &[u8]) -> usize {
        let files = self.files(Part::Keys).map(|file| fs::read(file).unwrap_or_default());
        let (one, other) = bytes.split_at(bytes.len() / 2);
        let of = |part: &[u8]| {
            let count = |file: &Vec<u8>| file.windows(part.len()).filter(|it| *it == part).count();
            files.iter().map(count).sum::<usize>()
        };
        of(one) + of(other)
    }

    fn backup(&self, part: Part, number: usize) -> PathBuf {
        self.folder.join(format!("backup-{part:?}-{number}"))
    }

    /// A database of SQLite, its log and its index.
    fn files(&self, part: Part) -> [PathBuf; 3] {
        let name = match part {
            Part::Data => "clinic.db",
            Part::Keys => "keys.db",
        };
        ["", "-wal", "-shm"].map(|end| self.folder.join(format!("{name}{end}")))
    }
}

#[cfg(feature = "postgres")]
fn of(part: Part, schema: &crate::schema::Schema) -> String {
    match part {
        Part::Data => schema.name().to_owned(),
        Part::Keys => schema.keys(),
    }
}
