use super::{KeyStore, store_key};
use crate::keks::Role;
use crate::{
    DataKey, DomainHealth, Error, Health, Kek, KekAnswer, KekHealth, KeyState, Keyset,
    VersionHealth, Wraps, memory_is_locked,
};
use core::time::Duration;
use phiseal_format::{EncryptionContext, WrappedKey};

impl KeyStore {
    /// How the store and its KEKs are now. A primary older than `max_age` is overdue.
    ///
    /// Each KEK is described and tried, three or four calls one after the other: a random key is wrapped, under the context
    /// of the store key, unwrapped and thrown away; by an escrow key it is wrapped only. One that does not answer is reported, and is no error. Nothing is
    /// changed. Every keyset is read and verified, and the count of uses of every version; persons' keys are not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tampered`](crate::ErrorKind::Tampered) for a record that this store did not write; and what the store
    /// answers.
    pub async fn health(&self, max_age: Option<Duration>) -> Result<Health, Error> {
        let store_wraps = store_key::wraps(&*self.store, self.environment, self.store_key).await?;
        let mut keks = Vec::new();
        for (role, kek) in self.keks.each().await {
            keks.push(self.kek_health(role, kek, &store_wraps).await);
        }
        let mut domains = Vec::new();
        for name in self.domains().await? {
            domains.push(self.domain_health(&self.keyset(&name).await?, &keks).await?);
        }
        Ok(Health {
            environment: self.environment,
            engine: self.engine.name(),
            module: self.engine.module(),
            memory_is_locked: memory_is_locked(),
            max_age,
            store_key: Wraps::of(&store_wraps, &keks),
            keks,
            domains,
        })
    }

    async fn kek_health(
        &self,
        role: Role,
        kek: Result<&Kek, Error>,
        store_wraps: &[WrappedKey],
    ) -> KekHealth {
        let (wraps, escrow) = (role.wraps(), role == Role::Escrow);
        let kek = match kek {
            Ok(kek) => kek,
            Err(error) => return KekHealth { id: None, wraps, escrow, answer: Err(error) },
        };
        let id = Some(kek.info().id.clone());
        let began = self.clock.now();
        let info = match kek.describe().await {
            Ok(info) => info,
            Err(error) => return KekHealth { id, wraps, escrow, answer: Err(error) },
        };
        let described_in = self.clock.now().since(began);
        let own = store_wraps.iter().find(|wrap| *wrap.kek_id() == info.id);
        let trial = match (role, own) {
            (Role::Wraps, _) => Some(self.timed(self.wrap_and_unwrap(kek)).await),
            (Role::Escrow, _) => Some(self.timed(self.wrap_only(kek)).await),
            (Role::Unwraps, Some(own)) => Some(self.timed(self.unwrap_store_key(kek, own)).await),
            (Role::Unwraps, None) => None,
        };
        KekHealth { id, wraps, escrow, answer: Ok(KekAnswer { info, described_in, trial }) }
    }

    async fn wrap_and_unwrap(&self, kek: &Kek) -> Result<(), Error> {
        let context = EncryptionContext::store_key(&self.environment);
        let key = DataKey::generate(self.engine)?;
        let id = key.id(self.engine)?;
        let wrapped = kek.wrap_key(&key, &context).await?;
        kek.unwrap_key(&wrapped, &context, &id).await.map(drop)
    }

    async fn wrap_only(&self, kek: &Kek) -> Result<(), Error> {
        let context = EncryptionContext::store_key(&self.environment);
        kek.wrap_key(&DataKey::generate(self.engine)?, &context).await.map(drop)
    }

    async fn unwrap_store_key(&self, kek: &Kek, wrap: &WrappedKey) -> Result<(), Error> {
        let context = EncryptionContext::store_key(&self.environment);
        kek.unwrap_key(wrap, &context, &self.store_key).await.map(drop)
    }

    async fn timed(
        &self,
        work: impl Future<Output = Result<(), Error>>,
    ) -> Result<Duration, Error> {
        let began = self.clock.now();
        work.await?;
        Ok(self.clock.now().since(began))
    }

    async fn domain_health(
        &self,
        keyset: &Keyset,
        keks: &[KekHealth],
    ) -> Result<DomainHealth, Error> {
        let now = self.clock.wall();
        let mut versions = Vec::new();
        for version in keyset.versions() {
            versions.push(VersionHealth {
                number: version.number(),
                state: version.state(),
                key_id: *version.key_id(),
                age: Duration::from_secs(now.saturating_sub(version.created())),
                wraps: match version.state() {
                    KeyState::Destroyed => Wraps::default(),
                    _ => Wraps::of(version.wraps(), keks),
                },
                reserved_uses: self.uses(version.key_id()).await?,
            });
        }
        let (name, primary) = (keyset.name().to_owned(), keyset.primary());
        Ok(DomainHealth { name, primary, versions })
    }
}
