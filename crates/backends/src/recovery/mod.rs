//! Recovery keys: public keys that wrap every data key of a store for the day when its KEKs are gone, and whose private
//! halves nobody holds alone.
//!
//! ```
//! # fn main() -> Result<(), phiseal_keys::Error> {
//! use phiseal_backends::recovery::{RecoveryKek, RecoveryKey, Share};
//! let engine = phiseal_primitives::default_engine();
//!
//! // Once, on a machine without a network: five texts for paper, of which three give the key back, and one for the servers.
//! let key = RecoveryKey::generate(engine)?;
//! let papers: Vec<_> = key.split(3, 5)?.iter().map(Share::expose_text).collect();
//! let line = key.public().to_string();
//! drop(key);
//!
//! // In every process that makes keys: `phiseal::Builder::also_escrow_to(escrow)`.
//! let escrow = RecoveryKek::parse(&line, engine)?;
//!
//! // On the day: three people meet.
//! let read = |at: usize| Share::parse(&papers[at], engine);
//! let recovered = RecoveryKey::combine(&[read(4)?, read(0)?, read(2)?], engine)?;
//! assert_eq!(recovered.public().to_string(), escrow.to_string());
//! # Ok(())
//! # }
//! ```
//!
//! [`RecoveryKek`] is the public half: it wraps and opens nothing. [`RecoveryKey`] is the private half: a KEK that opens a
//! store by itself. It exists in memory alone, in locked pages that are wiped; it has no text and no file, only shares.
//! Anybody who knows the public half can make wraps of keys of their own. So a store that is opened by the private half
//! needs the id of its own key ([`KeyStore::store_key`](phiseal_keys::KeyStore::store_key)), which is no secret: keep it with
//! the shares.
//!
//! # Texts
//!
//! One line each, lower case, exactly so; every character counts. Hex is of whole bytes.
//!
//! | | |
//! |---|---|
//! | public key | `phiseal-recovery1-` public key\[32\] `-` checksum\[8\] |
//! | share | `phiseal-share1-` set\[16\] `-` threshold `-` index `-` value\[32\] `-` checksum\[8\] |
//!
//! Threshold and index are decimal, 1 to 16 without a leading zero; the threshold is at least 2.
//!
//! ```text
//! checksum    = first 8 bytes of SHA-256("phiseal/v1 recovery text" || 0x00 || every character before the last hyphen)
//! set         = salt[8] || first 8 bytes of SHA-256("phiseal/v1 recovery set" || 0x00 || salt || threshold[1] || public key)
//! value       = Shamir's over GF(2^8) with the polynomial of FIPS 197, byte by byte, at the index
//! private key = the value at zero, as an X25519 key (RFC 7748); public key = X25519(private key, 9)
//! ```
//!
//! The checksum finds mistakes of whoever copies a text: each changed character, and all but one of 2^64 other changes. The
//! set says which shares belong together, and is compared with the key that comes out: shares that were forged, checksums
//! and all, give no key.
//!
//! A wrap is [`WrapAlgorithm::Hpke`](phiseal_format::WrapAlgorithm::Hpke), as the documentation of `phiseal-format` lays it
//! out. X25519 does not resist a quantum computer: who keeps wraps until there is one can open them. Refused under a FIPS
//! module, which does not do this.

mod kek;
mod key;
mod share;
mod text;

pub use kek::RecoveryKek;
pub use key::RecoveryKey;
pub use share::Share;
