//! How to use data without holding it: tokens, search, dates, copies for research, logs.
//!
//! What is described here is in `tokens`, with the feature `tokens`; telephone numbers need `phone`, the Safe Harbor policy
//! `safe-harbor`, the layer for logs `tracing`. The keys are those of a [`Domain`](crate::Domain).
//!
//! # Which one
//!
//! | somebody needs | give them | because |
//! |---|---|---|
//! | the value itself, now and then | nothing: [seal](super::howto) it | a sealed field shows nothing, not even which rows are equal |
//! | to find a row by a value that somebody types | a `BlindIndex` beside the sealed field | it finds case, accents, forms of dates and telephone numbers, and does not open |
//! | to join two tables by a number | a `Deterministic` token in both, or a `Vaulted` one | equal values have equal tokens in columns of one name |
//! | a number that fits where the number was: a form, a legacy column | a `FormatPreserving` token | it has the length, separators, check digit and kept digits of the value |
//! | a number that nothing leads back from but a vault | a `Vaulted` token | it is random: without the vault's store *and* the keys there is no way back |
//! | dates in their order and distance, for a study | a `DateShift` | all dates of one person move by the same days; it ends with the person's key |
//! | to recognise a value that is shown | a `Mask` | less of the value, and no way back |
//! | a copy that is not PHI any more | `safe_harbor` | only removal, generalisation and random tokens are de-identification by 45 CFR 164.514(b)(2) |
//!
//! All but masks and `generalise` are **pseudonyms**: data with them in the place of values is PHI still. Each kind says in the
//! first lines of its documentation what it leaves to be seen, and to whom.
//!
//! # What equal tokens give away
//!
//! Where equal values look equal, whoever sees a whole column sees how often each occurs. Of a column of two values the more
//! frequent one is known at once; of one of sixteen million, nothing is. So every such kind takes a declaration of how many values
//! there are in the world, and refuses fewer than 10,000, counted in the form that is stored: three letters of a name, a year. The
//! refusal says what to do instead, and `accept_leakage` takes a reason. A declaration can be wrong, so count the real data as well:
//!
#![cfg_attr(feature = "tokens", doc = "```")]
#![cfg_attr(not(feature = "tokens"), doc = "```text")]
//! # fn main() -> Result<(), phiseal::Error> {
//! use phiseal::tokens::{BlindIndex, Cardinality, Leakage, Normaliser, Part};
//! use phiseal::ErrorKind;
//!
//! let sex = Part::new(Normaliser::Text, Cardinality::of(2));
//! let refused = BlindIndex::new([sex]).unwrap_err();
//! assert_eq!(refused.kind(), ErrorKind::Unsupported);
//!
//! let mut leakage = Leakage::of(["zip", "born"])?;
//! for (zip, born) in [("98101", "1980"), ("98101", "1981"), ("98102", "1980"), ("98101", "1980")] {
//!     leakage.row(&[Some(zip.as_bytes()), Some(born.as_bytes())])?;
//! }
//! let both = leakage.report().pop().unwrap();
//! assert_eq!((both.distinct, both.alone), (3, 2)); // of four persons, two are singled out by the two columns together
//! # Ok(())
//! # }
//! ```
//!
//! # Names and keys of columns
//!
//! A `Column` is a kind with the keys of a domain, its tenant if it has one, and the column's *name*. Columns of one name have
//! equal tokens for equal values: that is what makes them joinable, across tables and programs. Give two columns two names unless
//! they are to be joined. Tenants share no key, whatever the name.
//!
//! # Searching
//!
//! The entry stands beside the sealed value, in a column with an index of the database; a search makes the entries that the row may
//! have and asks for equal bytes. The database never sees the value, and neither does its log.
//!
#![cfg_attr(feature = "tokens", doc = "```")]
#![cfg_attr(not(feature = "tokens"), doc = "```text")]
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, blocking::Phiseal, stores::MemoryStore};
//! # let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
//! # let patients = phi.domain("clinic/patients")?;
//! use phiseal::blocking::wait;
//! use phiseal::tokens::{BlindIndex, Cardinality, Column, DateOrder, IndexGeneration, Normaliser, Part};
//!
//! let name = || Part::new(Normaliser::Text, Cardinality::of(160_000));
//! let born = || Part::new(Normaliser::Date(DateOrder::MonthFirst), Cardinality::BIRTH_DATE);
//! let index = BlindIndex::new([name(), born()])?;
//! let before = Column::new(patients.as_async(), "name and birth date", index.clone());
//! let stored = wait(before.entry(&["Müller", "1980-01-31"]))?;
//!
//! // The index is to have 64 bits from now on. Rows of before are found all the same.
//! let now = BlindIndex::new([name(), born()])?.bits(64)?.replacing(index)?;
//! let now = Column::new(patients.as_async(), "name and birth date", now);
//! assert!(wait(now.terms(&["MULLER", "1/31/1980"]))?.contains(&stored));
//!
//! // Going through the rows: which ones are to have a new entry?
//! let keyed = wait(now.ready())?;
//! let IndexGeneration::Earlier { redefined: true, .. } = keyed.generation(stored.as_bytes())? else { panic!() };
//! let entry = keyed.entry(&["Müller", "1980-01-31"])?;
//! assert_eq!(keyed.generation(entry.as_bytes())?, IndexGeneration::Current);
//! # Ok(())
//! # }
//! ```
//!
//! An index can be **added** to rows that are there, **changed** and **rotated** in the same way: two generations stand side by
//! side, searches look for both, and each row gets its new entry when it is gone through. What a search costs is one comparison for
//! each generation.
//!
//! # Rotation
//!
//! With the feature `rotation`, columns of tokens and indexes are gone through as sealed ones are, in the same run: a
//! `rotation::Column` is `sealed`, `tokens` (deterministic ones), `format_preserving`, or an `index` of other columns of the table;
//! a [vault](#a-vault) is a `Holding::of_vault`. A census counts
//! them by version, so that no version is retired or destroyed which something is still under; resealing opens the values and gives
//! each row its token or entry, while applications write, and goes on when it was killed. For an index it also says, and puts right:
//!
//! | a census says | the row | and resealing |
//! |---|---|---|
//! | not in the index | has a value and no entry: the index was just added | gives it one |
//! | older version | has an entry under an older key | gives it a new one |
//! | index entry of something else | has an entry of another value, by a definition that was replaced, or of nobody | gives it the right one |
//! | index entry of nothing | has no value any more, or its person was shredded | takes the entry away |
//! | plaintext | has in the column what is no entry | leaves it, and names it |
//!
//! The manifest of the `rotate` program names indexes, columns of tokens and vaults beside sealed columns: what an index is of, and as
//! what, has to be just what the application says. In a program of one's own they are `rotation::Column` and `rotation::run::Holding`.
//! A version of a key is retired when nothing is under it in any of them.
//!
//! Shredding a person as custodians agreed takes the person's tokens and entries along; after `shred_subject` alone,
//! `Holding::forget` does. What another process has made for the person meanwhile, which does not look at the keys for the time of
//! its lease, the next rotation takes out of indexes, and `Vault::renew` out of a vault.
//!
//! # Format-preserving tokens and rotation
//!
//! Such a token has no room for the id of its key. As long as the domain's key has one version, `tokenize` and `reveal` need
//! nothing else; for a column that is to outlive a rotation keep the id beside it, `tokenize_under` and `reveal_under`: a rotation
//! counts such pairs by version and makes them anew together (`rotation::Column::format_preserving` and `keys_of`, in a program of
//! one's own). A token under another key than the one that is named gives another value, and nothing shows it.
//!
//! # A vault
//!
//! Its store is another one than that of the keys, and refused where it is not. Tokens may end, be disabled, and be purged; equal
//! values have one token however many ask at once; the index by which the token of a value is found is made anew when it is lost.
//!
#![cfg_attr(feature = "tokens", doc = "```")]
#![cfg_attr(not(feature = "tokens"), doc = "```text")]
//! # fn main() -> Result<(), phiseal::Error> {
//! # use phiseal::{backends::memory::MemoryKek, blocking::Phiseal, stores::MemoryStore};
//! # let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
//! # let patients = phi.domain("clinic/patients")?;
//! use phiseal::blocking::wait;
//! use phiseal::tokens::{Cardinality, Vault, Vaulted, VaultedForm};
//! use phiseal::{ErrorKind, Phi};
//! use std::sync::Arc;
//!
//! let kind = Vaulted::new(VaultedForm::number(12)?, &Cardinality::of(1_000_000))?;
//! let store = Arc::new(MemoryStore::new()); // a database of its own
//! let numbers = wait(Vault::open(store, patients.as_async(), "record number", kind))?;
//! let ada = patients.subject_or_create("mrn-1029")?;
//! let token = wait(numbers.tokenize_of(ada.as_async(), "mrn-1029"))?;
//!
//! // After a rotation, the vault follows: by `renew`, or by a run that has it among its holdings. Zero under the old key is what
//! // `census` says.
//! patients.rotate()?;
//! wait(numbers.renew())?;
//! let opened: Phi<String> = wait(numbers.reveal(&token))?;
//! assert_eq!(opened.expose_secret(), "mrn-1029");
//!
//! // Who is shredded takes tokens along.
//! patients.shred_subject("mrn-1029")?;
//! assert_eq!(wait(numbers.reveal::<String>(&token)).unwrap_err().kind(), ErrorKind::State);
//! assert_eq!(wait(numbers.purge_person(ada.as_async().tag()))?, 1); // and what is left of them goes
//! # Ok(())
//! # }
//! ```
//!
//! # Copies for research
//!
//! `safe_harbor` has one rule for each of the eighteen identifiers, in one file, with its citation: removal, generalisation, random
//! tokens. `examples/tokens/deidentify` applies it to FHIR resources and removes what is not known to be no identifier. It cannot
//! decide what is in free text, nor whether somebody who gets the copy knows who a person is all the same. For a study that needs
//! dates, `DateShift` keeps intervals; that is a pseudonym, and **one date of a person that somebody knows gives away all of them**.
//!
//! # Logs
//!
//! A value that came out of an envelope does not print: its `Debug` is constant, and
//! [`masked`](crate::Phi::masked) is what may be displayed. Where a program logs fields that are not sealed yet, `Tokenized` (feature
//! `tracing`) stands around a layer of `tracing` and puts tokens or masks in the place of declared fields before any writer sees
//! them. What is written into a message itself, nobody can tell from text.
//!
//! # Who may have it back
//!
//! [`reveals`](super::reveals): a policy file says which role may search, see a mask, or see all, for which use.
//!
//! # With a FIPS module
//!
//! | kind | there |
//! |---|---|
//! | `BlindIndex`, `Vaulted`, `DateShift`, masks | yes: HMAC-SHA-256 and AES-GCM are the module's |
//! | `Deterministic` | one way only: HMAC-SHA-256. AES-SIV is not approved |
//! | `FormatPreserving` | refused: FF1 (SP 800-38G) is approved, this implementation of it is in no module |
