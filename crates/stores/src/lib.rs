//! phiseal's key stores: one file each.
//!
//! A store keeps the records of a [`KeyStore`](phiseal_keys::KeyStore) and is not trusted with them: the layer above
//! authenticates every record. All pass the suite `phiseal_conformance::store`.
//!
//! | store | feature | for |
//! |---|---|---|
//! | [`MemoryStore`] | | tests, and keys that need not outlive the process |
//! | [`SqliteStore`] | `sqlite` (default) | one machine, any number of processes |
//! | [`PostgresStore`] | `postgres` | any number of machines |

#![forbid(unsafe_code)]

mod limits;
mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::PostgresStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
