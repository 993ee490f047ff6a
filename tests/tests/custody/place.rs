//! Where a key store is that others can open too.

use phiseal::Store;
use phiseal::stores::SqliteStore;
use phiseal_tests::clinic::Where;
#[cfg(feature = "postgres")]
use phiseal_tests::schema::Schema;
use std::sync::Arc;
use tempfile::TempDir;

/// The place, of which nothing is left.
pub(crate) enum Place {
    File(TempDir),
    #[cfg(feature = "postgres")]
    Server(Schema),
}

impl Place {
    /// `None` after it was said that there is none.
    pub(crate) fn new(place: Where) -> Option<Self> {
        match place {
            Where::Sqlite => Some(Self::File(tempfile::tempdir().unwrap())),
            #[cfg(feature = "postgres")]
            Where::Postgres => Schema::new("custodians on a server").map(Self::Server),
            #[cfg(not(feature = "postgres"))]
            Where::Postgres => None,
        }
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::File(folder) => {
                Arc::new(SqliteStore::open(folder.path().join("keys.db")).unwrap())
            }
            #[cfg(feature = "postgres")]
            Self::Server(schema) => Arc::new(schema.store()),
        }
    }
}

#[cfg(feature = "postgres")]
impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Server(schema) = self {
            schema.drop_all();
        }
    }
}
