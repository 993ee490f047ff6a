//! Backends that return what was not asked for: a [`Kek`] hands out none of it.

use crate::support::{connect, context, engine, generate, kind, opens};
use phiseal_backends::memory::MemoryKek;
use phiseal_format::{EncryptionContext, KekId, KekVersion, WrapAlgorithm, WrappedKey};
use phiseal_keys::{
    BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekBackend, KekInfo, UnwrappedKey,
};
use pollster::block_on;
use std::sync::Arc;

/// Answers every unwrap with the same bytes, id and version.
#[derive(Debug)]
struct Scripted {
    inner: Arc<MemoryKek>,
    bytes: Option<Vec<u8>>,
    id: Option<KekId>,
    version: Option<KekVersion>,
    wrap: Option<WrappedKey>,
}

impl Scripted {
    fn over(inner: &Arc<MemoryKek>) -> Self {
        Self { inner: inner.clone(), bytes: None, id: None, version: None, wrap: None }
    }
}

impl KekBackend for Scripted {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        self.inner.describe()
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        Box::pin(async move {
            let mut generated = self.inner.generate_key(context).await?;
            generated.wrapped = self.wrap.clone().unwrap_or(generated.wrapped);
            Ok(generated)
        })
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async move {
            let wrapped = self.inner.wrap_key(key, context).await?;
            Ok(self.wrap.clone().unwrap_or(wrapped))
        })
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        Box::pin(async move {
            let mut answer = self.inner.unwrap_key(wrapped, context).await?;
            if let Some(bytes) = &self.bytes {
                answer.key = DataKey::from_backend(bytes)?;
            }
            answer.kek_id = self.id.clone().unwrap_or(answer.kek_id);
            answer.kek_version = self.version.unwrap_or(answer.kek_version);
            Ok(answer)
        })
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        phiseal_keys::rewrap_in_process(self, wrapped, context)
    }
}

#[test]
fn wrong_bytes_are_refused() {
    let inner = Arc::new(MemoryKek::new(engine()).unwrap());
    let kek = connect(&inner);
    let (sealed, other) = (generate(&kek, 1), generate(&kek, 1));
    let mut one_bit = *sealed.key.expose_secret();
    one_bit[31] ^= 1;
    let right = sealed.key.expose_secret();
    let cases: [(&str, Vec<u8>, Option<ErrorKind>); 11] = [
        ("the key", right.to_vec(), None),
        ("nothing", vec![], Some(ErrorKind::Faulty)),
        ("16 bytes of it", right[..16].to_vec(), Some(ErrorKind::Faulty)),
        ("31 bytes of it", right[..31].to_vec(), Some(ErrorKind::Faulty)),
        ("it and a byte", [&right[..], &[0]].concat(), Some(ErrorKind::Faulty)),
        ("it twice", [*right, *right].concat(), Some(ErrorKind::Faulty)),
        ("64 zeros", vec![0; 64], Some(ErrorKind::Faulty)),
        ("32 zeros", vec![0; 32], Some(ErrorKind::Faulty)),
        ("32 other bytes", vec![7; 32], Some(ErrorKind::Unauthenticated)),
        ("another data key", other.key.expose_secret().to_vec(), Some(ErrorKind::Unauthenticated)),
        ("the key but for a bit", one_bit.to_vec(), Some(ErrorKind::Unauthenticated)),
    ];
    for (what, bytes, expected) in cases {
        let scripted = Arc::new(Scripted { bytes: Some(bytes), ..Scripted::over(&inner) });
        assert_eq!(kind(opens(&connect(&scripted), &sealed)), expected, "{what}");
    }
}

#[test]
fn an_answer_of_another_kek_or_version_is_refused() {
    let inner = Arc::new(MemoryKek::new(engine()).unwrap());
    let sealed = generate(&connect(&inner), 1);
    let other_id = Some(KekId::try_from("memory:other").unwrap());
    for scripted in [
        Scripted { id: other_id, ..Scripted::over(&inner) },
        Scripted { version: Some(KekVersion(0)), ..Scripted::over(&inner) },
        Scripted { version: Some(KekVersion(2)), ..Scripted::over(&inner) },
    ] {
        assert_eq!(
            kind(opens(&connect(&Arc::new(scripted)), &sealed)),
            Some(ErrorKind::Unauthenticated)
        );
    }
    opens(&connect(&Arc::new(Scripted::over(&inner))), &sealed).unwrap();
}

#[test]
fn a_wrap_of_another_kek_or_an_overlong_one_is_refused() {
    let inner = Arc::new(MemoryKek::new(engine()).unwrap());
    let id = connect(&inner).info().id.clone();
    let wrap = |id, length| {
        WrappedKey::new(WrapAlgorithm::Xaes256Gcm, id, KekVersion(1), vec![1; length]).unwrap()
    };
    let cases = [
        (wrap(id.clone(), 72), None),
        (wrap(KekId::try_from("memory:other").unwrap(), 72), Some(ErrorKind::Faulty)),
        (wrap(id, 73), Some(ErrorKind::Faulty)),
    ];
    let key = DataKey::generate(engine()).unwrap();
    for (wrap, expected) in cases {
        let kek = connect(&Arc::new(Scripted { wrap: Some(wrap), ..Scripted::over(&inner) }));
        assert_eq!(kind(block_on(kek.generate_key(&context(1)))), expected);
        assert_eq!(kind(block_on(kek.wrap_key(&key, &context(1)))), expected);
    }
}
