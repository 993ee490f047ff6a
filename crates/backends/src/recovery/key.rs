//! The private half: opens.

use super::share::SetId;
use super::{RecoveryKek, Share};
use core::fmt;
use phiseal_format::{EncryptionContext, WrappedKey};
use phiseal_keys::{
    BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekBackend, KekInfo, Secret, UnwrappedKey,
    rewrap_in_process,
};
use phiseal_primitives::random::ModuleRandom;
use phiseal_primitives::{Engine, constant_time, recipients, shamir};
use std::collections::BTreeMap;

/// The private half of a recovery key: a KEK that opens what its public half wrapped. See the [module](super).
///
/// In locked memory, wiped when dropped, never printed. It leaves the process as [`Share`]s only.
pub struct RecoveryKey {
    half: RecoveryKek,
    private: Secret,
}

impl RecoveryKey {
    /// A new key. Make it, split it and drop it on a machine that is on no network.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`], [`ErrorKind::Memory`]; [`ErrorKind::Unsupported`] when the engine is a FIPS module.
    pub fn generate(engine: &'static dyn Engine) -> Result<Self, Error> {
        Self::of(Secret::filled(|out| engine.fill_random(out))?, engine)
    }

    /// The key that these shares were split from: as many as the set needs, or more, in any order.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for none, for fewer than the set needs, and for a share that is given twice;
    /// [`ErrorKind::Foreign`] for one of another set; [`ErrorKind::Unauthenticated`] when what comes out is not the key that
    /// the set is of. The error's source says which share it is, by its place among those given.
    pub fn combine(shares: &[Share], engine: &'static dyn Engine) -> Result<Self, Error> {
        let Some(first) = shares.first() else {
            return Err(Error::new(ErrorKind::Invalid, "no shares are given"));
        };
        let mut places = BTreeMap::new();
        for (place, share) in (1..).zip(shares) {
            if share.set != first.set || share.threshold != first.threshold {
                return Err(Error::new(
                    ErrorKind::Foreign,
                    "a share is of another set than the first",
                )
                .with_source(format!("share {place} of those given")));
            }
            if let Some(earlier) = places.insert(share.index, place) {
                return Err(Error::new(ErrorKind::Invalid, "a share is given twice")
                    .with_source(format!("shares {earlier} and {place} of those given")));
            }
        }
        let (given, needed) = (shares.len(), usize::from(first.threshold));
        if given < needed {
            return Err(Error::new(ErrorKind::Invalid, "fewer shares than the set needs")
                .with_source(format!("{given} of {needed}")));
        }
        let points: Vec<_> = shares.iter().map(Share::point).collect();
        let points: Vec<_> = points.iter().collect();
        let key = Self::of(Secret::filled(|out| shamir::combine(&points, out))?, engine)?;
        let set = SetId::of(engine, first.set.salt(), first.threshold, &key.half.public);
        if set != first.set {
            return Err(Error::new(
                ErrorKind::Unauthenticated,
                "the shares do not give the key that was split: one of them was changed",
            ));
        }
        Ok(key)
    }

    /// Splits the key into `shares` shares, of which any `threshold` give it back. Each splitting is a set of its own:
    /// shares of two do not go together.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] unless 2 <= `threshold` <= `shares` <= 16; [`ErrorKind::Random`], [`ErrorKind::Memory`].
    pub fn split(&self, threshold: u8, shares: u8) -> Result<Vec<Share>, Error> {
        let engine = self.half.engine;
        let bounds = shamir::MIN_THRESHOLD..=shares.min(shamir::MAX_SHARES);
        if !bounds.contains(&threshold) || shares > shamir::MAX_SHARES {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a recovery key is split into at most sixteen shares, of which at least two are needed",
            ));
        }
        let mut salt = [0; 8];
        engine.fill_random(&mut salt)?;
        let set = SetId::of(engine, salt, threshold, &self.half.public);
        let random = ModuleRandom(engine);
        let points = shamir::split(&random, self.private.expose_secret(), threshold, shares)?;
        let made: Vec<Share> = points
            .iter()
            .map(|point| Share::new(engine, set, threshold, point))
            .collect::<Result<_, _>>()?;
        // Whoever drops the key next has only these: they are seen to give it back first, the last of them too.
        let places = made.len().saturating_sub(threshold.into());
        for some in [made.get(places..), made.get(..threshold.into())].into_iter().flatten() {
            let again = Self::combine(some, engine)?;
            if !constant_time::equal(again.private.expose_secret(), self.private.expose_secret()) {
                return Err(Error::new(ErrorKind::Faulty, "the shares do not give the key back"));
            }
        }
        Ok(made)
    }

    /// The public half, for the processes that make keys.
    #[must_use]
    pub const fn public(&self) -> &RecoveryKek {
        &self.half
    }

    fn of(private: Secret, engine: &'static dyn Engine) -> Result<Self, Error> {
        let public = recipients::public_key(private.expose_secret())?;
        Ok(Self { half: RecoveryKek::new(public, engine)?, private })
    }
}

impl KekBackend for RecoveryKey {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        Box::pin(async move { Ok(self.half.info()) })
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        Box::pin(async move { self.half.generate(context) })
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async move { self.half.wrap(key, context) })
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        Box::pin(async move { self.half.unwrap(self.private.expose_secret(), wrapped, context) })
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        rewrap_in_process(self, wrapped, context)
    }
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecoveryKey({})", self.half.id)
    }
}
