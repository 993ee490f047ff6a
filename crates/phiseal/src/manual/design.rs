//! The pieces, and what happens in them.
//!
//! # The pieces
//!
//! ```text
//!   application
//!       |            Phiseal, Domain, Subject, FieldCipher
//!   phiseal          what an application imports, and this manual
//!       |
//!   envelope         fields, key cache, leases, usage limits
//!       |   \
//!     keys   \       Kek, KeyStore, Keyset, Secret; the contracts KekBackend and Store
//!       |  \  \
//!   format  primitives    the bytes | the engines: AES-256-GCM, HKDF, HMAC of one library each
//!
//!   backends, stores      implement the contracts of `keys`, one file each
//! ```
//!
//! Each is a crate, `phiseal-<name>`. Only `primitives` names a cryptographic library; only `format` knows the bytes.
//!
//! # One field
//!
//! ```text
//! 0        1                 17               29          41                n-16      n
//! +--------+-----------------+----------------+-----------+-----------------+---------+
//! | suite  | key id (16)     | epoch (12)     | count(12) | ciphertext      | tag(16) |
//! +--------+-----------------+----------------+-----------+-----------------+---------+
//! ```
//!
//! [`Domain::seal`](crate::Domain::seal) asks whether a look at the key store is due (one comparison while it is not),
//! encodes the context with the domain's id in it, and hands both to the [`FieldCipher`](crate::FieldCipher). That takes
//! the next count of this thread's block and has the engine encrypt, with `suite || key id || context` as associated
//! data. There is no lock, no store and no backend on the way; one message in 256 takes a lock and asks the
//! operating system for twelve bytes.
//!
//! [`Domain::open`](crate::Domain::open) parses, finds the key of that id among those of the domain, finds the epoch's
//! expanded key, and has the engine verify and decrypt. An epoch that was not seen lately is derived and, once its tag
//! has verified, kept. Made-up epochs fill nothing.
//!
//! | suite | algorithm | when |
//! |---|---|---|
//! | 0x01 | XAES-256-GCM (c2sp.org/XAES-256-GCM), nonce = epoch then count | unless the engine is a FIPS module |
//! | 0x02 | AES-256-GCM (SP 800-38D) under HKDF-Expand(field key, epoch), nonce = count | with a FIPS module |
//!
//! # One key
//!
//! [`Domain::connect`](crate::Domain::connect) reads the domain's keyset, verifies it, and asks the KEK to unwrap each
//! version that may open; when there is no such domain it has the KEK make a key first, and writes the keyset before
//! anything is sealed. [`Kek::unwrap_key`](crate::Kek::unwrap_key) refuses wraps of other KEKs before it calls the
//! backend, and checks what the backend answers. After that the backend is asked again when three quarters of the key's
//! time are over, or the keyset changed.
//!
//! Of any number of callers that need the same keys, one asks and the others wait for its answer, or go on with the keys
//! at hand if those may still be used. A failure is everybody's answer for a tenth of a second, so that an outage is not
//! met with a storm of calls. Looks are spread over an eighth of the interval by chance, so that many processes do not
//! look at once.
//!
//! # Epochs and nonces
//!
//! No function that seals a field takes a nonce. A nonce has two halves:
//!
//! * The **epoch**: twelve bytes from the operating system. It selects an AES-256-GCM key, which is derived once and kept.
//!   It ends after 2^24 messages, 2^36 bytes or one hour. Each handle of each process has its own.
//! * The **count**: rises by one inside a *block* of at most 256 messages (and a mebibyte, or one longer message) that belongs to one thread.
//!   Each block begins at twelve fresh bytes from the operating system.
//!
//! Two blocks of one epoch overlap when their starts are less than 256 apart: 2^-87 for a pair. A full epoch has 2^16
//! blocks, 2^31 pairs: about 2^-56. Among 2^24 epochs of one data key, two are the same with 2^-49, and a nonce must then
//! coincide as well. SP 800-38D 8.3 asks for 2^-32.
//!
//! [`NoncePolicy::PerMessage`](crate::NoncePolicy::PerMessage) draws the count for each message instead: 2^24 messages
//! give 2^47 pairs at 2^-96, or 2^-49. [`NoncePolicy::Module`](crate::NoncePolicy::Module) has the FIPS module draw it.
//! A generator that answers zeros, or the same twelve bytes twice in a row, is an error and nothing is sealed.
//!
//! A block is not continued in a forked child: it carries a number that a child finds changed (`MADV_WIPEONFORK`; on a
//! kernel without it, a count that `pthread_atfork` raises; off Linux, the process id). Nor has a child any of its parent's
//! reserved uses: it opens with the keys it inherited, and seals after its domain has looked at the key store. An SQLite
//! store cannot be used across a fork, so fork first and open the store then. As anywhere, fork while no other thread runs:
//! a lock that another thread held at that moment is held for ever in the child.
//!
//! A data key seals 2^48 messages ([`Options::max_uses`](crate::Options)). Uses are reserved in the key store 2^24 at a
//! time and count as used when the process dies before it used them: the count is never too low. Subject keys are not
//! counted.
//!
//! # Derived keys
//!
//! A data key encrypts nothing. It is the PRK of HKDF-Expand with SHA-256 (RFC 5869, 2.3; SP 800-108), once for each use:
//! `HKDF-Expand(data key, label || 0x00 || parameters, 32 bytes)`.
//!
//! | label | gives |
//! |---|---|
//! | `phiseal/v1 key id` | the key's id |
//! | `phiseal/v1 field` | the key of one field suite |
//! | `phiseal/v1 epoch` | for suite 2, from its field key, the key of one epoch |
//! | `phiseal/v1 subject wrap` | the key that wraps persons' keys |
//! | `phiseal/v1 store mac` | from the store key, the key that authenticates one kind of record |
//! | `phiseal/v1 subject tag` | from the store key, the key that names persons opaquely |
//!
//! # Key ids
//!
//! The id of a data key is 32 bytes derived from it, so it needs no allocator and commits to the key: a wrapped key that
//! was swapped for another unwraps to a key with another id, and is refused
//! ([`FullKeyId`](crate::FullKeyId), compared in constant time). Fields carry the first 16 bytes
//! ([`KeyId`](crate::KeyId)), which one key of a store alone can have: they are taken in a record of their own before the
//! key is used, so that a backend that makes one key twice is refused.
//!
//! # Keysets and the store key
//!
//! A key store keeps five kinds of record: the store key, keysets, persons' keys, counts of uses, ids that are taken. A
//! store need not be trusted: [`KeyStore`](crate::KeyStore), on top of it, authenticates each record but the first with HMAC-SHA-256 over
//! kind, id, revision and bytes. The MAC keys are derived from the *store key*, a data key whose wrap by the KEK is that
//! first record. Its id can be pinned ([`Builder::store_key`](crate::Builder::store_key)).
//!
//! A keyset holds the store's id and the domain's name and random id, so that it cannot stand in for another, its
//! revision, the number of the primary, and for each version: number, [state](super::key_states), key id, time, wraps.
//! What a wrap is bound to has the store's id, the domain's id and the version's number in it. Every change is a
//! compare-and-swap on the revision; version numbers are never used again; a handle refuses a revision below the highest
//! that it has seen.
//!
//! A version can have several wraps, by different KEKs; any of them yields the key. The next one is tried when a service
//! does not answer, never after a failed check. One that an escrow key made is not tried while the store has its KEKs: it
//! cannot be opened here, and needs not be trusted, as whatever opens it compares the key's id.
//!
//! # Leases and key time
//!
//! | | default | at its end |
//! |---|---|---|
//! | lease | 10 minutes | nothing is sealed until the key store has been looked at |
//! | key time | 1 hour | nothing is opened until the KEK has unwrapped the key again |
//! | outage window | 0 | how much longer the keys at hand open when the KEK cannot be reached |
//!
//! All three are [`Options`](crate::Options). They are measured by a clock that counts time asleep (`CLOCK_BOOTTIME` on
//! Linux) and that nobody can set. An answer that a key may not be used any more ([`Denied`](crate::ErrorKind::Denied),
//! [`State`](crate::ErrorKind::State), [`NotFound`](crate::ErrorKind::NotFound)) ends opening under it at once, outage
//! window or not, also in ciphers that were handed out; an answer that concerns the whole domain
//! ([`Tampered`](crate::ErrorKind::Tampered), say) ends everything. Dropping keys from memory waits for the last cipher to
//! be dropped.
//!
//! # Persons' keys
//!
//! [`Domain::subject_or_create`](crate::Domain::subject_or_create) gives a person a data key, random like any other and
//! wrapped by a key that is derived from the domain's primary version (XAES-256-GCM, 24 random bytes; on a FIPS engine AES-256-GCM). The store knows the
//! person by a tag: HMAC-SHA-256 of what the application calls the person, under a key of this store, cut to 16 bytes.
//! A process keeps the keys of the 1,024 persons last used, each for one lease.
//!
//! A person has one to eight keys. The last one is current: it seals, and all open. [`Subject::renew`](crate::Subject::renew)
//! makes another one current; the one before is then *retired*, or *compromised* if it is in wrong hands. What is under
//! older keys is [resealed](super::custody#renewing-persons), and when nothing is under them any more they are
//! [dropped](crate::Domain::drop_subject_keys), after ten minutes at the earliest, for as long may another process not have
//! looked: it seals under the key that it knows until its lease ends. Ids of keys that were dropped stay in the record, 64 of
//! one person's at most, so that a value under one is known for what it is.
//!
//! Shredding destroys all of a person's keys: it replaces the record by a mark that says that there were keys, and has the store erase what was replaced. The
//! mark stays: the same person is never given another key by accident. [`Erasure`](crate::Erasure) says whether the bytes
//! are gone from the store's medium; backups, snapshots and the blocks of a solid-state drive are out of its reach.
//! Shredding is final when those have expired, or the versions of the domain's key that wrapped the person's are destroyed, and the
//! versions of the KEKs that wrapped those.
//!
//! A person's key stays under the version of the domain's key that it was made under until
//! [`Domain::rewrap_subjects`](crate::Domain::rewrap_subjects) moves all keys of all persons to the primary. A version that
//! still wraps a person's key is not destroyed: the key store refuses.
//!
//! A rewrap takes nothing back. Whoever had a version of the domain's key, and a copy of the key store from a day when it
//! wrapped a person's key, has that key, whatever wraps it now. So the record says of each key which versions have *ever*
//! wrapped it ([`VersionSet`](crate::VersionSet): ranges, at most eight; one more, and the two closest become one with what is
//! between them, so that it may name a version too many and never one too few). A key is exposed when one of those is
//! compromised. It then opens and seals nothing until the person is renewed, and a new key was never wrapped by anything but
//! the primary. Once a compromised version is destroyed, its state does not say any more that it was compromised: the key
//! store does not destroy one while somebody's current key was ever wrapped by it.
//!
//! # Memory
//!
//! A secret is 32 bytes in a slot of a 4 KiB page that is locked and left out of core dumps, filled in place, zeroed on
//! drop, never cloned, printed or compared with `==`. [`memory_is_locked`](crate::memory_is_locked) says whether that
//! holds. Plaintext comes out as [`Phi`](crate::Phi), which wipes itself; a failed open leaves zeros in the caller's
//! buffer, never plaintext that did not verify.
