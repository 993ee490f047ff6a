use crate::bound::BoundContext;
use crate::deadline::Deadline;
use crate::subkey::epoch_key;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use phiseal_format::{FieldEnvelope, KeyId, Suite, TokenUse};
use phiseal_keys::{Clock, DataKey, Error, ErrorKind, Moment, Purpose, Secret, derive};
use phiseal_primitives::{Aes256Gcm, Engine, Row, Validation};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A key that fields are opened under, with the epoch keys that have opened something lately.
pub(crate) struct OpeningKey {
    engine: &'static dyn Engine,
    key_id: KeyId,
    field_keys: [(Suite, Arc<Secret>); 2],
    token_key: Secret,
    deadline: Deadline,
    /// When the KEK must have been asked again, in nanoseconds.
    time_ends: AtomicU64,
    epochs: EpochKeys,
    fips: bool,
}

impl OpeningKey {
    pub(crate) fn new(
        engine: &'static dyn Engine,
        clock: Arc<dyn Clock>,
        key_id: KeyId,
        key: &DataKey,
        time_ends: Moment,
    ) -> Result<Self, Error> {
        let field_key = |suite: Suite| -> Result<_, Error> {
            Ok((suite, Arc::new(key.derive(engine, Purpose::Field, &[suite.to_byte()])?)))
        };
        Ok(Self {
            engine,
            key_id,
            field_keys: [field_key(Suite::Xaes256Gcm)?, field_key(Suite::Aes256GcmHkdf)?],
            token_key: key.derive(engine, Purpose::Token, &[])?,
            deadline: Deadline::new(clock, time_ends),
            time_ends: AtomicU64::new(time_ends.as_nanos()),
            epochs: EpochKeys::default(),
            fips: engine.module().validation != Validation::None,
        })
    }

    pub(crate) const fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    pub(crate) const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// When the KEK must have been asked again.
    pub(crate) fn time_ends(&self) -> Moment {
        Moment::from_nanos(self.time_ends.load(Ordering::Acquire))
    }

    /// The KEK answered: the key's time begins anew.
    pub(crate) fn renew(&self, time_ends: Moment) {
        self.time_ends.store(time_ends.as_nanos(), Ordering::Release);
        self.deadline.set(time_ends);
    }

    /// The KEK was asked and did not answer: the key opens for `window` after the end of its time. Whether it still does.
    pub(crate) fn outlast(&self, window: Duration) -> bool {
        self.deadline.set(self.time_ends().saturating_add(window));
        self.deadline.check().is_ok()
    }

    /// The key of all messages of one suite.
    pub(crate) fn field_key(&self, suite: Suite) -> Result<&Arc<Secret>, Error> {
        self.field_keys
            .iter()
            .find(|(of, _)| *of == suite)
            .map(|(_, key)| key)
            .ok_or(Error::new(ErrorKind::Unsupported, "a suite that this release does not know"))
    }

    pub(crate) const fn engine(&self) -> &'static dyn Engine {
        self.engine
    }

    /// The key of one use of one column of tokens.
    pub(crate) fn column_key(&self, usage: TokenUse, column: &[u8]) -> Result<Secret, Error> {
        let parameters = [&[usage.to_byte()], column].concat();
        derive(self.engine, &self.token_key, Purpose::Column, &parameters)
    }

    /// Decrypts into `out`, as long as the ciphertext. When the tag is wrong, `out` holds zeros.
    #[inline]
    pub(crate) fn open_into(
        &self,
        context: &BoundContext,
        envelope: &FieldEnvelope<'_>,
        out: &mut [u8],
    ) -> Result<(), Error> {
        self.with_epoch_key(name_of(envelope), |key| {
            context.with_aad(envelope.aad_prefix(), |aad| {
                key.open_into(
                    envelope.count().as_bytes(),
                    aad,
                    envelope.ciphertext(),
                    envelope.tag(),
                    out,
                )
            })
        })
    }

    /// Decrypts `body`, the ciphertext of `empty`'s message, where it lies.
    ///
    /// When the key may not be used now, `body` is as it was. When the tag is wrong, it holds zeros.
    #[inline]
    pub(crate) fn open_in_place(
        &self,
        context: &BoundContext,
        empty: &FieldEnvelope<'_>,
        body: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Error> {
        self.with_epoch_key(name_of(empty), |key| {
            context.with_aad(empty.aad_prefix(), |aad| {
                key.open_in_place(empty.count().as_bytes(), aad, body, tag)
            })
        })
    }

    /// Decrypts rows of one epoch, and says in each whether it was authentic.
    pub(crate) fn open_rows(
        &self,
        name: &EpochName,
        rows: &mut [Row],
        aads: &[u8],
        texts: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let opened = self.with_epoch_key(*name, |key| {
            key.open_rows(rows, aads, texts, out)?;
            // One row is enough to show that there is such an epoch.
            let any = rows.iter().any(|row| row.authentic);
            any.then_some(()).ok_or(phiseal_primitives::Error::Unauthenticated)
        });
        match opened {
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(()),
            opened => opened,
        }
    }

    #[inline]
    fn with_epoch_key(
        &self,
        name: EpochName,
        open: impl FnOnce(&dyn Aes256Gcm) -> Result<(), phiseal_primitives::Error>,
    ) -> Result<(), Error> {
        self.deadline.check()?;
        if let Some(key) = self.epochs.first(&name) {
            return Ok(open(key)?);
        }
        self.open_under_other_epoch(name, open)
    }

    /// The epoch is not among the first: from the second cache, or derived, and kept once its tag has verified.
    fn open_under_other_epoch(
        &self,
        name: EpochName,
        open: impl FnOnce(&dyn Aes256Gcm) -> Result<(), phiseal_primitives::Error>,
    ) -> Result<(), Error> {
        if let Some(key) = self.epochs.later(&name) {
            return Ok(open(&**key)?);
        }
        if self.fips && name.0 != Suite::Aes256GcmHkdf {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the FIPS module does not approve the suite of this field",
            ));
        }
        let key = epoch_key(self.engine, name.0, self.field_key(name.0)?, &name.1)?;
        open(&*key)?;
        self.epochs.keep(name, key);
        Ok(())
    }
}

impl fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpeningKey({})", self.key_id)
    }
}

/// Suite and epoch.
pub(crate) type EpochName = (Suite, [u8; 12]);
type EpochKey = (EpochName, Box<dyn Aes256Gcm>);

#[inline]
fn name_of(envelope: &FieldEnvelope<'_>) -> EpochName {
    (envelope.suite(), *envelope.epoch().as_bytes())
}

/// Expanded keys by epoch. The first that come are found without a lock and stay; of the others, the latest are kept.
///
/// Bounded, and filled only with keys that have opened something: whoever sends made-up epochs fills nothing.
struct EpochKeys {
    first: Box<[OnceLock<EpochKey>]>,
    later: Mutex<Later>,
}

#[derive(Default)]
struct Later {
    keys: HashMap<EpochName, Arc<Box<dyn Aes256Gcm>>>,
    order: VecDeque<EpochName>,
}

const FIRST: usize = 64;
const PROBES: usize = 8;
const LATER: usize = 1024;

impl Default for EpochKeys {
    fn default() -> Self {
        Self { first: (0..FIRST).map(|_| OnceLock::new()).collect(), later: Mutex::default() }
    }
}

impl EpochKeys {
    #[inline]
    fn first(&self, name: &EpochName) -> Option<&dyn Aes256Gcm> {
        for slot in slots(name) {
            let (of, key) = self.first.get(slot)?.get()?;
            if of == name {
                return Some(&**key);
            }
        }
        None
    }

    fn later(&self, name: &EpochName) -> Option<Arc<Box<dyn Aes256Gcm>>> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner).keys.get(name).cloned()
    }

    fn keep(&self, name: EpochName, key: Box<dyn Aes256Gcm>) {
        let mut entry = (name, key);
        for slot in slots(&name) {
            let Some(slot) = self.first.get(slot) else { break };
            match slot.set(entry) {
                Ok(()) => return,
                Err(returned) => entry = returned,
            }
        }
        let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
        if later.keys.insert(name, Arc::new(entry.1)).is_none() {
            later.order.push_back(name);
        }
        if later.order.len() > LATER
            && let Some(oldest) = later.order.pop_front()
        {
            later.keys.remove(&oldest);
        }
    }
}

/// Where in `first` an epoch may be. Honest epochs are random; made-up ones are only looked for.
#[inline]
fn slots(name: &EpochName) -> impl Iterator<Item = usize> + use<> {
    let start = usize::from(name.1[0]);
    (0..PROBES).map(move |probe| (start + probe) % FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use phiseal_format::{Context, DomainId, FIELD_OVERHEAD};
    use phiseal_keys::ManualClock;
    use phiseal_primitives::default_engine;

    fn key() -> OpeningKey {
        let data_key = DataKey::generate(default_engine()).unwrap();
        let (clock, until) = (Arc::new(ManualClock::at(0)), Moment::from_nanos(u64::MAX));
        OpeningKey::new(default_engine(), clock, KeyId::from_bytes([1; 16]), &data_key, until)
            .unwrap()
    }

    fn kept(key: &OpeningKey) -> usize {
        let first = key.epochs.first.iter().filter(|slot| slot.get().is_some()).count();
        first + key.epochs.later.lock().unwrap().keys.len()
    }

    #[test]
    fn made_up_epochs_fill_nothing() {
        let key = key();
        let what = Context::of_field("x");
        let what =
            BoundContext::new(&what, DomainId::from_bytes([2; 16]), [0; 17], vec![]).unwrap();
        for made_up in 0..100 {
            let mut bytes = [made_up; FIELD_OVERHEAD];
            bytes[0] = 1;
            let envelope = FieldEnvelope::parse(&bytes).unwrap();
            let refused = key.open_into(&what, &envelope, &mut []).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
        }
        assert_eq!(kept(&key), 0);
    }

    #[test]
    fn epochs_that_opened_something_are_kept_up_to_a_number() {
        let key = key();
        for number in 0..(FIRST + LATER + 100) as u64 {
            let mut epoch = [0; 12];
            epoch[..8].copy_from_slice(&number.to_le_bytes());
            let name = (Suite::Xaes256Gcm, epoch);
            let open = |_: &dyn Aes256Gcm| Ok(());
            key.open_under_other_epoch(name, open).unwrap();
        }
        assert_eq!(kept(&key), FIRST + LATER);
    }
}
