//! Format-preserving tokens, and the ids of their keys in the column beside them.

use super::{Home, Renewed};
use crate::column::Content;
use crate::opened::changed;
use crate::source::{Row, Stored, Table};
use crate::{Class, Column};
use phiseal_envelope::{Domain, Phi};
use phiseal_format::{KeyId, hex};
use phiseal_keys::{Error, ErrorKind};
use phiseal_tokens::{FormatPreserving, Keyed};
use std::sync::Arc;

/// A column of format-preserving tokens, or of the ids of their keys.
#[derive(Clone, Debug)]
pub(crate) struct Formatted {
    column: phiseal_tokens::Column<FormatPreserving>,
    /// The other one of the two columns.
    beside: String,
    is_of_keys: bool,
}

impl Column {
    /// A column of format-preserving tokens, each of which is under the key whose id is in the column `keys` beside it, which is
    /// [`Column::keys_of`] this one: the two are made anew together.
    ///
    /// Nothing shows whether a token was changed, or is beside another key than its own.
    #[must_use]
    pub fn format_preserving(
        column: &phiseal_tokens::Column<FormatPreserving>,
        keys: &str,
    ) -> Self {
        Self(Content::Formatted(Formatted::new(column, keys, false)))
    }

    /// The column of the ids of keys, in bytes or in hexadecimal, beside [`Column::format_preserving`], which is called `tokens`.
    #[must_use]
    pub fn keys_of(column: &phiseal_tokens::Column<FormatPreserving>, tokens: &str) -> Self {
        Self(Content::Formatted(Formatted::new(column, tokens, true)))
    }
}

impl Formatted {
    fn new(
        column: &phiseal_tokens::Column<FormatPreserving>,
        beside: &str,
        is_of_keys: bool,
    ) -> Self {
        Self { column: column.assume_allowed(), beside: beside.to_owned(), is_of_keys }
    }

    pub(crate) fn domain(&self) -> &Domain {
        self.column.domain()
    }
}

/// Tells what such tokens, or the ids of their keys, are.
pub(super) struct FormattedSorter<'a> {
    home: Home,
    of: &'a Formatted,
    keyed: Arc<Keyed<FormatPreserving>>,
    /// Where the other column is.
    beside: usize,
    /// What the last token stands for, and whether the ids of keys are text.
    last: Option<(Phi<String>, bool)>,
}

impl<'a> FormattedSorter<'a> {
    pub(super) async fn new(
        of: &'a Formatted,
        columns: &'a [Column],
        table: &'a Table,
    ) -> Result<Self, Error> {
        let beside = table.sealed().iter().position(|name| *name == of.beside);
        let is_other = |place: &usize| {
            matches!(columns.get(*place).map(|column| &column.0),
                Some(Content::Formatted(other)) if other.is_of_keys != of.is_of_keys)
        };
        let beside = beside.filter(is_other).ok_or_else(|| {
            let message = "format-preserving tokens go with the column of the ids of their keys";
            Error::new(ErrorKind::Invalid, message)
        })?;
        let (home, keyed) = (Home::of(of.domain()).await?, of.column.ready().await?);
        Ok(Self { home, of, keyed, beside, last: None })
    }

    pub(super) fn another(&self) -> Self {
        let (home, keyed) = (self.home.clone(), self.keyed.clone());
        Self { home, of: self.of, keyed, beside: self.beside, last: None }
    }

    pub(super) async fn look(&mut self) -> Result<(), Error> {
        self.keyed = self.of.column.ready().await?;
        Ok(())
    }

    /// The place of the other column.
    pub(super) const fn beside(&self) -> usize {
        self.beside
    }

    pub(super) fn class(&mut self, row: &Row, value: &Stored) -> Result<Class, Error> {
        self.last = None;
        let other = row.sealed.get(self.beside).unwrap_or(&Stored::Nothing);
        let (token, key) = if self.of.is_of_keys { (other, value) } else { (value, other) };
        let token = match token {
            Stored::Text(token) => token,
            Stored::Nothing => return Ok(Class::Nothing),
            Stored::Bytes(_) | Stored::Other => return Ok(Class::Plaintext),
        };
        let (id, is_text) = match key {
            // A token that may be under any version.
            Stored::Nothing if self.of.is_of_keys => return Ok(Class::Nothing),
            Stored::Nothing => return Ok(Class::Damaged),
            Stored::Bytes(id) => (<[u8; 16]>::try_from(&id[..]).ok(), false),
            Stored::Text(id) => (hex::parse(id).ok(), true),
            Stored::Other => (None, false),
        };
        let Some(id) = id.map(KeyId::from_bytes) else { return Ok(Class::Damaged) };
        let number = match self.home.version_of(&id) {
            Ok(number) => number,
            Err(class) => return Ok(class),
        };
        match self.keyed.reveal_under(id, token) {
            Ok(value) => self.last = Some((value, is_text)),
            Err(error) if error.kind() == ErrorKind::Invalid => return Ok(Class::Damaged),
            // The keys were changed after the keyset was read.
            Err(error) if error.kind() == ErrorKind::Foreign => return Err(changed()),
            Err(error) => return Err(error),
        }
        Ok(self.home.class_of(number))
    }

    /// What stands in the place of the last token, or of the id of its key.
    pub(super) fn renewed(&mut self) -> Result<Renewed<'static>, Error> {
        let Some((value, is_text)) = self.last.take() else { return Ok(Renewed::Cannot) };
        let (id, token) = self.keyed.tokenize_under(value.expose_secret())?;
        self.home.check_newest(id)?;
        // What replaces the only way back to a value must lead there.
        if self.keyed.reveal_under(id, &token)?.expose_secret() != value.expose_secret() {
            let message = "a token that was made anew stands for something else";
            return Err(Error::new(ErrorKind::Faulty, message));
        }
        Ok(Renewed::Stored(Some(match (self.of.is_of_keys, is_text) {
            (false, _) => Stored::Text(token),
            (true, true) => Stored::Text(hex::text(id.as_bytes())),
            (true, false) => Stored::Bytes(id.as_bytes().to_vec()),
        })))
    }

    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    pub(super) const fn home(&self) -> &Home {
        &self.home
    }
}
