//! How to run on a FIPS 140-3 module, and how to know that one does.
//!
//! # The feature
//!
//! ```toml
//! phiseal = { version = "0.1", default-features = false, features = ["fips", "sqlite"] }
//! ```
//!
//! `fips` puts the engine `aws-lc-rs` over AWS-LC's FIPS module. Building it takes CMake and Go besides a C compiler, and a
//! few minutes. Nothing else has to be said: whether the library runs in FIPS mode is asked of the library, not of the
//! feature, because another crate of the same program may have switched it on.
//!
//! # What the program can say about it
//!
//! A feature in a manifest is a wish. What runs is a fact, and a program can print it and stop if it is not the wanted one:
//!
//! ```
//! use phiseal::{Engine, Validation};
//!
//! /// Whether data is sealed by a module that is on a certificate, or by a later version from its branch.
//! fn is_acceptable(engine: &dyn Engine) -> bool {
//!     matches!(engine.module().validation, Validation::Certified(_) | Validation::CertifiedBranch(_))
//! }
//!
//! let module = phiseal::default_engine().module();
//! println!("{} {}: {:?}", module.name, module.version, module.validation);
//! # assert_eq!(is_acceptable(phiseal::default_engine()), !matches!(module.validation, Validation::None | Validation::Uncertified));
//! ```
//!
//! | [`Validation`](crate::Validation) | meaning |
//! |---|---|
//! | `None` | no FIPS module, or not in FIPS mode |
//! | `Uncertified` | in FIPS mode, but the version is on no certificate that this release knows of |
//! | `CertifiedBranch(certificates)` | in FIPS mode; an earlier version from the module's branch is on these certificates |
//! | `Certified(certificates)` | in FIPS mode, and this very version is on these certificates |
//!
//! Whether a certificate extends to a later version of its branch is said by the vendor's documents and judged by an
//! assessor, not by a program. A certificate can be withdrawn after this release was made; the list of the Cryptographic
//! Module Validation Program is the authority.
//!
//! # Which module that is
//!
//! Cargo picks the newest `aws-lc-rs` that fits, and that brings the newest module, which may still be waiting for its
//! certificate. Two combinations are built and tested with this release:
//!
//! | `aws-lc-rs` | module | reports |
//! |---|---|---|
//! | 1.19.0 | AWS-LC FIPS 4.2.0 | `Uncertified` |
//! | 1.17.3 | AWS-LC FIPS 3.6.0 | `CertifiedBranch("5314 (static library), 5298 (dynamic library)")` |
//!
//! The certificates name version 3.1.0. An application that wants that branch adds one line, which holds the whole program
//! to the last release over it:
//!
//! ```toml
//! aws-lc-rs = { version = "=1.17.3", default-features = false }
//! ```
//!
//! # What changes
//!
//! | | without | in FIPS mode |
//! |---|---|---|
//! | fields are sealed with | XAES-256-GCM (suite 1) | AES-256-GCM under HKDF-derived epoch keys (suite 2) |
//! | nonces are drawn by | phiseal, from the operating system | the module, for each message (SP 800-38D, 8.2.2) |
//! | keys and epochs are drawn by | the operating system | the module's generator |
//! | HKDF, HMAC, SHA-256 | the library | the module |
//! | opening in place | in place | through a copy, which is wiped: the path that the library documents for FIPS |
//!
//! Suite and nonces follow the engine by themselves ([`Builder::engine`](crate::Builder::engine),
//! [`Options::new`](crate::Options::new)).
//!
//! # What is refused
//!
//! With an engine in FIPS mode, [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) is the answer to:
//!
//! * sealing fields with suite 1, and opening fields that were sealed with it: move such data with an engine that is not
//!   in FIPS mode;
//! * nonces from anywhere but the module;
//! * keys that were wrapped by XAES-256-GCM, whose derivation is done outside the module: a key store that was set up
//!   under such wraps is not opened on a FIPS engine;
//! * key files with a passphrase: Argon2id is not approved either.
//!
//! On a FIPS engine the local and the in-memory backend, and domains for their [persons' keys](super::design#persons-keys),
//! wrap by AES-256-GCM under a key that HKDF-Expand derives for each wrap, with the module's nonce.
//!
//! Passphrases of key files go through Argon2id (RFC 9106), which no FIPS standard has.
//!
//! What is outside any module, in every build: the signatures of audit logs (feature `audit`), unless their `Signer` is an HSM;
//! parsing, comparing in constant time, keeping and wiping keys.
