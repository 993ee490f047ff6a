//! A value that was opened, and the same value sealed anew.

use phiseal_envelope::{BoundContext, Domain, FieldCipher, Phi, Sealed, Subject};
use phiseal_format::{Context, FIELD_OVERHEAD, FieldEnvelope, KeyId};
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::constant_time;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// Whose keys a value is sealed under.
#[derive(Clone, Copy)]
pub(crate) enum Keys<'a> {
    /// The domain's.
    Domain(&'a Domain),
    /// One person's.
    Person(&'a Subject),
}

/// One value after the other, opened in the same memory, which is wiped before the next one and at the end.
#[derive(Default)]
pub(crate) struct Opened {
    plaintext: Plaintext,
    /// What was made of the last value, opened again.
    again: Plaintext,
    /// What opened the last value, whether or not that is still open.
    with: Option<With>,
    is_open: bool,
    sealed: Vec<u8>,
}

/// What a value was opened with.
struct With {
    cipher: Arc<FieldCipher>,
    context: Context,
    bound: BoundContext,
}

impl Keys<'_> {
    async fn seal(self, plaintext: &[u8], context: &Context) -> Result<Sealed, Error> {
        match self {
            Self::Domain(domain) => domain.seal(plaintext, context).await,
            Self::Person(person) => person.seal(plaintext, context).await,
        }
    }

    async fn open(self, envelope: &[u8], context: &Context) -> Result<Phi<Vec<u8>>, Error> {
        let sealed = Sealed::try_from(envelope)?;
        match self {
            Self::Domain(domain) => domain.open(&sealed, context).await,
            Self::Person(person) => {
                person.refresh().await?;
                person.open(&sealed, context).await
            }
        }
    }
}

impl Opened {
    /// Opens `envelope` as this by a cipher of these keys; whether it does.
    pub(crate) async fn open(
        &mut self,
        keys: Keys<'_>,
        cipher: &Arc<FieldCipher>,
        context: Context,
        envelope: &[u8],
    ) -> Result<bool, Error> {
        self.forget();
        // A context that cannot be encoded is none that anything was sealed as.
        let Ok(with) = With::new(self.with.take(), cipher, context) else { return Ok(false) };
        let with = self.with.insert(with);
        match self.plaintext.open(keys, with, envelope).await {
            Ok(()) => {
                self.is_open = true;
                Ok(true)
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::Malformed) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Seals what was opened last anew: under the key of this id, and so that it opens again as what it was.
    pub(crate) async fn seal(&mut self, keys: Keys<'_>, key: KeyId) -> Result<&[u8], Error> {
        let with = self.with.as_ref().filter(|_| self.is_open);
        let with = with.ok_or_else(|| faulty("no value was opened"))?;
        let plaintext = self.plaintext.bytes();
        self.sealed.resize(with.cipher.sealed_len(plaintext.len(), &with.bound)?, 0);
        match with.cipher.seal_into(plaintext, &with.bound, &mut self.sealed) {
            Err(error) if is_outdated(&error) => {
                self.sealed = Box::pin(keys.seal(plaintext, &with.context)).await?.into_bytes();
            }
            sealed => drop(sealed?),
        }
        if FieldEnvelope::parse(&self.sealed)?.key_id() != key {
            return Err(changed());
        }
        // What replaces the only copy of a value must be it.
        self.again.open(keys, with, &self.sealed).await?;
        let is_it = constant_time::equal(self.again.bytes(), plaintext);
        self.again.wipe();
        if is_it {
            Ok(&self.sealed)
        } else {
            Err(faulty("what was sealed anew opens as something else"))
        }
    }

    /// What was opened last.
    #[cfg(feature = "tokens")]
    pub(crate) fn plaintext(&self) -> &[u8] {
        self.plaintext.bytes()
    }

    /// Wipes the last plaintext.
    pub(crate) fn forget(&mut self) {
        self.is_open = false;
        self.plaintext.wipe();
    }
}

impl With {
    /// In the memory of the last one.
    fn new(last: Option<Self>, cipher: &Arc<FieldCipher>, context: Context) -> Result<Self, Error> {
        Ok(match last {
            Some(last) if Arc::ptr_eq(&last.cipher, cipher) => {
                let bound = cipher.bind_again(&context, last.bound)?;
                Self { context, bound, ..last }
            }
            _ => {
                let bound = cipher.bind(&context)?;
                Self { cipher: Arc::clone(cipher), context, bound }
            }
        })
    }
}

/// Memory that is larger is not kept, in bytes.
const LARGE: usize = 1 << 16;

/// Plaintext in the first bytes of memory that is used again.
#[derive(Default)]
struct Plaintext {
    memory: Zeroizing<Vec<u8>>,
    length: usize,
}

impl Plaintext {
    fn bytes(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }

    async fn open(&mut self, keys: Keys<'_>, with: &With, envelope: &[u8]) -> Result<(), Error> {
        let most = envelope.len().saturating_sub(FIELD_OVERHEAD);
        if self.memory.len() < most {
            // Not grown, which would leave what was in it behind.
            self.memory = Zeroizing::new(vec![0; most]);
        }
        self.length = match with.cipher.open_into(envelope, &with.bound, &mut self.memory) {
            // The cipher knows less than the key store by now: the handle looks.
            Err(error) if is_outdated(&error) => {
                let opened = Box::pin(keys.open(envelope, &with.context)).await?;
                let opened = opened.expose_secret();
                self.memory.iter_mut().zip(opened).for_each(|(to, from)| *to = *from);
                opened.len()
            }
            opened => opened?,
        };
        Ok(())
    }

    fn wipe(&mut self) {
        if let Some(plaintext) = self.memory.get_mut(..self.length) {
            plaintext.zeroize();
        }
        self.length = 0;
        if self.memory.len() > LARGE {
            self.memory = Zeroizing::default();
        }
    }
}

/// Whether the handle that a cipher is of may know better.
fn is_outdated(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Stale | ErrorKind::Foreign | ErrorKind::State)
}

#[cold]
pub(crate) fn changed() -> Error {
    Error::new(ErrorKind::Conflict, "the keys changed meanwhile: reseal again")
}

#[cold]
fn faulty(message: &'static str) -> Error {
    Error::new(ErrorKind::Faulty, message)
}
