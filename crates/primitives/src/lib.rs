//! The cryptographic engines under phiseal: AES-256-GCM, XAES-256-GCM, AES key wrap, HKDF, HMAC.
//!
//! This is the only crate of phiseal that names a cryptographic library. An [`Engine`] is one library; several can be
//! compiled in, all give the same bytes, and the first of this table is the default:
//!
//! | engine | feature | why |
//! |---|---|---|
//! | `aws-lc-rs` | `aws-lc-rs` (default), `fips` | fastest from 1 KiB up; carries the FIPS 140-3 module |
//! | `ring` | `ring` | small build, fastest below 1 KiB |
//! | `rustcrypto` | `rustcrypto` | no C compiler, every target; the independent check on the other two |
//!
//! What no engine offers through a common interface is here once, on top of the block cipher or of an engine:
//! [`xaes`] (c2sp.org/XAES-256-GCM), [`chunked`] (c2sp.org/chunked-encryption), [`key_wrap`] (SP 800-38F), [`ff1`] (SP 800-38G), [`constant_time`], [`random`] and, each behind a feature of
//! its name, `argon2id` (RFC 9106), `ed25519` (RFC 8032), `recipients` (HPKE, RFC 9180) and `shamir` (a secret split M of N);
//! behind the feature `tokens`, `siv` (AES-SIV, RFC 5297) and `hmac` (RFC 2104 under a key that is kept).
//!
//! ```
//! # fn main() -> Result<(), phiseal_primitives::Error> {
//! use phiseal_primitives::default_engine;
//!
//! let key = default_engine().aes_256_gcm(&[7; 32])?;
//! let mut message = *b"a message";
//! let (nonce, tag) = key.seal_in_place_with_own_nonce(b"context", &mut message)?;
//! key.open_in_place(&nonce, b"context", &mut message, &tag)?;
//! assert_eq!(&message, b"a message");
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "argon2id")]
pub mod argon2id;
pub mod chunked;
pub mod constant_time;
#[cfg(any(feature = "recipients", feature = "shamir"))]
mod drawn;
#[cfg(feature = "ed25519")]
pub mod ed25519;
mod engine;
mod engines;
mod error;
pub mod ff1;
#[cfg(feature = "tokens")]
pub mod hmac;
#[cfg(all(feature = "kernel", target_arch = "x86_64"))]
mod kernel;
pub mod key_wrap;
mod module;
pub mod random;
#[cfg(feature = "recipients")]
pub mod recipients;
#[cfg(feature = "shamir")]
pub mod shamir;
#[cfg(feature = "tokens")]
pub mod siv;
mod stack;
pub mod xaes;

pub use engine::{Aes256Gcm, Engine, Row};
#[cfg(any(feature = "aws-lc-rs", feature = "fips"))]
pub use engines::AwsLcRs;
#[cfg(feature = "ring")]
pub use engines::Ring;
#[cfg(feature = "rustcrypto")]
pub use engines::RustCrypto;
#[cfg(any(feature = "aws-lc-rs", feature = "fips", feature = "ring", feature = "rustcrypto"))]
pub use engines::default_engine;
#[cfg(all(
    feature = "kernel",
    target_arch = "x86_64",
    any(feature = "aws-lc-rs", feature = "fips", feature = "ring", feature = "rustcrypto")
))]
pub use engines::kernels;
pub use engines::{engine, engines};
pub use error::Error;
#[cfg(all(feature = "kernel", target_arch = "x86_64"))]
pub use kernel::{Instructions, Kernel};
pub use module::{Module, Validation};
pub use random::{OsRandom, Random, danger};
pub use xaes::Xaes256Gcm;
