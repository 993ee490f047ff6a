//! Entries by which a vault finds the token of a value.

use super::{Home, Renewed};
use crate::Class;
use crate::source::{Row, Scalar, Stored};
use phiseal_format::KeyId;
use phiseal_keys::Error;
use phiseal_tokens::{EntryStanding, Vault, VaultRecord};

/// Tells what entries are.
pub(super) struct VaultEntrySorter<'a> {
    home: Home,
    vault: &'a Vault,
    /// Whether the last entry can be taken away: where one is needed, that under the newest key can be made.
    can_go: bool,
    is_left_over: bool,
}

impl<'a> VaultEntrySorter<'a> {
    pub(super) async fn new(vault: &'a Vault) -> Result<Self, Error> {
        Ok(Self {
            home: Home::of(vault.domain()).await?,
            vault,
            can_go: false,
            is_left_over: false,
        })
    }

    pub(super) fn another(&self) -> Self {
        let (home, vault) = (self.home.clone(), self.vault);
        Self { home, vault, can_go: false, is_left_over: false }
    }

    pub(super) async fn class(&mut self, row: &Row, value: &Stored) -> Result<Class, Error> {
        self.can_go = false;
        let ([Scalar::Bytes(key)], Stored::Bytes(token)) = (row.key.parts(), value) else {
            return Ok(Class::Plaintext);
        };
        let record = VaultRecord { key: key.clone(), bytes: token.clone() };
        let standing = self.vault.entry_standing(&record, &self.home.primary_id()?).await?;
        let (class, can_go) = match standing {
            EntryStanding::Under(key) => (self.class_of(&key), true),
            EntryStanding::Closed(key) => (self.class_of(&key), false),
            EntryStanding::Stray => (Class::Stray, true),
            EntryStanding::Withheld => {
                (self.home.closed().map_or(Class::Damaged, Class::Closed), false)
            }
            EntryStanding::Leftover => (Class::Leftover, true),
        };
        (self.can_go, self.is_left_over) = (can_go, class == Class::Leftover);
        Ok(class)
    }

    /// What an entry under this key is.
    fn class_of(&self, key: &KeyId) -> Class {
        let version = self.home.keyset.by_key_id(key);
        version.map_or(Class::Stray, |version| self.home.class_of(version.number()))
    }

    /// What stands in the place of the last entry. The one under the newest key has another place.
    pub(super) async fn renewed(&self) -> Result<Renewed<'static>, Error> {
        if !self.can_go {
            return Ok(Renewed::Cannot);
        }
        if !self.is_left_over {
            self.home.check_newest(self.vault.key_id().await?)?;
        }
        Ok(Renewed::Stored(None))
    }

    pub(super) const fn home(&self) -> &Home {
        &self.home
    }
}
