//! phiseal's tokens and search indexes: values that stand in the place of others.
//!
//! | kind | what takes the value's place | way back | equal values |
//! |---|---|---|---|
//! | [`FormatPreserving`] | another value of the same form | under the key | look equal |
//! | [`Deterministic`] | opaque bytes | under the key; none with a FIPS module | look equal |
//! | [`Vaulted`] | a random number, text, address or UUID, kept in a [`Vault`] | in the vault, under the key | look equal; or do not |
//! | [`BlindIndex`] | an entry to search by, beside the sealed value | none | look equal |
//! | [`DateShift`] | a date so many days away, per person | under the person's key | look equal within one person |
//! | [`Mask`], [`generalise`] | less of the value | none | look equal, and unequal ones do too |
//!
//! All but the last are *pseudonyms*: whoever has the key, or may ask, gets from one to the other. Each kind says first what it
//! leaves to be seen.
//!
//! Where tokens show which values are equal, what that gives away hangs on the data: [`Cardinality`] is what is declared of it, and
//! [`Leakage`] counts what is there.
//!
//! A [`Column`] is a kind with the keys of a domain: they rotate as the domain's do, and what was made under a version that
//! is deactivated stays readable until it is destroyed.

mod alphabet;
mod blind_index;
mod cardinality;
mod column;
mod date;
mod date_shift;
mod deterministic;
mod format_preserving;
pub mod generalise;
mod leakage;
#[cfg(feature = "tracing")]
mod logs;
#[cfg(feature = "safe-harbor")]
pub mod safe_harbor;
mod token;
mod unbiased;
mod vault;

pub use alphabet::Alphabet;
pub use blind_index::{
    BlindIndex, BlindIndexKey, DateOrder, IndexEntry, IndexGeneration, Normalised, Normaliser, Part,
};
pub use cardinality::Cardinality;
pub use column::{Column, Keyed, Kind};
pub use date_shift::DateShift;
pub use deterministic::{Deterministic, DeterministicKey};
pub use format_preserving::{Format, FormatPreserving};
pub use leakage::{ColumnLeakage, Leakage};
#[cfg(feature = "tracing")]
pub use logs::{Tokenized, TokenizedFields};
pub use phiseal_envelope::{Mask, Masked};
pub use phiseal_format::TokenScheme;
pub use token::Token;
pub use vault::{
    EntryStanding, StoredToken, Vault, VaultCensus, VaultPart, VaultRecord, VaultRenewed,
    VaultWrite, Vaulted, VaultedForm,
};
