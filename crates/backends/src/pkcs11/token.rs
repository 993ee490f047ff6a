//! A token, and how it is reached.

use super::binding::{Failure, Module};
use super::mechanism::{Nonces, WrapMechanism};
use super::pin::Pin;
use super::report::{MechanismReport, TokenReport};
use super::trial::{self, Works};
use super::worker::{Address, Open, Wanted, Workers};
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Engine;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

/// A token that is logged in to: KEKs are opened and made on it. Clones share it.
///
/// It holds threads, each with one session. They end when the last clone and the last KEK of the token is dropped, and the
/// module is then finalised, unless another handle in this process uses it.
#[derive(Clone, Debug)]
pub struct Pkcs11Token {
    pub(super) workers: Arc<Workers>,
    pub(super) engine: &'static dyn Engine,
    pub(super) allowed: Vec<WrapMechanism>,
    pub(super) nonces: Nonces,
}

/// How a token is reached.
#[derive(Clone, Debug)]
#[must_use = "nothing is opened before `open`"]
pub struct Pkcs11TokenBuilder {
    module: PathBuf,
    wanted: Option<Wanted>,
    pin: Option<Pin>,
    workers: usize,
    queue: usize,
    allowed: Vec<WrapMechanism>,
    nonces: Nonces,
}

impl Pkcs11Token {
    /// A token that the module at this path reaches.
    pub fn builder(module: impl AsRef<Path>) -> Pkcs11TokenBuilder {
        Pkcs11TokenBuilder {
            module: module.as_ref().to_path_buf(),
            wanted: None,
            pin: None,
            workers: 4,
            queue: 256,
            allowed: WrapMechanism::ALL.to_vec(),
            nonces: Nonces::default(),
        }
    }

    /// What the token is, which mechanisms it offers, which of them work, and which a KEK made on it would use.
    ///
    /// Makes a key of a session for each mechanism and tries it; nothing is left on the token. Blocks.
    ///
    /// # Errors
    ///
    /// As [`Pkcs11TokenBuilder::open`].
    pub fn report(&self) -> Result<TokenReport, Error> {
        let (allowed, nonces, engine) = (self.allowed.clone(), self.nonces, self.engine);
        let look = move |open: &mut Open<'_>| {
            let token = open.address.token()?;
            let tried = WrapMechanism::ALL.map(|mechanism| {
                let works = works(open, mechanism, &allowed, nonces, engine);
                MechanismReport::new(mechanism, works)
            });
            Ok(TokenReport {
                label: token.label,
                serial: token.serial,
                maker: token.maker,
                model: token.model,
                mechanisms: tried.to_vec(),
            })
        };
        self.block_on(look)
    }

    /// The best mechanism that is allowed and works.
    pub(super) fn chosen(&self) -> Result<(WrapMechanism, Works), Error> {
        let (allowed, nonces, engine) = (self.allowed.clone(), self.nonces, self.engine);
        self.block_on(move |open: &mut Open<'_>| {
            let mut reasons = Vec::new();
            for mechanism in WrapMechanism::ALL {
                match works(open, mechanism, &allowed, nonces, engine) {
                    Ok(works) => return Ok((mechanism, works)),
                    Err(reason) => reasons.push(format!("{}: {reason}", mechanism.name())),
                }
            }
            let message = "no mechanism of the token can wrap a key and bind it to its context";
            let error = Error::new(ErrorKind::Unsupported, message);
            Err(error.with_source(reasons.join("; ")).into())
        })
    }

    /// Waits on this thread.
    pub(super) fn block_on<T: Send + 'static>(
        &self,
        operation: impl Fn(&mut Open<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        pollster::block_on(self.workers.run(operation)).map_err(|failure| failure.error)
    }
}

/// Whether the mechanism works, tried in a session of its own; if not, why.
fn works(
    open: &Open<'_>,
    mechanism: WrapMechanism,
    allowed: &[WrapMechanism],
    nonces: Nonces,
    engine: &'static dyn Engine,
) -> Result<Works, String> {
    if !allowed.contains(&mechanism) {
        return Err("not allowed here".to_owned());
    }
    let attempt = || {
        let token = open.address.token()?;
        let Some(offer) = open.address.module.offers(&token, mechanism)? else {
            return Err(Error::new(ErrorKind::Unsupported, "the token does not list it").into());
        };
        let fits = if mechanism.encrypts() { offer.encrypts } else { offer.wraps };
        if !fits {
            let message = "the token lists it for other operations";
            return Err(Error::new(ErrorKind::Unsupported, message).into());
        }
        // Should it fail, the session that all else is done in stays usable.
        let session = open.address.module.session(&token, false)?;
        trial::of_mechanism(&session, mechanism, nonces, engine)
    };
    attempt().map_err(|failure: Failure| {
        let source = std::error::Error::source(&failure.error);
        let source = source.map(|source| format!(" ({source})")).unwrap_or_default();
        format!("{}{source}", failure.error)
    })
}

impl Pkcs11TokenBuilder {
    /// The token with this label.
    pub fn label(mut self, label: &str) -> Self {
        self.wanted = Some(Wanted::Label(label.to_owned()));
        self
    }

    /// The token with this serial number.
    pub fn serial(mut self, serial: &str) -> Self {
        self.wanted = Some(Wanted::Serial(serial.to_owned()));
        self
    }

    /// The user's PIN.
    pub fn pin(mut self, pin: Pin) -> Self {
        self.pin = Some(pin);
        self
    }

    /// So many threads, each with one session: 4 unless said otherwise. What a token does at once is for its maker to say.
    pub const fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// So many calls wait for a thread before further callers wait for a place: 256 unless said otherwise.
    pub const fn queue(mut self, queue: usize) -> Self {
        self.queue = queue;
        self
    }

    /// Only these mechanisms; all of them unless said otherwise.
    pub fn allow(mut self, mechanisms: &[WrapMechanism]) -> Self {
        self.allowed = mechanisms.to_vec();
        self
    }

    /// Who makes the nonces of AES-GCM.
    pub const fn nonces(mut self, nonces: Nonces) -> Self {
        self.nonces = nonces;
        self
    }

    /// Loads the module, finds the token and logs in. Blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such file, token or source of the PIN; [`ErrorKind::Unsupported`] when the
    /// file is no module that threads can share; [`ErrorKind::Invalid`] when no token was named, or several have the
    /// label; [`ErrorKind::Denied`] when the PIN is refused, which is not tried again; [`ErrorKind::Unavailable`] when the
    /// token fails. The error's source says what was found instead.
    pub fn open(self, engine: &'static dyn Engine) -> Result<Pkcs11Token, Error> {
        let missing = |message| Error::new(ErrorKind::Invalid, message);
        let wanted = self.wanted.ok_or_else(|| missing("name the token, by label or by serial"))?;
        let pin = self.pin.ok_or_else(|| missing("say where the token's PIN comes from"))?;
        let address = Address {
            module: Module::open(&self.module)?,
            wanted,
            seen: Mutex::new(None),
            pin,
            login: Mutex::new(()),
            refused: AtomicBool::new(false),
            changes: AtomicU64::new(0),
        };
        let workers = Arc::new(Workers::start(address, self.workers, self.queue)?);
        let token = Pkcs11Token { workers, engine, allowed: self.allowed, nonces: self.nonces };
        token.block_on(|open| open.check_login())?;
        Ok(token)
    }
}
