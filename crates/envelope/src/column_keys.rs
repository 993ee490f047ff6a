//! The keys of a column of tokens, or of an index.

use crate::deadline::Deadline;
use crate::missing::{Life, Missing};
use crate::opening::OpeningKey;
use crate::sealing::SealingKey;
use core::fmt;
use phiseal_format::{Context, DomainId, KeyId, TokenUse, tag};
use phiseal_keys::{Error, ErrorKind, Secret};
use phiseal_primitives::Engine;
use std::sync::Arc;

/// What was made of the keys of one column: one `T` for each version of a domain's key that opens, or of a person's.
///
/// A snapshot, as a [`FieldCipher`](crate::FieldCipher) is, with the same deadlines: making anything new ends with the lease,
/// reading what there is with the key's time, and both at once when the keys are revoked.
pub struct ColumnKeys<T> {
    sealing: Result<Arc<SealingKey>, Error>,
    keys: Vec<(Arc<OpeningKey>, T)>,
    missing: Vec<Missing>,
    known: Arc<Deadline>,
}

/// One version of the domain's key, for the one column, from which the keys of each use are derived.
pub struct ColumnSecrets<'a> {
    key: &'a OpeningKey,
    column: &'a Context,
    domain: DomainId,
}

impl<T> ColumnKeys<T> {
    pub(crate) fn new(
        sealing: &Result<Arc<SealingKey>, Error>,
        opening: &[Arc<OpeningKey>],
        missing: &[Missing],
        known: &Arc<Deadline>,
        make: impl Fn(&OpeningKey) -> Result<T, Error>,
    ) -> Result<Self, Error> {
        let keys = opening.iter().map(|key| Ok((key.clone(), make(key)?)));
        Ok(Self {
            sealing: sealing.clone(),
            keys: keys.collect::<Result<_, Error>>()?,
            missing: missing.to_vec(),
            known: known.clone(),
        })
    }

    /// What new tokens and entries are made with, and the id of its key.
    ///
    /// # Errors
    ///
    /// [`Stale`](phiseal_keys::ErrorKind::Stale) when the lease is over; [`State`](phiseal_keys::ErrorKind::State) when the primary key may not seal;
    /// [`Denied`](phiseal_keys::ErrorKind::Denied) on a handle that only reads.
    #[inline]
    pub fn newest(&self) -> Result<(KeyId, &T), Error> {
        let key = self.sealing.as_ref().map_err(Clone::clone)?;
        key.deadline().check()?;
        let id = key.key_id();
        Ok((id, &self.kept(&id)?.1))
    }

    /// What belongs to the key of this id.
    ///
    /// # Errors
    ///
    /// [`Foreign`](phiseal_keys::ErrorKind::Foreign) for a key that is not of this domain (or person); [`Stale`](phiseal_keys::ErrorKind::Stale) when its time is over;
    /// and why it could not be had.
    #[inline]
    pub fn of(&self, id: &KeyId) -> Result<&T, Error> {
        let (key, made) = self.kept(id)?;
        key.deadline().check()?;
        Ok(made)
    }

    /// What belongs to each version that opens, oldest first. That there is no other is as old as the last look at the key store,
    /// at most a lease.
    ///
    /// # Errors
    ///
    /// [`Stale`](phiseal_keys::ErrorKind::Stale) when the lease is over, or the time of one; and why one could not be had that
    /// something may be under, because a search without it would miss that. A version that was destroyed is not among them.
    pub fn all(&self) -> Result<impl Iterator<Item = (KeyId, &T)>, Error> {
        self.known.check()?;
        if let Some(missing) = self.missing.iter().find(|missing| missing.life == Life::Middle) {
            return Err(missing.why.clone());
        }
        self.live()
    }

    /// What belongs to the versions at hand, though others that something may be under are not.
    ///
    /// # Errors
    ///
    /// [`Stale`](phiseal_keys::ErrorKind::Stale) when the lease is over, or the time of one.
    pub fn at_hand(&self) -> Result<impl Iterator<Item = (KeyId, &T)>, Error> {
        self.known.check()?;
        self.live()
    }

    /// The one version that there is, and ever was.
    ///
    /// # Errors
    ///
    /// As [`ColumnKeys::all`]; [`State`](phiseal_keys::ErrorKind::State) where there are, or were, several.
    pub fn only(&self) -> Result<(KeyId, &T), Error> {
        let mut all = self.all()?;
        let was_another = self.missing.iter().any(|missing| missing.life == Life::Over);
        match (all.next(), all.next()) {
            (Some(only), None) if !was_another => Ok(only),
            _ => Err(Error::new(
                ErrorKind::State,
                "there is more than one version of the key, or was",
            )),
        }
    }

    fn live(&self) -> Result<impl Iterator<Item = (KeyId, &T)>, Error> {
        self.keys.iter().try_for_each(|(key, _)| key.deadline().check())?;
        Ok(self.keys.iter().map(|(key, made)| (key.key_id(), made)))
    }

    #[inline]
    fn kept(&self, id: &KeyId) -> Result<&(Arc<OpeningKey>, T), Error> {
        self.keys
            .iter()
            .find(|(key, _)| key.key_id() == *id)
            .ok_or_else(|| Missing::why(&self.missing, id))
    }
}

impl<T> fmt::Debug for ColumnKeys<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(key, _)| key.key_id())).finish()
    }
}

impl<'a> ColumnSecrets<'a> {
    pub(crate) const fn new(key: &'a OpeningKey, column: &'a Context, domain: DomainId) -> Self {
        Self { key, column, domain }
    }

    /// The key of one use.
    ///
    /// # Errors
    ///
    /// [`Malformed`](phiseal_keys::ErrorKind::Malformed) for a column that cannot be encoded;
    /// [`Memory`](phiseal_keys::ErrorKind::Memory).
    pub fn derive(&self, usage: TokenUse) -> Result<Secret, Error> {
        self.key.column_key(usage, self.column.encode(&self.domain)?.as_bytes())
    }

    /// The key of one use by one definition: what is made by another has nothing in common with it.
    ///
    /// # Errors
    ///
    /// As [`ColumnSecrets::derive`].
    pub fn derive_by(&self, usage: TokenUse, definition: &str) -> Result<Secret, Error> {
        let column = self.column.clone().application(tag::APPLICATION, definition);
        self.key.column_key(usage, column.encode(&self.domain)?.as_bytes())
    }

    /// The engine of the key store.
    #[must_use]
    pub const fn engine(&self) -> &'static dyn Engine {
        self.key.engine()
    }
}

impl fmt::Debug for ColumnSecrets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ColumnSecrets")
    }
}
