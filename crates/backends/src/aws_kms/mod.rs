//! A KEK in AWS KMS.
//!
//! ```no_run
//! # async fn kek() -> Result<(), phiseal_keys::Error> {
//! use phiseal_backends::aws_kms::AwsKmsKek;
//!
//! let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
//! let kek = AwsKmsKek::builder(arn).connect().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Credentials come from the standard chain of AWS: environment, profiles, web identity (IRSA), containers, IMDS. For
//! `aws sso login`, let the program depend on `aws-config` with its feature `sso`. The region is that of the key. Futures run
//! under any executor or none.
//!
//! # The key
//!
//! A symmetric key (`SYMMETRIC_DEFAULT`, usage `ENCRYPT_DECRYPT`), named by its full ARN. An alias can be pointed at another
//! key, and a bare id is another key in another account or region: both are refused.
//! [`AwsKmsBuilder::resolve_alias`] finds the ARN once, for setup. The ARN goes with every call, and the one in every answer
//! is compared with it.
//!
//! The id of the KEK is `aws-kms:` and the ARN. The replicas of a multi-region key (`mrk-`) have one id, with `*` for the
//! region: what was wrapped in one region opens in another, by a handle that was given the ARN of the replica there.
//!
//! # What is sent
//!
//! | method | call | sent |
//! |---|---|---|
//! | `describe` | `DescribeKey` | the ARN |
//! | `generate_key` | `GenerateDataKey` | the ARN, the encryption context |
//! | `wrap_key` | `Encrypt` | the ARN, the encryption context, the key |
//! | `unwrap_key` | `Decrypt` | the ARN, the encryption context, the wrap |
//! | `rewrap_key` | `ReEncrypt` | the ARN twice, the encryption context twice, the wrap; the key does not leave AWS KMS |
//!
//! AWS writes encryption contexts into CloudTrail. They hold random ids and numbers, nothing that a person wrote
//! ([`EncryptionContext::components`]). Only `https` is spoken, but to this machine: and to that not
//! through a proxy, so where the environment has one for `http`, `NO_PROXY` must list the endpoint's host.
//!
//! # Permissions
//!
//! ```json
//! [
//!   { "Effect": "Allow", "Action": "kms:DescribeKey", "Resource": "<the ARN>" },
//!   { "Effect": "Allow",
//!     "Action": ["kms:GenerateDataKey", "kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"],
//!     "Resource": "<the ARN>",
//!     "Condition": { "StringEquals": { "kms:EncryptionContext:environment": "<32 hex digits>" },
//!                    "StringLike": { "kms:EncryptionContext:phiseal": "v1 *" } } }
//! ]
//! ```
//!
//! | who | needs beside `DescribeKey` |
//! |---|---|
//! | opens, and seals in domains that there are | `Decrypt` |
//! | sets up a store, makes domains, rotates data keys | `GenerateDataKey`, `Decrypt` |
//! | moves wraps here from another KEK | `Encrypt`, `Decrypt` |
//! | rewraps | `ReEncryptFrom`, `ReEncryptTo`, `Decrypt` |
//!
//! Domains can be told apart: `kms:EncryptionContext:domain` is the random id of a domain.
//!
//! # Rotation
//!
//! AWS KMS rotates the material of a key, each year or by `RotateKeyOnDemand`, and keeps its ARN; it goes on opening what
//! older material wrapped, and shows no versions. So `current` is [`KekVersion::UNSEEN`], no wrap is ever known to be
//! current, and a custodian who rewraps rewraps everything. There is no
//! [`KekAdminBackend`](phiseal_keys::KekAdminBackend): material cannot be destroyed alone. Old material ends with its key.
//!
//! # Failures
//!
//! | AWS says | kind |
//! |---|---|
//! | throttling, `LimitExceeded` | [`Throttled`](ErrorKind::Throttled) |
//! | nothing in time, no connection, 5xx, `KMSInternal`, `DependencyTimeout`, `KeyUnavailable` | [`Unavailable`](ErrorKind::Unavailable) |
//! | `AccessDenied`, expired or unknown credentials, a bad signature; no credentials at all | [`Denied`](ErrorKind::Denied) |
//! | `NotFound` | [`NotFound`](ErrorKind::NotFound) |
//! | `Disabled`, `KMSInvalidState` (pending deletion or import) | [`State`](ErrorKind::State) |
//! | `KMSInvalidState` of a key that `DescribeKey` calls enabled: its custom key store fails | [`Unavailable`](ErrorKind::Unavailable) |
//! | `InvalidCiphertext`, `IncorrectKey`; another key's answer to an unwrap | [`Unauthenticated`](ErrorKind::Unauthenticated) |
//! | `InvalidKeyUsage`, `Validation`, an alias or bare id | [`Invalid`](ErrorKind::Invalid) |
//! | `DryRunOperation`, answers that cannot be read, are too long, name another key or hold no key of 32 bytes | [`Faulty`](ErrorKind::Faulty) |
//!
//! The source of such an error holds the code, the status and the id of the request, which AWS support asks for; never the
//! service's message, which repeats ARNs and what was sent.
//!
//! The SDK repeats what may work a moment later (throttling, 5xx, lost connections): at most three attempts, within 15
//! seconds. [`AwsKmsBuilder::without_retries`] ends that.
//!
//! # Keys in memory and in logs
//!
//! A key's bytes are wiped wherever the SDK had them. They travel in base64: the bodies of requests and answers are wiped
//! too, but not what the SDK's JSON writer and the HTTP and TLS libraries freed or keep for the next call. So a scan of the
//! memory of a process that used 50 keys found no byte of them, and the base64 of six to nine. Whoever must rule that out
//! needs a KEK that is no network away.
//!
//! The SDK logs requests at level TRACE; no key is in them. It would log answers where the environment has
//! `LOG_SENSITIVE_BODIES=true`, and then no handle is made.
//!
//! # Tested against
//!
//! moto, LocalStack, a proxy that injects faults, and a server of our own that lies. Neither emulator enforces IAM policies,
//! key policies, grants or `DryRun`; for those, the codes that AWS documents are played back. Nothing here was run against
//! AWS itself.

mod arn;
mod builder;
mod connection;
mod describe;
mod error;
mod guard;

pub use aws_sdk_kms as sdk;
pub use builder::AwsKmsBuilder;

use arn::KeyArn;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use connection::Connection;
use core::fmt;
use core::future::Future;
use phiseal_format::{EncryptionContext, KekVersion, WrapAlgorithm, WrappedKey};
use phiseal_keys::{
    BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekBackend, KekInfo, UnwrappedKey, runtime,
};
use std::collections::HashMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A key of AWS KMS, named by its ARN. See the [module](self).
pub struct AwsKmsKek {
    arn: Arc<KeyArn>,
    connection: Arc<Connection>,
}

impl AwsKmsKek {
    /// The key with this ARN: `arn:aws:kms:REGION:ACCOUNT:key/ID`.
    pub fn builder(arn: &str) -> AwsKmsBuilder {
        AwsKmsBuilder::new(arn)
    }

    /// What `work` comes to, with this process's client, on threads where tokio is.
    async fn call<T, W>(
        &self,
        work: impl FnOnce(Client, Arc<KeyArn>) -> W + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Error>> + Send,
    {
        let (connection, arn) = (self.connection.clone(), self.arn.clone());
        runtime::run(async move {
            let client = connection.client().await?;
            match work(client.clone(), arn.clone()).await {
                Err(error) if error::is_of_state(&error) => Err(judged(&client, &arn, error).await),
                done => done,
            }
        })
        .await?
    }

    /// Refuses what this key did not wrap, before any call.
    fn check(&self, wrapped: &WrappedKey) -> Result<Blob, Error> {
        if wrapped.kek_id() != self.arn.id() {
            return Err(Error::new(ErrorKind::Foreign, "the key is wrapped by another KEK"));
        }
        if wrapped.algorithm() != WrapAlgorithm::Service {
            return Err(Error::new(
                ErrorKind::Malformed,
                "AWS KMS makes no wraps of this algorithm",
            ));
        }
        Ok(Blob::new(wrapped.wrapped()))
    }
}

impl KekBackend for AwsKmsKek {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        let connection = self.connection.clone();
        Box::pin(self.call(async move |client, arn| {
            let call = client.describe_key().key_id(arn.as_str());
            let answer = call.send().await.map_err(|error| error::of(&error))?;
            describe::info(&arn, answer.key_metadata, connection.is_fips())
        }))
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        let context = map(context);
        Box::pin(self.call(async move |client, arn| {
            let call = client.generate_data_key().key_id(arn.as_str());
            let call = call.key_spec(DataKeySpec::Aes256).set_encryption_context(Some(context));
            let mut answer = call.send().await.map_err(|error| error::of(&error))?;
            let key = key(answer.plaintext.take())?;
            let wrapped = wrap(&arn, answer.key_id(), answer.ciphertext_blob())?;
            Ok(GeneratedKey { key, wrapped })
        }))
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        let context = map(context);
        let key = Blob::from_maybe_shared(guard::wiped(key.expose_secret()));
        Box::pin(self.call(async move |client, arn| {
            let call = client.encrypt().key_id(arn.as_str());
            let call = call.plaintext(key).set_encryption_context(Some(context));
            let answer = call.send().await.map_err(|error| error::of(&error))?;
            wrap(&arn, answer.key_id(), answer.ciphertext_blob())
        }))
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        let (wrapped, context) = (self.check(wrapped), map(context));
        Box::pin(self.call(async move |client, arn| {
            let call = client.decrypt().key_id(arn.as_str());
            let call = call.ciphertext_blob(wrapped?).set_encryption_context(Some(context));
            let mut answer = call.send().await.map_err(|error| error::of(&error))?;
            let key = key(answer.plaintext.take());
            let used = answer.key_id().map(|answered| arn.is(answered));
            match used {
                Some(true) => {
                    let (kek_id, kek_version) = (arn.id().clone(), KekVersion::UNSEEN);
                    Ok(UnwrappedKey { key: key?, kek_id, kek_version })
                }
                Some(false) => Err(Error::new(
                    ErrorKind::Unauthenticated,
                    "AWS KMS used another key than the one asked for",
                )),
                None => Err(unnamed()),
            }
        }))
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        let (wrapped, context) = (self.check(wrapped), map(context));
        Box::pin(self.call(async move |client, arn| {
            let call = client.re_encrypt().ciphertext_blob(wrapped?);
            let call = call.source_key_id(arn.as_str()).destination_key_id(arn.as_str());
            let call = call.set_source_encryption_context(Some(context.clone()));
            let call = call.set_destination_encryption_context(Some(context));
            let answer = call.send().await.map_err(|error| error::of(&error))?;
            match answer.source_key_id().map(|answered| arn.is(answered)) {
                Some(true) => wrap(&arn, answer.key_id(), answer.ciphertext_blob()),
                Some(false) => Err(Error::new(
                    ErrorKind::Unauthenticated,
                    "AWS KMS used another key than the one asked for",
                )),
                None => Err(unnamed()),
            }
        }))
    }
}

impl fmt::Debug for AwsKmsKek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKmsKek").field("arn", &self.arn.as_str()).finish_non_exhaustive()
    }
}

/// What it comes to that the key's state forbids a call, by what that state is.
async fn judged(client: &Client, arn: &KeyArn, error: Error) -> Error {
    let answer = client.describe_key().key_id(arn.as_str()).send().await;
    let described = answer.map_err(|error| error::of(&error));
    match described.and_then(|answer| describe::info(arn, answer.key_metadata, false)) {
        Ok(_) => error::out_of_reach(),
        Err(later) if later.is_retryable() => later,
        Err(_) => error,
    }
}

/// The encryption context as AWS KMS takes it.
fn map(context: &EncryptionContext) -> HashMap<String, String> {
    context.components().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The key in an answer. The bytes that it came in are wiped.
fn key(plaintext: Option<Blob>) -> Result<DataKey, Error> {
    let plaintext =
        plaintext.ok_or_else(|| Error::new(ErrorKind::Faulty, "AWS KMS answered without a key"))?;
    let plaintext = Zeroizing::new(plaintext.into_inner());
    DataKey::from_backend(&plaintext)
}

/// The wrap in an answer, which this key made.
fn wrap(arn: &KeyArn, key: Option<&str>, blob: Option<&Blob>) -> Result<WrappedKey, Error> {
    if !arn.is(key.ok_or_else(unnamed)?) {
        return Err(Error::new(
            ErrorKind::Faulty,
            "AWS KMS wrapped with another key than the one asked for",
        ));
    }
    let bytes = blob.map(Blob::as_ref).unwrap_or_default();
    WrappedKey::new(WrapAlgorithm::Service, arn.id().clone(), KekVersion::UNSEEN, bytes.to_vec())
        .map_err(|error| {
            let message = "AWS KMS answered without a wrap, or with one that is too long";
            Error::new(ErrorKind::Faulty, message).with_source(error)
        })
}

fn unnamed() -> Error {
    Error::new(ErrorKind::Faulty, "AWS KMS did not say which key it used")
}
