//! phiseal's key contract: KEK backends, keysets, states, stores, secrets.

mod authority;
mod clock;
mod data_key;
mod drill;
mod error;
mod events;
mod fork;
mod health;
mod kek;
mod keks;
mod key_store;
mod keyset;
#[cfg(feature = "ed25519")]
mod local_signer;
mod os;
mod policy_error;
mod reader;
mod restored;
#[cfg(feature = "tokio")]
pub mod runtime;
mod secret;
mod signer;
mod state;
mod store;
mod version_set;
mod wrapping_key;

pub use authority::Authority;
pub use clock::{Clock, ManualClock, Moment, SystemClock};
pub use data_key::{DataKey, FullKeyId, Purpose, derive};
pub use drill::{Drill, Drilled, DrilledVersion};
pub use error::{Error, ErrorKind};
pub use events::{KekEvent, KekEvents, KekOperation};
pub use fork::{OfProcess, fork_generation};
pub use health::{
    DomainHealth, Finding, FindingKind, Health, KekAnswer, KekHealth, VersionHealth, Wraps,
};
pub use kek::{
    BoxFuture, GeneratedKey, Kek, KekAdmin, KekAdminBackend, KekBackend, KekInfo, UnwrappedKey,
    rewrap_in_process,
};
pub use keks::Keks;
pub use key_store::{
    Changes, KeyStore, KeyStoreConfig, Renewal, Rewrapped, SubjectKey, SubjectKeyState,
    SubjectRecord, SubjectState, SubjectsPage, SubjectsRenewed, SubjectsRewrapped, SubjectsWith,
};
pub use keyset::{KeyVersion, Keyset};
#[cfg(feature = "ed25519")]
pub use local_signer::LocalSigner;
pub use policy_error::PolicyError;
pub use reader::Reader;
pub use restored::{ClosedVersion, MissingKey, Restored, RestoredVersion};
pub use secret::{Secret, memory_is_locked, require_locked_memory};
pub use signer::Signer;
pub use state::{KeyState, KeyUse};
pub use store::{Erasure, MAX_ID, MAX_RECORD, Page, Record, RecordKind, RecordWrite, Store};
pub use version_set::VersionSet;
pub use wrapping_key::WrappingKey;
