use crate::column::sealed::Sealed;
use crate::{Cardinality, Column, Keyed, Kind, Token};
use phiseal_envelope::{ColumnSecrets, Phi, Plaintext, RevealForm};
use phiseal_format::{
    KeyId, MAX_TOKEN_PLAINTEXT, TOKEN_PREFIX, TokenScheme, TokenUse, token_prefix,
};
use phiseal_keys::{Error, ErrorKind, Secret};
use phiseal_primitives::Validation;
use phiseal_primitives::hmac::HmacKey;
use phiseal_primitives::siv::{self, IV_LEN, Keys};

/// Tokens of any bytes that are equal where the values are: AES-SIV (RFC 5297), which opens them again; HMAC-SHA-256 where the
/// engine is a FIPS module, which does not.
///
/// # Security
///
/// A pseudonym, not de-identification. Whoever sees tokens of a column sees which values are equal, how often each occurs and,
/// of those that open, how long each is; nothing else, unless he may ask for tokens of values that he guesses. A changed token
/// is refused, and one of another column, tenant or domain does not open. The record is not bound, so that tokens can be
/// joined: one can be moved to another row of its column.
#[derive(Clone, Debug)]
pub struct Deterministic {
    cardinality: Cardinality,
    opens: bool,
}

impl Deterministic {
    /// Tokens for a column of so many values, which open again unless the engine is a FIPS module.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] for a column of few values ([`Cardinality::check`]).
    pub fn new(cardinality: Cardinality) -> Result<Self, Error> {
        cardinality.check()?;
        Ok(Self { cardinality, opens: true })
    }

    /// Tokens that nobody opens, with any engine: HMAC-SHA-256.
    ///
    /// # Errors
    ///
    /// As [`Deterministic::new`].
    pub fn one_way(cardinality: Cardinality) -> Result<Self, Error> {
        Ok(Self { opens: false, ..Self::new(cardinality)? })
    }

    /// How many values the column was declared to have.
    #[must_use]
    pub const fn cardinality(&self) -> &Cardinality {
        &self.cardinality
    }
}

/// One version of the column's keys.
#[derive(Debug)]
pub struct DeterministicKey {
    /// What new tokens are made by.
    scheme: TokenScheme,
    mac: Secret,
    cipher: Secret,
    hash: HmacKey,
    /// Whether the engine is a FIPS module, which has no AES-SIV.
    is_module: bool,
}

impl Sealed for Deterministic {}

impl Kind for Deterministic {
    type Key = DeterministicKey;

    fn key(&self, secrets: &ColumnSecrets<'_>) -> Result<DeterministicKey, Error> {
        let engine = secrets.engine();
        let is_module = engine.module().validation != Validation::None;
        Ok(DeterministicKey {
            scheme: if self.opens && !is_module { TokenScheme::Siv } else { TokenScheme::Hash },
            mac: secrets.derive(TokenUse::SivMac)?,
            cipher: secrets.derive(TokenUse::SivCipher)?,
            hash: HmacKey::new(engine, secrets.derive(TokenUse::Hash)?.expose_secret()),
            is_module,
        })
    }
}

impl DeterministicKey {
    fn siv_keys(&self) -> Keys<'_> {
        Keys { mac: self.mac.expose_secret(), cipher: self.cipher.expose_secret() }
    }

    fn token(&self, id: KeyId, scheme: TokenScheme, value: &[u8]) -> Result<Token, Error> {
        let prefix = token_prefix(scheme, id);
        if scheme != TokenScheme::Siv {
            return Ok(Token::made([&prefix[..], &self.hash.code(&[&prefix, value])].concat()));
        }
        let mut token = vec![0; TOKEN_PREFIX + IV_LEN + value.len()];
        let (start, body) = token.split_at_mut(TOKEN_PREFIX + IV_LEN);
        body.copy_from_slice(value);
        let iv = siv::encrypt(self.siv_keys(), &[&prefix], body)?;
        let (start, place) = start.split_at_mut(TOKEN_PREFIX);
        start.copy_from_slice(&prefix);
        place.copy_from_slice(&iv);
        Ok(Token::made(token))
    }

    fn open(&self, token: &Token) -> Result<Vec<u8>, Error> {
        let token = token.parsed()?;
        if token.scheme() != TokenScheme::Siv {
            return Err(Error::new(ErrorKind::Unsupported, "a token of this scheme does not open"));
        }
        if self.is_module {
            return Err(Error::new(ErrorKind::Unsupported, "the FIPS module has no AES-SIV"));
        }
        let malformed = || Error::new(ErrorKind::Malformed, "the token is too short");
        let (iv, ciphertext) = token.body().split_first_chunk().ok_or_else(malformed)?;
        let mut value = ciphertext.to_vec();
        siv::decrypt(self.siv_keys(), &[token.prefix()], iv, &mut value)?;
        Ok(value)
    }
}

impl Keyed<Deterministic> {
    /// The token of a value, under the newest key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] over 64 KiB; [`ErrorKind::Denied`] when a reader was named who may not search the column; and as
    /// [`Keyed::key_id`].
    pub fn token(&self, value: impl AsRef<[u8]>) -> Result<Token, Error> {
        let value = short_enough(value.as_ref())?;
        let (id, key) = self.keys.newest()?;
        self.guard.make(RevealForm::Index, || key.token(id, key.scheme, value))
    }

    /// The tokens of a value under each key that opens, newest last: what to look for in a column of several versions. They are of
    /// both schemes, as a column may have been made by both, but that a FIPS module makes none of AES-SIV.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] over 64 KiB; [`ErrorKind::Stale`]; why a key could not be had; and [`ErrorKind::Denied`] when the
    /// reader may not search the column.
    pub fn tokens(&self, value: impl AsRef<[u8]>) -> Result<Vec<Token>, Error> {
        let value = short_enough(value.as_ref())?;
        let keys: Vec<_> = self.keys.all()?.collect();
        self.guard.reveal(RevealForm::Index, || {
            let mut tokens = Vec::new();
            for (id, key) in keys {
                for scheme in [TokenScheme::Hash, TokenScheme::Siv] {
                    if scheme == TokenScheme::Hash || !key.is_module {
                        tokens.push(key.token(id, scheme, value)?);
                    }
                }
            }
            Ok(tokens)
        })
    }

    /// The value of a token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Foreign`] for one under a key that is not of the domain; [`ErrorKind::Unauthenticated`] when anything was
    /// changed, or it is of another column; [`ErrorKind::Unsupported`] for one that does not open, and with a FIPS module;
    /// [`ErrorKind::Invalid`] when the value is no `T`; [`ErrorKind::Stale`]; [`ErrorKind::Denied`] when the reader may not see it.
    pub fn open<T: Plaintext>(&self, token: &Token) -> Result<Phi<T>, Error> {
        self.open_as(RevealForm::Full, token)
    }

    /// Opens the token of a text and shows of it what the policy's mask leaves.
    ///
    /// # Errors
    ///
    /// As [`Keyed::open`]; [`ErrorKind::Invalid`] where there is no policy.
    pub fn open_masked(&self, token: &Token) -> Result<String, Error> {
        let mask = self.guard.mask()?;
        let value: Phi<String> = self.open_as(RevealForm::Masked, token)?;
        Ok(value.masked(mask).to_string())
    }

    fn open_as<T: Plaintext>(&self, form: RevealForm, token: &Token) -> Result<Phi<T>, Error> {
        let key = self.keys.of(&token.key_id())?;
        self.guard.reveal(form, || Ok(Phi::from(T::from_plaintext(key.open(token)?)?)))
    }
}

impl Column<Deterministic> {
    /// As [`Keyed::token`], after whatever look is due.
    ///
    /// # Errors
    ///
    /// As [`Keyed::token`] and [`Column::ready`].
    pub async fn token(&self, value: impl AsRef<[u8]> + Sync) -> Result<Token, Error> {
        self.with(|keyed| keyed.token(value.as_ref())).await
    }

    /// As [`Keyed::tokens`], with the keys as they were at most a second ago.
    ///
    /// # Errors
    ///
    /// As [`Keyed::tokens`] and [`Column::ready`].
    pub async fn tokens(&self, value: impl AsRef<[u8]> + Sync) -> Result<Vec<Token>, Error> {
        self.search(|keyed| keyed.tokens(value.as_ref())).await
    }

    /// As [`Keyed::open`], after whatever look is due.
    ///
    /// # Errors
    ///
    /// As [`Keyed::open`] and [`Column::ready`].
    pub async fn open<T: Plaintext>(&self, token: &Token) -> Result<Phi<T>, Error> {
        self.ready_for(token.key_id()).await?;
        self.with(|keyed| keyed.open(token)).await
    }

    /// As [`Keyed::open_masked`], after whatever look is due.
    ///
    /// # Errors
    ///
    /// As [`Keyed::open_masked`] and [`Column::ready`].
    pub async fn open_masked(&self, token: &Token) -> Result<String, Error> {
        self.ready_for(token.key_id()).await?;
        self.with(|keyed| keyed.open_masked(token)).await
    }
}

fn short_enough(value: &[u8]) -> Result<&[u8], Error> {
    if value.len() > MAX_TOKEN_PLAINTEXT {
        return Err(Error::new(ErrorKind::Invalid, "a deterministic token is of at most 64 KiB"));
    }
    Ok(value)
}
