//! Who reads through a handle, and what judges it.

use crate::bound::BoundContext;
use crate::cipher::FieldCipher;
use crate::mask::Mask;
use crate::reveal::{Reveal, RevealForm, RevealPolicy};
use arc_swap::ArcSwap;
use core::fmt;
use core::str;
use phiseal_format::{Context, DomainId, SubjectTag, tag};
use phiseal_keys::{Error, ErrorKind, KeyStore, Reader};
use std::sync::{Arc, Weak};

/// A policy, and the reader that it judges.
#[derive(Clone)]
pub(crate) struct Guard {
    policy: Arc<dyn RevealPolicy>,
    reader: Option<Reader>,
    /// Makes pseudonyms.
    store: Arc<KeyStore>,
}

impl Guard {
    pub(crate) const fn new(
        policy: Arc<dyn RevealPolicy>,
        reader: Option<Reader>,
        store: Arc<KeyStore>,
    ) -> Self {
        Self { policy, reader, store }
    }

    /// Opens, if the reader may see what the context names, and hands over what was opened once that is written down.
    pub(crate) fn open<T>(
        &self,
        context: &BoundContext,
        person: Option<SubjectTag>,
        form: RevealForm,
        open: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let record = || {
            let record = context.value(tag::RECORD)?;
            Some(self.store.record_tag(context.domain(), context.value(tag::TENANT), record))
        };
        let subject = person.or_else(record);
        self.reveal(context.domain(), context.value(tag::FIELD), subject, form, open)
    }

    fn reveal<T>(
        &self,
        domain: DomainId,
        field: Option<&[u8]>,
        subject: Option<SubjectTag>,
        form: RevealForm,
        open: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let field = field.and_then(|field| str::from_utf8(field).ok());
        let reader = self.reader.as_ref();
        let reveal = Reveal { reader, domain, field, subject, form, count: 1 };
        let (mut open, mut opened) = (Some(open), None);
        let twice = || Error::new(ErrorKind::Faulty, "the policy opens twice, or not at all");
        let judged = self.policy.reveal(&reveal, &mut || match open.take() {
            Some(open) => {
                let outcome = open();
                let told = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
                opened = Some(outcome);
                told
            }
            None => Err(twice()),
        });
        match (judged, opened) {
            (Ok(()), Some(opened)) => opened,
            (Ok(()), None) => Err(twice()),
            (Err(_), Some(Err(error))) => Err(error),
            // What keeps a policy from writing down says nothing of keys: nobody is to look for others.
            (Err(error), _) if error.kind() != ErrorKind::Denied => Err(unrecorded(&error)),
            (Err(denied), _) => Err(denied),
        }
    }

    /// What the masked form of the context's field leaves.
    pub(crate) fn mask(&self, context: &BoundContext) -> Mask {
        self.mask_of(context.value(tag::FIELD))
    }

    fn mask_of(&self, field: Option<&[u8]>) -> Mask {
        let field = field.and_then(|field| str::from_utf8(field).ok());
        field.map_or(Mask::all(), |field| self.policy.mask(field))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guard({:?})", self.reader)
    }
}

/// What a domain's handle reads through: its guard, and the cipher that it was put before last, while that is in use.
#[derive(Debug)]
pub(crate) struct Guarded {
    guard: Arc<Guard>,
    last: ArcSwap<Weak<FieldCipher>>,
}

impl Guarded {
    pub(crate) fn new(guard: Guard) -> Self {
        Self { guard: Arc::new(guard), last: ArcSwap::default() }
    }

    pub(crate) const fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }

    /// The cipher with the guard before it.
    pub(crate) fn before(&self, cipher: &Arc<FieldCipher>) -> Arc<FieldCipher> {
        if let Some(last) = self.last.load().upgrade()
            && last.has_keys_of(cipher)
        {
            return last;
        }
        let guarded = Arc::new(FieldCipher::guarded(cipher, &self.guard, None));
        self.last.store(Arc::new(Arc::downgrade(&guarded)));
        guarded
    }
}

/// What judges the tokens of a column that are revealed, and the searches in it: nothing, where the domain's options have no policy.
#[derive(Clone, Debug)]
pub struct ColumnGuard(Option<Arc<OfColumn>>);

#[derive(Debug)]
struct OfColumn {
    guard: Arc<Guard>,
    column: Context,
    domain: DomainId,
    person: Option<SubjectTag>,
}

impl ColumnGuard {
    pub(crate) fn new(
        guard: Option<(&Arc<Guard>, Option<SubjectTag>)>,
        column: &Context,
        domain: DomainId,
    ) -> Self {
        Self(guard.map(|(guard, person)| {
            Arc::new(OfColumn { guard: guard.clone(), column: column.clone(), domain, person })
        }))
    }

    /// Does `open`, if the reader may have what it gives in this form, and hands that over once it is written down.
    ///
    /// What `open` gives is dropped when it cannot be: it is to wipe itself.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Denied`]; and as [`RevealPolicy::reveal`].
    #[inline]
    pub fn reveal<T>(
        &self,
        form: RevealForm,
        open: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        match &self.0 {
            None => open(),
            Some(of) => of.guard.reveal(of.domain, of.field(), of.person, form, open),
        }
    }

    /// Does `make`, whose outcome would tell somebody who chooses what goes in as much as a reveal in this form: judged for a
    /// reader who was named, and not on a handle that nobody was named for, because whoever writes needs no grant.
    ///
    /// # Errors
    ///
    /// As [`ColumnGuard::reveal`].
    #[inline]
    pub fn make<T>(
        &self,
        form: RevealForm,
        make: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        match &self.0 {
            Some(of) if of.guard.reader.is_some() => self.reveal(form, make),
            _ => make(),
        }
    }

    /// What the masked form leaves.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] where there is no policy that says it.
    pub fn mask(&self) -> Result<Mask, Error> {
        self.0.as_ref().map(|of| of.guard.mask_of(of.field())).ok_or_else(no_mask)
    }
}

impl OfColumn {
    fn field(&self) -> Option<&[u8]> {
        let mut components = self.column.components();
        Some(components.find(|component| component.tag() == tag::FIELD)?.value())
    }
}

pub(crate) fn no_mask() -> Error {
    Error::new(ErrorKind::Invalid, "there is no policy that says what a mask leaves of the field")
}

#[cold]
fn unrecorded(error: &Error) -> Error {
    let message = "what was asked for is not shown, because it could not be written down";
    Error::new(ErrorKind::Faulty, message).with_source(error.to_string())
}
