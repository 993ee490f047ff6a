//! Modules and the tokens that they reach.
//!
//! A module is loaded and initialised once in a process, with `CKF_OS_LOCKING_OK`, however many handles use it, and
//! finalised when the last of them is dropped, unless somebody else had initialised it. It is never unloaded: what it has
//! registered to run at exit would be gone by then.

use super::failure::{Failure, failed};
use super::session::Session;
use crate::pkcs11::mechanism::WrapMechanism;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as CkError, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::slot::Slot;
use phiseal_keys::{Error, ErrorKind, fork_generation};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A module that is initialised for as long as this value, or another one of the same path, lives.
#[derive(Debug)]
pub(in crate::pkcs11) struct Module {
    path: PathBuf,
    client: Pkcs11,
    times: Arc<AtomicU64>,
    custodians: Arc<Mutex<()>>,
}

/// A module that this process has loaded.
struct Loaded {
    client: Pkcs11,
    users: usize,
    /// How often it was initialised: sessions of an earlier time are gone, and their numbers may be others' now.
    times: Arc<AtomicU64>,
    /// Held by whoever changes what is on its tokens.
    custodians: Arc<Mutex<()>>,
    /// Whether it was initialised here, in this process and not in the one that it was forked from.
    initialised_in: Option<u64>,
}

static LOADED: Mutex<BTreeMap<PathBuf, Loaded>> = Mutex::new(BTreeMap::new());

fn loaded() -> MutexGuard<'static, BTreeMap<PathBuf, Loaded>> {
    LOADED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Module {
    /// Loads the module at `path` and initialises it, unless that is done already.
    pub(in crate::pkcs11) fn open(path: &Path) -> Result<Self, Error> {
        let path = path.canonicalize().map_err(|error| {
            let message =
                "there is no PKCS#11 module at this path: give the full path of the library";
            Error::new(ErrorKind::NotFound, message)
                .with_source(format!("{}: {error}", path.display()))
        })?;
        let mut modules = loaded();
        let module = match modules.get_mut(&path) {
            Some(module) => module,
            None => {
                let client = Pkcs11::new(&path).map_err(|error| {
                    let message = "the file is no PKCS#11 module that can be loaded";
                    Error::new(ErrorKind::Unsupported, message).with_source(error.to_string())
                })?;
                let (times, custodians) = (Arc::default(), Arc::default());
                let fresh = Loaded { client, users: 0, times, custodians, initialised_in: None };
                modules.entry(path.clone()).or_insert(fresh)
            }
        };
        if module.users == 0 || module.initialised_in.is_some_and(|it| it != fork_generation()) {
            module.initialise()?;
        }
        module.users = module.users.saturating_add(1);
        let (client, times) = (module.client.clone(), Arc::clone(&module.times));
        let custodians = Arc::clone(&module.custodians);
        Ok(Self { path, client, times, custodians })
    }

    /// Held by the one custodian of this process who changes what is on the module's tokens: software tokens lose sight of
    /// objects, or refuse new ones, while others of the process change.
    pub(in crate::pkcs11) fn custodian(&self) -> MutexGuard<'_, ()> {
        self.custodians.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Initialises it again, after somebody else in this process has finalised it.
    pub(in crate::pkcs11) fn initialise_again(&self) -> Result<(), Error> {
        match loaded().get_mut(&self.path) {
            Some(module) => module.initialise(),
            None => Ok(()),
        }
    }

    /// Every token, with the slot that it is in at the moment.
    pub(in crate::pkcs11) fn tokens(&self) -> Result<Vec<Token>, Failure> {
        let slots = self.client.get_slots_with_token().map_err(failed)?;
        slots.into_iter().map(|slot| self.token(slot)).collect()
    }

    /// What is now in the slot that the token was in.
    pub(in crate::pkcs11) fn look_again(&self, token: &Token) -> Result<Token, Failure> {
        self.token(token.slot)
    }

    fn token(&self, slot: Slot) -> Result<Token, Failure> {
        let info = self.client.get_token_info(slot).map_err(failed)?;
        Ok(Token {
            slot,
            label: info.label().trim_end().to_owned(),
            serial: info.serial_number().trim_end().to_owned(),
            maker: info.manufacturer_id().trim_end().to_owned(),
            model: info.model().trim_end().to_owned(),
            initialised: info.token_initialized(),
            needs_login: info.login_required(),
            has_pin_pad: info.protected_authentication_path(),
            pin_locked: info.user_pin_locked(),
        })
    }

    /// What the token says of the mechanism; nothing when it does not have it.
    pub(in crate::pkcs11) fn offers(
        &self,
        token: &Token,
        mechanism: WrapMechanism,
    ) -> Result<Option<Offer>, Failure> {
        let kind = kind_of(mechanism);
        let listed = self.client.get_mechanism_list(token.slot).map_err(failed)?;
        if !listed.contains(&kind) {
            return Ok(None);
        }
        let info = self.client.get_mechanism_info(token.slot, kind).map_err(failed)?;
        Ok(Some(Offer {
            encrypts: info.encrypt() && info.decrypt(),
            wraps: info.wrap() && info.unwrap(),
            in_hardware: info.hardware(),
        }))
    }

    /// Whether the token lists what signatures with Ed25519 take.
    #[cfg(feature = "custodian")]
    pub(in crate::pkcs11) fn offers_eddsa(&self, token: &Token) -> Result<bool, Failure> {
        let listed = self.client.get_mechanism_list(token.slot).map_err(failed)?;
        if !listed.contains(&MechanismType::EDDSA) {
            return Ok(false);
        }
        let info = self.client.get_mechanism_info(token.slot, MechanismType::EDDSA);
        info.map(|info| info.sign()).map_err(failed)
    }

    /// A session; one that may change objects when `write` is set.
    pub(in crate::pkcs11) fn session(
        &self,
        token: &Token,
        write: bool,
    ) -> Result<Session, Failure> {
        let time = self.times.load(Ordering::SeqCst);
        let opened = if write {
            self.client.open_rw_session_no_drop(token.slot)
        } else {
            self.client.open_ro_session_no_drop(token.slot)
        };
        opened.map(|session| Session::new(session, Arc::clone(&self.times), time)).map_err(failed)
    }
}

impl Loaded {
    fn initialise(&mut self) -> Result<(), Error> {
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        match self.client.initialize(arguments) {
            Ok(()) => {
                self.initialised_in = Some(fork_generation());
                self.times.fetch_add(1, Ordering::SeqCst);
            }
            // By somebody else in this process, who then finalises it too.
            Err(CkError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed(error).error),
        }
        Ok(())
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let mut modules = loaded();
        let Some(module) = modules.get_mut(&self.path) else { return };
        module.users = module.users.saturating_sub(1);
        if module.users == 0 && module.initialised_in.take() == Some(fork_generation()) {
            // Nothing is left to be done for a module that fails at this.
            let _ = module.client.clone().finalize();
        }
    }
}

/// A token and the slot that it is in.
#[derive(Clone, Debug)]
pub(in crate::pkcs11) struct Token {
    slot: Slot,
    pub(in crate::pkcs11) label: String,
    pub(in crate::pkcs11) serial: String,
    pub(in crate::pkcs11) maker: String,
    pub(in crate::pkcs11) model: String,
    pub(in crate::pkcs11) initialised: bool,
    pub(in crate::pkcs11) needs_login: bool,
    pub(in crate::pkcs11) has_pin_pad: bool,
    pub(in crate::pkcs11) pin_locked: bool,
}

/// How a token offers a mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pkcs11) struct Offer {
    pub(in crate::pkcs11) encrypts: bool,
    pub(in crate::pkcs11) wraps: bool,
    pub(in crate::pkcs11) in_hardware: bool,
}

fn kind_of(mechanism: WrapMechanism) -> MechanismType {
    match mechanism {
        WrapMechanism::AesGcm => MechanismType::AES_GCM,
        WrapMechanism::AesKeyWrap => MechanismType::AES_KEY_WRAP,
        WrapMechanism::RsaOaep => MechanismType::RSA_PKCS_OAEP,
    }
}
