//! A KEK between the library and the token: it counts what it is asked, delays, fails and lies.

use phiseal::backends::pkcs11::Pkcs11Kek;
use phiseal::{
    BoxFuture, DataKey, EncryptionContext, Error, ErrorKind, GeneratedKey, KekBackend, KekInfo,
    UnwrappedKey, WrappedKey,
};
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The token's KEK, watched. Clones are one.
#[derive(Clone)]
pub(crate) struct Watched(Arc<Inner>);

struct Inner {
    kek: Pkcs11Kek,
    described: AtomicUsize,
    generated: AtomicUsize,
    unwrapped: AtomicUsize,
    millis: AtomicU64,
    /// Every so many-th call fails, the next one first; none at 0.
    fail_every: AtomicUsize,
    since: AtomicUsize,
    answer: Mutex<Option<Vec<u8>>>,
}

impl Watched {
    pub(crate) fn new(kek: Pkcs11Kek) -> Self {
        Self(Arc::new(Inner {
            kek,
            described: AtomicUsize::new(0),
            generated: AtomicUsize::new(0),
            unwrapped: AtomicUsize::new(0),
            millis: AtomicU64::new(0),
            fail_every: AtomicUsize::new(0),
            since: AtomicUsize::new(0),
            answer: Mutex::new(None),
        }))
    }

    /// The KEK itself.
    pub(crate) fn inner(&self) -> &Pkcs11Kek {
        &self.0.kek
    }

    /// How often it was called, for whatever.
    pub(crate) fn calls(&self) -> usize {
        self.0.described.load(Ordering::SeqCst) + self.generated() + self.unwrapped()
    }

    /// How many keys it was asked to make.
    pub(crate) fn generated(&self) -> usize {
        self.0.generated.load(Ordering::SeqCst)
    }

    /// How many keys it was asked to unwrap.
    pub(crate) fn unwrapped(&self) -> usize {
        self.0.unwrapped.load(Ordering::SeqCst)
    }

    /// From now on each call takes so long, and every `fail_every`-th fails.
    pub(crate) fn trouble(&self, latency: Duration, fail_every: usize) {
        let millis = u64::try_from(latency.as_millis()).unwrap();
        self.0.millis.store(millis, Ordering::SeqCst);
        self.0.since.store(0, Ordering::SeqCst);
        self.0.fail_every.store(fail_every, Ordering::SeqCst);
    }

    /// From now on, every wrap opens to this; to what is in it, with nothing.
    pub(crate) fn answer_with(&self, key: Option<Vec<u8>>) {
        *self.0.answer.lock().unwrap() = key;
    }

    fn called(&self, count: &AtomicUsize) -> Result<(), Error> {
        count.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(self.0.millis.load(Ordering::SeqCst)));
        let every = self.0.fail_every.load(Ordering::SeqCst);
        if every > 0 && self.0.since.fetch_add(1, Ordering::SeqCst).is_multiple_of(every) {
            return Err(Error::new(ErrorKind::Unavailable, "the test says so"));
        }
        Ok(())
    }
}

impl KekBackend for Watched {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        Box::pin(async {
            self.called(&self.0.described)?;
            self.0.kek.describe().await
        })
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        Box::pin(async {
            self.called(&self.0.generated)?;
            self.0.kek.generate_key(context).await
        })
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async {
            self.called(&self.0.generated)?;
            self.0.kek.wrap_key(key, context).await
        })
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        Box::pin(async {
            self.called(&self.0.unwrapped)?;
            let answer = self.0.answer.lock().unwrap().clone();
            let mut opened = self.0.kek.unwrap_key(wrapped, context).await?;
            if let Some(answer) = answer {
                opened.key = DataKey::from_backend(&answer)?;
            }
            Ok(opened)
        })
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        phiseal_keys::rewrap_in_process(self, wrapped, context)
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watched").field(&self.0.kek).finish()
    }
}
