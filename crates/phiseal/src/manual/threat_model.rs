//! What is promised, against whom, and what is not.
//!
//! # What is not promised
//!
//! * **Protection from code in the same process.** Whoever runs code in the process that opens records can open records,
//!   and can read the keys.
//! * **Notice of a cell that was put back.** An older value of the same cell, sealed under the same context, opens: it is
//!   authentic. It is refused only when the context has a row version
//!   ([howto](super::howto#noticing-that-a-cell-was-put-back)). That a row was deleted is not noticed at all.
//! * **Hiding which values belong together.** The suite, the key's id, the epoch and the count stand in clear at the
//!   beginning of every field. Whoever has the data sees which values were sealed under one key, by one process within an
//!   hour, and often in which order; of values under a subject key, that they are one person's.
//! * **Hiding length.** A field is 57 bytes longer than what is in it, unless it is [padded](super::howto#hiding-length).
//! * **Notice of a key store that was put back.** A running process refuses a record older than the newest that it has
//!   seen itself. A process that was started afterwards has seen nothing: it takes the whole store, or a single record of
//!   it, put back to an older state, for what it is now. A compromised version may then be active and a shredded person's
//!   wrapped key be there again. Keep the store's history where those who could put it back cannot write.
//! * **Protection of plaintext that the application copies.** [`Phi`](crate::Phi) wipes what it holds. The string that
//!   the application formats out of it, the row it sends, the page it renders are the application's.
//! * **Expanded keys in locked pages.** Keys are held in locked memory. The AES key schedules that an engine expands from
//!   them are in memory that it allocates itself; they are wiped when they are freed, but they may be swapped out and are
//!   in a core dump. So are plaintexts, and for the moment that it takes, the keys that wrap and unwrap.
//! * **Secrecy from a KEK's keeper.** Whoever can use the KEK and read the key store can unwrap every data key.
//! * **Hiding the names of domains.** They stand in clear in the key store, with the number of persons who have keys,
//!   the times keys were made and how often they were used. Name domains after systems, never after persons.
//! * **Availability.** Whoever can write data or keys can destroy them.
//! * **Compliance.** The library supplies safeguards and evidence of what they do; an organisation complies.
//!
//! What follows goes from boundary to boundary: what somebody has, what that gives, what keeps the rest.
//!
//! # A stolen database, or its administrator as a reader
//!
//! Has: sealed fields, all of them, for ever. Gets: lengths, and the clear header described above. Equal values do not
//! look equal. There is nothing to search for by trial: a data key is 256 random bits, and opening under any other fails.
//!
//! A backup is a stolen database that has not been stolen yet. Data sealed under a key that was destroyed later can be
//! opened from a backup that has the wrapped key of that time, by whoever still has the KEK version that wrapped it.
//!
//! # The same, with tokens and indexes in it
//!
//! Gets, beside the above: which rows have equal tokens or entries in columns of one name, and how often each occurs; of tokens
//! that open and of format-preserving ones, the length, and what was kept. Knowing how often values occur among people, that tells
//! frequent ones, and of columns together it can single persons out: each kind says so in its first lines, columns of few values
//! are refused, and [counting](super::tokens#what-equal-tokens-give-away) shows how bad it is. Without the keys no token opens and
//! no guess can be tried.
//!
//! Whoever may *ask* for tokens or searches can try guesses one by one. A [policy](super::reveals) says who may, writes it down, and
//! raises an alert when it is many.
//!
//! # Somebody who can write the data
//!
//! Has: everything above, and can put any bytes in any cell. Can delete, and can put back an older value of the same
//! cell. Cannot make a value that opens, change one, or move one to where the context differs: every bit of the header,
//! the context and the plaintext is authenticated (SP 800-38D), and the context is not stored, it is what the reader says
//! that it expects. All failures are one error, [`ErrorKind::Unauthenticated`](crate::ErrorKind::Unauthenticated).
//!
//! A token is bound to its column and to no row, as rows are joined by it: it can be moved to another row. A format-preserving
//! one has no room for a tag: changed, it reveals another value.
//!
//! The binding is as fine as the context. With `context!(field = "ssn")` alone, one patient's number still opens in
//! another patient's row: name the record, and the tenant where there are several.
//!
//! A value that opens under two keys, to two plaintexts, which bare AES-GCM allows, is refused: the id in the header is
//! derived from the key and compared in full whenever a key is unwrapped, and a keyset holds no two keys whose ids begin
//! with the same 16 bytes. To defeat that takes about 2^128 work within one keyset, and 2^64 for somebody who chooses both
//! keys of two keysets. A field commits to its key, not to its context.
//!
//! Bytes made to do harm cost little: lengths are checked against what is there, the key's id is looked up among the keys
//! of the handle, and only then is anything computed. An unknown id causes at most one look at the key store a second,
//! and the KEK is not asked to unwrap anything for it unless a custodian's new key has really appeared there.
//!
//! # Somebody who can write the key store
//!
//! Can make it unavailable. Cannot make it lie about what a process has seen: each record carries HMAC-SHA-256 under a key
//! that the KEK guards, over its kind, id, revision and bytes. A changed state, a primary moved back, a domain's record
//! under another domain's name, a foreign wrapped key: [`ErrorKind::Tampered`](crate::ErrorKind::Tampered) or
//! [`ErrorKind::Unauthenticated`](crate::ErrorKind::Unauthenticated). A wrapped key that opens to another key than the
//! recorded one is refused as well.
//!
//! What is left to them, and what to do about it:
//!
//! * Put older records back, for processes that start later (see above).
//! * Delete a record that a new process has never seen. It then looks as if it had never been made, and a handle that
//!   makes what is missing makes a *new* domain, or a new key for the person. Old data does not open under it, but new
//!   data is sealed apart from the old. Open production stores with
//!   [`Builder::existing`](crate::Builder::existing), so that a missing store or domain is an error.
//! * Replace the whole store by one of their own making, if they may also use the KEK. Pin the store's key
//!   ([`Builder::store_key`](crate::Builder::store_key)); any other store is then refused.
//! * Set the count of a key's uses back. Nonces do not depend on that count.
//!
//! # A stolen key file
//!
//! The key file of [`local`](crate::backends::local) is the KEK. Without a passphrase, whoever reads it and the key store
//! can open the data. It is refused unless only its owner can reach it, which protects against other users of the
//! machine, not against its backups or its administrator.
//!
//! With a passphrase the file holds keys encrypted under Argon2id's output (RFC 9106; 64 MiB and three passes by
//! default). A thief has to guess the passphrase, at that price for each guess, without anybody noticing. The passphrase
//! must not be where the file is. A KEK from an environment variable is as safe as the environment: its user's processes,
//! its children and many crash reporters can read it.
//!
//! Changes to a file without a passphrase are not noticed when whoever made them can also read it, because the key of its
//! MAC is in it.
//!
//! # A stolen laptop, a core dump, a swap file
//!
//! Keys are kept 32 bytes at a time in pages that are locked against swapping (`mlock(2)`) and left out of core dumps
//! (`MADV_DONTDUMP`), and are zeroed when they are dropped. That is so on Linux; elsewhere they are in ordinary memory.
//! Where locking is not allowed, there is one warning in the log;
//! [`Builder::strict`](crate::Builder::strict) or [`require_locked_memory`](crate::require_locked_memory) makes it an
//! error. What is outside those pages is listed in the first section.
//!
//! Three things defeat this. Hibernation writes all memory to disk, locked or not. A child made by `fork(2)` inherits the
//! keys but not the locks. And a key whose time is over is refused, but stays in memory until the domain has loaded its
//! keys anew and the last cipher that holds it is dropped. Encrypt the disks of machines that open records, hibernation
//! included.
//!
//! # A key service's operator, and its logs
//!
//! A backend that calls a service sends it data keys to wrap and wrapped keys to unwrap: the operator can learn data keys,
//! and with the key store and the data can open records. It never sees a record. What a wrap is bound to is an
//! [`EncryptionContext`](crate::EncryptionContext): random ids and a version number, no word that a person wrote. It is
//! another type than [`Context`](crate::Context), with no way from one to the other, so no patient's number reaches an
//! audit trail that way.
//!
//! An answer is not believed either: the KEK and version that the service says it used must be those asked for, and the
//! key that comes out must have the id that was recorded. A wrapped key that names another KEK is refused before any
//! call.
//!
//! # Another tenant
//!
//! Tenants in one domain share a key. A tenant in the context keeps their values from being exchanged, but a process that
//! opens for one can open for the other. Where that is too little, give each tenant a domain: a handle opens only under
//! keys of its own domain, and every context holds the domain's random id.
//!
//! # A process that sleeps through a rotation
//!
//! A handle seals for ten minutes after its last look at the key store (the *lease*), by a clock that counts time asleep,
//! and reads it at most 10 ms late. After that it seals nothing until it has looked. So at most one lease after a version
//! was deactivated, no process seals under it. It still opens. A KEK that was disabled is noticed when the KEK is asked
//! again, after an hour at the latest by default. If the KEK cannot be reached at that hour, opening
//! ends then (or after `outage_window`, which is zero by default), and sealing at the end of its lease.
//!
//! A person's key that was shredded opens nothing more in the process that shredded it, at once, and in others when their
//! lease is over. A person's key that was [renewed](super::custody#renewing-persons) seals nothing more in the process that
//! renewed it, at once, and in others when their lease is over; it still opens.
//!
//! # A machine that is snapshotted
//!
//! A virtual machine that is resumed twice from one snapshot has two processes that both go on with the same block of
//! nonces: up to 255 messages per thread and key are then sealed under a nonce twice. For AES-GCM that gives both
//! plaintexts' difference and the authentication key of that epoch away. Where machines are snapshotted while they run,
//! open with [`Builder::strict`](crate::Builder::strict), which draws every nonce from the operating system, and make sure
//! that the system's generator is reseeded at resumption. A forked child is not concerned: it never continues its
//! parent's block.
//!
//! # The same process
//!
//! No promise. What helps a little: keys and plaintexts have no `Display`, no `Serialize` and a `Debug` that shows nothing
//! of them; error messages are fixed sentences; a cipher handed out earlier ends at once when its keys are revoked. This
//! is against accidents, not against attackers.
