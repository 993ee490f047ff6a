//! The six states of a key, and what each allows.
//!
//! They are those of SP 800-57 part 1 revision 5, section 7, as the type [`KeyState`](crate::KeyState). Versions of data
//! keys have them in the keyset; versions of a KEK have them in the backend, where it shows any.
//!
//! # What a state allows
//!
//! | state | seals | opens | can be rewrapped | meaning |
//! |---|---|---|---|---|
//! | pre-active | | | yes | made, not in use yet |
//! | active | as the primary | yes | yes | in use |
//! | suspended | | | yes | held back until somebody has looked into something |
//! | deactivated | | yes | yes | retired: old data can still be read |
//! | compromised | | yes | yes | in wrong hands, or thought to be: opens only so that data can be resealed |
//! | destroyed | | | | the wraps are gone from the store; nothing opens |
//!
//! Several versions may be active; only the primary seals. When the primary is suspended or compromised, sealing fails
//! with [`ErrorKind::State`](crate::ErrorKind::State) until another version is the primary: it never falls back to an
//! older one.
//!
//! For the versions of a local KEK, *seals* reads *wraps* and *opens* reads *unwraps*; the newest version is the one that
//! wraps, and a new one is active at once.
//!
//! # Transitions
//!
//! | from \ to | pre-active | active | suspended | deactivated | compromised | destroyed |
//! |---|---|---|---|---|---|---|
//! | pre-active | | yes | | | yes | yes |
//! | active | | | yes | yes | yes | |
//! | suspended | | yes | | yes | yes | |
//! | deactivated | | | | | yes | yes |
//! | compromised | | | | | | yes |
//! | destroyed | | | | | | |
//!
//! The standard lets a key go from active or suspended to destroyed in one step. Here it is deactivated first: nothing
//! should be destroyed while something might still be sealed under it. Nothing comes back from compromised but as
//! destroyed. The primary can be neither deactivated nor destroyed; make another version the primary first.
//!
//! ```
//! use phiseal::KeyState::{Active, Compromised, Deactivated, Destroyed};
//!
//! assert!(Active.can_become(Deactivated) && Deactivated.can_become(Destroyed));
//! assert!(!Active.can_become(Destroyed));
//! assert!(!Compromised.can_become(Active));
//! ```
//!
//! # Operations
//!
//! Each takes the keyset that it changes and fails with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when another
//! custodian was faster.
//!
//! | operation | what it does to states |
//! |---|---|
//! | [`KeyStore::create_keyset`](crate::KeyStore::create_keyset) | version 1, active, the primary |
//! | [`KeyStore::add_version`](crate::KeyStore::add_version) | a new version, pre-active |
//! | [`KeyStore::set_primary`](crate::KeyStore::set_primary) | a pre-active version becomes active; the old primary keeps its state |
//! | [`KeyStore::set_state`](crate::KeyStore::set_state) | any transition of the table; to destroyed, the wraps are erased from the store |
//! | [`KeyStore::rewrap`](crate::KeyStore::rewrap) | none; every version but destroyed ones gets a wrap of the KEK's current version |
//! | [`Domain::rotate`](crate::Domain::rotate) | `add_version`, `set_primary`, and the old primary is deactivated, unless it is compromised |
//!
//! Other processes follow at their next look at the key store, within their
//! [lease](super::design#leases-and-key-time): until then they may seal under the version that was the primary, and open
//! under one that has been suspended or destroyed. A program that holds on to one [`FieldCipher`](crate::FieldCipher) and
//! never asks its domain for a fresh one opens under such a version until the key's time is over.
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> { pollster::block_on(async {
//! use phiseal::backends::memory::MemoryKek;
//! use phiseal::stores::MemoryStore;
//! use phiseal::{ErrorKind, KeyState, Phiseal, context};
//!
//! let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?).await?;
//! let patients = phi.domain("clinic/patients").await?;
//! let keys = phi.key_store();
//!
//! // Somebody lost a backup. Until it is known which one: nothing is sealed or opened.
//! let keyset = keys.keyset("clinic/patients").await?;
//! let keyset = keys.set_state(&keyset, 1, KeyState::Suspended).await?;
//!
//! // It was the one. A new version seals; the old one opens, so that data can be resealed.
//! let keyset = keys.set_state(&keyset, 1, KeyState::Compromised).await?;
//! let keyset = keys.add_version(&keyset).await?;
//! assert_eq!(keyset.version(2).map(|version| version.state()), Some(KeyState::PreActive));
//! let keyset = keys.set_primary(&keyset, 2).await?;
//! assert_eq!(keyset.sealing_version()?.number(), 2);
//!
//! // No way back.
//! let error = keys.set_state(&keyset, 1, KeyState::Active).await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::State);
//! # Ok(()) }) }
//! ```
//!
//! # Persons' keys
//!
//! A person has keys or was shredded. Each of the keys has a state ([`SubjectKeyState`](crate::SubjectKeyState)):
//!
//! | state | seals | opens | |
//! |---|---|---|---|
//! | active | yes | yes | the current one, of which there is one |
//! | retired | | yes | a newer one took its place |
//! | compromised | | yes | a newer one took its place, because this one is in wrong hands, or thought to be |
//!
//! A key that is not active never becomes so again; it is dropped when nothing is under it any more. Each key also follows
//! the version of the domain's key that wraps it:
//!
//! | that version | the person's key |
//! |---|---|
//! | active, deactivated | as above, while the domain may seal |
//! | compromised, or one that has ever wrapped it is | opens; the person is to be [renewed](super::custody#renewing-persons) |
//! | pre-active, suspended | cannot be used |
//! | destroyed | cannot be destroyed while it wraps one: the key store refuses |
//!
//! # Before a version is destroyed
//!
//! This release does not count what is still sealed under a version; the application does, by
//! [`Sealed::key_id`](crate::Sealed::key_id), after every process has had a lease's time to notice the new primary:
//! [custody](super::custody#retiring-a-key).
