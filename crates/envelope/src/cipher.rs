use crate::bound::BoundContext;
use crate::column_keys::{ColumnKeys, ColumnSecrets};
use crate::deadline::Deadline;
use crate::guard::{ColumnGuard, Guard, no_mask};
use crate::missing::Missing;
use crate::opening::OpeningKey;
use crate::padding::{pad, padded_len, unpadded_len};
use crate::phi::{Phi, Plaintext};
use crate::reveal::RevealForm;
use crate::sealed::Sealed;
use crate::sealing::{SealingKey, aad_prefix, too_long};
use phiseal_format::{
    Context, DomainId, FIELD_AAD_PREFIX, FIELD_HEADER, FIELD_OVERHEAD, FieldEnvelope, KeyId,
    MAX_FIELD_PLAINTEXT, SubjectTag, Suite, TAG_LEN,
};
use phiseal_keys::{Error, ErrorKind};
use std::sync::Arc;
use zeroize::Zeroize;

/// Seals and opens fields of one domain, or of one person, under keys that are at hand now.
///
/// It does no I/O and waits for nothing. It works for as long as its keys may be used without a look at the key store
/// (the lease, by default ten minutes, for sealing; the key's time for opening); then every call fails with
/// [`ErrorKind::Stale`] until [`Domain::ready`](crate::Domain::ready) has looked. That also revives ciphers that were
/// handed out before, but not for good: after an outage that outlasted a key's time, or once a key was replaced or
/// revoked, they stay `Stale`, so use the cipher that `ready` returns. One may be shared by any number of threads.
///
/// | | makes | into |
/// |---|---|---|
/// | [`seal`](Self::seal), [`open`](Self::open) | a value | memory of its own |
/// | [`seal_into`](Self::seal_into), [`open_into`](Self::open_into) | bytes | the caller's buffer, nothing allocated |
/// | [`seal_in_place`](Self::seal_in_place), [`open_in_place`](Self::open_in_place) | bytes | where the plaintext lies, nothing copied |
#[derive(Debug)]
pub struct FieldCipher {
    domain: DomainId,
    sealing: Result<Arc<SealingKey>, Error>,
    opening: Vec<Arc<OpeningKey>>,
    missing: Vec<Missing>,
    /// Until when it is known that there is no other key.
    known: Arc<Deadline>,
    reading: Option<Reading>,
}

/// What stands before a cipher's openings.
#[derive(Debug)]
struct Reading {
    guard: Arc<Guard>,
    /// Whose keys these are, where they are not the domain's.
    person: Option<SubjectTag>,
    /// The cipher without it, which is to live as long: what ends the use of its keys looks for it.
    bare: Arc<FieldCipher>,
}

impl FieldCipher {
    /// `missing`: keys of this domain that could not be had, and why; `known`: until when that is known.
    pub(crate) fn new(
        domain: DomainId,
        sealing: Result<Arc<SealingKey>, Error>,
        opening: Vec<Arc<OpeningKey>>,
        missing: Vec<Missing>,
        known: Deadline,
    ) -> Self {
        Self { domain, sealing, opening, missing, known: Arc::new(known), reading: None }
    }

    /// The same keys with a guard before what they open.
    pub(crate) fn guarded(
        bare: &Arc<Self>,
        guard: &Arc<Guard>,
        person: Option<SubjectTag>,
    ) -> Self {
        Self {
            domain: bare.domain,
            sealing: bare.sealing.clone(),
            opening: bare.opening.clone(),
            missing: bare.missing.clone(),
            known: bare.known.clone(),
            reading: Some(Reading { guard: guard.clone(), person, bare: bare.clone() }),
        }
    }

    /// Whether both are the same cipher, but for whatever judges what they open.
    #[must_use]
    pub fn has_keys_of(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        Arc::ptr_eq(self.bare(), other.bare())
    }

    fn bare(self: &Arc<Self>) -> &Arc<Self> {
        self.reading.as_ref().map_or(self, |reading| &reading.bare)
    }

    /// How many bytes an envelope has over its plaintext, not counting padding.
    pub const OVERHEAD: usize = FIELD_OVERHEAD;

    /// The bytes before the plaintext in a buffer for [`FieldCipher::seal_in_place`].
    pub const HEADROOM: usize = FIELD_HEADER;

    /// The bytes after the plaintext in a buffer for [`FieldCipher::seal_in_place`].
    pub const TAILROOM: usize = TAG_LEN;

    /// Encodes a context for this domain, once for many fields.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] when a component is empty of meaning: too long, given twice, or of a reserved tag.
    pub fn bind(&self, context: &Context) -> Result<BoundContext, Error> {
        BoundContext::new(context, self.domain, self.prefix(), Vec::new())
    }

    /// As [`FieldCipher::bind`], in the memory of one that is not needed any more.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::bind`].
    pub fn bind_again(
        &self,
        context: &Context,
        spent: BoundContext,
    ) -> Result<BoundContext, Error> {
        BoundContext::new(context, self.domain, self.prefix(), spent.into_memory())
    }

    /// Seals `plaintext` as what `context` says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] over 16 MiB; [`ErrorKind::Malformed`] for a context that cannot be encoded;
    /// [`ErrorKind::Stale`] when the lease is over; [`ErrorKind::State`] when the primary key may not seal.
    pub fn seal(&self, plaintext: impl AsRef<[u8]>, context: &Context) -> Result<Sealed, Error> {
        self.seal_bound(plaintext.as_ref(), &self.bind(context)?)
    }

    /// As [`FieldCipher::seal`], with a context that is encoded already.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::seal`], and [`ErrorKind::Invalid`] for a context of another domain.
    pub fn seal_bound(&self, plaintext: &[u8], context: &BoundContext) -> Result<Sealed, Error> {
        let mut out = vec![0; self.sealed_len(plaintext.len(), context)?];
        self.seal_into(plaintext, context, &mut out)?;
        Ok(Sealed::from_sealed(out))
    }

    /// How long the envelope of a plaintext of `length` bytes is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when it would be over 16 MiB and 57 bytes.
    pub fn sealed_len(&self, length: usize, context: &BoundContext) -> Result<usize, Error> {
        let length = match context.padding() {
            None => length,
            Some(class) => padded_len(length, class)?,
        };
        if length > MAX_FIELD_PLAINTEXT {
            return Err(too_long());
        }
        Ok(length + FIELD_OVERHEAD)
    }

    /// Seals `plaintext` into the first [`sealed_len`](Self::sealed_len) bytes of `out`, and returns how many those are.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::seal_bound`], and [`ErrorKind::Invalid`] when `out` is too short. `out` then holds no plaintext.
    #[inline]
    pub fn seal_into(
        &self,
        plaintext: &[u8],
        context: &BoundContext,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let length = self.sealed_len(plaintext.len(), context)?;
        let out = out.get_mut(..length).ok_or_else(too_short)?;
        if context.padding().is_none() {
            self.sealing_key(context)?.seal_into(context, plaintext, out)?;
        } else {
            let key = self.sealing_key(context)?;
            let (head, body, tail) = parts(out)?;
            body[..plaintext.len()].copy_from_slice(plaintext);
            pad(body, plaintext.len());
            key.seal_in_place(context, head, body, tail).inspect_err(|_| body.zeroize())?;
        }
        Ok(length)
    }

    /// Seals the middle of `buffer` where it lies: [`HEADROOM`](Self::HEADROOM) bytes, then the plaintext, then
    /// [`TAILROOM`](Self::TAILROOM) bytes. The whole of `buffer` is the envelope afterwards.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::seal_into`], and [`ErrorKind::Unsupported`] for a padded context. `buffer` is then as it was, so
    /// that the same call can be made again after [`ErrorKind::Stale`]; only when the engine fails in the middle
    /// ([`ErrorKind::Faulty`]) does it hold zeros where the plaintext was.
    #[inline]
    pub fn seal_in_place(&self, context: &BoundContext, buffer: &mut [u8]) -> Result<(), Error> {
        let key = self.sealing_key(context)?;
        if context.padding().is_some() {
            return Err(padded_in_place());
        }
        let (head, body, tail) = parts(buffer)?;
        key.seal_in_place(context, head, body, tail)
    }

    /// Opens what was sealed as what `context` says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Foreign`] for a key that is not of this domain (or person); [`ErrorKind::Unauthenticated`] when
    /// anything was changed or moved; [`ErrorKind::Invalid`] when the plaintext is no `T`; [`ErrorKind::Stale`];
    /// [`ErrorKind::Denied`] when the reader may not see the field, and why that it was seen could not be written down.
    pub fn open<T: Plaintext>(&self, sealed: &Sealed, context: &Context) -> Result<Phi<T>, Error> {
        self.open_bound(sealed.as_bytes(), &self.bind(context)?)
    }

    /// As [`FieldCipher::open`], of bytes and with a context that is encoded already.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::open`], [`ErrorKind::Malformed`] for bytes that are no envelope, and [`ErrorKind::Invalid`]
    /// for a context of another domain.
    pub fn open_bound<T: Plaintext>(
        &self,
        envelope: &[u8],
        context: &BoundContext,
    ) -> Result<Phi<T>, Error> {
        self.open_as(RevealForm::Full, envelope, context)
    }

    /// Opens a text and shows of it what the policy's mask leaves.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::open`]; [`ErrorKind::Invalid`] where there is no policy.
    pub fn open_masked(&self, sealed: &Sealed, context: &Context) -> Result<String, Error> {
        let context = self.bind(context)?;
        let mask = self.reading.as_ref().ok_or_else(no_mask)?.guard.mask(&context);
        let value: Phi<String> = self.open_as(RevealForm::Masked, sealed.as_bytes(), &context)?;
        Ok(value.masked(mask).to_string())
    }

    /// Opens `envelope` into the first bytes of `out`, and returns how many those are.
    ///
    /// `out` must have room for the envelope's length less 57 bytes, padding included.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::open_bound`], and [`ErrorKind::Invalid`] when `out` is too short. `out` then holds
    /// zeros, also where an earlier plaintext was.
    #[inline]
    pub fn open_into(
        &self,
        envelope: &[u8],
        context: &BoundContext,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let opened = FieldEnvelope::parse(envelope).map_err(Error::from).and_then(|parsed| {
            let out = out.get_mut(..parsed.ciphertext().len()).ok_or_else(too_short)?;
            let key = self.opening_key(&parsed.key_id(), context)?;
            self.judged(key, context, RevealForm::Full, || {
                key.open_into(context, &parsed, out)?;
                plain_len(context, out)
            })
        });
        opened.inspect_err(|_| out.zeroize())
    }

    /// Opens the envelope in `buffer` where it lies, and returns the part of `buffer` that now is the plaintext.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::open_bound`]. `buffer` is then as it was, so that the same call can be made again after
    /// [`ErrorKind::Stale`]; after [`ErrorKind::Unauthenticated`], for a padding that is none, and where a policy could not write
    /// down that it was opened, it holds zeros where the ciphertext was.
    #[inline]
    pub fn open_in_place<'a>(
        &self,
        context: &BoundContext,
        buffer: &'a mut [u8],
    ) -> Result<&'a mut [u8], Error> {
        let parsed = FieldEnvelope::parse(buffer)?;
        let key = self.opening_key(&parsed.key_id(), context)?.clone();
        let length = parsed.ciphertext().len();
        // Header and tag are copied out, so that the bytes between them can be changed.
        let mut frame = [0; FIELD_OVERHEAD];
        let (head, tail) = frame.split_at_mut(FIELD_HEADER);
        parsed.header().write(head.try_into().map_err(|_| too_short())?);
        tail.copy_from_slice(parsed.tag());
        let frame = FieldEnvelope::parse(&frame)?;
        let body = buffer.get_mut(FIELD_HEADER..FIELD_HEADER + length).ok_or_else(too_short)?;
        let mut is_open = false;
        let opened = self.judged(&key, context, RevealForm::Full, || {
            key.open_in_place(context, &frame, body, frame.tag())?;
            is_open = true;
            plain_len(context, body)
        });
        if opened.is_err() && is_open {
            body.zeroize();
        }
        body.get_mut(..opened?).ok_or_else(too_short)
    }

    /// Seals each `(plaintext, context)`, in order, and stops at the first that fails.
    ///
    /// # Errors
    ///
    /// As [`FieldCipher::seal`].
    pub fn seal_all<'a, P: AsRef<[u8]>>(
        &self,
        fields: impl IntoIterator<Item = (P, &'a Context)>,
    ) -> Result<Vec<Sealed>, Error> {
        fields.into_iter().map(|(plaintext, context)| self.seal(plaintext, context)).collect()
    }

    /// Opens each `(sealed, context)`, in order; one that fails does not stop the others.
    pub fn open_all<'a, T: Plaintext>(
        &self,
        fields: impl IntoIterator<Item = (&'a Sealed, &'a Context)>,
    ) -> Vec<Result<Phi<T>, Error>> {
        fields.into_iter().map(|(sealed, context)| self.open(sealed, context)).collect()
    }

    /// What `make` makes of the keys of one column of tokens, or of an index: once for each version that opens here.
    ///
    /// # Security
    ///
    /// `make` gets keys: whatever judges what is opened here does not judge what is done with them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] for a context that cannot be encoded; [`ErrorKind::Memory`]; and what `make` returns.
    pub fn column_keys<T>(
        &self,
        column: &Context,
        make: impl Fn(&ColumnSecrets<'_>) -> Result<T, Error>,
    ) -> Result<ColumnKeys<T>, Error> {
        let make = |key: &OpeningKey| make(&ColumnSecrets::new(key, column, self.domain));
        ColumnKeys::new(&self.sealing, &self.opening, &self.missing, &self.known, make)
    }

    /// What judges what is revealed of a column here.
    #[must_use]
    pub fn column_guard(&self, column: &Context) -> ColumnGuard {
        let reading = self.reading.as_ref().map(|reading| (&reading.guard, reading.person));
        ColumnGuard::new(reading, column, self.domain)
    }

    /// The domain that contexts are encoded for.
    pub(crate) const fn domain(&self) -> DomainId {
        self.domain
    }

    /// Whether a policy stands before what is opened here.
    pub(crate) const fn is_judged(&self) -> bool {
        self.reading.is_some()
    }

    /// Until when it is known that there is no other key.
    pub(crate) fn known(&self) -> &Deadline {
        &self.known
    }

    /// The id of the key that new fields are sealed under, if they can be.
    #[must_use]
    pub fn sealing_key_id(&self) -> Option<KeyId> {
        self.sealing.as_ref().ok().map(|key| key.key_id())
    }

    /// The ids of the keys that open fields here.
    pub fn opening_key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.opening.iter().map(|key| key.key_id())
    }

    pub(crate) fn sealing_key_or_why(&self) -> Result<&Arc<SealingKey>, Error> {
        self.sealing.as_ref().map_err(Clone::clone)
    }

    pub(crate) fn sealing(&self) -> Option<&Arc<SealingKey>> {
        self.sealing.as_ref().ok()
    }

    /// The key of this id that opens here.
    #[inline]
    pub(crate) fn opener(&self, id: &KeyId) -> Option<&Arc<OpeningKey>> {
        self.opening.iter().find(|key| key.key_id() == *id)
    }

    pub(crate) fn opening(&self) -> &[Arc<OpeningKey>] {
        &self.opening
    }

    /// Ends the use of every key here at once, in every cipher that shares it.
    pub(crate) fn revoke(&self) {
        self.opening.iter().for_each(|key| key.deadline().revoke());
        self.end_sealing();
    }

    /// As [`FieldCipher::revoke`], but for the keys that `kept` has too.
    pub(crate) fn revoke_but(&self, kept: Option<&Self>) {
        let opens =
            |key| kept.is_some_and(|kept| kept.opening.iter().any(|it| Arc::ptr_eq(it, key)));
        self.opening.iter().filter(|key| !opens(*key)).for_each(|key| key.deadline().revoke());
        let seals = |key| kept.and_then(Self::sealing).is_some_and(|it| Arc::ptr_eq(it, key));
        self.sealing.iter().filter(|key| !seals(*key)).for_each(|key| key.deadline().revoke());
    }

    /// `newer` is of the same person, whose current key is `current`: what is not current seals no longer here, and what does
    /// not open there opens no longer here.
    pub(crate) fn follow(&self, newer: &Self, current: KeyId) {
        if self.sealing_key_id().is_some_and(|id| id != current) {
            self.end_sealing();
        }
        let gone = self.opening.iter().filter(|key| newer.opener(&key.key_id()).is_none());
        gone.for_each(|key| key.deadline().revoke());
    }

    /// Ends sealing here at once.
    pub(crate) fn end_sealing(&self) {
        self.sealing.iter().for_each(|key| key.deadline().revoke());
    }

    #[inline]
    fn sealing_key(&self, context: &BoundContext) -> Result<&SealingKey, Error> {
        match &self.sealing {
            _ if context.domain() != self.domain => Err(other_domain()),
            Ok(key) => Ok(key),
            Err(error) => Err(error.clone()),
        }
    }

    fn open_as<T: Plaintext>(
        &self,
        form: RevealForm,
        envelope: &[u8],
        context: &BoundContext,
    ) -> Result<Phi<T>, Error> {
        let parsed = FieldEnvelope::parse(envelope)?;
        let key = self.opening_key(&parsed.key_id(), context)?;
        self.judged(key, context, form, || {
            let mut out = vec![0; parsed.ciphertext().len()];
            key.open_into(context, &parsed, &mut out)?;
            let length = plain_len(context, &mut out)?;
            out.truncate(length);
            Ok(Phi::from(T::from_plaintext(out)?))
        })
    }

    /// Opens with `key`, which is at hand, if nothing stands before it or that lets the reader through.
    #[inline]
    fn judged<T>(
        &self,
        key: &OpeningKey,
        context: &BoundContext,
        form: RevealForm,
        open: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        match &self.reading {
            None => open(),
            Some(reading) => {
                key.deadline().check()?;
                reading.guard.open(context, reading.person, form, open)
            }
        }
    }

    /// What authenticated data begins with for the key that seals now, or the newest one that opens.
    fn prefix(&self) -> [u8; FIELD_AAD_PREFIX] {
        match (&self.sealing, self.opening.last()) {
            (Ok(key), _) => key.prefix(),
            (Err(_), Some(key)) => aad_prefix(Suite::Xaes256Gcm, key.key_id()),
            (Err(_), None) => [0; FIELD_AAD_PREFIX],
        }
    }

    /// The key of this id, looked for before anything else is done: only keys of this domain, or person, are here.
    #[inline]
    fn opening_key(&self, id: &KeyId, context: &BoundContext) -> Result<&Arc<OpeningKey>, Error> {
        if context.domain() != self.domain {
            return Err(other_domain());
        }
        self.opening_key_of(id)
    }

    #[inline]
    pub(crate) fn opening_key_of(&self, id: &KeyId) -> Result<&Arc<OpeningKey>, Error> {
        self.opener(id).ok_or_else(|| Missing::why(&self.missing, id))
    }
}

#[inline]
fn plain_len(context: &BoundContext, plaintext: &mut [u8]) -> Result<usize, Error> {
    match context.padding() {
        None => Ok(plaintext.len()),
        Some(class) => unpadded_len(plaintext, class).inspect_err(|_| plaintext.zeroize()),
    }
}

type Parts<'a> = (&'a mut [u8; FIELD_HEADER], &'a mut [u8], &'a mut [u8; TAG_LEN]);

/// What an envelope's buffer is made of: header, ciphertext, tag.
#[inline]
fn parts(buffer: &mut [u8]) -> Result<Parts<'_>, Error> {
    let (head, rest) = buffer.split_first_chunk_mut().ok_or_else(too_short)?;
    let (body, tail) = rest.split_last_chunk_mut().ok_or_else(too_short)?;
    Ok((head, body, tail))
}

#[cold]
fn padded_in_place() -> Error {
    Error::new(ErrorKind::Unsupported, "a padded field cannot be sealed where it lies")
}

#[cold]
fn too_short() -> Error {
    Error::new(ErrorKind::Invalid, "the buffer is too short")
}

#[cold]
fn other_domain() -> Error {
    Error::new(ErrorKind::Invalid, "the context was encoded for another domain")
}

#[cold]
pub(crate) fn foreign() -> Error {
    Error::new(ErrorKind::Foreign, "the field is sealed under a key that is not open here")
}
