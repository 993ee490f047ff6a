//! The same handles for programs without an async runtime.
//!
//! Every call that would wait blocks the thread instead. Do not use it inside an async runtime: wait there.
//!
//! ```
//! # fn main() -> Result<(), phiseal::Error> {
//! use phiseal::backends::memory::MemoryKek;
//! use phiseal::blocking::Phiseal;
//! use phiseal::stores::MemoryStore;
//! use phiseal::{Phi, context};
//!
//! let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
//! let patients = phi.domain("clinic/patients")?;
//!
//! let what = context!(record = "mrn-1029", field = "ssn");
//! let ssn = patients.seal("123-45-6789", &what)?;
//! let plain: Phi<String> = patients.open(&ssn, &what)?;
//! assert_eq!(plain.expose_secret(), "123-45-6789");
//! # Ok(())
//! # }
//! ```

use crate::{
    Column, Context, Error, FieldCipher, FullKeyId, KekBackend, KeyStore, Keyset, Phi, Plaintext,
    Reader, Renewal, Rewrapped, Rows, Sealed, Store, SubjectRecord, SubjectsRenewed,
    SubjectsRewrapped, Values,
};
use phiseal_keys::Erasure;
use pollster::block_on;
use std::sync::Arc;

/// Waits until a future is done: for handles that have no blocking form, such as columns of tokens.
///
/// ```
/// # fn main() -> Result<(), phiseal::Error> {
/// use phiseal::backends::memory::MemoryKek;
/// use phiseal::blocking::{Phiseal, wait};
/// use phiseal::stores::MemoryStore;
///
/// let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
/// let keyset = wait(phi.domain("clinic/patients")?.as_async().keyset())?;
/// # drop(keyset);
/// # Ok(())
/// # }
/// ```
pub fn wait<F: Future>(future: F) -> F::Output {
    block_on(future)
}

/// A key store and the KEK that guards it; see [`crate::Phiseal`].
#[derive(Clone, Debug)]
pub struct Phiseal(crate::Phiseal);

impl Phiseal {
    /// As [`crate::Phiseal::open`].
    ///
    /// # Errors
    ///
    /// As [`crate::Phiseal::open`].
    pub fn open(store: impl Store, kek: impl KekBackend) -> Result<Self, Error> {
        block_on(crate::Phiseal::open(store, kek)).map(Self)
    }

    /// As [`crate::Builder::open`].
    ///
    /// # Errors
    ///
    /// As [`crate::Builder::open`].
    pub fn open_with(
        builder: crate::Builder,
        store: impl Store,
        kek: impl KekBackend,
    ) -> Result<Self, Error> {
        block_on(builder.open(store, kek)).map(Self)
    }

    /// As [`crate::Phiseal::domain`].
    ///
    /// # Errors
    ///
    /// As [`crate::Phiseal::domain`].
    pub fn domain(&self, name: &str) -> Result<Domain, Error> {
        block_on(self.0.domain(name)).map(Domain)
    }

    /// As [`crate::Phiseal::domains`].
    ///
    /// # Errors
    ///
    /// As [`crate::Phiseal::domains`].
    pub fn domains(&self) -> Result<Vec<String>, Error> {
        block_on(self.0.domains())
    }

    /// As [`crate::Phiseal::key_store`].
    #[must_use]
    pub fn key_store(&self) -> &Arc<KeyStore> {
        self.0.key_store()
    }
}

/// A named scope of data with keys of its own; see [`crate::Domain`].
#[derive(Clone, Debug)]
pub struct Domain(crate::Domain);

impl Domain {
    /// The same handle for futures, which [`wait`] waits for: what columns of tokens are made of.
    #[must_use]
    pub const fn as_async(&self) -> &crate::Domain {
        &self.0
    }

    /// As [`crate::Domain::ready`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::ready`].
    pub fn ready(&self) -> Result<Arc<FieldCipher>, Error> {
        block_on(self.0.ready())
    }

    /// As [`crate::Domain::refresh`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::refresh`].
    pub fn refresh(&self) -> Result<(), Error> {
        block_on(self.0.refresh())
    }

    /// As [`crate::Domain::seal`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::seal`].
    pub fn seal(&self, plaintext: impl AsRef<[u8]>, context: &Context) -> Result<Sealed, Error> {
        block_on(self.0.seal(plaintext, context))
    }

    /// As [`crate::Domain::open`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::open`].
    pub fn open<T: Plaintext>(&self, sealed: &Sealed, context: &Context) -> Result<Phi<T>, Error> {
        block_on(self.0.open(sealed, context))
    }

    /// As [`crate::Domain::open_masked`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::open_masked`].
    pub fn open_masked(&self, sealed: &Sealed, context: &Context) -> Result<String, Error> {
        block_on(self.0.open_masked(sealed, context))
    }

    /// As [`crate::Domain::seal_column`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::seal_column`].
    pub fn seal_column(
        &self,
        values: &(impl Values + ?Sized),
        context: &Context,
        rows: &Rows<'_>,
    ) -> Result<Column, Error> {
        block_on(self.0.seal_column(values, context, rows))
    }

    /// As [`crate::Domain::seal_column_into`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::seal_column_into`].
    pub fn seal_column_into(
        &self,
        values: &(impl Values + ?Sized),
        context: &Context,
        rows: &Rows<'_>,
        sealed: &mut Column,
    ) -> Result<(), Error> {
        block_on(self.0.seal_column_into(values, context, rows, sealed))
    }

    /// As [`crate::Domain::open_column`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::open_column`].
    pub fn open_column(
        &self,
        sealed: &(impl Values + ?Sized),
        context: &Context,
        rows: &Rows<'_>,
    ) -> Result<Phi<Column>, Error> {
        block_on(self.0.open_column(sealed, context, rows))
    }

    /// As [`crate::Domain::read_by`].
    #[must_use]
    pub fn read_by(&self, reader: Reader) -> Self {
        Self(self.0.read_by(reader))
    }

    /// As [`crate::Domain::subject`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::subject`].
    pub fn subject(&self, subject: &str) -> Result<Subject, Error> {
        block_on(self.0.subject(subject)).map(Subject)
    }

    /// As [`crate::Domain::subject_or_create`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::subject_or_create`].
    pub fn subject_or_create(&self, subject: &str) -> Result<Subject, Error> {
        block_on(self.0.subject_or_create(subject)).map(Subject)
    }

    /// As [`crate::Domain::shred_subject`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::shred_subject`].
    pub fn shred_subject(&self, subject: &str) -> Result<Erasure, Error> {
        block_on(self.0.shred_subject(subject))
    }

    /// As [`crate::Domain::shred_subjects`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::shred_subjects`].
    pub fn shred_subjects<'a>(
        &self,
        subjects: impl IntoIterator<Item = &'a str>,
    ) -> Result<Erasure, Error> {
        block_on(self.0.shred_subjects(subjects))
    }

    /// As [`crate::Domain::renew_subject`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::renew_subject`].
    pub fn renew_subject(&self, subject: &str, why: Renewal) -> Result<(), Error> {
        block_on(self.0.renew_subject(subject, why))
    }

    /// As [`crate::Domain::renew_subjects`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::renew_subjects`].
    pub fn renew_subjects(&self, versions: &[u32], why: Renewal) -> Result<SubjectsRenewed, Error> {
        block_on(self.0.renew_subjects(versions, why))
    }

    /// As [`crate::Domain::drop_subject_keys`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::drop_subject_keys`].
    pub fn drop_subject_keys(&self, subject: &str, ids: &[FullKeyId]) -> Result<Erasure, Error> {
        block_on(self.0.drop_subject_keys(subject, ids))
    }

    /// As [`crate::Domain::subject_record`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::subject_record`].
    pub fn subject_record(&self, subject: &str) -> Result<Option<SubjectRecord>, Error> {
        block_on(self.0.subject_record(subject))
    }

    /// As [`crate::Domain::rewrap_subjects`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::rewrap_subjects`].
    pub fn rewrap_subjects(&self) -> Result<SubjectsRewrapped, Error> {
        block_on(self.0.rewrap_subjects())
    }

    /// As [`crate::Domain::rewrap`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::rewrap`].
    pub fn rewrap(&self) -> Result<Rewrapped, Error> {
        block_on(self.0.rewrap())
    }

    /// As [`crate::Domain::rotate`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::rotate`].
    pub fn rotate(&self) -> Result<Keyset, Error> {
        block_on(self.0.rotate())
    }

    /// As [`crate::Domain::keyset`].
    ///
    /// # Errors
    ///
    /// As [`crate::Domain::keyset`].
    pub fn keyset(&self) -> Result<Keyset, Error> {
        block_on(self.0.keyset())
    }
}

/// One person's key in a domain; see [`crate::Subject`].
#[derive(Clone, Debug)]
pub struct Subject(crate::Subject);

impl Subject {
    /// The same handle for futures, which [`wait`] waits for.
    #[must_use]
    pub const fn as_async(&self) -> &crate::Subject {
        &self.0
    }

    /// As [`crate::Subject::ready`].
    ///
    /// # Errors
    ///
    /// As [`crate::Subject::ready`].
    pub fn ready(&self) -> Result<Arc<FieldCipher>, Error> {
        block_on(self.0.ready())
    }

    /// As [`crate::Subject::seal`].
    ///
    /// # Errors
    ///
    /// As [`crate::Subject::seal`].
    pub fn seal(&self, plaintext: impl AsRef<[u8]>, context: &Context) -> Result<Sealed, Error> {
        block_on(self.0.seal(plaintext, context))
    }

    /// As [`crate::Subject::open`].
    ///
    /// # Errors
    ///
    /// As [`crate::Subject::open`].
    pub fn open<T: Plaintext>(&self, sealed: &Sealed, context: &Context) -> Result<Phi<T>, Error> {
        block_on(self.0.open(sealed, context))
    }

    /// As [`crate::Subject::open_masked`].
    ///
    /// # Errors
    ///
    /// As [`crate::Subject::open_masked`].
    pub fn open_masked(&self, sealed: &Sealed, context: &Context) -> Result<String, Error> {
        block_on(self.0.open_masked(sealed, context))
    }

    /// As [`crate::Subject::renew`].
    ///
    /// # Errors
    ///
    /// As [`crate::Subject::renew`].
    pub fn renew(&self, why: Renewal) -> Result<(), Error> {
        block_on(self.0.renew(why))
    }

    /// As [`crate::Subject::refresh`].
    ///
    /// # Errors
    ///
    /// As [`crate::Subject::refresh`].
    pub fn refresh(&self) -> Result<(), Error> {
        block_on(self.0.refresh())
    }
}
