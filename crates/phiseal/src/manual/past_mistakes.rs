//! Mistakes of others that shaped this library, and what here stands against each.
//!
//! None of them was made by careless people. Each is here because it was written down: in an advisory, an issue or a
//! change, whose number is given. Where the defence is a type, the mistake does not compile; where it is a check, it is in
//! one place; where it is a test, its name is given by the file in the project's sources.
//!
//! # What a ciphertext is bound to
//!
//! | what happened | where | here |
//! |---|---|---|
//! | A ciphertext opened under two keys, to two plaintexts; the id in it decided which key was asked | AWS Encryption SDK before 2.0, CVE-2020-8897 | The id of a key is derived from it ([`FullKeyId`](crate::FullKeyId)) and compared after every unwrap. A [`FieldCipher`](crate::FieldCipher) looks only among its own keys |
//! | The wrapped key, stored beside the object, could be replaced | S3 Encryption Clients, CVE-2025-14762, -14763, -14764 | [`Kek::unwrap_key`](crate::Kek::unwrap_key) takes the id that the key must have; the record of it is authenticated |
//! | A cache shared between clients let one with a lax policy serve one with a strict | AWS Encryption SDK for Python, CVE-2026-6550 | Keys are cached in one [`Domain`](crate::Domain) handle with one set of options; the policy is applied where keys are used, after the cache |
//! | Values and keys could be exchanged between rows or owners: nothing said where they belong | Nextcloud (ePrint 2024/546); tari#4137, librefang#3788; prisma-field-encryption's RFC 54 | There is no empty context: [`context!`](crate::context) without components does not compile. Wraps are bound to store, domain and version |
//! | What did not look encrypted was handed out as if it had been opened | Acra#305; AWS Database Encryption SDK#578 | [`Sealed`](crate::Sealed) is made only of bytes with the form of an envelope; opening returns what verified, or an error |
//! | The metadata of a wrapped key is malleable, so two spellings name one key | Tink's envelope AEAD | A wrapped key names nothing; the id that is derived from the key does |
//! | A key's prefix was compared as Unicode text | Tink, CVE-2020-8929 | Ids are arrays of bytes ([`KeyId`](crate::KeyId)); one value has one encoding: `crates/format/tests/format/canonical.rs` |
//!
//! # Nonces and tags
//!
//! | what happened | where | here |
//! |---|---|---|
//! | A nonce that the caller gave was used, again, after that had been removed; an initialisation vector of the caller's choice | Vault, CVE-2023-4680; Samsung Keymaster, CVE-2021-25444 | Nothing that seals a field or asks a KEK takes a nonce; only the engines underneath do, for the crates that build envelopes |
//! | The vector was set before the key, so that all records had the same | `encryptor` 2.0.0 (ruby/openssl#49) | The nonce is drawn where the message is sealed; a repeating generator is refused: `crates/primitives/src/random.rs` |
//! | Random 12-byte nonces under a key that lived long | Kubernetes KMS v2, #116155 and #118828 | An epoch key seals 2^24 messages and ends; a data key has a [cap](super::design#epochs-and-nonces) that is enforced |
//! | After `fork`, or in a resumed snapshot, generators repeat | Tink on fork safety; papers on Firecracker and Lambda | A forked child continues no block; [`Builder::strict`](crate::Builder::strict) for snapshots |
//! | An empty nonce gave the authentication key away | BearSSL port#23, crypton#79; found by Wycheproof | A nonce is a `[u8; 12]`; every Wycheproof vector is run or skipped for a stated reason, and counted: `crates/primitives/tests/wycheproof.rs` |
//! | Tags of four bytes were accepted | butterbase#30 | A tag is a `[u8; 16]`; every cut of an envelope is refused: `crates/format/tests/format/cut_and_extend.rs` |
//! | After a wrong tag the buffer held plaintext | RustCrypto `aes-gcm` 0.10.0 to 0.10.2, CVE-2023-42811 | A failed open leaves zeros: `crates/primitives/tests/differential.rs`, 10,000 cases for each engine; those versions are banned |
//! | Plaintext was released before it was verified; wrapped keys without number | AWS Encryption SDKs, GHSA-55xh-53m6-936r, GHSA-h45p-w933-jxh3 | Nothing is released before its tag has verified; a key has at most eight wraps |
//!
//! # Bytes
//!
//! | what happened | where | here |
//! |---|---|---|
//! | The machine's word size went into a key derivation; lengths over 4 GiB were cut; byte order differed | Themis#279, #496, #623 | Integers on the wire have fixed widths and are big-endian; frozen envelopes must open: `crates/format/tests/format/vectors.rs` |
//! | A length times eight overflowed, and associated data went unauthenticated | `tink-aead` before 0.2.4 | A context is at most 1,024 bytes by its type |
//! | A new default of the framework made columns unreadable | Rails 7.1 (#48204, #50226) | What a value was sealed with is in its first byte, and every derivation has its label |
//! | A set was written in the order in which it happened to lie | AWS Database Encryption SDK before 3.1.0, #560 | Components of a context are sorted, and no two contexts give the same bytes: `crates/format/tests/format/context_injective.rs` |
//! | Four bytes of input asked for gigabytes of memory | borsh#129, bincode#286, asn1_der#1 | A length is compared with what is there before anything is allocated |
//! | The cost of a password hash was read from the message | JOSE `p2c`: CVE-2022-36083, CVE-2023-6681, -49290, -50966, -50967 | The cost in a key file is bounded before memory is taken |
//!
//! # Keys and their rotation
//!
//! | what happened | where | here |
//! |---|---|---|
//! | An alias was pointed at another key, and old data opened no more | AWS Database Encryption SDK#1395 | Wraps hold the KEK's own id and version; a backend that is suddenly another KEK is [`Faulty`](crate::ErrorKind::Faulty) |
//! | A version number was used twice | actor-ts#1050 | Numbers of keyset versions only rise, and destroyed versions stay listed; a version's key has its own id beside the number |
//! | Rewrapping replaced the whole record, or lost the key | libmongocrypt#389 | [`Keyset`](crate::Keyset) changes wraps and nothing else; the new wrap is opened before the old is given up; compare-and-swap on the revision |
//! | A new key was used before it was stored | openbot#8 | A keyset is written before its first key is handed to anybody |
//! | Making a version raced against itself | AWS Encryption SDK, branch key store | Every write states the revision that it replaces; the slower one gets [`Conflict`](crate::ErrorKind::Conflict) |
//! | N parallel callers made N keys, or N calls to the key service | AWS Encryption SDK for JavaScript#1665 | One caller asks, the others wait for its answer |
//! | Keys that had been disabled served on from a cache | akash#3912, of an emulator that does so | An answer that a key may not be used ends opening under it at once; every key has a time after which the KEK is asked again |
//!
//! # Tokens and search
//!
//! | what happened | where | here |
//! |---|---|---|
//! | Search keys and indexes could not be changed once there was data | AWS Database Encryption SDK's beacons; Rails, #52872 | Entries name their generation; searches look for all of them, and each row moves when it is gone through |
//! | A hash without a key or salt was called anonymised: any dictionary reads it | Presidio, until #1845 | Every kind has a key of its tenant and column; what is derived from a value is called a pseudonym, and no rule of the Safe Harbor policy |
//! | Format-preserving tokens were of FF3-1, which NIST withdraws | Vault's Transform | FF1 only |
//! | Halves were swapped for values of even length | `fpe` 0.6.0 | All 57,246 vectors (`crates/primitives/tests/wycheproof.rs`), and random inputs against another implementation (`tests/tests/tokens/permutation.rs`) |
//! | Dates of one person were shifted by different days in different files | Microsoft's Tools for Health Data Anonymization, by default | The days follow from the person's key and the study, wherever it is done |
//!
//! # Secrets in memory, logs and time
//!
//! | what happened | where | here |
//! |---|---|---|
//! | A signing key was in a crash dump | Storm-0558 | Keys lie in pages that core dumps leave out ([limits](super::threat_model#what-is-not-promised)) |
//! | Key schedules stayed on the stack | RustCrypto block-ciphers#385 | The stack is cleared after a key was expanded: `crates/primitives/tests/residue.rs` |
//! | Locking memory is not allowed in Lambda or Fargate, and the service was down | Asherah#260, #358 | A warning by default, an error when asked for: [`require_locked_memory`](crate::require_locked_memory) |
//! | `derive(Debug)` printed credentials | rmcp#741, russh#762, nats.rs#1616, foundry#15091 | Keys and [`Phi`](crate::Phi) print their type's name and have no `Display`; tests that must not compile say so |
//! | Error messages and redaction let secrets into logs | OpenBao, CVE-2025-4166, GHSA-q8cj-789h-vg24 | A message is a fixed sentence; there is no place in it for a value |
//! | A clock that went backwards: a panic, or valid for ever | rustpush#29, tikv#10544 | Leases use a clock that nobody sets; differences of times saturate |
//!
//! # Dependencies
//!
//! | what happened | where | here |
//! |---|---|---|
//! | RSA decryption leaks through its time; no fix | `rsa`, RUSTSEC-2023-0071 | Banned, with every version of others named in an advisory: `tests/tests/structure/banned.rs` |
//! | Timing and parsing faults in the C library | AWS-LC, RUSTSEC-2026-0045 to -0048 | Versions before the fix are banned; of the library only GCM, HKDF, HMAC, SHA-256 and the generator are used |
