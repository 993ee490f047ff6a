//! A KEK in a hardware security module, or in anything else that speaks PKCS#11.
//!
//! ```no_run
//! use phiseal_backends::pkcs11::{Pin, Pkcs11Token};
//! use phiseal_keys::{Error, Kek};
//! use std::sync::Arc;
//!
//! # fn main() -> Result<(), Error> {
//! let engine = phiseal_primitives::default_engine();
//! let token = Pkcs11Token::builder("/usr/lib/softhsm/libsofthsm2.so")
//!     .label("clinic")
//!     .pin(Pin::from_env("CLINIC_HSM_PIN"))
//!     .open(engine)?;
//! println!("{}", token.report()?);
//!
//! let backend = token.create_kek("phi")?; // once; from then on:
//! let backend = token.kek("phi")?;
//! let kek = pollster::block_on(Kek::connect(Arc::new(backend), engine))?;
//! # let _ = kek;
//! # Ok(())
//! # }
//! ```
//!
//! # The key
//!
//! A KEK that is made here never leaves the token: it is sensitive and not extractable, and a key that is not is refused.
//! It encrypts and decrypts, or wraps and unwraps; one that may do both is refused, since what it wraps it could decrypt.
//! Which of the two depends on the [mechanism](WrapMechanism): those that a token lists are tried, with a key that is gone
//! afterwards, and the best that is allowed and works is used. When none does, [`Pkcs11Token::create_kek`] says why, of
//! each.
//!
//! A data key is made by the engine's generator, bound to its context and wrapped on the token; it passes through this
//! process's memory either way, as it does the sealing. The nonce of AES-GCM is random, 12 bytes; one KEK version may make
//! 2^32 wraps (SP 800-38D, 8.3), and a key store makes one for each domain.
//!
//! # Versions and states
//!
//! [`Pkcs11Kek`] is administered by the same user as it is used by, as PKCS#11 has one for both; a token with policies of
//! its own keeps them apart. A new version is another key with the same label; it has one of its own until it is whole and
//! known to be the only one of its number. The states are enforced by the token
//! against every program, as the key may then do less:
//!
//! | state | may encrypt or wrap | may decrypt or unwrap |
//! |---|---|---|
//! | active | yes | yes |
//! | deactivated; compromised looks the same | no | yes |
//! | suspended | yes, but is not used | no |
//!
//! The newest version is not destroyed, as the next one would get its number: make a new one first.
//!
//! A key that another tool made is opened by its label, or by label and id, and has one version for ever, if it is private,
//! sensitive, not extractable, and for one of the two pairs of uses. (OpenSC's `pkcs11-tool --keygen` gives all four uses on
//! SoftHSM, whatever it is told: such a key is refused.)
//!
//! # Keys that sign
//!
//! With the feature `custodian`. A [`Pkcs11Signer`] is an Ed25519 key on a token (`CKM_EDDSA`, PKCS#11 v3.0, 6.3.16), for
//! those who approve and certify, and for checkpoints of audit logs: [`Pkcs11Token::create_signer`], [`Pkcs11Token::signer`].
//! It is made and refused by the same rules as a KEK. Its public half is what the token says, in whichever encoding, once a
//! signature was seen to verify under it; so is every signature before it is handed out.
//!
//! # Threads, sessions, failures
//!
//! A token has threads of its own, `phiseal-hsm-0` and on, each with one session. Calls wait in a bounded queue; callers
//! wait for a place in it. Bound the wait with a [timeout](crate::layer::Timeout): a module that does not return keeps its
//! thread.
//!
//! A session is not used again after a failed call. Where another session may help (the session was closed, the user logged
//! out, the module finalised by somebody else, a handle gone), the call is made once more, in a new one. A wrong PIN is never
//! shown twice, since tokens lock after a few: open the token again with another one.
//!
//! A module is initialised once in a process and shared by all handles. A handle does not survive a fork; the child opens
//! its own.
//!
//! # Tokens and their ways
//!
//! | what a token may do | what is done about it |
//! |---|---|
//! | accept nonces of any length and tags of 8 bits | nonces are of 12 bytes and tags of 128 bits, always |
//! | draw its own nonce, over the one it was given, or only over zeros | the one it used is stored ([`Quirk::OverwritesNonces`], [`Quirk::RefusesNonces`]) |
//! | offer nonces of its own through `C_EncryptMessage` | [`Nonces::Token`] asks for them |
//! | refuse, or fall over, empty associated data | there is always some |
//! | answer `CKR_GENERAL_ERROR` to a wrap that is not authentic, as to a fault of its own | a trial with a good wrap tells the two apart ([`Quirk::UnclearRefusals`]) |
//! | leave an operation active after an error ([`Quirk::StaysActive`]) | the session is dropped after any error |
//! | return fewer or more bytes than it said | the length of every answer is compared with what it must be |
//! | allow two keys of one label and id | such a key is refused |
//! | let anybody put keys on it that are not private (SoftHSM) | such keys, and public halves without their private one, do not count |
//! | forget logins, sessions and handles | see above |
//! | do OAEP with SHA-1 only (SoftHSM) | not used |
//! | have AES key wrap with padding under the wrong number, or apply CBC as a wrap mechanism | not used: 64 bytes need no padding |
//! | leave data keys of AES key wrap in memory of its own (kryoptic) | nothing can be done; AES-GCM leaves none |
//! | tell an Ed25519 point raw, as an octet string or as a bit string, and take the curve's name as an identifier or a text | all are read, all are tried |
//! | have no EdDSA (kryoptic over an OpenSSL before 3.2, as of Debian 12) | no key that signs is made, and the error says so |
//! | wrap keys that are not extractable (NSS) | nothing can be done: the module decides |
//!
//! A module is native code in this process, which can do to it what it likes. Where it answers a length that no memory
//! has, the call ends with an error, or the process ends, as it does whenever memory does.
//!
//! Tested against SoftHSM 2.6.1 and kryoptic 1.5.4.

mod binding;
mod keys;
mod mechanism;
mod pin;
mod queue;
mod report;
#[cfg(feature = "custodian")]
mod signer;
mod token;
mod trial;
mod worker;

use binding::{Cause, Failure, Session};
use core::fmt;
use keys::{Kek, Selector, Version, Which, number_of, object_id, staging_label};
use mechanism::{NonceWay, Wrapping};
use phiseal_format::{EncryptionContext, KekId, KekVersion, WrappedKey};
use phiseal_keys::{
    BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekAdminBackend, KekBackend, KekInfo,
    KeyState, KeyUse, UnwrappedKey, rewrap_in_process,
};
use phiseal_primitives::Engine;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use worker::Open;

pub use mechanism::{Nonces, WrapMechanism};
pub use pin::Pin;
pub use report::{MechanismReport, TokenReport};
#[cfg(feature = "custodian")]
pub use signer::Pkcs11Signer;
pub use token::{Pkcs11Token, Pkcs11TokenBuilder};
pub use trial::Quirk;

/// A KEK on a token: see the [module](self). Clones share it.
#[derive(Clone)]
pub struct Pkcs11Kek {
    token: Pkcs11Token,
    selector: Arc<Selector>,
    id: KekId,
    nonces: NonceWay,
    /// The newest version that any session has seen: one that knows of none as new has to look again.
    newest: Arc<AtomicU32>,
}

impl Pkcs11Token {
    /// Makes a KEK with this label and one version. Blocks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when the token has a key of this label; [`ErrorKind::Unsupported`] when no allowed mechanism
    /// works, with the reason for each in the source; [`ErrorKind::Invalid`] for an empty label; and what the token answers.
    pub fn create_kek(&self, label: &str) -> Result<Pkcs11Kek, Error> {
        if label.is_empty() || label.len() > 128 {
            return Err(Error::new(ErrorKind::Invalid, "a label has 1 to 128 bytes"));
        }
        let (mechanism, works) = self.chosen()?;
        let mut name = [0; 16];
        self.engine.fill_random(&mut name)?;
        let owned = label.to_owned();
        self.block_on(move |open| {
            let _one = open.address.module.custodian();
            if !open.session.keys(&owned)?.is_empty() {
                let message = "the token has a key of this label already";
                return Err(Error::new(ErrorKind::Conflict, message).into());
            }
            open.changing(|session| {
                let made = session.generate(mechanism, Some((&owned, &object_id(&name, 1))))?;
                // Another custodian may have made one of this label at the same time: then neither has.
                if session.keys(&owned)?.iter().all(|key| key.id.starts_with(&name)) {
                    return Ok(());
                }
                made.each().try_for_each(|key| session.destroy(key))?;
                let message = "a key of this label was made at the same time: try again";
                Err(Error::new(ErrorKind::Conflict, message).into())
            })
        })?;
        let selector = Selector { label: label.to_owned(), which: Which::Named(name) };
        self.find(selector, Some(works.nonces))
    }

    /// The KEK with this label. Blocks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when the token has no key of this label; [`ErrorKind::Invalid`] when it has several that are
    /// not versions of one KEK; [`ErrorKind::Unsupported`] for a key that can leave the token, may both encrypt and wrap, is
    /// too short, or whose mechanism is not allowed or does not work; and what the token answers.
    pub fn kek(&self, label: &str) -> Result<Pkcs11Kek, Error> {
        self.find(Selector { label: label.to_owned(), which: Which::Only }, None)
    }

    /// The KEK that is the key with this label and this `CKA_ID`, which another tool made. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Pkcs11Token::kek`].
    pub fn kek_with_id(&self, label: &str, id: &[u8]) -> Result<Pkcs11Kek, Error> {
        self.find(Selector { label: label.to_owned(), which: Which::Id(id.to_vec()) }, None)
    }

    /// Finds the KEK and, unless it is known how it works, tries its current version.
    fn find(&self, selector: Selector, nonces: Option<NonceWay>) -> Result<Pkcs11Kek, Error> {
        let selector = Arc::new(selector);
        let (allowed, made_by, engine) = (self.allowed.clone(), self.nonces, self.engine);
        let (id, nonces, selector) = self.block_on(move |open| {
            let kek = open.fresh_kek(&selector)?;
            if kek.versions.values().any(|version| !allowed.contains(&version.mechanism)) {
                let message = "the key is for a mechanism that is not allowed here";
                return Err(Error::new(ErrorKind::Unsupported, message).into());
            }
            let (_, newest) = kek.current()?;
            let nonces = match nonces {
                Some(known) => known,
                // One that opens only, until there is a newer one, which is tried when it is made.
                None if newest.state != KeyState::Active => NonceWay::Ours,
                None => {
                    let Version { mechanism, handles, bits, .. } = *newest;
                    let token = open.address.token()?;
                    let session = open.address.module.session(&token, false)?;
                    trial::of_key(&session, mechanism, made_by, handles, bits, engine)?.nonces
                }
            };
            let selector = Arc::new(kek.selector(&selector));
            Ok((kek.id.clone(), nonces, selector))
        })?;
        Ok(Pkcs11Kek { token: self.clone(), selector, id, nonces, newest: Arc::default() })
    }
}

impl Pkcs11Kek {
    /// The mechanism of the newest version. Blocks.
    ///
    /// # Errors
    ///
    /// What the token answers.
    pub fn mechanism(&self) -> Result<WrapMechanism, Error> {
        let selector = self.selector.clone();
        self.token.block_on(move |open| Ok(open.fresh_kek(&selector)?.current()?.1.mechanism))
    }

    /// The token that it is on.
    #[must_use]
    pub const fn token(&self) -> &Pkcs11Token {
        &self.token
    }

    fn engine(&self) -> &'static dyn Engine {
        self.token.engine
    }

    async fn run<T: Send + 'static>(
        &self,
        operation: impl Fn(&mut Open<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.token.workers.run(operation).await
    }

    /// How this version wraps.
    fn wrapping(&self) -> impl Fn(&Version) -> Wrapping + Send + 'static {
        let (nonces, engine) = (self.nonces, self.engine());
        move |version| {
            let Version { mechanism, handles, bits, .. } = *version;
            Wrapping { mechanism, nonces, handles, bits, engine }
        }
    }

    async fn wrap(&self, key: &DataKey, context: &EncryptionContext) -> Result<WrappedKey, Error> {
        let key = DataKey::from_backend(key.expose_secret())?;
        let (selector, id, context) = (self.selector.clone(), self.id.clone(), context.clone());
        let (wrapping, newest) = (self.wrapping(), self.newest.clone());
        let wrapped = self.run(move |open| {
            let mut kek = open.kek(&selector)?;
            let (KekVersion(known), version) = kek.current()?;
            if version.state != KeyState::Active || known < newest.load(Ordering::SeqCst) {
                kek = open.fresh_kek(&selector)?;
            }
            let (number, version) = kek.current()?;
            version.state.require(KeyUse::Seal)?;
            let bytes = wrapping(version).wrap(open.session, &key, &context)?;
            Ok(WrappedKey::new(version.mechanism.algorithm(), id.clone(), number, bytes)?)
        });
        wrapped.await.map_err(|failure| failure.error)
    }

    async fn unwrap(
        &self,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<UnwrappedKey, Error> {
        if *wrapped.kek_id() != self.id {
            return Err(Error::new(ErrorKind::Foreign, "the key is wrapped by another KEK"));
        }
        let (selector, wrapping) = (self.selector.clone(), self.wrapping());
        let (asked, context) = (wrapped.clone(), context.clone());
        let opened = self.run(move |open| {
            let number = asked.kek_version();
            let mut kek = open.kek(&selector)?;
            if kek.version(number).is_ok_and(|version| version.state.allows(KeyUse::Open)) {
                // As it was seen last, it opens.
            } else {
                kek = open.fresh_kek(&selector)?;
            }
            let version = kek.version(number)?;
            version.state.require(KeyUse::Open)?;
            if version.mechanism.algorithm() != asked.algorithm() {
                let message = "this KEK version makes no wraps of this algorithm";
                return Err(Error::new(ErrorKind::Malformed, message).into());
            }
            wrapping(version).unwrap(open.session, asked.wrapped(), &context)
        });
        let key = match opened.await {
            Ok(key) => key,
            Err(failure) if failure.cause == Cause::Unclear => {
                // The token failed, or the wrap is not authentic. If another wrap opens, the token is well.
                self.try_out().await.map_err(|failure| failure.error)?;
                return Err(Error::new(ErrorKind::Unauthenticated, "authentication failed"));
            }
            Err(failure) => return Err(failure.error),
        };
        let (kek_id, kek_version) = (self.id.clone(), wrapped.kek_version());
        Ok(UnwrappedKey { key, kek_id, kek_version })
    }

    /// Fails when the token does not do what it should with a wrap of its own.
    async fn try_out(&self) -> Result<(), Failure> {
        let (selector, wrapping) = (self.selector.clone(), self.wrapping());
        let (key, context) = trial::payload(self.engine())?;
        self.run(move |open| {
            let kek = open.fresh_kek(&selector)?;
            let (_, newest) = kek.current()?;
            if newest.state != KeyState::Active {
                return open.check_login();
            }
            let wrapping = wrapping(newest);
            let wrapped = wrapping.wrap(open.session, &key, &context)?;
            wrapping.unwrap(open.session, &wrapped, &context).map(drop)
        })
        .await
    }

    /// Does `act` to a version, in a session that may change it.
    async fn change(
        &self,
        number: KekVersion,
        act: impl Fn(&Kek, &Version, &binding::Session) -> Result<(), Failure> + Send + 'static,
    ) -> Result<(), Error> {
        let selector = self.selector.clone();
        let changed = self.run(move |open| {
            let _one = open.address.module.custodian();
            let kek = open.fresh_kek(&selector)?;
            let version = kek.version(number)?;
            open.changing(|session| act(&kek, version, session))
        });
        changed.await.map_err(|failure| failure.error)
    }
}

impl KekBackend for Pkcs11Kek {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        let (selector, id) = (self.selector.clone(), self.id.clone());
        Box::pin(async move {
            let kek = self.run(move |open| open.fresh_kek(&selector)).await;
            let kek = kek.map_err(|failure| failure.error)?;
            let (current, newest) = kek.current()?;
            // A wrap that is asked for after this is one of the version that this says.
            self.newest.fetch_max(current.0, Ordering::SeqCst);
            let mut info = KekInfo::new(id, current);
            info.versions = kek.states().collect();
            info.public_wraps = newest.mechanism == WrapMechanism::RsaOaep;
            info.max_wrapped = newest.mechanism.wrap_length(newest.bits);
            Ok(info)
        })
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        Box::pin(async move {
            let key = DataKey::generate(self.engine())?;
            let wrapped = self.wrap(&key, context).await?;
            Ok(GeneratedKey { key, wrapped })
        })
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(self.wrap(key, context))
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        Box::pin(self.unwrap(wrapped, context))
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        rewrap_in_process(self, wrapped, context)
    }
}

/// A KEK that another tool made has one version: it answers [`ErrorKind::Unsupported`] to `create_version`.
impl KekAdminBackend for Pkcs11Kek {
    fn create_version(&self) -> BoxFuture<'_, Result<KekVersion, Error>> {
        Box::pin(async move {
            let selector = self.selector.clone();
            let made = self.run(move |open| {
                let _one = open.address.module.custodian();
                let kek = open.fresh_kek(&selector)?;
                let Some(name) = kek.name else {
                    let message = "a key that another tool made has one version: make a KEK";
                    return Err(Error::new(ErrorKind::Unsupported, message).into());
                };
                let (KekVersion(newest), like) = kek.current()?;
                // It is made under another label, and gets the KEK's when it is known to be the only one of its number:
                // what another process has wrapped by it is never destroyed with it.
                let staging = staging_label(&name);
                let staged = |session: &Session| {
                    let keys = session.keys(&staging)?.into_iter();
                    Ok::<_, Failure>(keys.filter(|key| key.private).map(|key| key.id))
                };
                let taken = staged(open.session)?.filter_map(|id| number_of(&id)).max();
                let next = newest.max(taken.unwrap_or(0)).checked_add(1).ok_or_else(|| {
                    Error::new(ErrorKind::Exhausted, "no version number of the KEK is left")
                })?;
                let id = object_id(&name, next);
                let made = open
                    .changing(|session| session.generate(like.mechanism, Some((&staging, &id))))?;
                // Looked for in this order, as another one goes from the first to the second.
                let alone = staged(open.session)?.filter(|other| *other == id).count() == 1;
                if !alone || open.fresh_kek(&selector)?.version(KekVersion(next)).is_ok() {
                    open.changing(|session| made.each().try_for_each(|key| session.destroy(key)))?;
                    let message = "another version was made at the same time: try again";
                    return Err(Error::new(ErrorKind::Conflict, message).into());
                }
                // Of a pair the public half first, which alone is as if it were not there.
                let named = open.changing(|session| {
                    made.each().try_for_each(|key| session.set_label(key, &selector.label))
                });
                if named.as_ref().is_err_and(|failure| failure.is_refusal()) {
                    // A token that changes no labels: nobody has used it.
                    open.changing(|session| made.each().try_for_each(|key| session.destroy(key)))?;
                }
                named.map(|()| KekVersion(next))
            });
            made.await.map_err(|failure| failure.error)
        })
    }

    fn set_state(&self, version: KekVersion, state: KeyState) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.change(version, move |_, version, session| {
            let as_it_is = version.state == state
                || (version.state, state) == (KeyState::Deactivated, KeyState::Compromised);
            if as_it_is {
                return Ok(());
            }
            let Some(usage) = version.usage(state) else {
                let message = "no key of a token can be put into this state";
                return Err(Error::new(ErrorKind::Invalid, message).into());
            };
            if !version.state.can_become(state) {
                let message = "the KEK version cannot go from its state to that one";
                return Err(Error::new(ErrorKind::State, message).into());
            }
            version.objects.iter().try_for_each(|key| session.set_usage(key, usage))
        }))
    }

    fn destroy(&self, number: KekVersion) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.change(number, move |kek, version, session| {
            if !version.state.can_become(KeyState::Destroyed) {
                let message =
                    "a KEK version is destroyed only after it was deactivated or compromised";
                return Err(Error::new(ErrorKind::State, message).into());
            }
            if kek.current()?.0 == number {
                let message =
                    "the newest version of a KEK is not destroyed: make another one first";
                return Err(Error::new(ErrorKind::State, message).into());
            }
            // Of a pair the private half first: what is left when this is cut short is as if it were not there.
            version.objects.iter().rev().try_for_each(|key| session.destroy(key.handle))
        }))
    }
}

impl fmt::Debug for Pkcs11Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11Kek").field("id", &self.id).finish_non_exhaustive()
    }
}
