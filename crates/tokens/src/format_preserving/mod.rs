//! Format-preserving tokens: a social security number in, another one out.

mod format;
mod luhn;

pub use format::Format;

use crate::column::sealed::Sealed;
use crate::{Cardinality, Column, Keyed, Kind};
use format::Split;
use phiseal_envelope::{ColumnSecrets, Phi, RevealForm};
use phiseal_format::{KeyId, TokenUse};
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Validation;
use phiseal_primitives::ff1::{Ff1, MIN_DOMAIN};
use zeroize::Zeroize;

/// Tokens of the form of the value: as long, of the same characters, kept parts and separators in their places (FF1,
/// SP 800-38G Rev. 1).
///
/// # Security
///
/// A pseudonym, not de-identification. Whoever sees tokens of a column sees which values are equal and how often each occurs,
/// the parts that are kept, and the length. Whoever may *ask* for tokens learns the token of every value that he can guess,
/// so a domain that can be tried out (the nine digits of a social security number can) is only as secret as who may ask.
/// Nothing shows whether a token was changed: a changed one is revealed as another value. Kept parts are the tweak of the
/// cipher, so that equal middles beside different kept parts have unlike tokens; the record is not, so that tokens can be
/// joined.
///
/// What is left free after kept parts and check digit has a million values at least (SP 800-38G Rev. 1, 5.1), or the kind is
/// refused: of fewer, a [vaulted token](crate::Vaulted) is the way. A token carries no version, and under another one it is
/// revealed as another value: so either the domain's key has one version and never had another ([`Column::tokenize`] and
/// [`Column::reveal`] refuse from the first rotation on), or the id of the key is kept, for the whole column or in one beside it
/// ([`Column::tokenize_under`], [`Column::reveal_under`]).
///
/// ```
/// use phiseal_tokens::{Cardinality, Format, FormatPreserving};
///
/// let ssn = Format::digits(9).separated_by("-");
/// assert!(FormatPreserving::new(ssn.clone(), Cardinality::SSN).is_ok());
/// let last_four_kept = ssn.keep_last(4);
/// assert!(FormatPreserving::new(last_four_kept, Cardinality::SSN).is_err()); // five digits are left
/// ```
#[derive(Clone, Debug)]
pub struct FormatPreserving {
    format: Format,
    cardinality: Cardinality,
}

impl FormatPreserving {
    /// Tokens of this form, for a column of so many values.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] where fewer than a million values are left free, or the column has few values
    /// ([`Cardinality::check`]); [`ErrorKind::Invalid`] for a form that is none.
    pub fn new(format: Format, cardinality: Cardinality) -> Result<Self, Error> {
        format.check()?;
        cardinality.check()?;
        let radix = u64::from(format.alphabet().radix());
        let free = (0..format.fewest_free()).fold(1_u64, |values, _| values.saturating_mul(radix));
        if free < MIN_DOMAIN {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "fewer than a million values are left free beside kept parts and check digit (SP 800-38G Rev. 1, 5.1): \
                 keep less of the value, or use a vaulted token",
            ));
        }
        Ok(Self { format, cardinality })
    }

    /// The form of values and tokens.
    #[must_use]
    pub const fn format(&self) -> &Format {
        &self.format
    }

    /// How many values the column was declared to have.
    #[must_use]
    pub const fn cardinality(&self) -> &Cardinality {
        &self.cardinality
    }
}

impl Sealed for FormatPreserving {}

impl Kind for FormatPreserving {
    type Key = Ff1;

    fn key(&self, secrets: &ColumnSecrets<'_>) -> Result<Ff1, Error> {
        if secrets.engine().module().validation != Validation::None {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the FIPS module has no FF1: use a vaulted token",
            ));
        }
        let key = secrets.derive(TokenUse::FormatPreserving)?;
        Ok(Ff1::new(key.expose_secret(), self.format.alphabet().radix())?)
    }
}

impl Keyed<FormatPreserving> {
    /// The token of a value, under the newest key, and the id of that, which is kept beside it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a value that is not of the form; [`ErrorKind::Denied`] when a reader was named who may not search
    /// the column; and as [`Keyed::key_id`].
    pub fn tokenize_under(&self, value: &str) -> Result<(KeyId, String), Error> {
        let mut split = self.kind.format.split(value)?;
        let (id, ff1) = self.keys.newest()?;
        self.guard.make(RevealForm::Index, || {
            encrypt(ff1, &mut split)?;
            Ok((id, split.join()))
        })
    }

    /// The token of a value under each key that opens, newest last: what to look for in a column of several versions.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a value that is not of the form; [`ErrorKind::Stale`]; why a key could not be had; and
    /// [`ErrorKind::Denied`] when the reader may not search the column.
    pub fn tokens(&self, value: &str) -> Result<Vec<(KeyId, String)>, Error> {
        let split = self.kind.format.split(value)?;
        let tokens = self.keys.all()?.map(|(id, ff1)| {
            let mut split = split.clone();
            encrypt(ff1, &mut split)?;
            Ok((id, split.join()))
        });
        self.guard.reveal(RevealForm::Index, || tokens.collect())
    }

    /// The id of the one key that there is, and ever was.
    fn only(&self) -> Result<KeyId, Error> {
        self.keys.only().map(|(id, _)| id).map_err(|error| match error.kind() {
            ErrorKind::State => Error::new(
                ErrorKind::State,
                "there is more than one version of the key, or was, and a format-preserving token does not say which one it is \
                 under: keep the key's id beside the column, and name it",
            ),
            _ => error,
        })
    }

    /// The value of a token that is under the key of this id.
    ///
    /// A token that is under another key, or was changed, gives another value: nothing shows it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a token that is not of the form; [`ErrorKind::Foreign`] for a key that is not of the
    /// domain; [`ErrorKind::Stale`]; why the key could not be had; and [`ErrorKind::Denied`] when the reader may not see it.
    pub fn reveal_under(&self, key_id: KeyId, token: &str) -> Result<Phi<String>, Error> {
        self.reveal_as(RevealForm::Full, key_id, token)
    }

    /// Reveals a token that is under the key of this id, and shows of its value what the policy's mask leaves.
    ///
    /// # Errors
    ///
    /// As [`Keyed::reveal_under`]; [`ErrorKind::Invalid`] where there is no policy.
    pub fn reveal_masked_under(&self, key_id: KeyId, token: &str) -> Result<String, Error> {
        let mask = self.guard.mask()?;
        Ok(self.reveal_as(RevealForm::Masked, key_id, token)?.masked(mask).to_string())
    }

    fn reveal_as(
        &self,
        form: RevealForm,
        key_id: KeyId,
        token: &str,
    ) -> Result<Phi<String>, Error> {
        let mut split = self.kind.format.split(token)?;
        let ff1 = self.keys.of(&key_id)?;
        self.guard.reveal(form, || {
            let (tweak, free) = split.parts();
            ff1.decrypt(tweak, free)?;
            Ok(Phi::from(split.join()))
        })
    }
}

fn encrypt(ff1: &Ff1, split: &mut Split<'_>) -> Result<(), Error> {
    let (tweak, free) = split.parts();
    // What was checked at construction leaves no reason to refuse; if it does, nothing of the value goes on.
    Ok(ff1.encrypt(tweak, free).inspect_err(|_| free.zeroize())?)
}

impl Column<FormatPreserving> {
    /// The token of a value in a column whose domain's key has one version.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] where there is another version, or was: [`Column::tokenize_under`]; [`ErrorKind::Invalid`] for a value
    /// that is not of the form; and as [`Column::ready`].
    pub async fn tokenize(&self, value: &str) -> Result<String, Error> {
        self.search(|keyed| {
            keyed.only()?;
            Ok(keyed.tokenize_under(value)?.1)
        })
        .await
    }

    /// As [`Keyed::tokenize_under`], after whatever look is due.
    ///
    /// # Errors
    ///
    /// As [`Keyed::tokenize_under`] and [`Column::ready`].
    pub async fn tokenize_under(&self, value: &str) -> Result<(KeyId, String), Error> {
        self.with(|keyed| keyed.tokenize_under(value)).await
    }

    /// The value of a token in a column whose domain's key has one version, as the key store has it now: a look that no lease
    /// spares.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] where there is another version, or was: [`Column::reveal_under`]; [`ErrorKind::Invalid`] for a token that
    /// is not of the form; what the key store answers; and as [`Column::ready`].
    pub async fn reveal(&self, token: &str) -> Result<Phi<String>, Error> {
        self.domain().refresh().await?;
        self.with(|keyed| keyed.reveal_under(keyed.only()?, token)).await
    }

    /// As [`Column::reveal`], of which the policy's mask leaves what is shown.
    ///
    /// # Errors
    ///
    /// As [`Column::reveal`] and [`Keyed::reveal_masked_under`].
    pub async fn reveal_masked(&self, token: &str) -> Result<String, Error> {
        self.domain().refresh().await?;
        self.with(|keyed| keyed.reveal_masked_under(keyed.only()?, token)).await
    }

    /// As [`Keyed::reveal_under`], after whatever look is due.
    ///
    /// # Errors
    ///
    /// As [`Keyed::reveal_under`] and [`Column::ready`].
    pub async fn reveal_under(&self, key_id: KeyId, token: &str) -> Result<Phi<String>, Error> {
        self.ready_for(key_id).await?;
        self.with(|keyed| keyed.reveal_under(key_id, token)).await
    }

    /// As [`Keyed::reveal_masked_under`], after whatever look is due.
    ///
    /// # Errors
    ///
    /// As [`Keyed::reveal_masked_under`] and [`Column::ready`].
    pub async fn reveal_masked_under(&self, key_id: KeyId, token: &str) -> Result<String, Error> {
        self.ready_for(key_id).await?;
        self.with(|keyed| keyed.reveal_masked_under(key_id, token)).await
    }

    /// As [`Keyed::tokens`], with the keys as they were at most a second ago.
    ///
    /// # Errors
    ///
    /// As [`Keyed::tokens`] and [`Column::ready`].
    pub async fn tokens(&self, value: &str) -> Result<Vec<(KeyId, String)>, Error> {
        self.search(|keyed| keyed.tokens(value)).await
    }
}
