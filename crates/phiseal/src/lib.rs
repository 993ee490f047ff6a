//! Envelope encryption, key management and rotation for protected health information (PHI).
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let (keys, kek) = (folder.path().join("phi-keys.db"), folder.path().join("kek.json"));
//! use phiseal::{Phi, context, default_engine, blocking::Phiseal, backends::local::LocalKek, stores::SqliteStore};
//!
//! let phi = Phiseal::open(SqliteStore::open(keys)?, LocalKek::open_or_create(kek, default_engine())?)?;
//! let patients = phi.domain("clinic/patients")?;
//!
//! let what = context!(record = "mrn-1029", field = "ssn");
//! let ssn = patients.seal("123-45-6789", &what)?;
//! let plain: Phi<String> = patients.open(&ssn, &what)?;
//! # assert_eq!(plain.expose_secret(), "123-45-6789");
//! # Ok(())
//! # }
//! ```
//!
//! There is no cryptographic choice to make: fields are sealed with XAES-256-GCM under a data key of their domain, bound
//! to what they are sealed as, and opened only as that. The data key is stored wrapped by a key-encryption key (KEK)
//! that never leaves its backend.
//!
//! Read the [manual] before trusting it with a patient's record.

mod context;
mod phiseal;

pub mod address;
pub mod blocking;
pub mod manual;

/// Who may see what, for which use, in which form; break-glass.
#[cfg(feature = "access")]
pub use phiseal_access as access;
/// A tamper-evident log of key operations and reveals.
#[cfg(feature = "audit")]
pub use phiseal_audit as audit;
/// KEK backends: one module each.
pub use phiseal_backends as backends;
/// Where sealed values are stored, and what is done to all of them.
#[cfg(feature = "rotation")]
pub use phiseal_rotation as rotation;
/// Key stores: one module each.
pub use phiseal_stores as stores;
/// Values that stand in the place of others: tokens, search indexes, masks.
#[cfg(feature = "tokens")]
pub use phiseal_tokens as tokens;

pub use self::phiseal::{Builder, Phiseal};
pub use phiseal_envelope::{
    BoundContext, Column, Domain, FieldCipher, Mask, Masked, NoncePolicy, Nullable, Options,
    Packed, Phi, Plaintext, Reveal, RevealForm, RevealPolicy, Rows, Sealed, Subject, Values,
};
pub use phiseal_format::{
    Context, DomainId, EncryptionContext, EnvironmentId, KekId, KekVersion, KeyId, SubjectTag,
    Suite, WrapAlgorithm, WrappedKey,
};
pub use phiseal_keys::{
    Authority, BoxFuture, Changes, Clock, ClosedVersion, DataKey, DomainHealth, Drill, Drilled,
    DrilledVersion, Erasure, Error, ErrorKind, Finding, FindingKind, FullKeyId, GeneratedKey,
    Health, Kek, KekAdmin, KekAdminBackend, KekAnswer, KekBackend, KekEvent, KekEvents, KekHealth,
    KekInfo, KekOperation, Keks, KeyState, KeyStore, KeyStoreConfig, KeyVersion, Keyset,
    ManualClock, MissingKey, Moment, PolicyError, Reader, Record, RecordKind, RecordWrite, Renewal,
    Restored, RestoredVersion, Rewrapped, Secret, Store, SubjectKey, SubjectKeyState,
    SubjectRecord, SubjectState, SubjectsPage, SubjectsRenewed, SubjectsRewrapped, SubjectsWith,
    SystemClock, UnwrappedKey, VersionHealth, VersionSet, Wraps, memory_is_locked,
    require_locked_memory, rewrap_in_process,
};
pub use phiseal_primitives::{Engine, Module, Validation, default_engine, engine, engines};
