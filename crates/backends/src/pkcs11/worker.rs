//! The threads that speak with a token. Each has one session, logged in; jobs wait in one bounded queue for all.

use super::binding::{Cause, Failure, Module, Session, Token};
use super::keys::{Kek, Selector};
use super::pin::Pin;
use super::queue::Queue;
use core::time::Duration;
use phiseal_keys::{Error, ErrorKind, fork_generation};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Which token, and how it is logged in to: what every worker needs to make a session.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) module: Module,
    pub(super) wanted: Wanted,
    /// Where it was last.
    pub(super) seen: Mutex<Option<Token>>,
    pub(super) pin: Pin,
    /// Held for a login.
    pub(super) login: Mutex<()>,
    /// Set when the token refused the PIN: it is not shown again, as tokens count, and no session is used any more, whoever
    /// else has logged in.
    pub(super) refused: AtomicBool,
    /// Rises when this process has changed a key: what sessions know of keys is then out of date.
    pub(super) changes: AtomicU64,
}

/// By what a token is found, whatever slot it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Label(String),
    Serial(String),
}

impl Wanted {
    fn is(&self, token: &Token) -> bool {
        token.initialised
            && match self {
                Self::Label(label) => token.label == *label,
                Self::Serial(serial) => token.serial == *serial,
            }
    }
}

/// The workers of a token. They end, and the module is finalised, when the last handle is dropped.
#[derive(Debug)]
pub(super) struct Workers {
    jobs: Arc<Queue<Job>>,
    threads: Mutex<Threads>,
    born_in: u64,
}

/// The threads, and what hangs up when the last of them has left the module.
#[derive(Debug)]
struct Threads {
    ended: mpsc::Receiver<()>,
    handles: Vec<JoinHandle<()>>,
}

/// What is done in a session; what it returns tells whoever waits for it.
type Job = Box<dyn FnOnce(&mut Desk) -> Reply + Send>;
type Reply = Box<dyn FnOnce() + Send>;

/// How many answers a worker gathers at most, and for how long, while there is more to do. To wake each caller by itself costs
/// as much as a wrap by a token in software; a token that takes longer has each of its answers told at once.
const GATHERED: usize = 8;
const GATHERING: Duration = Duration::from_millis(1);

/// How long dropping the last handle waits for workers that are still inside the module.
const FAREWELL: Duration = Duration::from_secs(5);

impl Workers {
    /// Starts `count` workers behind a queue of `queue` jobs.
    pub(super) fn start(address: Address, count: usize, queue: usize) -> Result<Self, Error> {
        let address = Arc::new(address);
        let jobs = Arc::new(Queue::new(queue));
        let (alive, ended) = mpsc::channel();
        let mut handles = Vec::new();
        for number in 0..count.max(1) {
            let (address, jobs, alive) = (Arc::clone(&address), Arc::clone(&jobs), alive.clone());
            let thread = thread::Builder::new().name(format!("phiseal-hsm-{number}"));
            let started = thread.spawn(move || {
                work(&jobs, address);
                drop(alive);
            });
            handles.push(started.map_err(|error| {
                Error::new(ErrorKind::Unavailable, "the threads for the token cannot be started")
                    .with_source(error)
            })?);
        }
        let born_in = fork_generation();
        Ok(Self { jobs, threads: Mutex::new(Threads { ended, handles }), born_in })
    }

    /// What `operation` comes to in a session. It is done again, in another session, when the first one was lost.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        operation: impl Fn(&mut Open<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        if self.born_in != fork_generation() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a token that was opened before this process was forked: open it in the child",
            )
            .into());
        }
        let (reply, answer) = oneshot::channel();
        let job = Box::new(move |desk: &mut Desk| {
            let done = desk.attempt(&operation);
            let tell: Reply = Box::new(move || {
                // Nobody waits any more when the caller has dropped its future.
                let _ = reply.send(done);
            });
            tell
        });
        self.jobs.put(job).await;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.jobs.close();
        if self.born_in != fork_generation() {
            return;
        }
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing is sent; the last worker hangs up. A thread that is stuck in the module is left behind.
        if threads.ended.recv_timeout(FAREWELL) == Err(RecvTimeoutError::Disconnected) {
            // What the module's libraries do at the end of a thread is done before this one may end the process.
            threads.handles.drain(..).for_each(|thread| drop(thread.join()));
        }
    }
}

#[cold]
fn gone() -> Failure {
    Failure::of(Cause::Refused, ErrorKind::Unavailable, "the threads for the token are gone")
}

fn work(jobs: &Queue<Job>, address: Arc<Address>) {
    let mut desk = Desk { session: None, address };
    let mut replies: Vec<Reply> = Vec::with_capacity(GATHERED);
    while let Some(first) = jobs.take() {
        let began = Instant::now();
        let mut next = Some(first);
        while let Some(job) = next {
            match catch_unwind(AssertUnwindSafe(|| job(&mut desk))) {
                Ok(reply) => replies.push(reply),
                // A job contains what falls in it; should it not, the next one gets a new session.
                Err(_) => desk.session = None,
            }
            let more = replies.len() < GATHERED && began.elapsed() < GATHERING;
            next = if more { jobs.try_take() } else { None };
        }
        for reply in replies.drain(..) {
            // Of what falls in the waking of a caller, the others hear nothing.
            let _ = catch_unwind(AssertUnwindSafe(reply));
        }
    }
}

/// Where one worker works.
pub(super) struct Desk {
    // Closed before the module is finalised.
    session: Option<Held>,
    address: Arc<Address>,
}

/// A session and what it knows.
struct Held {
    session: Session,
    needs_login: bool,
    keks: BTreeMap<Arc<Selector>, Arc<Kek>>,
    /// The number of changes that `keks` has seen.
    changes: u64,
}

/// What an operation works with.
pub(super) struct Open<'a> {
    pub(super) address: &'a Address,
    pub(super) session: &'a Session,
    needs_login: bool,
    keks: &'a mut BTreeMap<Arc<Selector>, Arc<Kek>>,
}

impl Open<'_> {
    /// The KEK as this session knows it.
    pub(super) fn kek(&mut self, selector: &Arc<Selector>) -> Result<Arc<Kek>, Failure> {
        match self.keks.get(selector) {
            Some(kek) => Ok(Arc::clone(kek)),
            None => self.fresh_kek(selector),
        }
    }

    /// The KEK as the token has it now.
    pub(super) fn fresh_kek(&mut self, selector: &Arc<Selector>) -> Result<Arc<Kek>, Failure> {
        match Kek::of(selector, self.session.keys(&selector.label)?) {
            Ok(kek) => {
                let kek = Arc::new(kek);
                self.keks.insert(Arc::clone(selector), Arc::clone(&kek));
                Ok(kek)
            }
            // It may have been hidden, or be away with the token.
            Err(error) => {
                self.check_login()?;
                self.address.token()?;
                Err(error.into())
            }
        }
    }

    /// Fails when the token has logged the user out.
    pub(super) fn check_login(&self) -> Result<(), Failure> {
        if !self.needs_login || self.session.is_logged_in()? {
            return Ok(());
        }
        let message = "the token has logged the user out";
        Err(Failure::of(Cause::Lost, ErrorKind::Unavailable, message))
    }

    /// Does `act` in a session that may change keys, and has every session look at its keys anew.
    pub(super) fn changing<T>(
        &self,
        act: impl FnOnce(&Session) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let session = self.address.module.session(&self.address.token()?, true)?;
        let done = act(&session);
        self.address.changes.fetch_add(1, Ordering::SeqCst);
        done
    }
}

impl Desk {
    /// Does `operation`, a second time when the first one failed and another session may help.
    fn attempt<T>(
        &mut self,
        operation: &impl Fn(&mut Open<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let first = match self.once(operation) {
            Err(failure) if may_pass(failure.cause) => failure,
            other => return other,
        };
        if first.cause == Cause::Finalised {
            self.address.module.initialise_again()?;
        }
        self.once(operation)
    }

    fn once<T>(
        &mut self,
        operation: &impl Fn(&mut Open<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let done = catch_unwind(AssertUnwindSafe(|| {
            let held = self.session.take();
            self.address.check_not_refused()?;
            let mut held = match held {
                Some(held) => held,
                None => self.address.enter()?,
            };
            let changes = self.address.changes.load(Ordering::SeqCst);
            if changes != held.changes {
                held.changes = changes;
                held.keks.clear();
            }
            let Held { session, needs_login, keks, .. } = &mut held;
            let needs_login = *needs_login;
            let mut open = Open { address: &self.address, session, needs_login, keks };
            let done = operation(&mut open);
            // After a failed call the session may have an operation that is still active.
            if done.as_ref().err().is_none_or(|failure| failure.cause == Cause::Refused) {
                self.session = Some(held);
            }
            done
        }));
        done.unwrap_or_else(|_| {
            let message = "the PKCS#11 module answered what it must not";
            Err(Failure::of(Cause::Unclear, ErrorKind::Faulty, message))
        })
    }
}

const fn may_pass(cause: Cause) -> bool {
    matches!(cause, Cause::Finalised | Cause::Lost | Cause::Unclear)
}

impl Address {
    /// The token, in whatever slot it is now.
    pub(super) fn token(&self) -> Result<Token, Failure> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let was_there = seen.is_some();
        let token = match seen.map(|seen| self.module.look_again(&seen)) {
            Some(Ok(token)) if self.wanted.is(&token) => token,
            _ => self.look_for_token(was_there)?,
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(token)
    }

    /// One that was there before is awaited back; one that never was is an error of whoever named it.
    fn look_for_token(&self, was_there: bool) -> Result<Token, Failure> {
        let tokens = self.module.tokens()?;
        let mut found = tokens.iter().filter(|token| self.wanted.is(token));
        match (found.next(), found.next()) {
            (Some(token), None) => Ok(token.clone()),
            (Some(_), Some(_)) => Err(Error::new(
                ErrorKind::Invalid,
                "several tokens have this label: name the token by its serial number",
            )
            .with_source(listed(&tokens))
            .into()),
            (None, _) => {
                let error = if was_there {
                    Error::new(ErrorKind::Unavailable, "the token is not there any more")
                } else {
                    Error::new(ErrorKind::NotFound, "there is no such token")
                };
                let error = error.with_source(listed(&tokens));
                Err(Failure { error, cause: Cause::Lost })
            }
        }
    }

    /// A session that is logged in.
    fn enter(&self) -> Result<Held, Failure> {
        let changes = self.changes.load(Ordering::SeqCst);
        let token = self.token()?;
        let session = self.module.session(&token, false)?;
        let needs_login = token.needs_login;
        if needs_login {
            self.log_in(&token, &session)?;
        }
        Ok(Held { session, needs_login, keks: BTreeMap::new(), changes })
    }

    /// One login at a time, so that one PIN is asked for and a wrong one shown once; none after it was refused. A login is
    /// of all sessions of the process.
    fn log_in(&self, token: &Token, session: &Session) -> Result<(), Failure> {
        let _one = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_not_refused()?;
        if session.is_logged_in()? {
            return Ok(());
        }
        if token.pin_locked {
            return Err(Failure::of(
                Cause::Login,
                ErrorKind::Denied,
                "the PIN is locked: the security officer has to reset it",
            ));
        }
        let pin = self.pin.read()?;
        if pin.is_none() && !token.has_pin_pad {
            let message = "the token has no keypad of its own: give the PIN in another way";
            return Err(Failure::of(Cause::Login, ErrorKind::Invalid, message));
        }
        session.login(pin).inspect_err(|failure| {
            self.refused.store(failure.cause == Cause::Login, Ordering::SeqCst);
        })
    }

    fn check_not_refused(&self) -> Result<(), Failure> {
        if !self.refused.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(Failure::of(
            Cause::Login,
            ErrorKind::Denied,
            "the token refused the PIN: it is not tried again before the token is opened anew",
        ))
    }
}

/// The tokens of a module, for somebody who looks for one that is not among them.
fn listed(tokens: &[Token]) -> String {
    let names = tokens.iter().filter(|token| token.initialised);
    let names = names.map(|token| format!("{:?} (serial {})", token.label, token.serial));
    match names.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "the module has no token that is initialised".to_owned(),
        names => format!("the module has {names}"),
    }
}
