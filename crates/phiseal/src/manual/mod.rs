//! The manual: what phiseal promises, how it works, how to use it.
//!
//! It describes what this release does. What a page does not mention, this release does not have: there is one kind of
//! sealed value, the *field* of at most 16 MiB; the backends are those of [`backends`](crate::backends), the stores those
//! of [`stores`](crate::stores).
//!
//! | to learn | read |
//! |---|---|
//! | what is protected against whom, and, first of all, what is not | [`threat_model`] |
//! | which pieces there are and what happens in them, with numbers | [`design`] |
//! | how to do something, with programs that run | [`howto`] |
//! | how to search, join, shift, mask and de-identify | [`tokens`] |
//! | how to say who may see what, and what happens in an emergency | [`reveals`] |
//! | how to keep, rotate and retire keys | [`custody`] |
//! | what may be done with a key, and when | [`key_states`] |
//! | how to put keys under the guard of something else | [`writing_a_backend`] |
//! | how to run on a FIPS 140-3 module, and how to know that one does | [`fips`] |
//! | which mistakes of others shaped this library | [`past_mistakes`] |
//!
//! A developer who has an hour reads the first section of [`threat_model`], then [`howto`]; a key custodian reads
//! [`custody`] and [`key_states`]. The bytes themselves, enough to write a reader of them, are described in the crate
//! `phiseal-format`.
//!
//! # Words
//!
//! They are those of NIST SP 800-57 part 1, one word for each idea.
//!
//! | word | meaning |
//! |---|---|
//! | KEK | key-encryption key: lives in a backend and encrypts other keys |
//! | data key | 256-bit key that everything that encrypts data is derived from; stored only wrapped |
//! | wrapped key | a data key encrypted by a KEK, with that KEK's id and version beside it |
//! | keyset | all versions of the data key of one domain; exactly one is the primary |
//! | domain | a named scope of data with a keyset of its own, such as `clinic/patients` |
//! | subject key | a data key of one person, wrapped by the domain's key; destroying it shreds that person's data |
//! | context | what a ciphertext is bound to: tenant, domain, record, field, use. May name a patient |
//! | encryption context | what a *wrap* is bound to: opaque ids only, because key services log it |
//! | seal, open | encrypt and authenticate data; verify and decrypt it |
//! | rewrap | the same data key under a new KEK version; data is untouched |
//! | reseal | open data and seal it again, under the primary key |
//! | rotate | make a new data key the primary |
//! | token | a value that stands in the place of another one, and can be stored and joined |
//! | blind index | a keyed hash of a normalised value, for equality search |
//! | reveal | show a reader a value: to search by it, masked, or in full |

pub mod custody;
pub mod design;
pub mod fips;
pub mod howto;
pub mod key_states;
pub mod past_mistakes;
pub mod reveals;
pub mod threat_model;
pub mod tokens;
pub mod writing_a_backend;
