//! phiseal's KEK backends: one file each.
//!
//! A backend is a type with an `impl KekBackend`, and an `impl KekAdminBackend` where it can be administered;
//! applications hold it inside a [`Kek`](phiseal_keys::Kek). All pass the suite `phiseal_conformance::kek`.
//!
//! | backend | feature | the KEK lives |
//! |---|---|---|
//! | [`aws_kms`] | `aws-kms` | in AWS KMS |
//! | [`local`] | `local` (default) | in a file that only this user reads, with or without a passphrase, or in the environment |
//! | [`pkcs11`] | `pkcs11` | in a hardware security module, or anything else that speaks PKCS#11 |
//! | [`recovery`] | `recovery` | nowhere: its public half wraps, its private half is on paper, split M of N |
//! | [`transit`] | `transit` | in the transit engine of an OpenBao or Vault server |
//! | [`memory`] | | nowhere else: for tests, with faults to inject |
//!
//! The feature `custodian` adds [`custodian`]: the keys that people sign with, in files; and to [`pkcs11`] those in tokens.
//!
//! The feature `layers` adds [`layer`]: timeouts, retries, limits and audit around any backend.

#![forbid(unsafe_code)]

#[cfg(feature = "aws-kms")]
pub mod aws_kms;
#[cfg(all(feature = "custodian", unix))]
pub mod custodian;
#[cfg(any(feature = "recovery", all(feature = "local", unix)))]
mod hex;
#[cfg(feature = "layers")]
pub mod layer;
#[cfg(all(feature = "local", unix))]
pub mod local;
pub mod memory;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;
#[cfg(feature = "recovery")]
pub mod recovery;
#[cfg(feature = "transit")]
pub mod transit;
mod versions;
