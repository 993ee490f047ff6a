//! Administration: versions are made, retired and destroyed from the oldest on.

use super::builder::TransitBuilder;
use super::error::senseless;
use super::key::TransitKey;
use super::service::Service;
use core::fmt;
use core::time::Duration;
use phiseal_format::KekVersion;
use phiseal_keys::{BoxFuture, Clock, Error, ErrorKind, KekAdminBackend, KeyState, SystemClock};
use std::sync::Arc;
use tokio::sync::Mutex;

/// The administration of a transit key, with a custodian's token. The [module](super#states) says what states mean there.
pub struct TransitAdmin {
    service: Arc<Service>,
    /// The server has no compare-and-set, so one change is over before the next one looks.
    changing: Arc<Mutex<()>>,
}

impl TransitAdmin {
    /// The administration of the key `name` of the server at `address`, such as `https://bao.example:8200`.
    pub fn builder(address: &str, name: &str) -> TransitBuilder<Self> {
        TransitBuilder::new(address, name)
    }

    pub(super) fn of(service: Arc<Service>) -> Self {
        Self { service, changing: Arc::default() }
    }

    /// Changes the key by `act` while no other call of this handle does.
    fn change<'a, T, F>(
        &'a self,
        act: impl FnOnce(Change) -> F + Send + 'a,
    ) -> BoxFuture<'a, Result<T, Error>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let changing = Arc::clone(&self.changing);
        Box::pin(self.service.run(move |service| {
            let change = Change(service);
            let acted = act(change);
            async move {
                let _alone = changing.lock().await;
                acted.await
            }
        }))
    }
}

impl KekAdminBackend for TransitAdmin {
    fn create_version(&self) -> BoxFuture<'_, Result<KekVersion, Error>> {
        self.change(|change| async move { change.rotate(&change.key().await?).await })
    }

    fn set_state(&self, version: KekVersion, state: KeyState) -> BoxFuture<'_, Result<(), Error>> {
        self.change(move |change| async move { change.set_state(version, state).await })
    }

    fn destroy(&self, version: KekVersion) -> BoxFuture<'_, Result<(), Error>> {
        self.change(move |change| async move { change.destroy(version).await })
    }
}

impl fmt::Debug for TransitAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransitAdmin").field("service", &self.service).finish_non_exhaustive()
    }
}

/// One change.
struct Change(Arc<Service>);

impl Change {
    async fn key(&self) -> Result<TransitKey, Error> {
        let key = self.0.key().await?;
        key.check(&self.0.name)?;
        Ok(key)
    }

    /// Makes a version that comes after those that `key` has.
    ///
    /// A rotation that met another change, and was refused for it, has all the same left its version in the memory of an
    /// OpenBao server, which wraps under it and forgets it at the next start. The next rotation that is done writes down all
    /// versions that are in memory. So whoever was refused goes on until one is.
    async fn rotate(&self, key: &TransitKey) -> Result<KekVersion, Error> {
        for attempt in 1..=ATTEMPTS {
            let rotated = match self.0.change("rotate", &[]).await {
                Ok(Some(said)) => said,
                Ok(None) => self.key().await?,
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    tokio::time::sleep(pause(attempt)).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let made = rotated.latest() > key.latest();
            return if made { Ok(rotated.latest()) } else { Err(senseless()) };
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "the transit key is being changed all the time: rotate it alone, before anything is wrapped",
        ))
    }

    /// Sets thresholds. One that was refused for another change may be set in the server's memory and nowhere else: a
    /// rotation writes down what counts from then on.
    async fn set(&self, of: &str, thresholds: &[(&str, u32)]) -> Result<(), Error> {
        let set = self.0.change(of, thresholds).await.map(drop);
        if set.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict) {
            self.rotate(&self.key().await?).await?;
        }
        set
    }

    async fn set_state(&self, version: KekVersion, state: KeyState) -> Result<(), Error> {
        let mut key = self.key().await?;
        let number = known(&key, version)?;
        let active = number >= key.oldest_active();
        match state {
            KeyState::Active if active => Ok(()),
            KeyState::Suspended => Err(Error::new(
                ErrorKind::Unsupported,
                "a transit server suspends no single version: soft-delete suspends the whole key",
            )),
            // It does not remember why a version is out of use, and either way it opens and wraps no more.
            KeyState::Deactivated | KeyState::Compromised if active => {
                if number > key.oldest_active() {
                    return Err(Error::new(
                        ErrorKind::State,
                        "a transit server deactivates versions in order: the older ones come first",
                    ));
                }
                if version == key.latest() {
                    self.rotate(&key).await?;
                    key = self.key().await?;
                }
                let next = number.saturating_add(1);
                self.set("config", &[("min_encryption_version", next)]).await?;
                let now = self.key().await?;
                if now.oldest_active() >= next && now.latest() >= key.latest() {
                    Ok(())
                } else {
                    Err(senseless())
                }
            }
            KeyState::Deactivated | KeyState::Compromised if number >= key.oldest_open() => Ok(()),
            _ => Err(Error::new(
                ErrorKind::State,
                "the KEK version cannot go from its state to that one",
            )),
        }
    }

    async fn destroy(&self, version: KekVersion) -> Result<(), Error> {
        let key = self.key().await?;
        let number = known(&key, version)?;
        if number < key.oldest_kept() {
            return Ok(());
        }
        if number >= key.oldest_active() {
            return Err(Error::new(
                ErrorKind::State,
                "a KEK version is destroyed only after it was deactivated or compromised",
            ));
        }
        if number > key.oldest_kept() {
            return Err(Error::new(
                ErrorKind::State,
                "a transit server destroys versions in order: the older ones come first",
            ));
        }
        let next = number.saturating_add(1);
        // It trims only a key that has all thresholds, and one that was made has none for encryption.
        let (open, active) = (key.oldest_open().max(next), key.oldest_active().max(next));
        let thresholds = [("min_decryption_version", open), ("min_encryption_version", active)];
        self.set("config", &thresholds).await?;
        self.set("trim", &[("min_available_version", next)]).await?;
        if self.key().await?.oldest_kept() >= next { Ok(()) } else { Err(senseless()) }
    }
}

/// How often a rotation is tried that meets other changes.
const ATTEMPTS: u32 = 30;

/// Longer from one attempt to the next, and not as long as that of others who began at the same time.
fn pause(attempt: u32) -> Duration {
    let spread = u32::try_from(SystemClock::new().now().as_nanos() % 16).unwrap_or(0);
    Duration::from_millis(u64::from(attempt * 2 + spread))
}

/// The number of a version that the key has, or had.
fn known(key: &TransitKey, version: KekVersion) -> Result<u32, Error> {
    if key.knows(version) {
        Ok(version.0)
    } else {
        Err(Error::new(ErrorKind::NotFound, "the KEK has no such version"))
    }
}
