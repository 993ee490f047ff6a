//! The labels of key derivation.
//!
//! `derived = HKDF-Expand-SHA-256(key, info = label || 0x00 || parameters, 32 bytes)` (RFC 5869, 2.3). The key is a
//! data key, except for [`EPOCH`], which derives from a field key, and [`COLUMN`]. No label is a prefix of another, and none holds a
//! zero byte.
//!
//! ```
//! use phiseal_format::{Suite, label};
//!
//! let info = [label::FIELD.as_bytes(), &[0, Suite::Xaes256Gcm.to_byte()]].concat();
//! assert_eq!(info, b"phiseal/v1 field\x00\x01");
//! ```

/// The 32-byte key id; no parameters.
pub const KEY_ID: &str = "phiseal/v1 key id";
/// The key of a field suite; parameters: the suite byte.
pub const FIELD: &str = "phiseal/v1 field";
/// The key of one epoch of suite 2, from that suite's field key; parameters: the 12 bytes of the epoch.
pub const EPOCH: &str = "phiseal/v1 epoch";
/// The key that wraps subject keys with one suite; parameters: the suite byte.
pub const SUBJECT_WRAP: &str = "phiseal/v1 subject wrap";
/// The key that authenticates one kind of record in a key store, from the store's key; parameter: the kind's byte.
pub const STORE_MAC: &str = "phiseal/v1 store mac";
/// The key that names persons in a key store, from the store's key; no parameters.
pub const SUBJECT_TAG: &str = "phiseal/v1 subject tag";
/// The input key of chunked encryption; no parameters.
pub const DOCUMENT: &str = "phiseal/v1 document";
/// The key of a document's header MAC; no parameters.
pub const HEADER_MAC: &str = "phiseal/v1 header mac";
/// The key that those of columns of tokens and indexes are derived from; no parameters.
pub const TOKEN: &str = "phiseal/v1 token";
/// The key of one use and column of tokens, from [`TOKEN`]'s; parameters: the byte of the use, then the column as a context.
pub const COLUMN: &str = "phiseal/v1 column";
/// Every label.
pub const ALL: [&str; 10] = [
    KEY_ID,
    FIELD,
    EPOCH,
    SUBJECT_WRAP,
    STORE_MAC,
    SUBJECT_TAG,
    DOCUMENT,
    HEADER_MAC,
    TOKEN,
    COLUMN,
];
