//! Who reads through a handle, and what judges it.

use crate::bound::BoundContext;
use crate::cipher::FieldCipher;
use crate::mask::Mask;
use crate::reveal::{Reveal, RevealForm, RevealPolicy};
use arc_swap::ArcSwapOption;
use core::fmt;
use core::str;
use phiseal_format::{Context, DomainId, SubjectTag, tag};
use phiseal_keys::{Error, ErrorKind, KeyStore, Reader};
use std::sync::Arc;

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

    /// The same policy, judging another reader.
    pub(crate) fn of(&self, reader: Reader) -> Self {
        Self { reader: Some(reader), ..self.clone() }
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
        self.policy.reveal(&reveal, &mut || {
            opened = Some(open.take().ok_or_else(twice)?()?);
            Ok(())
        })?;
        opened.ok_or_else(twice)
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

/// What a domain's handle reads through: its guard, and the cipher that it was put before last.
#[derive(Debug)]
pub(crate) struct Guarded {
    guard: Arc<Guard>,
    last: ArcSwapOption<FieldCipher>,
}

impl Guarded {
    pub(crate) fn new(guard: Guard) -> Self {
        Self { guard: Arc::new(guard), last: ArcSwapOption::empty() }
    }

    pub(crate) const fn guard(&self) -> &Arc<Guard> {
        &self.guard
    }

    /// The cipher with the guard before it: the same for the same cipher, so that what is made of it can be kept.
    pub(crate) fn before(&self, cipher: &Arc<FieldCipher>) -> Arc<FieldCipher> {
        if let Some(last) = &*self.last.load()
            && last.is_guarded(cipher)
        {
            return last.clone();
        }
        let guarded = Arc::new(FieldCipher::guarded(cipher, &self.guard, None));
        self.last.store(Some(guarded.clone()));
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
