//! A KEK in the transit engine of an OpenBao or HashiCorp Vault server: it never leaves the server.
//!
//! # Setting up
//!
//! ```text
//! bao secrets enable transit
//! bao write transit/config/keys disable_upsert=true
//! bao write -f transit/keys/phi derived=true type=aes256-gcm96
//! ```
//!
//! The key must be `derived`: each context then has a key of its own on the server (HKDF-SHA-256), and so a wrap stays bound
//! to its context when the server rewraps it. It does not do that for wraps that are bound by `associated_data`. A key is
//! refused with [`ErrorKind::Unsupported`] that is not derived, of another type or
//! convergent, that can be exported or backed up in the clear (both for good: make another key), or that can be deleted.
//!
//! The application's policy; and beside it `default`, or what it says about `auth/token/lookup-self` and
//! `auth/token/renew-self`, where the token is to be renewed:
//!
//! ```text
#![doc = include_str!("application.hcl")]
//! ```
//!
//! The custodian's, which can neither make the key exportable nor delete it:
//!
//! ```text
#![doc = include_str!("custodian.hcl")]
//! ```
//!
//! ```no_run
//! use phiseal_backends::transit::TransitKek;
//! use phiseal_keys::Kek;
//! use std::sync::Arc;
//!
//! # async fn connect() -> Result<(), phiseal_keys::Error> {
//! let backend = TransitKek::builder("https://bao.example:8200", "phi")
//!     .authority("/etc/phi/bao-ca.pem")
//!     .token_from_file("/run/bao/token")
//!     .build()?;
//! let kek = Kek::connect(Arc::new(backend), phiseal_primitives::default_engine()).await?;
//! # let _ = kek;
//! # Ok(())
//! # }
//! ```
//!
//! # What is sent
//!
//! | method | requests |
//! |---|---|
//! | `describe` | `GET sys/internal/ui/mounts/<mount>`, `GET <mount>/keys/<name>` |
//! | `generate_key` | `POST <mount>/datakey/plaintext/<name>`, `GET <mount>/keys/<name>` |
//! | `wrap_key` | `POST <mount>/encrypt/<name>`, `GET <mount>/keys/<name>` |
//! | `unwrap_key` | `POST <mount>/decrypt/<name>` |
//! | `rewrap_key` | `POST <mount>/rewrap/<name>`, `GET <mount>/keys/<name>` |
//!
//! Every `POST` carries the encryption context's bytes as `context`; they are opaque ids. A handle that was not yet asked to
//! describe itself does that first. HTTP/1.1 over TLS 1.3 or 1.2; no proxy of the environment is used, no redirect followed,
//! no request made twice (the feature `layers` retries) but a rotation that met another one, no answer over 64 KiB read.
//!
//! **No key is ever made.** A server whose token may create makes a key of its own choice when it is asked to encrypt under
//! a name that it does not know. So `encrypt` asks for a key type that no server has: it counts only for a key that would
//! have to be made, and is refused then. The other requests make none.
//!
//! # Which key it is
//!
//! The KEK's id is `transit:<uuid of the mount>/<name>`. A mount that is made anew has another uuid, wherever it is. The
//! server gives keys no id, so a key that was deleted and made again under its name has the same one. That takes somebody
//! who first allows the deletion, which every look refuses; a handle that saw the one before answers
//! [`ErrorKind::Tampered`], since no version may ever have another time of making; and
//! what the one before wrapped does not open. A key put back from an older backup is noticed in the same way.
//!
//! # Token
//!
//! From `BAO_TOKEN` or `VAULT_TOKEN`, another variable, a file that a sidecar may rewrite, or a callback; never from an
//! argument. A token that is denied is looked for anew, once, and the request made again if there is another one. A task that
//! the first call starts, and that ends with the handle, asks how long a new token lives (`GET auth/token/lookup-self`) and
//! renews it at two thirds of that (`POST auth/token/renew-self`), if it may and can.
//!
//! # States
//!
//! A transit key has no state for each version but three thresholds, and this is what they mean here:
//!
//! | version | state | it |
//! |---|---|---|
//! | from `min_encryption_version` on | active | opens; the latest wraps |
//! | from `min_decryption_version` on | deactivated, or compromised | opens |
//! | from `min_available_version` on | out of use: set by hand, or a destruction was cut off | neither; can be destroyed |
//! | before it | destroyed | is gone for good |
//!
//! So [`TransitAdmin`] retires and destroys versions from the oldest on, and answers
//! [`ErrorKind::State`] where an older one has to come first. To deactivate the latest
//! version makes a newer one first, since the server always encrypts under the latest. That a version is compromised and not
//! merely deactivated is not remembered by the server. No single version can be suspended
//! ([`ErrorKind::Unsupported`]); `DELETE transit/keys/phi/soft-delete` suspends all.
//! **One custodian at a time.** The server has no compare-and-set for thresholds. And an OpenBao server (2.7.2, on raft) that
//! refuses a rotation because of another change keeps its version in memory all the same, wraps under it, and has lost it
//! after the next start. The next rotation that is done writes it down, so [`TransitAdmin`] goes on until one is, and so
//! should whoever rotates by hand or by `auto_rotate_period` and sees `transaction commit failed`.
//!
//! # Errors
//!
//! | the server | kind |
//! |---|---|
//! | cannot be reached, is sealed, fails (5xx), has a certificate that is not trusted, redirects, does not answer in time | `Unavailable` |
//! | was changing the key for somebody else | `Conflict` |
//! | limits the rate (429) | `Throttled` |
//! | denies the token or the policy does (403), or there is no token | `Denied` |
//! | has no such mount, namespace, key or version | `NotFound` |
//! | has the key soft-deleted, or the version retired or destroyed | `State` |
//! | finds a wrap changed, of another key or under another context | `Unauthenticated`, `Malformed` |
//! | answers what makes no sense: another length, another version, not JSON, over 64 KiB | `Faulty` |
//!
//! A certificate that is not trusted is an outage and not a refusal: whoever can put itself between must not be able to make
//! applications drop the keys that they hold.
//!
//! # What stays in memory
//!
//! The request that carries a data key, the answer that does and the token are in buffers that are zeroed. Copies that are
//! not: the write and read buffers of hyper and the record buffers of rustls, which the allocator reuses.
//!
//! # Which servers
//!
//! Tested with OpenBao 2.7.2. HashiCorp Vault has the same interface where it is used here, and was not tested.
//!
//! Of a cluster, name the active node, or set `disable_standby_reads = true`. A standby that reads by itself, as OpenBao's do
//! unless told otherwise, may be behind: after a rotation its answer is taken for one of an older copy of the key
//! ([`ErrorKind::Tampered`]), and a wrap of the new version for one of a version that there is not
//! ([`ErrorKind::NotFound`]).
//!
//! # Why hyper
//!
//! `vaultrs` reads answers without a bound and follows redirects with the token; the `openbao` crate cannot send a key type
//! with `encrypt`, and takes released versions of OpenBao only. Both bring three times the crates of hyper and rustls.

mod address;
mod admin;
mod builder;
mod ciphertext;
mod error;
mod http;
mod key;
mod renewal;
mod service;
mod tls;
mod token;

pub use admin::TransitAdmin;
pub use builder::TransitBuilder;
pub use token::Token;

use arc_swap::ArcSwapOption;
use ciphertext::Ciphertext;
use core::fmt;
use error::senseless;
use key::{Births, TransitKey};
use phiseal_format::{EncryptionContext, KekId, WrappedKey};
use phiseal_keys::{
    BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekBackend, KekInfo, UnwrappedKey,
};
use service::{Service, Wrapped};
use std::sync::Arc;

/// A KEK that is a transit key of an OpenBao or Vault server.
pub struct TransitKek(Arc<Pinned>);

/// A service, and which key it was the first time.
struct Pinned {
    service: Arc<Service>,
    known: ArcSwapOption<Known>,
}

struct Known {
    id: KekId,
    births: Births,
}

impl TransitKek {
    /// The key `name` of the server at `address`, such as `https://bao.example:8200`.
    pub fn builder(address: &str, name: &str) -> TransitBuilder<Self> {
        TransitBuilder::new(address, name)
    }

    fn of(service: Arc<Service>) -> Self {
        Self(Arc::new(Pinned { service, known: ArcSwapOption::const_empty() }))
    }

    async fn run<T, F>(&self, work: impl FnOnce(Arc<Pinned>) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.0.service.run(|_| work(Arc::clone(&self.0))).await
    }
}

impl Pinned {
    /// Asks which key it is.
    async fn describe(&self) -> Result<(Arc<Known>, TransitKey), Error> {
        let mount = self.service.mount_id().await?;
        let id = KekId::try_from(format!("transit:{mount}/{}", self.service.name))?;
        self.look(&id).await
    }

    /// Which key it is, as far as that is known.
    async fn known(&self) -> Result<Arc<Known>, Error> {
        match self.known.load_full() {
            Some(known) => Ok(known),
            None => Ok(self.describe().await?.0),
        }
    }

    /// Asks for the state of the key with this id, and refuses another one that has its name.
    async fn look(&self, id: &KekId) -> Result<(Arc<Known>, TransitKey), Error> {
        let before = self.known.load_full();
        let key = self.service.key().await?;
        key.check(&self.service.name)?;
        let births = key.births()?;
        if before.is_some_and(|known| known.id != *id || !births.follow(&known.births)) {
            return Err(another());
        }
        Ok((self.remember(id, births)?, key))
    }

    /// Keeps what is known, unless a later look has already told more.
    fn remember(&self, id: &KekId, births: Births) -> Result<Arc<Known>, Error> {
        loop {
            let present = self.known.load();
            match &*present {
                Some(known) if known.births.follow(&births) => return Ok(Arc::clone(known)),
                Some(known) if known.id != *id || !births.follow(&known.births) => {
                    return Err(another());
                }
                _ => {}
            }
            let fresh = Arc::new(Known { id: id.clone(), births: births.clone() });
            let before = self.known.compare_and_swap(&*present, Some(Arc::clone(&fresh)));
            let unchanged = match (&*present, &*before) {
                (Some(present), Some(before)) => Arc::ptr_eq(present, before),
                (None, None) => true,
                _ => false,
            };
            if unchanged {
                return Ok(fresh);
            }
        }
    }

    /// What a wrap is worth that the server just made: it is one of this key, which is still as it must be, and of a version
    /// that wraps.
    async fn made(&self, known: &Known, wrapped: &Wrapped) -> Result<WrappedKey, Error> {
        let (_, key) = self.look(&known.id).await?;
        let version = wrapped.ciphertext()?.version();
        if version > key.latest() || version.0 < key.oldest_open() {
            return Err(senseless());
        }
        wrapped.wrapped(&known.id)
    }
}

impl KekBackend for TransitKek {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        Box::pin(self.run(|pinned| async move {
            let (known, key) = pinned.describe().await?;
            let mut info = KekInfo::new(known.id.clone(), key.latest());
            info.versions = key.states();
            info.max_wrapped = ciphertext::MAX;
            Ok(info)
        }))
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        let context = context.clone();
        Box::pin(self.run(|pinned| async move {
            let known = pinned.known().await?;
            let (key, wrapped) = pinned.service.data_key(&context).await?;
            Ok(GeneratedKey { key, wrapped: pinned.made(&known, &wrapped).await? })
        }))
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async move {
            let request = Service::encrypting(key, context)?;
            let wrapping = |pinned: Arc<Pinned>| async move {
                let known = pinned.known().await?;
                let wrapped = pinned.service.encrypt(request).await?;
                pinned.made(&known, &wrapped).await
            };
            self.run(wrapping).await
        })
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        let (wrapped, context) = (wrapped.clone(), context.clone());
        Box::pin(self.run(|pinned| async move {
            let known = pinned.known().await?;
            let ciphertext = own(&wrapped, &known)?;
            let key = pinned.service.decrypt(ciphertext, &context).await?;
            // The server authenticates under the version that the text names, or not at all.
            let kek_version = ciphertext.version();
            Ok(UnwrappedKey { key, kek_id: known.id.clone(), kek_version })
        }))
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        let (wrapped, context) = (wrapped.clone(), context.clone());
        Box::pin(self.run(|pinned| async move {
            let known = pinned.known().await?;
            let rewrapped = pinned.service.rewrap(own(&wrapped, &known)?, &context).await?;
            pinned.made(&known, &rewrapped).await
        }))
    }
}

impl fmt::Debug for TransitKek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransitKek").field("service", &self.0.service).finish_non_exhaustive()
    }
}

/// The text of a wrap that is this key's by its label.
fn own<'a>(wrapped: &'a WrappedKey, known: &Known) -> Result<Ciphertext<'a>, Error> {
    if *wrapped.kek_id() == known.id {
        Ciphertext::of(wrapped)
    } else {
        Err(Error::new(ErrorKind::Foreign, "the key is wrapped by another KEK"))
    }
}

#[cold]
fn another() -> Error {
    Error::new(
        ErrorKind::Tampered,
        "the transit key is another one than before, or an older copy of it, under the same name",
    )
}
