//! A domain's keys as they are at hand, and the look that renews them.

use crate::cipher::FieldCipher;
use crate::deadline::Deadline;
use crate::missing::{Life, Missing};
use crate::opening::OpeningKey;
use crate::options::Options;
use crate::sealing::{EPOCH_MESSAGES, SealingConfig, SealingKey};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use phiseal_format::KeyId;
use phiseal_keys::{
    DataKey, Error, ErrorKind, FullKeyId, KeyState, KeyStore, KeyUse, Keyset, Moment, WrappingKey,
};
use phiseal_primitives::{Random, Validation};
use std::sync::Arc;

/// A snapshot: one revision of the keyset, and the keys of it that could be had.
#[derive(Debug)]
pub(crate) struct Loaded {
    keyset: Keyset,
    cipher: Arc<FieldCipher>,
    subject_wraps: Vec<(u32, Arc<WrappingKey>)>,
    sealing_id: Option<FullKeyId>,
    /// When the key store should be looked at again.
    look_at: AtomicU64,
    /// When the KEK should be asked again.
    ask_at: Moment,
    /// When the first key here may not be used any more.
    until: Moment,
    /// Keys that may not seal, and why: they could not be had, or their time is over and they open only because their
    /// KEK does not answer.
    withheld: Vec<Missing>,
}

impl Loaded {
    pub(crate) const fn keyset(&self) -> &Keyset {
        &self.keyset
    }

    pub(crate) const fn cipher(&self) -> &Arc<FieldCipher> {
        &self.cipher
    }

    pub(crate) fn look_at(&self) -> Moment {
        Moment::from_nanos(self.look_at.load(Ordering::Acquire))
    }

    pub(crate) fn is_live(&self, now: Moment) -> bool {
        now < self.until
    }

    pub(crate) const fn until(&self) -> Moment {
        self.until
    }

    /// The key that wraps persons' keys under a version of the domain's key.
    pub(crate) fn subject_wrap(&self, version: u32) -> Result<&Arc<WrappingKey>, Error> {
        self.subject_wraps
            .iter()
            .find(|(number, _)| *number == version)
            .map(|(_, key)| key)
            .ok_or_else(|| {
                self.why_withheld(version).unwrap_or(Error::new(
                    ErrorKind::State,
                    "the version of the domain's key that wraps the person's key cannot be used",
                ))
            })
    }

    /// Until when what a version of the domain's key wraps may seal.
    pub(crate) fn may_seal_until(&self, version: u32) -> Result<Moment, Error> {
        if let Some(error) = self.why_withheld(version) {
            return Err(error);
        }
        let id = self.keyset.version(version).map(|version| version.key_id().short());
        let opener = id.and_then(|id| self.cipher.opener(&id));
        Ok(opener.map_or(Moment::from_nanos(0), |opener| opener.time_ends()))
    }

    /// Until when the domain seals: the end of its lease, which is not over.
    pub(crate) fn seals_until(&self) -> Result<Moment, Error> {
        let key = self.cipher.sealing_key_or_why()?;
        key.deadline().check()?;
        Ok(key.deadline().until())
    }

    fn why_withheld(&self, version: u32) -> Option<Error> {
        let id = self.keyset.version(version)?.key_id().short();
        Missing::reason(&self.withheld, &id)
    }

    /// Ends the use of every key here at once, also by ciphers that were handed out.
    pub(crate) fn revoke(&self) {
        self.cipher.revoke();
    }

    /// Reserves uses in the key store when few are left.
    pub(crate) async fn reserve(&self, store: &KeyStore, options: &Options) -> Result<(), Error> {
        let (Some(key), Some(id)) = (self.cipher.sealing(), &self.sealing_id) else {
            return Ok(());
        };
        if key.allowance() < EPOCH_MESSAGES / 4 {
            match store.reserve_uses(id, EPOCH_MESSAGES, options.max_uses).await {
                Ok(granted) => key.allow(granted),
                Err(_) if key.allowance() > 0 => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn extend_lease(&self, began: Moment, options: &Options) {
        if let Some(key) = self.cipher.sealing() {
            // Never longer than the key's time: an outage window is for opening.
            let opener = self.cipher.opener(&key.key_id());
            let end = opener.map_or(Moment::from_nanos(0), |opener| opener.time_ends());
            key.deadline().set(began.saturating_add(options.lease).min(end));
        }
        self.cipher.known().set(began.saturating_add(options.lease));
        let look_at = began.saturating_add(ahead(options.lease, &*options.random)).min(self.ask_at);
        self.look_at.store(look_at.as_nanos(), Ordering::Release);
    }
}

/// Looks at the key store, and asks the KEK where the keyset changed or a key's time is nearly over.
pub(crate) async fn load(
    store: &Arc<KeyStore>,
    name: &str,
    options: &Options,
    before: Option<&Arc<Loaded>>,
) -> Result<Arc<Loaded>, Error> {
    let began = store.clock().now();
    let (keyset, made) = find_or_create(store, name, options).await?;
    let loaded = match before {
        Some(before)
            if before.keyset.revision() == keyset.revision()
                && began < before.ask_at
                && !is_used_up(before) =>
        {
            before.clone()
        }
        _ => Arc::new(unwrap_all(store, keyset, made, options, before, began).await?),
    };
    loaded.extend_lease(began, options);
    Ok(loaded)
}

fn is_used_up(loaded: &Loaded) -> bool {
    loaded.cipher.sealing().is_some_and(|key| key.is_used_up())
}

async fn find_or_create(
    store: &KeyStore,
    name: &str,
    options: &Options,
) -> Result<(Keyset, Option<DataKey>), Error> {
    if let Some(keyset) = store.find_keyset(name).await? {
        return Ok((keyset, None));
    }
    if options.read_only || !options.create {
        return Err(Error::new(ErrorKind::NotFound, "there is no such domain"));
    }
    match store.create_keyset(name).await {
        Ok((keyset, key)) => Ok((keyset, Some(key))),
        Err(error) if error.kind() == ErrorKind::Conflict => Ok((store.keyset(name).await?, None)),
        Err(error) => Err(error),
    }
}

async fn unwrap_all(
    store: &KeyStore,
    keyset: Keyset,
    mut made: Option<DataKey>,
    options: &Options,
    before: Option<&Arc<Loaded>>,
    began: Moment,
) -> Result<Loaded, Error> {
    let time_ends = began.saturating_add(options.key_time);
    let mut ask_at = began.saturating_add(ahead(options.key_time, &*options.random));
    let earlier = |id: &KeyId| {
        before
            .and_then(|loaded| loaded.cipher.opener(id))
            .filter(|key| !key.deadline().is_revoked())
            .cloned()
    };
    let (mut opening, mut missing, mut subject_wraps) = (Vec::new(), Vec::new(), Vec::new());
    let mut overdue = Vec::new();
    for version in keyset.versions() {
        let id = version.key_id().short();
        if let Err(why) = version.state().require(KeyUse::Open) {
            let life = match version.state() {
                KeyState::PreActive => Life::Ahead,
                KeyState::Destroyed => Life::Over,
                _ => Life::Middle,
            };
            missing.push(Missing { id, why, life });
            continue;
        }
        let unwrapped = match made.take() {
            Some(key) => Ok(key),
            None => store.unwrap(&keyset, version).await,
        };
        match unwrapped {
            Ok(key) => {
                subject_wraps.push((
                    version.number(),
                    Arc::new(WrappingKey::of_subjects(store.engine(), &key)?),
                ));
                let opener = match earlier(&id) {
                    Some(opener) => opener,
                    None => Arc::new(OpeningKey::new(
                        store.engine(),
                        store.clock().clone(),
                        id,
                        &key,
                        time_ends,
                    )?),
                };
                opener.renew(time_ends);
                opening.push(opener);
            }
            Err(error) if error.is_retryable() => {
                // Not its owner's word that the key may not be used: what is at hand serves out its time.
                ask_at = ask_at.min(began.saturating_add(AGAIN));
                match earlier(&id) {
                    Some(opener) if opener.outlast(options.outage_window) => {
                        if let Some(wrap) =
                            before.and_then(|loaded| loaded.subject_wrap(version.number()).ok())
                        {
                            subject_wraps.push((version.number(), wrap.clone()));
                        }
                        if began < opener.time_ends() {
                            ask_at = ask_at.min(opener.time_ends());
                        } else {
                            overdue.push(Missing::withheld(id, error));
                        }
                        opening.push(opener);
                    }
                    _ => missing.push(Missing::withheld(id, error)),
                }
            }
            Err(error) => {
                // Its owner's word, which may be taken back.
                ask_at = ask_at.min(began.saturating_add(AGAIN_REFUSED));
                missing.push(Missing::withheld(id, error));
            }
        }
    }
    revoke_dropped(before, &opening);
    if opening.is_empty()
        && let Some(error) = why_none(&keyset, &missing)
    {
        return Err(error);
    }
    let until = opening.iter().map(|key| key.deadline().until()).min().unwrap_or(time_ends);
    let withheld: Vec<_> = missing.iter().chain(&overdue).cloned().collect();
    let (sealing, sealing_id) = sealing_key(store, &keyset, options, before, &opening, &withheld);
    let known = Deadline::new(store.clock().clone(), began);
    let cipher = FieldCipher::new(keyset.domain(), sealing, opening, missing, known);
    let cipher = Arc::new(cipher);
    Ok(Loaded {
        keyset,
        cipher,
        subject_wraps,
        sealing_id,
        look_at: AtomicU64::new(0),
        ask_at: ask_at.min(until),
        until,
        withheld,
    })
}

/// Why no version opens: a KEK that did not answer may do so later; then a KEK's refusal; then the versions' states.
fn why_none(keyset: &Keyset, missing: &[Missing]) -> Option<Error> {
    let from_kek = |id: &KeyId| {
        keyset.by_key_id(id).is_some_and(|version| version.state().allows(KeyUse::Open))
    };
    let later = missing.iter().find(|key| key.why.is_retryable());
    let refused = missing.iter().find(|key| from_kek(&key.id));
    later.or(refused).or(missing.first()).map(|key| key.why.clone())
}

/// Keys that were at hand and may not be used any more end at once, also in ciphers that were handed out.
fn revoke_dropped(before: Option<&Arc<Loaded>>, opening: &[Arc<OpeningKey>]) {
    let Some(before) = before else { return };
    for key in before.cipher.opening() {
        if !opening.iter().any(|kept| kept.key_id() == key.key_id()) {
            key.deadline().revoke();
        }
    }
}

type Sealing = (Result<Arc<SealingKey>, Error>, Option<FullKeyId>);

fn sealing_key(
    store: &KeyStore,
    keyset: &Keyset,
    options: &Options,
    before: Option<&Arc<Loaded>>,
    opening: &[Arc<OpeningKey>],
    withheld: &[Missing],
) -> Sealing {
    let earlier = before.and_then(|loaded| loaded.cipher.sealing());
    let sealing = keyset.sealing_version().and_then(|version| {
        if options.read_only {
            return Err(read_only());
        }
        let id = version.key_id().short();
        if let Some(why) = Missing::reason(withheld, &id) {
            return Err(why);
        }
        let opener = opening
            .iter()
            .find(|key| key.key_id() == id)
            .ok_or(Error::new(ErrorKind::State, "the primary key cannot be used"))?;
        match earlier {
            Some(key) if key.key_id() == id && !key.is_used_up() => Ok(key.clone()),
            _ => {
                let config = sealing_config(store, options, EPOCHS)?;
                Ok(Arc::new(SealingKey::new(
                    config,
                    id,
                    opener.field_key(options.suite)?.clone(),
                    opener.time_ends(),
                )))
            }
        }
    });
    if let Some(earlier) = earlier
        && !sealing.as_ref().is_ok_and(|key| Arc::ptr_eq(key, earlier))
    {
        earlier.deadline().revoke();
    }
    let id = keyset.sealing_version().ok().map(|version| *version.key_id());
    (sealing, id)
}

/// Two days at an hour each, or a thousand million messages.
const EPOCHS: usize = 64;

pub(crate) fn read_only() -> Error {
    Error::new(ErrorKind::Denied, "this handle was opened to read only")
}

/// What a sealing key is made of, with a suite and a nonce policy that the engine's module approves.
pub(crate) fn sealing_config(
    store: &KeyStore,
    options: &Options,
    epochs: usize,
) -> Result<SealingConfig, Error> {
    let fips = store.engine().module().validation != Validation::None;
    if fips && options.suite != phiseal_format::Suite::Aes256GcmHkdf {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the FIPS module does not approve this suite: use Aes256GcmHkdf",
        ));
    }
    if fips && options.nonces != crate::NoncePolicy::Module {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the FIPS module approves only nonces that it draws itself: use Module",
        ));
    }
    if !fips && options.nonces == crate::NoncePolicy::Module {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "this engine has no module that draws nonces: use PerMessage",
        ));
    }
    Ok(SealingConfig {
        engine: store.engine(),
        clock: store.clock().clone(),
        random: options.random.clone(),
        suite: options.suite,
        nonces: options.nonces,
        epochs,
    })
}

/// How soon a KEK that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(5);

/// How soon a KEK that refused one of several versions is asked again.
const AGAIN_REFUSED: Duration = Duration::from_secs(30);

/// Three quarters of a lifetime, and up to an eighth more, so that many processes do not look at once.
fn ahead(whole: Duration, random: &dyn Random) -> Duration {
    let mut jitter = [0; 12];
    // Without random bytes they all look at three quarters.
    let _ = random.fill(&mut jitter);
    whole.mul_f64(0.75) + whole.mul_f64(f64::from(jitter[0]) / 2048.0)
}
