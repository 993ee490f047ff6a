//! How to keep keys: where they lie, how they are rotated, when they can go.
//!
//! For key custodians, and for those who write the programs that custodians run. What the states of a key are and what
//! leads from one to another is in [`key_states`](super::key_states).
//!
//! # Keeping keys and data apart
//!
//! Three things, three places: the data; the key store; the KEK. Data and key store without the KEK open nothing; neither
//! does the KEK alone.
//!
//! * The key store has a file or database of its own, not a table beside the data, and its own credentials and backups.
//! * The key file is on neither of their disks, or has a passphrase that is not on that machine. Do not let one backup
//!   contain all three.
//! * Guidance of the U.S. Department of Health and Human Services counts data as secured only when the keys are kept on a
//!   device or at a location separate from the data.
//! * Pin what belongs together. The id of the store's key is no secret; keep it in the application's configuration:
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, stores::MemoryStore};
//! use phiseal::{ErrorKind, FullKeyId, Phiseal, blocking};
//!
//! # let engine = phiseal::default_engine();
//! # let configured = FullKeyId::from_bytes([7; 32]);
//! // `configured` was printed once, from `phi.key_store().store_key()`.
//! let builder = Phiseal::builder().store_key(configured).existing();
//! let opened = blocking::Phiseal::open_with(builder, MemoryStore::new(), MemoryKek::new(engine)?);
//! // An empty store in the place of the real one, as here, is not set up but refused.
//! assert_eq!(opened.unwrap_err().kind(), ErrorKind::NotFound);
//! # Ok(())
//! # }
//! ```
//!
//! # Looking at the keys before it matters
//!
//! [`KeyStore::health`](crate::KeyStore::health) asks every KEK what it is, has it wrap and unwrap a key that is thrown away,
//! and reads every domain: versions, states, ages, and which wraps are of an older KEK version, by a KEK on its way out,
//! missing, or lost. [`Health::findings`](crate::Health::findings) says what is to be done, sentence by sentence, and
//! nothing when all is well:
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{KekAdminBackend, backends::memory::MemoryKek, blocking::Phiseal, stores::MemoryStore};
//! use phiseal::FindingKind;
//! # use std::{sync::Arc, time::Duration};
//! # let kek = Arc::new(MemoryKek::new(phiseal::default_engine())?);
//! # let phi = Phiseal::open(MemoryStore::new(), Arc::clone(&kek))?;
//! # phi.domain("clinic/patients")?;
//! # pollster::block_on(kek.create_version())?;
//!
//! let a_year = Duration::from_secs(365 * 24 * 3600);
//! let health = pollster::block_on(phi.key_store().health(Some(a_year)))?;
//! println!("{health}");
//! let findings = health.findings();
//! assert!(findings.iter().any(|finding| finding.kind == FindingKind::ToBeRewrapped));
//! # Ok(())
//! # }
//! ```
//!
//! `cargo run --release --example doctor` does it for a store and KEKs that are named by their [addresses](crate::address),
//! and says of those in files whether keys, KEK and data lie together.
//! What nobody writes down it does not know: when a key was last used, and what was opened with it.
//!
//! # Writing down what happens to keys
//!
//! With the feature `audit`, `audit::Log` is a file of JSON lines, one record each, under a hash tree whose root the log signs
//! at intervals; with the feature `layers`, `backends::layer::Audited` tells it of every call of a KEK:
//!
//! ```
//! # #[cfg(all(feature = "audit", feature = "layers"))]
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{EnvironmentId, stores::MemoryStore};
//! # let folder = tempfile::tempdir().unwrap();
//! # let (file, elsewhere) = (folder.path().join("audit.jsonl"), folder.path().join("kept"));
//! # let environment = EnvironmentId::from_bytes([7; 16]);
//! # let engine = phiseal::default_engine();
//! use phiseal::audit::{FileSink, LocalSigner, Log};
//! use phiseal::{backends::layer::Audited, backends::memory::MemoryKek, blocking::Phiseal};
//!
//! let signer = LocalSigner::generate(engine)?; // in production a key that outlives the process
//! let builder = Log::builder("clinic.example/audit", environment, signer, engine)?;
//! println!("verifier key: {}", builder.verifier_key());
//! let log = builder.also_keep_in(FileSink::open(elsewhere)?).open(file)?;
//!
//! let kek = Audited::new(MemoryKek::new(engine)?, log.clone());
//! let phi = Phiseal::open(MemoryStore::new(), kek)?;
//! log.commit_blocking()?; // what happened so far is on disk
//! log.close()?; // and covered by a checkpoint
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "audit", feature = "layers")))]
//! # fn main() {}
//! ```
//!
//! * Write the verifier key down where the application cannot, before you need it.
//! * Keep checkpoints where whoever can write the log cannot: another machine, write-once storage. Whoever has the log's key
//!   can rewrite the log and all its own checkpoints; those kept elsewhere show it.
//! * What the last checkpoint does not cover (at most a minute or 1,000 records, unless you say otherwise) is not proved yet.
//! * A log that cannot be written fails and stays failed: `commit` says so. Calls of KEKs go on, and say so in the program's
//!   own log; a program that must not go on without a record calls `commit` before it answers.
//! * Do not let a log rotator rename or cut the file. A SIEM may read it as it grows.
//! * `cargo run --release --example verify_audit` says whether a log is what was written, and which line is not.
//!
//! # Rotating and rewrapping with a key file
//!
//! Two different acts. Rotating the *KEK* changes what wraps the keys; data is not touched. Rotating a *data key* changes
//! what new data is sealed under.
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let (keys, kek) = (folder.path().join("phi-keys.db"), folder.path().join("kek.json"));
//! use phiseal::{KekAdmin, backends::local::LocalKek, blocking::Phiseal, stores::SqliteStore};
//! use pollster::block_on;
//! use std::sync::Arc;
//!
//! let engine = phiseal::default_engine();
//! let phi = Phiseal::open(SqliteStore::open(&keys)?, LocalKek::create(&kek, engine)?)?;
//! # phi.domain("clinic/patients")?;
//!
//! // A new version of the KEK, which new wraps use. Every process that has the file open notices.
//! let admin = KekAdmin::new(Arc::new(LocalKek::open(&kek, engine)?));
//! let version = block_on(admin.create_version())?;
//! assert_eq!(version.0, 2);
//!
//! // Every domain's keys under it, and the store's own key. Run it again after a conflict or a crash.
//! for name in phi.domains()? {
//!     let done = phi.domain(&name)?.rewrap()?;
//!     assert_eq!((done.rewrapped, done.current), (1, 0));
//! }
//! assert!(block_on(phi.key_store().rewrap_store_key())?);
//!
//! // A new data key. What is sealed from now on is sealed under it.
//! let keyset = phi.domain("clinic/patients")?.rotate()?;
//! assert_eq!(keyset.primary(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! Rewrapping does not undo a theft: whoever had the old KEK version and the old key store has the data keys. After that,
//! rotate the data keys too, and reseal. An old KEK version may be deactivated
//! ([`KekAdmin::set_state`](crate::KekAdmin::set_state)) and then destroyed
//! ([`KekAdmin::destroy`](crate::KekAdmin::destroy)) when every domain and the store key are rewrapped and no backup of the
//! key store that might be needed is older than that: nothing else opens what it wrapped.
//!
//! # Rotating with an HSM, a KMS or a transit server
//!
//! The acts are the same, and so is the proof: `rewrap` says how many keys it moved, and after the last domain and the store
//! key nothing is wrapped by an older version. What differs is who makes a version, and how one ends:
//!
//! | KEK | a new version | the end of an old one |
//! |---|---|---|
//! | HSM | `KekAdmin::create_version`, by whoever may log in to the token | deactivated and destroyed on the token, which refuses from then on, whoever asks; not the newest one |
//! | transit | `KekAdmin::create_version`, with the custodian's token | deactivated and destroyed from the oldest on, as the server knows a lower bound only |
//! | AWS KMS | by the service: yearly, or `RotateKeyOnDemand`; the key's name stays, and no version is shown | never by itself: the service keeps what it needs to open old wraps until the whole key is deleted |
//!
//! As AWS KMS shows no versions, `rewrap` moves every key each time. The service does it by itself there, and so does transit:
//! the data key does not leave it, though it is opened once afterwards, so that no wrap is stored that does not open.
//!
//! # Recovery keys: when every KEK is gone
//!
//! A KEK that is lost takes every key with it, and with them the data. A recovery key is made for that day (feature
//! `recovery`, [the bytes](crate::backends)): a key pair whose public half wraps every data key, and whose private half
//! exists as papers only, some of which are needed together.
//!
//! *Once*, on a machine that is on no network: make the key, print the papers, keep the public line. Give the papers to
//! people who do not meet by chance, each with the line and with the id of the store's own key (below), which are no secrets.
//!
#![cfg_attr(feature = "recovery", doc = "```")]
#![cfg_attr(not(feature = "recovery"), doc = "```text")]
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, stores::MemoryStore};
//! use phiseal::backends::recovery::{RecoveryKek, RecoveryKey, Share};
//! use phiseal::{Kek, Phiseal, blocking};
//! use pollster::block_on;
//! use std::sync::Arc;
//! # let engine = phiseal::default_engine();
//! # let (store, kek) = (Arc::new(MemoryStore::new()), Arc::new(MemoryKek::new(engine)?));
//!
//! let key = RecoveryKey::generate(engine)?;
//! let papers: Vec<_> = key.split(3, 5)?.iter().map(Share::expose_text).collect();
//! let line = key.public().to_string();
//! drop(key);
//!
//! // Every process that makes keys has the line. What was made before gets its wraps by rewrapping.
//! let escrow = RecoveryKek::parse(&line, engine)?;
//! let builder = Phiseal::builder().also_escrow_to(escrow);
//! let phi = blocking::Phiseal::open_with(builder, store.clone(), kek.clone())?;
//! phi.domain("clinic/patients")?.rewrap()?;
//! block_on(phi.key_store().rewrap_store_key())?;
//! let pin = phi.key_store().store_key();
//!
//! // The drill, yearly: three papers, and the store as it is. It changes nothing.
//! let shares = [&papers[4], &papers[0], &papers[2]].map(|text| Share::parse(text, engine));
//! let shares = shares.into_iter().collect::<Result<Vec<_>, _>>()?;
//! let recovered = RecoveryKey::combine(&shares, engine)?;
//! let recovered = block_on(Kek::connect(Arc::new(recovered), engine))?;
//! let drill = block_on(phi.key_store().drill(&recovered))?;
//! assert!(drill.is_complete(), "{drill}");
//! # drop((phi, recovered));
//!
//! // The day: the KEK is gone. The recovered key opens the store, a new KEK and a new recovery key wrap it.
//! let (next, new_kek) = (RecoveryKey::generate(engine)?, MemoryKek::new(engine)?);
//! let builder = Phiseal::builder()
//!     .store_key(pin)
//!     .existing()
//!     .also_unwrap_with(RecoveryKey::combine(&shares, engine)?)
//!     .also_escrow_to(RecoveryKek::parse(&next.public().to_string(), engine)?);
//! let phi = blocking::Phiseal::open_with(builder, store, new_kek)?;
//! for name in phi.domains()? {
//!     phi.domain(&name)?.rewrap()?;
//! }
//! block_on(phi.key_store().rewrap_store_key())?;
//! # Ok(())
//! # }
//! ```
//!
//! * Anybody who has the line can make wraps of keys of their own. So a store that a recovered key opens needs the pinned id
//!   of its own key ([`Builder::store_key`](crate::Builder::store_key)): without it, it is refused. From that key on every
//!   record is authenticated.
//! * Nobody who runs the store can tell whether an escrow wrap opens. The drill can; do it before you count on it, after every
//!   change of the recovery key, and keep [`Drill`](crate::Drill)'s text. An escrow wrap that a keyset has stays as it is, under
//!   the keyset's MAC; that of the store's own key, which no MAC protects, is made anew by each `rewrap_store_key`.
//! * A paper that was lost or seen: those who have fewer than the threshold have nothing, so make a new set from a new key
//!   before more are lost. Splitting the same key again does not take the old papers back.
//! * After a recovery, or to retire a recovery key: rewrap without it, with a new one in its place. Backups of the key store
//!   keep the old wraps; who has the old papers and an old backup has the keys of that time.
//!
//! # After a restore
//!
//! Data and key store are backed up apart, so a restore may pair data with a key store that is older, and has never heard of
//! the newest keys, or that is newer, and has destroyed the oldest. Ask before the application starts, with every stored
//! value: [`KeyStore::check_restored`](crate::KeyStore::check_restored) looks at their headers only, unwraps each key that one
//! of them names, and says which open, which do not and why, and which keys are missing, with the number of values.
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, blocking::Phiseal, stores::MemoryStore};
//! use phiseal::{Sealed, context};
//! # let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
//! # let patients = phi.domain("clinic/patients")?;
//! # let stored = [patients.seal("123-45-6789", &context!(record = "mrn-1029", field = "ssn"))?];
//!
//! let envelopes = stored.iter().map(Sealed::as_bytes);
//! let restored = pollster::block_on(phi.key_store().check_restored(envelopes))?;
//! assert!(restored.is_complete(), "{restored}");
//! # Ok(())
//! # }
//! ```
//!
//! # Retiring a key
//!
//! After `rotate`, old data stays under the old version until it is resealed, which is an open and a seal:
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, stores::MemoryStore};
//! use phiseal::blocking::{Domain, Phiseal};
//! use phiseal::{Context, Error, KeyState, Sealed, context};
//! # let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
//! # let patients = phi.domain("clinic/patients")?;
//! # let what = context!(record = "mrn-1029", field = "ssn");
//! # let old = patients.seal("123-45-6789", &what)?;
//!
//! /// The same value under the primary key, or nothing when it is under that already.
//! fn resealed(domain: &Domain, sealed: &Sealed, what: &Context) -> Result<Option<Sealed>, Error> {
//!     if Some(sealed.key_id()) == domain.ready()?.sealing_key_id() {
//!         return Ok(None);
//!     }
//!     let plain = domain.open::<Vec<u8>>(sealed, what)?;
//!     domain.seal(plain.expose_secret(), what).map(Some)
//! }
//!
//! let keyset = patients.rotate()?;
//! let new = resealed(&patients, &old, &what)?.expect("it was under the old key");
//! assert!(resealed(&patients, &new, &what)?.is_none());
//!
//! // Later, when no stored value names version 1 any more:
//! assert_eq!(keyset.by_key_id(&new.key_id()).map(|version| version.number()), Some(2));
//! let keyset = pollster::block_on(phi.key_store().set_state(&keyset, 1, KeyState::Destroyed))?;
//! assert!(keyset.version(1).is_some_and(|version| version.wraps().is_empty()));
//! # Ok(())
//! # }
//! ```
//!
//! Write a resealed value only where the old one still stands (compare and swap), or a writer's newer value is lost. Wait
//! for a lease after `rotate` before you count: until then other processes may still seal under the old version. Count by
//! [`Sealed::key_id`](crate::Sealed::key_id), over every column, file and backup that matters; destruction is for good.
//! The feature `rotation` does all of it over tables and files, and refuses to end a version that is in use: see the
//! [next section](#custodians). [Persons' keys](super::design#persons-keys) are counted always: a version that
//! still wraps one is not destroyed before [`Domain::rewrap_subjects`](crate::Domain::rewrap_subjects) has moved them.
//! After a destruction, [`KeyStore::erase`](crate::KeyStore::erase) makes the bytes of the old wraps unrecoverable and
//! says how far.
//!
//! # Custodians
//!
//! With the feature `rotation`, a key store may have a *roster* of custodians (`rotation::custody`). From then on no keyset of it is
//! changed without their approval: not by [`Domain::rotate`](crate::Domain::rotate), not by
//! [`KeyStore::set_state`](crate::KeyStore::set_state). One of them requests, as many others as the roster says agree, each by a
//! signature under the text of the request, which names one operation on one state of one keyset, the KEKs, and a time. The change
//! and the note of who agreed to it are one write.
//!
//! | act | library | program `rotate` |
//! |---|---|---|
//! | a new data key, everything resealed under it | `rotation::run::Rotator` | `plan rotate`, `approve`, `run`, `resume` |
//! | the same, because keys are in wrong hands | the same, and `Journal::exposure` | `plan rotate --compromised` |
//! | the same data keys under other KEKs | `rotation::run::rewrap` | `plan rewrap` |
//! | the end of a version's use, and of the version | `rotation::run::end_version` | `plan retire`, `retire`; `plan destroy`, `destroy` |
//! | the end of a person's keys | `rotation::run::shred` | `plan shred`, `destroy` |
//! | other custodians | `rotation::custody::Custodians::replace` | `plan roster`, `run` |
//!
//! What is destroyed is gone for good when no backup that holds it is kept any more, or when each key that wrapped it is destroyed too.
//! Until then its certificate says that the erasure is pending. Then the custodians state it: another request for the same, with the
//! grounds (`Request::grounds`, `--final`), and the certificate says that it is final, and on whose word.
//!
//! Keep the SHA-256 of the first roster outside of the key store, in the manifest: who can write the store, even with its keys,
//! cannot then put custodians of his own in their place. What runs in one process with the keys can still change them without asking; that is
//! then missing in the keyset's own record of who agreed and in the audit log. An application alone shreds nobody then
//! ([`Domain::shred_subject`](crate::Domain::shred_subject) is `Denied`); it makes domains and persons' keys as before.
//!
//! The walkthrough in `examples/rotation` has all of it on a clinic's database.
//!
//! # Renewing persons
//!
//! When a version of a domain's key is in wrong hands, so is every [person's key](super::design#persons-keys) that it has ever
//! wrapped, for whoever has a copy of the key store too. Rewrapping is no remedy. After the rotation, everybody whom it
//! concerns gets a new key; what is under the keys before is resealed; then those are dropped, and the old version can go.
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, stores::MemoryStore};
//! use phiseal::blocking::Phiseal;
//! use phiseal::{KeyState, Phi, Renewal, SubjectKeyState, SubjectsWith, context};
//! # let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
//! # let patients = phi.domain("clinic/patients")?;
//! let ada = patients.subject_or_create("mrn-1029")?;
//! let what = context!(record = "mrn-1029", field = "note");
//! let old = ada.seal("allergic to penicillin", &what)?;
//!
//! let keyset = patients.rotate()?;
//! let keys = phi.key_store();
//! let keyset = pollster::block_on(keys.set_state(&keyset, 1, KeyState::Compromised))?;
//! let renewed = patients.renew_subjects(&[1], Renewal::Compromised)?;
//! assert_eq!(renewed.renewed, 1);
//!
//! // What was sealed before opens, and is sealed anew under the person's current key.
//! let plain: Phi<Vec<u8>> = ada.open(&old, &what)?;
//! let new = ada.seal(plain.expose_secret(), &what)?;
//! assert_ne!(new.key_id(), old.key_id());
//!
//! // Whoever has a compromised key, by the tag that the key store knows them by.
//! let with = SubjectsWith::KeyIn(SubjectKeyState::Compromised);
//! let page = pollster::block_on(keys.list_subjects(&keyset, with, None, 1_000))?;
//! assert_eq!(page.tags, [keys.subject_tag(&keyset, "mrn-1029")?]);
//!
//! // Old keys move with the new ones. The compromised version wraps nothing any more.
//! patients.rewrap_subjects()?;
//! pollster::block_on(keys.set_state(&keyset, 1, KeyState::Destroyed))?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Domain::renew_subjects`](crate::Domain::renew_subjects) calls no KEK but for the domain's own keys and touches no data;
//! killed, it goes on when it is called again. With the feature `rotation`, `rotation::reseal` reseals what is under older keys
//! of persons too, and a census counts it as `Class::PersonOlder`. One person whose key leaked is renewed by
//! [`Domain::renew_subject`](crate::Domain::renew_subject).
//!
//! [`Domain::drop_subject_keys`](crate::Domain::drop_subject_keys) ends the older keys, which nobody needs once a census that
//! began a lease's time after the renewal found nothing under them. It is for good.
