//! How to do something: programs that run.
//!
//! The examples use [`blocking`](crate::blocking), an in-memory store and an in-memory KEK, so that they run anywhere.
//! In a program that keeps its data, [`SqliteStore`](crate::stores::SqliteStore) and
//! [`LocalKek`](crate::backends::local::LocalKek) take their places.
//!
//! # Sealing and opening
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! use phiseal::{ErrorKind, Phi, Sealed, blocking::Phiseal, context};
//! # use phiseal::{backends::memory::MemoryKek, stores::MemoryStore};
//!
//! let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
//! let patients = phi.domain("clinic/patients")?;
//!
//! let what = context!(tenant = "north", record = "mrn-1029", field = "ssn");
//! let sealed = patients.seal("123-45-6789", &what)?;
//!
//! // Into a binary column with `as_bytes`, into a text column or JSON with `to_string`.
//! let stored = sealed.to_string();
//! assert!(stored.starts_with("phi1."));
//!
//! let sealed: Sealed = stored.parse()?;
//! let ssn: Phi<String> = patients.open(&sealed, &what)?;
//! assert_eq!(ssn.expose_secret(), "123-45-6789");
//!
//! // In another patient's row it does not open.
//! let elsewhere = context!(tenant = "north", record = "mrn-1030", field = "ssn");
//! let moved = patients.open::<String>(&sealed, &elsewhere).unwrap_err();
//! assert_eq!(moved.kind(), ErrorKind::Unauthenticated);
//! # Ok(())
//! # }
//! ```
//!
//! The context is not stored: build it from where the value was found (tenant, table row, column), not from anything that
//! was stored with it. Its components are bytes as given, at most 1,024 of them with the library's own; the same name
//! written in two Unicode forms is two contexts. A record number that changes makes its values unreadable: use one that
//! does not.
//!
//! Open as `Phi<Vec<u8>>` what is not text. [`Phi`](crate::Phi) has no `Display`; [`expose_secret`](crate::Phi::expose_secret)
//! is its one door, and easy to search for in a review.
//!
//! # Many at once
//!
//! [`ready`](crate::Domain::ready) gives a [`FieldCipher`](crate::FieldCipher), which never waits. It may be kept for a
//! batch; when its lease is over it answers [`Stale`](crate::ErrorKind::Stale), and `ready` gives a fresh one.
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, blocking::Phiseal, stores::MemoryStore};
//! use phiseal::{Context, context};
//! # let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
//! # let patients = phi.domain("clinic/patients")?;
//!
//! let names = ["Ada", "Grace", "Katherine"];
//! let contexts: Vec<Context> =
//!     (0..3).map(|row| context!(record = format!("mrn-{row}"), field = "name")).collect();
//!
//! let cipher = patients.ready()?;
//! let sealed = cipher.seal_all(names.into_iter().zip(&contexts))?;
//!
//! // One that fails does not stop the others: here the second and third are in each other's rows.
//! let opened = cipher.open_all::<String>([&sealed[0], &sealed[2], &sealed[1]].into_iter().zip(&contexts));
//! assert!(opened[0].is_ok() && opened[1].is_err() && opened[2].is_err());
//! # Ok(())
//! # }
//! ```
//!
//!
//! The values of one field in many rows go together: what they have in common is said once, what differs from row to row
//! beside it. The envelopes are the same as one by one, and any of them opens alone; with the feature `kernel` a short value
//! costs a fraction of what it costs alone. What comes out has Arrow's layout: one piece of memory, and offsets.
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, blocking::Phiseal, stores::MemoryStore};
//! use phiseal::{Nullable, Phi, Rows, Sealed, Values, context};
//! # let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
//! # let patients = phi.domain("clinic/patients")?;
//!
//! let mrns = ["mrn-1029", "mrn-1030", "mrn-1031"];
//! let ssns = [Some("123-45-6789"), None, Some("987-65-4321")];
//! let (what, rows) = (context!(field = "ssn"), Rows::of_records(&mrns));
//!
//! let sealed = patients.seal_column(&Nullable(&ssns), &what, &rows)?;
//! let opened = patients.open_column(&sealed, &what, &rows)?;
//! assert_eq!(opened.expose_secret().value(0), Some(&b"123-45-6789"[..]));
//! assert_eq!(opened.expose_secret().value(1), None);
//!
//! let one = Sealed::try_from(sealed.value(2).unwrap_or_default())?;
//! let ssn: Phi<String> = patients.open(&one, &context!(record = "mrn-1031", field = "ssn"))?;
//! assert_eq!(ssn.expose_secret(), "987-65-4321");
//!
//! // A value of another row does not open, and the error says which row it is.
//! let moved = [sealed.value(2), sealed.value(1), sealed.value(0)];
//! let refused = patients.open_column(&Nullable(&moved), &what, &rows).unwrap_err();
//! assert_eq!(refused.row(), Some(0));
//! # Ok(())
//! # }
//! ```
//!
//! # Buffers of your own
//!
//! Nothing is allocated for a field when the context is encoded once and the buffer is yours.
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, blocking::Phiseal, stores::MemoryStore};
//! use phiseal::{FieldCipher, context};
//! # let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
//! # let patients = phi.domain("clinic/patients")?;
//!
//! let cipher = patients.ready()?;
//! let what = cipher.bind(&context!(record = "mrn-1029", field = "note"))?;
//!
//! // From one buffer into another.
//! let mut envelope = vec![0; cipher.sealed_len(9, &what)?];
//! let length = cipher.seal_into(b"allergies", &what, &mut envelope)?;
//! let mut plain = vec![0; length - FieldCipher::OVERHEAD];
//! let length = cipher.open_into(&envelope, &what, &mut plain)?;
//! assert_eq!(plain[..length], *b"allergies");
//!
//! // Where it lies: room before and after the plaintext, and the whole is the envelope.
//! let mut buffer = vec![0; FieldCipher::HEADROOM];
//! buffer.extend_from_slice(b"allergies");
//! buffer.resize(buffer.len() + FieldCipher::TAILROOM, 0);
//! cipher.seal_in_place(&what, &mut buffer)?;
//! assert_eq!(cipher.open_in_place(&what, &mut buffer)?, b"allergies");
//! # Ok(())
//! # }
//! ```
//!
//! What was opened into a buffer of yours is wiped by you.
//!
//! # One person's key, and shredding
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, blocking::Phiseal, stores::MemoryStore};
//! use phiseal::{Erasure, ErrorKind, context};
//! # let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
//! # let patients = phi.domain("clinic/patients")?;
//!
//! let ada = patients.subject_or_create("mrn-1029")?;
//! let what = context!(record = "mrn-1029", field = "note");
//! let note = ada.seal("allergic to penicillin", &what)?;
//! assert_eq!(ada.open::<String>(&note, &what)?.expose_secret(), "allergic to penicillin");
//!
//! let erasure = patients.shred_subject("mrn-1029")?;
//! assert_eq!(erasure, Erasure::Done);
//! assert_eq!(ada.open::<String>(&note, &what).unwrap_err().kind(), ErrorKind::State);
//! assert_eq!(patients.subject_or_create("mrn-1029").unwrap_err().kind(), ErrorKind::State);
//! # Ok(())
//! # }
//! ```
//!
//! [`Erasure::Pending`](crate::Erasure::Pending) means that the store could not yet erase the old bytes: call
//! [`Store::erase`](crate::Store::erase) again later. What shredding does not reach, backups before all, is described in
//! [design](super::design#persons-keys). It destroys keys, not the application's copies of what they opened.
//!
//! A person's key that leaked is [renewed](super::custody#renewing-persons): a new one seals, and the old one opens what is to
//! be resealed.
//!
//! # Hiding length
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, blocking::Phiseal, stores::MemoryStore};
//! use phiseal::context;
//! # let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
//! # let patients = phi.domain("clinic/patients")?;
//!
//! let what = context!(record = "mrn-1029", field = "diagnosis", padded_to = 64);
//! let flu = patients.seal("influenza", &what)?;
//! let hiv = patients.seal("human immunodeficiency virus disease", &what)?;
//! assert_eq!(flu.as_bytes().len(), hiv.as_bytes().len());
//! # Ok(())
//! # }
//! ```
//!
//! Choose a class at least as long as the longest value: a value of 65 bytes shows that it is longer than 64. The class
//! is part of the context, so it is the same for opening. An empty value is as long as one that fills the class.
//!
//! # Noticing that a cell was put back
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, blocking::Phiseal, stores::MemoryStore};
//! use phiseal::{ErrorKind, context};
//! # let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
//! # let patients = phi.domain("clinic/patients")?;
//!
//! // Without a row version an older value of the same cell is as good as the newer.
//! let dose = context!(record = "mrn-1029", field = "dose");
//! let monday = patients.seal("5 mg", &dose)?;
//! let tuesday = patients.seal("2 mg", &dose)?;
//! assert!(patients.open::<String>(&monday, &dose).is_ok());
//! assert!(patients.open::<String>(&tuesday, &dose).is_ok());
//!
//! // With one, it is refused.
//! let at = |version: u64| context!(record = "mrn-1029", field = "dose", row_version = version);
//! let monday = patients.seal("5 mg", &at(1))?;
//! assert_eq!(patients.open::<String>(&monday, &at(2)).unwrap_err().kind(), ErrorKind::Unauthenticated);
//! # Ok(())
//! # }
//! ```
//!
//! The version must come from where whoever can write the cell cannot: another system, or a counter that is itself
//! protected. Read from the same row, it is put back together with the cell.
//!
//! # Async and blocking
//!
//! [`Phiseal`](crate::Phiseal) and [`Domain`](crate::Domain) are for async programs, under any executor: the library
//! brings none. [`blocking`](crate::blocking) has the same handles for programs without one; inside an async runtime it
//! would block a thread of it. Both share everything underneath, and a [`FieldCipher`](crate::FieldCipher) belongs to
//! neither. `SqliteStore` and `LocalKek` answer at once, but block the thread for a disk access when a look is due.
//!
//! Await a call that was begun, or drop it: others may be waiting for the look at the key store that it makes. One that is
//! kept and not polled (`select!` on a `&mut` future, and then another call in the same task) keeps them waiting.
//!
//! Make one `Phiseal` for each key store, keep it, and share it: keys are cached in its domains.
//!
//! # Choosing an engine
//!
//! | feature | engine | for |
//! |---|---|---|
//! | `aws-lc-rs` (default) | AWS-LC | most; fastest from 1 KiB up. Needs a C compiler |
//! | `ring` | ring | a small build; fastest for short fields. Needs a C compiler |
//! | `rustcrypto` | RustCrypto | targets without a C compiler |
//! | `fips` | AWS-LC's FIPS module | see [`fips`](super::fips) |
//!
//! All give the same bytes. Where several are compiled in, the first of `aws-lc-rs`, `ring`, `rustcrypto` is the default;
//! any can be named:
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, stores::MemoryStore};
//! use phiseal::{Phiseal, blocking};
//!
//! let engine = phiseal::engine("ring").unwrap_or(phiseal::default_engine());
//! let builder = Phiseal::builder().engine(engine);
//! let phi = blocking::Phiseal::open_with(builder, MemoryStore::new(), MemoryKek::new(engine)?)?;
//! assert_eq!(phi.key_store().engine().name(), engine.name());
//! # Ok(())
//! # }
//! ```
//!
//! # Handles that only read
//!
//! [`Builder::read_only`](crate::Builder::read_only) gives handles whose `seal` is [`Denied`](crate::ErrorKind::Denied),
//! that make no domain and no person's key, that reserve no uses, and whose `rotate`, `rewrap` and `shred_subject` are
//! denied too. It guards against mistakes of the program; against the program itself, the key store's own permissions
//! guard.
//!
//! # More than one KEK
//!
//! [`Builder::also_wrap_with`](crate::Builder::also_wrap_with) gives a store one more KEK that wraps every key of it: another
//! region of the service, or an HSM that is kept for the day when the service is lost. Each key then has a wrap of each, and
//! any one of them opens it.
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, blocking::Phiseal, stores::MemoryStore};
//! # use std::sync::Arc;
//! # let engine = phiseal::default_engine();
//! # let (here, elsewhere) = (Arc::new(MemoryKek::new(engine)?), Arc::new(MemoryKek::new(engine)?));
//! # let store = Arc::new(MemoryStore::new());
//! let both = || phiseal::Phiseal::builder().also_wrap_with(elsewhere.clone());
//! Phiseal::open_with(both(), store.clone(), here.clone())?.domain("clinic/patients")?;
//!
//! here.set_unavailable(true);
//! let phi = Phiseal::open_with(both(), store.clone(), here.clone())?;
//! assert!(phi.domain("clinic/patients").is_ok());
//! # Ok(())
//! # }
//! ```
//!
//! New domains and rotations need all KEKs that wrap; opening, and the start of a process, need one. The next one is asked
//! when a KEK does not answer, denies, or does not have its key any more, never after a wrap has failed a check: a key is
//! withdrawn when every KEK has withdrawn it. A KEK that was added, or left out, takes effect for existing domains with
//! [`Domain::rewrap`](crate::Domain::rewrap), and for the store itself with
//! [`KeyStore::rewrap_store_key`](crate::KeyStore::rewrap_store_key).
//!
//! A KEK that only wraps, and whose private half is on paper, is an escrow key:
//! [`Builder::also_escrow_to`](crate::Builder::also_escrow_to), and
//! [what custodians do with it](super::custody#recovery-keys-when-every-kek-is-gone).
//!
//! # Testing with a clock and faults
//!
//! [`ManualClock`](crate::ManualClock) moves when it is told to; [`MemoryKek`](crate::backends::memory::MemoryKek) fails
//! when it is told to. To keep hold of the latter, put the pieces together by hand; some of them are in the crate
//! `phiseal-keys`.
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> { pollster::block_on(async {
//! use phiseal::{Domain, ErrorKind, Kek, KeyStore, ManualClock, Options, context};
//! use phiseal::{backends::memory::MemoryKek, stores::MemoryStore};
//! use phiseal_keys::KeyStoreConfig;
//! use std::{sync::Arc, time::Duration};
//!
//! let engine = phiseal::default_engine();
//! let clock = ManualClock::at(1_800_000_000);
//! let backend = Arc::new(MemoryKek::new(engine)?);
//! let kek = Kek::connect(backend.clone(), engine).await?;
//! let mut config = KeyStoreConfig::new(engine);
//! config.clock = Arc::new(clock.clone());
//! let store = KeyStore::open(Arc::new(MemoryStore::new()), vec![kek], config).await?;
//! let patients = Domain::connect(Arc::new(store), "clinic/patients", Arc::new(Options::new(engine))).await?;
//! let what = context!(record = "mrn-1029", field = "ssn");
//! let cipher = patients.ready().await?;
//! let sealed = cipher.seal("123-45-6789", &what)?;
//!
//! // The lease: a cipher seals for ten minutes and goes on when its domain has looked at the key store.
//! clock.advance(Duration::from_secs(601));
//! assert_eq!(cipher.seal("x", &what).unwrap_err().kind(), ErrorKind::Stale);
//! patients.ready().await?;
//! assert!(cipher.seal("x", &what).is_ok());
//!
//! // An outage: what is at hand opens until its time is over.
//! backend.set_unavailable(true);
//! assert!(patients.open::<String>(&sealed, &what).await.is_ok());
//! clock.advance(Duration::from_secs(3600));
//! let error = patients.open::<String>(&sealed, &what).await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Unavailable);
//!
//! backend.set_unavailable(false);
//! clock.advance(Duration::from_secs(1));
//! assert!(patients.open::<String>(&sealed, &what).await.is_ok());
//! # Ok(()) }) }
//! ```
//!
//! # Handling errors
//!
//! Match on [`Error::kind`](crate::Error::kind); there is no text to parse.
//! [`is_retryable`](crate::Error::is_retryable) is true for the first four: the same call can succeed later. Messages and
//! sources hold no key, no plaintext and no context, so they may be logged.
//!
//! | kind | what happened | what to do |
//! |---|---|---|
//! | [`Unavailable`](crate::ErrorKind::Unavailable) | store or backend did not answer | try again, with growing pauses; nothing is lost |
//! | [`Throttled`](crate::ErrorKind::Throttled) | the backend wants fewer calls | try again, later |
//! | [`Conflict`](crate::ErrorKind::Conflict) | somebody else changed the record, or it exists already | read it again and decide anew |
//! | [`Stale`](crate::ErrorKind::Stale) | a cipher's lease or time is over | ask the domain for a fresh cipher; `Domain::seal` and `open` do so themselves |
//! | [`Denied`](crate::ErrorKind::Denied) | the credential, file mode or handle does not allow it | fix permissions; a read-only handle does not seal |
//! | [`NotFound`](crate::ErrorKind::NotFound) | no such domain, person, version, file or store | check the name; if it existed, somebody deleted it: restore the key store |
//! | [`State`](crate::ErrorKind::State) | the key's state forbids it: the version is suspended or destroyed, the KEK's version is, the person was shredded | ask the custodian; a shredded person's data is gone |
//! | [`Foreign`](crate::ErrorKind::Foreign) | sealed or wrapped under a key that is not open in this handle | the wrong domain, person, store or KEK |
//! | [`Unauthenticated`](crate::ErrorKind::Unauthenticated) | changed, moved, or another context than it was sealed with | do not use it; check the context first, then who can write there |
//! | [`Tampered`](crate::ErrorKind::Tampered) | the key store holds what it was never given | stop and investigate; an old backup that was restored looks the same |
//! | [`Invalid`](crate::ErrorKind::Invalid) | an argument: too long, empty, not UTF-8, of another domain | a mistake in the program |
//! | [`Malformed`](crate::ErrorKind::Malformed) | bytes are no envelope, keyset or key file; a context that cannot be encoded | look at what is in that column or file |
//! | [`Unsupported`](crate::ErrorKind::Unsupported) | a combination that would lose a promise | change the combination; the message says which |
//! | [`Exhausted`](crate::ErrorKind::Exhausted) | the key has been used as often as it may be | rotate it |
//! | [`Memory`](crate::ErrorKind::Memory) | secrets cannot be kept in locked memory | raise `RLIMIT_MEMLOCK`; 64 KiB hold 2,048 keys |
//! | [`Random`](crate::ErrorKind::Random) | the generator failed or repeated itself | seal nothing on this machine until it is understood |
//! | [`Faulty`](crate::ErrorKind::Faulty) | backend, store or engine returned what it must not | a defect in it: report it |
