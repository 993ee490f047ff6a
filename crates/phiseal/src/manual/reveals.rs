//! Who may see what: a policy file, what it is recorded with, and emergencies.
//!
//! What is described here is in `access`, with the feature `access`.
//!
//! # A policy
//!
//! A file in TOML. What it does not grant is denied, and a file that is wrong is refused with line and column.
//!
//! | part | says |
//! |---|---|
//! | `[kinds.NAME]` | a kind of data: `fields` that contexts and columns name so, and what a `mask` leaves of them |
//! | `[roles.NAME]` | `actors`, by id, or by what ids begin with and a `*` |
//! | `[[grants]]` | that a `role` may have `kinds` for `uses` in a `form`: `index`, `masked`, `full`. Each includes those before it; where none is said, `index`, the least |
//! | `[alert]` | that it is unusual for one actor to ask for `more-than` so much `within` a time |
//! | `[break-glass]` | which `roles` may see which `kinds` (all, where none are said) in an emergency, the `longest` that it may last, and which roles are its `reviewers` |
//!
//! *Who* and *what for* are a [`Reader`](crate::Reader): opaque ids that the application gives out when it has authenticated
//! somebody. A nurse who opens a chart for treatment and one who opens it for a study are two readers.
//!
//! # Handles of readers
//!
//! Set for all domains by [`Builder::reveals`](crate::Builder::reveals), the policy judges every opening, reveal and search. A
//! handle that nobody was named for opens nothing; [`read_by`](crate::Domain::read_by) gives one for a reader, cheap enough to be
//! made for each request. Whoever writes needs no grant, as long as it is not on a reader's handle: there the tokens of values that
//! one guesses would tell as much as a search.
//!
#![cfg_attr(feature = "access", doc = "```")]
#![cfg_attr(not(feature = "access"), doc = "```text")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use phiseal::{audit::{LocalSigner, Log}, backends::memory::MemoryKek, blocking::Phiseal, stores::MemoryStore};
//! # use std::sync::Arc;
//! # let (folder, engine) = (tempfile::tempdir()?, phiseal::default_engine());
//! # let log = Log::builder("clinic.example/audit", [7; 16].into(), LocalSigner::generate(engine)?, engine)?;
//! # let log = log.open(folder.path().join("audit.jsonl"))?;
//! use phiseal::access::{Access, Alert, BreakGlass, Finding, Policy};
//! use phiseal::blocking::wait;
//! use phiseal::{ErrorKind, Reader, context};
//! use std::time::Duration;
//!
//! let policy = Policy::parse(r#"
//!     version = 1
//!     kinds.allergies = { fields = ["allergies"] }
//!     kinds.ssn = { fields = ["ssn"], mask = "ssn" }
//!     roles.nurse = { actors = ["nurse/*"] }
//!     roles.privacy = { actors = ["privacy-officer"] }
//!     grants = [{ role = "nurse", uses = ["admission"], kinds = ["ssn"], form = "masked" }]
//!     break-glass = { roles = ["nurse"], kinds = ["allergies"], longest = "1h", reviewers = ["privacy"] }
//! "#)?;
//! let access = Arc::new(Access::new(policy, log).on_alert(|alert| match alert {
//!     Alert::BreakGlass { reader, .. } => eprintln!("page the privacy officer: {reader:?}"),
//!     other => eprintln!("{other:?}"),
//! }));
//! let builder = phiseal::Builder::new().reveals(access.clone());
//! let phi = Phiseal::open_with(builder, MemoryStore::new(), MemoryKek::new(engine)?)?;
//! let patients = phi.domain("clinic/patients")?;
//! let (ssn, allergies) = (context!(record = "mrn-1029", field = "ssn"), context!(record = "mrn-1029", field = "allergies"));
//! let sealed = (patients.seal("123-45-6789", &ssn)?, patients.seal("penicillin", &allergies)?);
//!
//! let nurse = Reader::new("nurse/17", "admission")?;
//! let of_nurse = patients.read_by(nurse.clone());
//! assert_eq!(of_nurse.open_masked(&sealed.0, &ssn)?, "***-**-6789");
//! assert_eq!(of_nurse.open::<String>(&sealed.0, &ssn).unwrap_err().kind(), ErrorKind::Denied);
//!
//! // An emergency: for a time, for a reason.
//! let glass = BreakGlass::new(access, patients.as_async());
//! let why = "unconscious, nobody from the ward to be reached";
//! wait(glass.begin(&nurse, why, Duration::from_secs(1800)))?;
//! assert_eq!(of_nurse.open::<String>(&sealed.1, &allergies)?.expose_secret(), "penicillin");
//! wait(glass.end(&nurse))?; // or it ends by itself
//!
//! // Not again before another person has reviewed it.
//! let again = wait(glass.begin(&nurse, why, Duration::from_secs(1800)));
//! assert_eq!(again.unwrap_err().kind(), ErrorKind::State);
//! let officer = Reader::new("privacy-officer", "review")?;
//! for emergency in wait(glass.unreviewed(&officer))?.emergencies {
//!     wait(glass.review(&officer, &emergency, Finding::Justified, "seen the chart, talked to the nurse"))?;
//! }
//! wait(glass.begin(&nurse, why, Duration::from_secs(1800)))?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is on the log
//!
//! One record for each reveal, and for each that was denied: actor, use, the kind of data, the pseudonym of the person or the
//! record, the outcome. It goes to the log before the reader gets anything, and is on disk a moment later; once the log cannot be
//! written, nothing is revealed. Who has looked at one person's data is a search for one pseudonym:
//! [`KeyStore::subject_tag`](crate::KeyStore::subject_tag) of a person,
//! [`KeyStore::record_tag`](crate::KeyStore::record_tag) of a record. Emergencies are a class of their own, `break-glass`, and all
//! records of one have its id under `request`.
//!
//! # What it does not do
//!
//! * It guards an application against its own mistakes. Code in the same process has the keys:
//!   [`assume_allowed`](crate::Domain::assume_allowed) is there for what shows nobody, such as a rotation.
//! * It does not authenticate anybody. Two actors may be one person.
//! * A policy is read when the program starts. For another one, open the domains anew.
//! * Alerts are counted in each process by itself.
//! * The record of an emergency can be taken out of the key store by whoever can write it, but not forged, and not out of the audit
//!   log: look there, too.
