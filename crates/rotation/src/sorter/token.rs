//! Deterministic tokens, each of which says which key it is under.

use super::remains::{Remains, remains};
use super::{Home, Renewed};
use crate::Class;
use crate::Column;
use crate::column::Content;
use crate::opened::changed;
use crate::source::Stored;
use phiseal_envelope::{Domain, Phi};
use phiseal_format::TokenScheme;
use phiseal_keys::{Error, ErrorKind};
use phiseal_tokens::{Deterministic, Keyed, Token};
use std::sync::Arc;

/// A column of deterministic tokens.
#[derive(Clone, Debug)]
pub(crate) struct Tokens(phiseal_tokens::Column<Deterministic>);

impl Column {
    /// A column of deterministic tokens, which are opened and made anew under the newest key. Equal values have equal tokens again
    /// when all columns of that name have been gone through.
    ///
    /// Tokens that do not open (of a FIPS module, or made one way) cannot be made anew of themselves: they are counted under their
    /// version, and named.
    #[must_use]
    pub fn tokens(column: &phiseal_tokens::Column<Deterministic>) -> Self {
        Self(Content::Tokens(Tokens(column.assume_allowed())))
    }
}

impl Tokens {
    pub(crate) fn domain(&self) -> &Domain {
        self.0.domain()
    }
}

/// Tells what tokens are.
pub(super) struct TokenSorter<'a> {
    home: Home,
    column: &'a Tokens,
    keyed: Arc<Keyed<Deterministic>>,
    /// What the last token stands for, if it opened, and whether it was text.
    last: Option<(Phi<Vec<u8>>, bool)>,
}

impl<'a> TokenSorter<'a> {
    pub(super) async fn new(column: &'a Tokens) -> Result<Self, Error> {
        let home = Home::of(column.domain()).await?;
        let keyed = column.0.ready().await?;
        Ok(Self { home, column, keyed, last: None })
    }

    pub(super) fn another(&self) -> Self {
        let (home, keyed) = (self.home.clone(), self.keyed.clone());
        Self { home, column: self.column, keyed, last: None }
    }

    pub(super) async fn look(&mut self) -> Result<(), Error> {
        self.keyed = self.column.0.ready().await?;
        Ok(())
    }

    pub(super) fn class(&mut self, value: &Stored) -> Result<Class, Error> {
        self.last = None;
        let (token, bytes, is_text) = match value {
            Stored::Nothing => return Ok(Class::Nothing),
            Stored::Other => return Ok(Class::Plaintext),
            Stored::Bytes(bytes) => (Token::try_from(&bytes[..]).ok(), &bytes[..], false),
            Stored::Text(text) => (text.parse::<Token>().ok(), text.as_bytes(), true),
        };
        let Some(token) = token else {
            return Ok(match remains(value, bytes) {
                Remains::Prefix => Class::Damaged,
                Remains::Id(id) if self.home.is_like_a_key(&id) => Class::Damaged,
                Remains::Id(_) | Remains::Nothing => Class::Plaintext,
            });
        };
        let id = token.key_id();
        let number = match self.home.version_of(&id) {
            Ok(number) => number,
            Err(class) => return Ok(class),
        };
        match self.keyed.open::<Vec<u8>>(&token) {
            Ok(opened) => self.last = Some((opened, is_text)),
            // One way: what there is to be told is told by the key's id.
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            Err(error) if error.kind() == ErrorKind::Unauthenticated => return Ok(Class::Damaged),
            // The keys were changed after the keyset was read.
            Err(error) if error.kind() == ErrorKind::Foreign => return Err(changed()),
            Err(error) => return Err(error),
        }
        Ok(self.home.class_of(number))
    }

    /// What stands in the place of the last token.
    pub(super) fn renewed(&mut self) -> Result<Renewed<'static>, Error> {
        let Some((value, is_text)) = self.last.take() else { return Ok(Renewed::Cannot) };
        self.home.check_newest(self.keyed.key_id()?)?;
        let token = self.keyed.token(value.expose_secret())?;
        if token.scheme() != TokenScheme::Siv {
            // The column makes them one way now: what opens is not to be lost.
            return Ok(Renewed::Cannot);
        }
        // What replaces the only way back to a value must lead there.
        let again: Phi<Vec<u8>> = self.keyed.open(&token)?;
        if again.expose_secret() != value.expose_secret() {
            let message = "a token that was made anew stands for something else";
            return Err(Error::new(ErrorKind::Faulty, message));
        }
        Ok(Renewed::Stored(Some(if is_text {
            Stored::Text(token.to_string())
        } else {
            Stored::Bytes(token.as_bytes().to_vec())
        })))
    }

    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    pub(super) const fn home(&self) -> &Home {
        &self.home
    }
}
