//! How to put keys under the guard of something else: a [`KekBackend`](crate::KekBackend) of your own.
//!
//! A backend is one file: a type, its `impl KekBackend`, the mapping of its service's errors, and at the end one line that
//! runs the published suite. It depends on `phiseal-keys`, `phiseal-format` and, if it does cryptography itself,
//! `phiseal-primitives`; not on this crate.
//!
//! # The contract
//!
//! 1. `describe` answers the same id for as long as the key exists, and the version that new wraps get; where it lists
//!    versions, they ascend and the current one is among them.
//! 2. What `generate_key` returned, `unwrap_key` opens under the same context to the same key.
//! 3. What `wrap_key` returned, `unwrap_key` opens under the same context to the same key; and so it does what `rewrap_key`
//!    made of it, which is a wrap of the current version.
//! 4. Two calls of `generate_key` return different keys; two wraps of one key differ in their bytes, unless the algorithm
//!    is deterministic (AES key wrap).
//! 5. Under any other context `unwrap_key` and `rewrap_key` fail, when `binds_context` is set.
//! 6. A wrapped key with any bit changed fails with `Unauthenticated`, `Malformed`, `NotFound` (the version was changed)
//!    or `State`.
//! 7. A wrapped key of another KEK fails; it yields neither a key nor a wrap.
//! 8. The id and version in an answer are those that the service used, not those that were asked for.
//! 9. Wraps of an older version open for as long as that version is not destroyed.
//! 10. No error, and no `Debug`, contains key bytes.
//! 11. Futures may be polled on any thread and under any executor, or none; dropping one loses nothing.
//! 12. Calls run concurrently.
//!
//! No method has a default. What all backends share is not theirs to do: [`Kek`](crate::Kek) refuses foreign wraps before
//! a call, compares what was answered with what was asked for, bounds lengths, and checks the id of the key that came out.
//! Write the check all the same where clause 7 or 8 asks for it: the suite tests your type alone.
//!
//! # A whole one
//!
//! A KEK of one version that lives in the process. It wraps with XAES-256-GCM (c2sp.org/XAES-256-GCM), under 24 random
//! bytes and with the encryption context as associated data.
//!
//! ```
//! use phiseal_format::{EncryptionContext, KekId, KekVersion, WrapAlgorithm, WrappedKey};
//! use phiseal_keys::{
//!     BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekBackend, KekInfo, Secret, UnwrappedKey,
//!     rewrap_in_process,
//! };
//! use phiseal_primitives::{Engine, Xaes256Gcm};
//!
//! /// A KEK that is gone with the process.
//! #[derive(Debug)]
//! pub struct ToyKek {
//!     engine: &'static dyn Engine,
//!     id: KekId,
//!     key: Secret,
//! }
//!
//! const VERSION: KekVersion = KekVersion(1);
//!
//! impl ToyKek {
//!     /// A random key under a random id.
//!     pub fn new(engine: &'static dyn Engine) -> Result<Self, Error> {
//!         let key = Secret::filled(|out| engine.fill_random(out))?;
//!         let mut id = [0; 16];
//!         engine.fill_random(&mut id)?;
//!         let id = KekId::try_from(format!("toy:{:032x}", u128::from_be_bytes(id)))?;
//!         Ok(Self { engine, id, key })
//!     }
//!
//!     fn cipher(&self) -> Xaes256Gcm {
//!         Xaes256Gcm::new(self.engine, self.key.expose_secret())
//!     }
//!
//!     fn wrap(&self, key: &DataKey, context: &EncryptionContext) -> Result<WrappedKey, Error> {
//!         let mut wrapped = [0; 24 + 32 + 16];
//!         let (nonce, rest) = wrapped.split_first_chunk_mut::<24>().ok_or_else(malformed)?;
//!         let (body, tag) = rest.split_first_chunk_mut::<32>().ok_or_else(malformed)?;
//!         self.engine.fill_random(nonce)?;
//!         *body = *key.expose_secret();
//!         let sealed = self.cipher().seal(nonce, context.as_bytes(), body);
//!         // A refused key does not stay behind unencrypted.
//!         tag.copy_from_slice(&sealed.inspect_err(|_| *body = [0; 32])?);
//!         Ok(WrappedKey::new(WrapAlgorithm::Xaes256Gcm, self.id.clone(), VERSION, wrapped.to_vec())?)
//!     }
//!
//!     fn unwrap(&self, wrapped: &WrappedKey, context: &EncryptionContext) -> Result<UnwrappedKey, Error> {
//!         if *wrapped.kek_id() != self.id {
//!             return Err(Error::new(ErrorKind::Foreign, "the key is wrapped by another KEK"));
//!         }
//!         if wrapped.kek_version() != VERSION {
//!             return Err(Error::new(ErrorKind::NotFound, "the KEK has no such version"));
//!         }
//!         if wrapped.algorithm() != WrapAlgorithm::Xaes256Gcm {
//!             return Err(malformed());
//!         }
//!         let (nonce, rest) = wrapped.wrapped().split_first_chunk::<24>().ok_or_else(malformed)?;
//!         let (body, tag) = rest.split_first_chunk::<32>().ok_or_else(malformed)?;
//!         let tag = tag.try_into().map_err(|_| malformed())?;
//!         let key = DataKey::filled(|out| {
//!             *out = *body;
//!             self.cipher().open(nonce, context.as_bytes(), out, tag)
//!         })?;
//!         Ok(UnwrappedKey { key, kek_id: self.id.clone(), kek_version: VERSION })
//!     }
//! }
//!
//! impl KekBackend for ToyKek {
//!     fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
//!         Box::pin(async move { Ok(KekInfo::new(self.id.clone(), VERSION)) })
//!     }
//!
//!     fn generate_key<'a>(
//!         &'a self,
//!         context: &'a EncryptionContext,
//!     ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
//!         Box::pin(async move {
//!             let key = DataKey::generate(self.engine)?;
//!             let wrapped = self.wrap(&key, context)?;
//!             Ok(GeneratedKey { key, wrapped })
//!         })
//!     }
//!
//!     fn wrap_key<'a>(
//!         &'a self,
//!         key: &'a DataKey,
//!         context: &'a EncryptionContext,
//!     ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
//!         Box::pin(async move { self.wrap(key, context) })
//!     }
//!
//!     fn unwrap_key<'a>(
//!         &'a self,
//!         wrapped: &'a WrappedKey,
//!         context: &'a EncryptionContext,
//!     ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
//!         Box::pin(async move { self.unwrap(wrapped, context) })
//!     }
//!
//!     fn rewrap_key<'a>(
//!         &'a self,
//!         wrapped: &'a WrappedKey,
//!         context: &'a EncryptionContext,
//!     ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
//!         rewrap_in_process(self, wrapped, context)
//!     }
//! }
//!
//! #[cold]
//! fn malformed() -> Error {
//!     Error::new(ErrorKind::Malformed, "this KEK makes no such wraps")
//! }
//!
//! // It is a KEK like any other.
//! # fn main() -> Result<(), Error> {
//! let engine = phiseal::default_engine();
//! let phi = phiseal::blocking::Phiseal::open(phiseal::stores::MemoryStore::new(), ToyKek::new(engine)?)?;
//! let patients = phi.domain("clinic/patients")?;
//! let what = phiseal::context!(record = "mrn-1029", field = "ssn");
//! let sealed = patients.seal("123-45-6789", &what)?;
//! assert_eq!(patients.open::<String>(&sealed, &what)?.expose_secret(), "123-45-6789");
//! # Ok(())
//! # }
//! ```
//!
//! `examples/write_a_backend.rs` has one that reaches a service, in one file with its administration: a process that holds
//! the keys and is asked over a pipe, by a thread that the futures wait for. It runs the suite and prints what became of
//! each clause: `cargo run --release --example write_a_backend`.
//!
//! # The suite
//!
//! `phiseal-conformance` is a dev-dependency. One line makes one `#[test]` of each clause; the fixture says what to test,
//! another KEK of the same kind, and what administers it, or why nothing does:
//!
//! ```text
//! fn fixture() -> phiseal_conformance::kek::Fixture {
//!     let engine = phiseal_primitives::default_engine();
//!     let (kek, other) = (ToyKek::new(engine).unwrap(), ToyKek::new(engine).unwrap());
//!     phiseal_conformance::kek::Fixture::new(engine, Arc::new(kek), Arc::new(other))
//!         .without_admin("it has one version")
//! }
//!
//! phiseal_conformance::kek_backend_tests!(fixture);
//! ```
//!
//! # What services answer
//!
//! Give each answer the kind that says what the caller can do. When in doubt whether something is for good, say
//! [`Unavailable`](crate::ErrorKind::Unavailable): callers then go on with the keys at hand until their time is over,
//! while the kinds that say *for good* take the keys away at once.
//!
//! | the service says | kind |
//! |---|---|
//! | no answer, a timeout, an internal error, no connection | `Unavailable` |
//! | too many requests | `Throttled` |
//! | not authenticated, not allowed | `Denied` |
//! | no such key or version | `NotFound` |
//! | disabled, pending deletion, destroyed | `State` |
//! | ciphertext not authentic, wrong context | `Unauthenticated` |
//! | not a ciphertext of this service | `Malformed` |
//! | anything that it should never say | `Faulty` |
//!
//! # Advice
//!
//! * The id names the key itself, never an alias that somebody could point elsewhere.
//! * List the versions and their states in `describe` where the service tells them: a custodian's report
//!   ([`KeyStore::health`](crate::KeyStore::health)) has them from there, and from there knows of wraps that open no more.
//! * Where the service takes associated data as bytes, give it
//!   [`EncryptionContext::as_bytes`](crate::EncryptionContext::as_bytes); where it takes a map of strings,
//!   [`components`](crate::EncryptionContext::components).
//! * A wrap that can bind no context at all is refused by [`Kek::connect`](crate::Kek::connect), because a wrapped key
//!   could then be moved to another domain. Where the mechanism has no associated data, put SHA-256 of the context behind
//!   the key, wrap both, and compare after unwrapping.
//! * Have the service make the data key when it can, in `generate_key`; otherwise
//!   [`DataKey::generate`](crate::DataKey::generate).
//! * Bytes that a service returned become a key through
//!   [`DataKey::from_backend`](crate::DataKey::from_backend), which refuses other lengths and zeros. Wipe the buffer.
//! * A source of an error ([`Error::with_source`](crate::Error::with_source)) is printed by somebody, some day: no request
//!   body, no header.
//! * Administration, [`KekAdminBackend`](crate::KekAdminBackend), is a trait of its own because it takes another
//!   credential. An application's process should not have it. Its clauses, 13 to 17, are run where the fixture has one.
