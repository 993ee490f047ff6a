//! What there is of a token.

use super::Vault;
use super::record::Header;
use phiseal_envelope::{Domain, Phi, Plaintext, Sealed};
use phiseal_format::SubjectTag;
use phiseal_keys::{Error, ErrorKind, Record, RecordKind, SubjectState};

/// What is known of a token.
pub(super) struct Found {
    pub(super) revision: u64,
    pub(super) header: Header,
    pub(super) sealed: Sealed,
}

/// What comes of opening a token.
pub(super) enum Opening {
    Value(Phi<Vec<u8>>),
    /// The person whom it was of was shredded.
    Shredded,
    /// It does not open: its key is gone or withheld, or it is damaged.
    Closed(Error),
}

/// How often a token is drawn anew, or a value looked up again, because somebody else was quicker.
pub(super) const TRIES: usize = 32;

impl Vault {
    /// Refuses what is not of the tokens' form before anything is looked for.
    pub(super) fn check_form(&self, token: &str) -> Result<(), Error> {
        if self.column.kind().form.may_be(token) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, "this is no token of the column's form"))
    }

    /// What there is of a token. [`ErrorKind::State`] when it was purged.
    pub(super) async fn found(&self, token: &str) -> Result<Option<Found>, Error> {
        let record = self.store.read(RecordKind::Token, &self.places.token(token)).await?;
        record.map(Found::parse).transpose()
    }

    /// As [`Vault::found`], and none where it was purged.
    pub(super) async fn present(&self, token: &str) -> Result<Option<Found>, Error> {
        match self.found(token).await {
            Err(error) if error.kind() == ErrorKind::State => Ok(None),
            found => found,
        }
    }

    /// What comes of opening a token, for what is shown nobody.
    pub(super) async fn opening(&self, token: &str, found: &Found) -> Result<Opening, Error> {
        match self.opened(token, found).await {
            Ok(value) => Ok(Opening::Value(value)),
            Err(error) if error.is_retryable() => Err(error),
            Err(_) if self.is_shredded(found.header.person).await? => Ok(Opening::Shredded),
            Err(error) => Ok(Opening::Closed(error)),
        }
    }

    async fn is_shredded(&self, person: Option<SubjectTag>) -> Result<bool, Error> {
        let Some(tag) = person else { return Ok(false) };
        let keyset = self.column.domain().keyset().await?;
        let record = self.column.domain().key_store().find_subject(&keyset, tag).await?;
        Ok(record.is_some_and(|record| matches!(record.state(), SubjectState::Shredded { .. })))
    }

    /// As [`Vault::found`], of a token that may be revealed.
    pub(super) async fn usable(&self, token: &str) -> Result<Found, Error> {
        self.check_form(token)?;
        let found = self.found(token).await?.ok_or_else(unknown)?;
        found.header.usable(self.now())?;
        Ok(found)
    }

    /// The value of a token, for what is shown nobody.
    pub(super) async fn opened<T: Plaintext>(
        &self,
        token: &str,
        found: &Found,
    ) -> Result<Phi<T>, Error> {
        self.opened_through(self.column.domain(), token, found).await
    }

    /// The value of a token, by whoever reads through this handle of the domain.
    pub(super) async fn opened_through<T: Plaintext>(
        &self,
        domain: &Domain,
        token: &str,
        found: &Found,
    ) -> Result<Phi<T>, Error> {
        let context = found.header.context(&self.context, token);
        match found.header.person {
            None => domain.open(&found.sealed, &context).await,
            Some(tag) => domain.subject_of_tag(tag).await?.open(&found.sealed, &context).await,
        }
    }

    /// Seals the value of a token again, with what is known of it changed.
    pub(super) async fn changed(
        &self,
        token: &str,
        change: impl Fn(Header) -> Header + Send,
    ) -> Result<(), Error> {
        self.check_form(token)?;
        for _ in 0..TRIES {
            let found = self.found(token).await?.ok_or_else(unknown)?;
            if found.header.is_over(self.now()) {
                return Err(over());
            }
            let value: Phi<Vec<u8>> = self.opened(token, &found).await?;
            let bytes = self.resealed(token, value.expose_secret(), change(found.header)).await?;
            let place = self.places.token(token);
            match self.store.write(RecordKind::Token, &place, found.revision, &bytes).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                done => return done,
            }
        }
        Err(Error::new(ErrorKind::Conflict, "others changed the token time after time"))
    }

    /// The record of a token with its value sealed anew.
    pub(super) async fn resealed(
        &self,
        token: &str,
        value: &[u8],
        header: Header,
    ) -> Result<Vec<u8>, Error> {
        let context = header.context(&self.context, token);
        let sealed = match header.person {
            None => self.column.domain().seal(value, &context).await?,
            Some(tag) => {
                self.column.domain().subject_of_tag(tag).await?.seal(value, &context).await?
            }
        };
        Ok(header.with(sealed.as_bytes()))
    }
}

impl Found {
    pub(super) fn parse(record: Record) -> Result<Self, Error> {
        if record.bytes.is_empty() {
            return Err(Error::new(ErrorKind::State, "the token was purged"));
        }
        let (header, sealed) = Header::parse(&record.bytes)?;
        Ok(Self { revision: record.revision, header, sealed: Sealed::try_from(sealed)? })
    }
}

impl Header {
    /// Refuses a token that is disabled or has ended.
    pub(super) fn usable(&self, now: u64) -> Result<(), Error> {
        if self.is_over(now) {
            return Err(over());
        }
        if self.disabled {
            return Err(Error::new(ErrorKind::State, "the token is disabled"));
        }
        Ok(())
    }
}

pub(super) fn unknown() -> Error {
    Error::new(ErrorKind::NotFound, "the vault has no such token")
}

fn over() -> Error {
    Error::new(ErrorKind::State, "the token has ended")
}
