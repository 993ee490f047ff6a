//! From a manifest to the sources that it names.

use super::SourceManifest;
use crate::source::Source;
use phiseal_keys::Error;

/// The kinds of sources, by their keys, and whether they are built in.
pub(super) const KINDS: [(&str, bool); 4] = [
    ("sqlite", cfg!(feature = "sqlite")),
    ("postgres", cfg!(feature = "postgres")),
    ("ndjson", cfg!(feature = "files")),
    ("csv", cfg!(feature = "files")),
];

impl SourceManifest {
    /// The source.
    ///
    /// # Errors
    ///
    /// What opening a source of its kind answers; and [`NotFound`](phiseal_keys::ErrorKind::NotFound) when an environment variable is
    /// not set.
    pub async fn open(&self) -> Result<Box<dyn Source>, Error> {
        match &self.place {
            #[cfg(feature = "sqlite")]
            super::Place::Sqlite(path) => {
                Ok(Box::new(crate::source::SqliteSource::open(path, self.table.clone())?))
            }
            #[cfg(feature = "postgres")]
            super::Place::Postgres(url) => {
                let connection = phiseal_stores::postgres::Connection::new(&url.text()?)?;
                let table = self.table.clone();
                Ok(Box::new(crate::source::PostgresSource::open(connection, table).await?))
            }
            #[cfg(feature = "files")]
            super::Place::Ndjson(path) => {
                Ok(Box::new(crate::source::NdjsonSource::open(path, self.table.clone())?))
            }
            #[cfg(feature = "files")]
            super::Place::Csv(path, separator) => {
                let table = self.table.clone();
                Ok(Box::new(crate::source::CsvSource::open_separated(path, table, *separator)?))
            }
            #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "files")))]
            _ => Err(Error::new(
                phiseal_keys::ErrorKind::Unsupported,
                "sources of this kind are not built in",
            )),
        }
    }
}
