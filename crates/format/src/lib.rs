//! The bytes phiseal writes: field envelopes, wrapped keys, contexts, text form.
//!
//! This page is the format's documentation: enough to write a reader without this source. A version, once released,
//! opens for ever; `tests/vectors/field_v1.json` holds envelopes that must, and others that must be refused.
//!
//! All integers are big-endian. `||` joins bytes; `[n]` counts bytes. A reader refuses whatever is not described here:
//! another value of a byte, another order, bytes left over. Each value has one encoding.
//!
//! # Key derivation
//!
//! A data key is 32 random bytes. It encrypts nothing; it is the PRK of HKDF-Expand-SHA-256 (RFC 5869, 2.3):
//!
//! ```text
//! derived[32] = HKDF-Expand-SHA-256(data key, info = label || 0x00 || parameters, 32)
//! ```
//!
//! | label, ASCII | parameters | gives |
//! |---|---|---|
//! | `phiseal/v1 key id` | none | the key id; envelopes carry its first 16 bytes |
//! | `phiseal/v1 field` | suite\[1\] | the field key of a suite |
//! | `phiseal/v1 subject wrap` | suite\[1\] | the key that wraps subject keys with a suite |
//! | `phiseal/v1 document` | none | the input key of chunked encryption |
//! | `phiseal/v1 header mac` | none | the key of a document's header MAC |
//! | `phiseal/v1 token` | none | the key that those of columns of tokens and indexes are derived from |
//!
//! [`label`] has them as constants. The key id commits to the key: whoever opens something has derived the id of the
//! key at hand and compared it with the one in the envelope, all 32 bytes after an unwrap.
//!
//! # Field envelope
//!
//! ```text
//! offset  0        1                 17               29          41                n-16      n
//!         +--------+-----------------+----------------+-----------+-----------------+---------+
//!         | suite  | key id[16]      | epoch[12]      | count[12] | ciphertext      | tag[16] |
//!         +--------+-----------------+----------------+-----------+-----------------+---------+
//! ```
//!
//! The ciphertext is as long as the plaintext ([padded](#padding) where the context says so), 0 to 16 MiB, so an
//! envelope is 57 bytes longer than what is in it. Both suites are AES-256-GCM (SP 800-38D) with a 16-byte tag under a
//! key of the epoch, with `count` as the 12-byte nonce:
//!
//! | suite | name | key of the epoch |
//! |---|---|---|
//! | 0x01 | [`Suite::Xaes256Gcm`] | that of XAES-256-GCM (c2sp.org/XAES-256-GCM) under the field key of suite 1 |
//! | 0x02 | [`Suite::Aes256GcmHkdf`] | `HKDF-Expand-SHA-256(field key of suite 2, "phiseal/v1 epoch" \|\| 0x00 \|\| epoch, 32)` |
//!
//! For suite 1 this is XAES-256-GCM with the 24-byte nonce `epoch || count`, and any implementation of that opens the
//! field. Its key of the epoch is the two blocks
//!
//! ```text
//! AES-256(field key, M1 xor K1) || AES-256(field key, M2 xor K1)
//! M1 = 0x00 0x01 0x58 0x00 || epoch        M2 = 0x00 0x02 0x58 0x00 || epoch
//! L  = AES-256(field key, 0x00 * 16)       K1 = (L << 1 mod 2^128) xor (0x87 if L's top bit is 1)
//! ```
//!
//! The associated data of both is
//!
//! ```text
//! AAD = suite[1] || key id[16] || context
//! ```
//!
//! A reader: parses the envelope; parses the context; compares the key id with that of the data key at hand, before any
//! cryptography; derives the key of the epoch; opens. A failed tag has one error, which says nothing more.
//!
//! # Tokens
//!
//! A column of tokens, or of entries of a blind index, has a key of its own for each [use](TokenUse):
//!
//! ```text
//! key[32] = HKDF-Expand-SHA-256(token key, info = "phiseal/v1 column" || 0x00 || use[1] || column, 32)
//! ```
//!
//! The column is a [context](#contexts) of tenant, domain and field, and, for an index, its definition under tag 128. A
//! deterministic token is
//!
//! ```text
//! 0x11 || key id[16] || synthetic IV[16] || ciphertext[n]      AES-SIV (RFC 5297) with the keys of uses 2 and 3
//! 0x12 || key id[16] || code[32]                               HMAC-SHA-256 with the key of use 4
//! ```
//!
//! The first 17 bytes are AES-SIV's one header (not empty, so before the plaintext in S2V); the code is over them and the
//! value. The plaintext is at most 65,536 bytes ([`MAX_TOKEN_PLAINTEXT`]). Format-preserving tokens carry nothing beside
//! the value that they are.
//!
//! # Contexts
//!
//! What a field is bound to. It is not stored: the reader says what it expects to open. At most 1,024 bytes:
//!
//! ```text
//! 0x01 (version) || component || component || ...
//! component = tag[1] || length[4] || value[length]
//! ```
//!
//! | tag | component | value |
//! |---|---|---|
//! | 1 | tenant | bytes |
//! | 2 | domain | 16 bytes, the domain's random id; always there |
//! | 3 | record | bytes |
//! | 4 | field | bytes |
//! | 5 | use | bytes |
//! | 6 | row version | u64, 8 bytes |
//! | 7 | length class | u32, 4 bytes, not 0: the plaintext is [padded](#padding) |
//! | 128 to 255 | the application's own | bytes |
//!
//! Components stand in rising order of their tags, none twice; other tags are refused. A value may be empty, which is
//! not the same as an absent component. There is at least one component beside domain and length class. Values are the
//! caller's bytes: there is no Unicode normalisation. [`Context`] builds one, [`EncodedContext`] holds and parses the
//! bytes.
//!
//! # Padding
//!
//! Where the context has a length class, what is encrypted is the plaintext padded by ISO/IEC 9797-1, method 2: one byte
//! 0x80, then zeros, up to `class * max(1, ceil(length / class)) + 1` bytes. The class is in the associated data, so that
//! no field opens as padded that was not. After it has verified the tag, a reader takes off the zeros at the end and the
//! 0x80 before them. It refuses what has none, and what is not exactly as long as the rest would be padded to: a plaintext
//! has one padded form. The limit of 16 MiB holds for that form.
//!
//! # Encryption contexts
//!
//! What a *wrap* of a key is bound to, encoded like a context, with tags of its own. It goes to key services and their
//! logs and so holds random ids only. It never has tag 2, which a context always has: no bytes are both.
//!
//! | tag | component | value | data key | store key | subject key |
//! |---|---|---|---|---|---|
//! | 128 | purpose | `phiseal/v1 data key`, `phiseal/v1 store key`, `phiseal/v1 subject key` | yes | yes | yes |
//! | 129 | environment | 16 bytes | yes | yes | yes |
//! | 130 | domain | 16 bytes | yes | | yes |
//! | 131 | keyset version | u32, 4 bytes | yes | | yes |
//! | 132 | subject | 16 bytes, opaque | | | yes |
//! | 133 | key id | 32 bytes, that of the subject key | | | yes |
//!
//! A key service that takes a map of strings is given `phiseal` (the purpose without `phiseal/`), `environment`,
//! `domain`, `version` (decimal), `subject` and `key` (all others lower hex): [`EncryptionContext::components`].
//!
//! # Wrapped key
//!
//! ```text
//! 0x01 (version) || algorithm[1] || length[1] || KEK id[length] || KEK version[4] || length[2] || wrapped[length]
//! ```
//!
//! The KEK id is 1 to 255 visible ASCII characters (0x21 to 0x7e); the KEK version is 0 where a backend shows none;
//! the wrapped key is 1 to 6,144 bytes.
//!
//! | algorithm | name | wrapped |
//! |---|---|---|
//! | 1 | [`WrapAlgorithm::Service`] | a key service's own ciphertext |
//! | 2 | [`WrapAlgorithm::Xaes256Gcm`] | nonce\[24\] \|\| ciphertext\[32\] \|\| tag\[16\]; associated data: the encryption context |
//! | 3 | [`WrapAlgorithm::AesGcm`] | AES-GCM made inside a token; associated data: the encryption context |
//! | 4 | [`WrapAlgorithm::AesKeyWrap`] | RFC 3394 over key\[32\] \|\| SHA-256(encryption context)\[32\] |
//! | 5 | [`WrapAlgorithm::RsaOaepSha256`] | RSAES-OAEP with SHA-256 over the same 64 bytes |
//! | 6 | [`WrapAlgorithm::AesGcmHkdf`] | as 2, by AES-256-GCM under HKDF-Expand(key, `phiseal/v1 epoch` \|\| 0x00 \|\| first 12 bytes of the nonce) with the other 12 as nonce |
//! | 7 | [`WrapAlgorithm::Hpke`] | encapsulated key\[32\] \|\| ciphertext\[32\] \|\| tag\[16\]: HPKE as below |
//!
//! Algorithm 7 is RFC 9180, base mode, single shot, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. `info` is
//! `phiseal/v1 recovery wrap` || 0x00 || the encryption context; `aad` is empty, as section 8.1 has it where only the
//! single-shot form is used. The KEK id is `recovery:` and the recipient's public key in lower hex, the KEK version 1. Anybody
//! who knows the public key can make such a wrap: what comes out of it is the key only if its key id is the expected one.
//!
//! # Text form
//!
//! `phi1.` and base64url without padding (RFC 4648, 5), for columns of text and for JSON. Refused are padding, white
//! space, the other alphabet's `+` and `/`, a length of 4n + 1, and unused bits that are not zero: [`text`].
//!
//! # Limits
//!
//! | what | bytes |
//! |---|---|
//! | plaintext of a field, padded | 0 to 16,777,216 ([`MAX_FIELD_PLAINTEXT`]) |
//! | field envelope | 57 to 16,777,273 ([`FIELD_OVERHEAD`], [`MAX_FIELD_ENVELOPE`]) |
//! | context, encryption context | at most 1,024 ([`MAX_CONTEXT`]) |
//! | associated data of a field | at most 1,041 ([`MAX_FIELD_AAD`]) |
//! | KEK id | 1 to 255 ([`MAX_KEK_ID`]) |
//! | wrapped key | 1 to 6,144 ([`MAX_WRAPPED`]) |
//!
//! # Worked example
//!
//! The first two vectors. The data key is the bytes 00 to 1f, the nonce c0 to d7, the domain a0 to af.
//!
//! ```text
//! key id      a13283b918c2575017a9ddbc92be258e316c71a7b17052f293ce744332eecf23
//! suite 1
//! field key   4e911864ead43d1c19cef4b172f49b8f2a22f885ded7ca391121d0807263016b
//! epoch key   df13e643ac85da47321812a4acee934cd364f5dc66cac9457f6fbf0ad93fd73c
//! suite 2
//! field key   f3fe9e04ec7b435f46a2b024f1d5752b7d8385db7c7a71e8f871006608723d3c
//! epoch key   a9f1066fb9fbbde37dba68fa06f3108d648528209f7ed018b15e10e9a04d5e39
//! ```
//!
//! The plaintext `1984-02-29`, sealed with suite 1 as the birth date of patient 17 of tenant `clinic`:
//!
//! ```
//! use phiseal_format::{Context, DomainId, FieldEnvelope, Suite, text};
//!
//! let domain: DomainId = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf".parse()?;
//! let context = Context::of_field("birth date").record("patient 17").tenant("clinic").encode(&domain)?;
//! let components = [
//!     "01",                                           // version
//!     "01", "00000006", "636c696e6963",               // tenant: clinic
//!     "02", "00000010", "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf", // domain
//!     "03", "0000000a", "70617469656e74203137",       // record: patient 17
//!     "04", "0000000a", "62697274682064617465",       // field: birth date
//! ];
//! assert_eq!(hex::encode(context.as_bytes()), components.concat());
//!
//! let parts = [
//!     "01",                               // suite
//!     "a13283b918c2575017a9ddbc92be258e", // key id
//!     "c0c1c2c3c4c5c6c7c8c9cacb",         // epoch
//!     "cccdcecfd0d1d2d3d4d5d6d7",         // count
//!     "06024dc448f52f7022b2",             // ciphertext
//!     "1787fbcf8563639efd14440d0185843f", // tag
//! ];
//! let bytes = text::decode(
//!     "phi1.AaEyg7kYwldQF6ndvJK-JY7AwcLDxMXGx8jJysvMzc7P0NHS09TV1tcGAk3ESPUvcCKyF4f7z4VjY579FEQNAYWEPw",
//! )?;
//! assert_eq!(hex::encode(&bytes), parts.concat());
//!
//! let envelope = FieldEnvelope::parse(&bytes)?;
//! assert_eq!(envelope.suite(), Suite::Xaes256Gcm);
//! assert_eq!(envelope.key_id().to_string(), parts[1]);
//! assert_eq!(hex::encode(envelope.ciphertext()), parts[4]);
//!
//! let aad = [envelope.aad_prefix(), context.as_bytes()].concat();
//! assert_eq!(hex::encode(aad), parts[..2].concat() + &components.concat());
//! # Ok::<(), phiseal_format::Error>(())
//! ```
//!
//! Suite 2, the same but for the first byte of envelope and associated data, gives the ciphertext
//! `6c015063cc3960f9a23d` and the tag `e546ef93de8d5836c7dc01ed035ba2cd`.

#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod component;
mod context;
mod cursor;
mod encryption_context;
mod error;
mod field;
pub mod hex;
mod id;
mod kek;
pub mod label;
pub mod text;
mod token;
mod wrapped_key;
pub mod write;

pub use component::{Component, Components};
pub use context::{Context, EncodedContext, MAX_CONTEXT, tag};
pub use cursor::Cursor;
pub use encryption_context::EncryptionContext;
pub use error::{Error, ErrorKind};
pub use field::{
    FIELD_AAD_PREFIX, FIELD_HEADER, FIELD_OVERHEAD, FieldEnvelope, FieldHeader, MAX_FIELD_AAD,
    MAX_FIELD_ENVELOPE, MAX_FIELD_PLAINTEXT, Suite, TAG_LEN,
};
pub use id::{Count, DomainId, EnvironmentId, Epoch, KeyId, SubjectTag};
pub use kek::{KekId, KekRef, KekVersion, MAX_KEK_ID};
pub use token::{
    MAX_TOKEN_PLAINTEXT, TOKEN_CODE, TOKEN_OVERHEAD, TOKEN_PREFIX, TokenRef, TokenScheme, TokenUse,
    token_prefix,
};
pub use wrapped_key::{MAX_WRAPPED, MAX_WRAPPED_KEY, WrapAlgorithm, WrappedKey, WrappedKeyRef};
