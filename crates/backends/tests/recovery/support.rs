//! What the tests of recovery keys share.

use phiseal_backends::recovery::{RecoveryKek, RecoveryKey, Share};
use phiseal_format::{DomainId, EncryptionContext, EnvironmentId, WrappedKey};
use phiseal_keys::{
    BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekBackend, KekInfo, UnwrappedKey,
};
use phiseal_primitives::{Engine, default_engine};

pub(crate) fn engine() -> &'static dyn Engine {
    default_engine()
}

pub(crate) fn context(keyset_version: u32) -> EncryptionContext {
    EncryptionContext::data_key(
        &EnvironmentId::from_bytes([1; 16]),
        &DomainId::from_bytes([2; 16]),
        keyset_version,
    )
}

pub(crate) fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

pub(crate) fn texts(shares: &[Share]) -> Vec<String> {
    shares.iter().map(|share| share.expose_text().to_string()).collect()
}

/// What the papers with these texts give.
pub(crate) fn combined(texts: &[&str]) -> Result<RecoveryKey, Error> {
    let shares: Vec<_> =
        texts.iter().map(|text| Share::parse(text, engine())).collect::<Result<_, _>>()?;
    RecoveryKey::combine(&shares, engine())
}

/// `body` with the checksum that belongs to it.
pub(crate) fn signed(body: &str) -> String {
    let sum = engine().sha_256(&[b"phiseal/v1 recovery text\x00", body.as_bytes()]);
    let digits: String = sum[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{body}-{digits}")
}

/// The sentence and the source of a refusal.
pub(crate) fn said<T>(result: Result<T, Error>) -> (String, Option<String>) {
    let error = result.err().unwrap();
    (error.to_string(), std::error::Error::source(&error).map(ToString::to_string))
}

/// Both halves of one key as one KEK: the public one wraps, the private one opens.
#[derive(Debug)]
pub(crate) struct Together {
    pub(crate) public: RecoveryKek,
    pub(crate) private: RecoveryKey,
}

impl Together {
    pub(crate) fn new() -> Self {
        let private = RecoveryKey::generate(engine()).unwrap();
        let public = RecoveryKek::parse(&private.public().to_string(), engine()).unwrap();
        Self { public, private }
    }
}

impl KekBackend for Together {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        self.public.describe()
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        self.public.generate_key(context)
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        self.public.wrap_key(key, context)
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        self.private.unwrap_key(wrapped, context)
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        self.private.rewrap_key(wrapped, context)
    }
}
