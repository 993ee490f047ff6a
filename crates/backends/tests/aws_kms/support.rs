//! What the tests of this backend share.

use crate::fake::{Fake, arn};
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::{Client, types};
use phiseal_backends::aws_kms::{AwsKmsBuilder, AwsKmsKek};
use phiseal_format::{DomainId, EncryptionContext, EnvironmentId};
use phiseal_keys::{DataKey, Error, ErrorKind, FullKeyId, GeneratedKey, Kek, KekBackend, runtime};
use phiseal_primitives::{Engine, default_engine};
use pollster::block_on;
use std::future::Future;
use std::process::Command;
use std::sync::Arc;

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

/// Where a server is; none where it may be left out.
pub(crate) fn server(variable: &str) -> Option<String> {
    if let Ok(url) = std::env::var(variable) {
        return Some(url);
    }
    let local = std::env::var_os("PHISEAL_LOCAL").is_some_and(|value| value == "1");
    assert!(local, "{variable} is not set: run `cargo xtask test`");
    println!("left out, because PHISEAL_LOCAL=1: what needs {variable}");
    None
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new("test", "test", None, None, "test")
}

pub(crate) fn builder(url: &str, arn: &str) -> AwsKmsBuilder {
    AwsKmsKek::builder(arn).endpoint(url).credentials(credentials())
}

pub(crate) fn kek(url: &str, arn: &str) -> Arc<AwsKmsKek> {
    Arc::new(block_on(builder(url, arn).connect()).unwrap())
}

/// One of the fake's keys, each call of which is made once.
pub(crate) fn faked(fake: &Fake) -> Arc<AwsKmsKek> {
    let builder = builder(&fake.url(), &arn(0)).without_retries();
    Arc::new(block_on(builder.connect()).unwrap())
}

pub(crate) fn connect(backend: &Arc<AwsKmsKek>) -> Kek {
    block_on(Kek::connect(backend.clone(), engine())).unwrap()
}

/// The kind of an error; of a success, none.
pub(crate) fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// A generated key that opens, with its id.
pub(crate) fn generated(kek: &Kek, context: &EncryptionContext) -> (GeneratedKey, FullKeyId) {
    let (made, id) = block_on(kek.generate_key(context)).unwrap();
    let opened = block_on(kek.unwrap_key(&made.wrapped, context, &id)).unwrap();
    assert_eq!(opened.expose_secret(), made.key.expose_secret());
    (made, id)
}

/// The kinds of all five methods.
pub(crate) fn kinds(kek: &AwsKmsKek, made: &GeneratedKey) -> [Option<ErrorKind>; 5] {
    let (context, key) = (context(1), DataKey::generate(engine()).unwrap());
    [
        kind(block_on(kek.describe())),
        kind(block_on(kek.generate_key(&context))),
        kind(block_on(kek.wrap_key(&key, &context))),
        kind(block_on(kek.unwrap_key(&made.wrapped, &context))),
        kind(block_on(kek.rewrap_key(&made.wrapped, &context))),
    ]
}

pub(crate) const AGAIN: &str = "PHISEAL_TEST_AGAIN";

/// Runs this test in a process of its own with this environment.
pub(crate) fn alone(test: &str, environment: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--test-threads=1"]).env(AGAIN, "1");
    let output = command.envs(environment.iter().copied()).output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && out.contains("1 passed"), "{out}");
}

/// Whether this is such a process.
pub(crate) fn is_again() -> bool {
    std::env::var_os(AGAIN).is_some()
}

/// A client as an application makes it.
pub(crate) fn client(url: &str, region: &'static str) -> Client {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(url)
        .region(Region::new(region))
        .credentials_provider(credentials());
    Client::from_conf(config.build())
}

/// The custodian's own client of a server, for what no backend does.
#[derive(Clone)]
pub(crate) struct Custodian {
    url: String,
    client: Client,
}

impl Custodian {
    pub(crate) fn of(url: &str, region: &'static str) -> Self {
        Self { url: url.to_owned(), client: client(url, region) }
    }

    /// What one call comes to.
    pub(crate) fn ask<T, F>(&self, call: impl FnOnce(Client) -> F) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        block_on(runtime::run(call(self.client.clone()))).unwrap()
    }

    /// The ARN of a new symmetric key.
    pub(crate) fn key(&self) -> String {
        self.key_for(types::KeyUsageType::EncryptDecrypt, types::KeySpec::SymmetricDefault)
    }

    /// The ARN of a new key of another sort.
    pub(crate) fn key_for(&self, usage: types::KeyUsageType, spec: types::KeySpec) -> String {
        let call = |client: Client| client.create_key().key_usage(usage).key_spec(spec).send();
        self.ask(call).unwrap().key_metadata.unwrap().arn.unwrap()
    }

    /// A backend over a new key.
    pub(crate) fn kek(&self) -> Arc<AwsKmsKek> {
        kek(&self.url, &self.key())
    }
}
