//! A KEK backend of one's own, whole and in one file: a key agent, which is another process that holds the keys and speaks
//! a protocol of lines over its standard input and output.
//!
//! ```text
//! cargo run --release --example write_a_backend
//! ```
//!
//! It starts two agents, runs the published suite over one of them, prints what became of each clause, and seals a field
//! under it. Exit code: 0 when every clause is kept, 1 otherwise.
//!
//! Read it in this order: [`AgentKek`] is what an application holds; [`Line`] is the connection, on a thread of its own so
//! that futures only wait; [`meaning`] says which kind of error each answer of the service is; `mod agent` at the end is
//! the service, which stands in for one that is there already.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's voice")]

use phiseal::{blocking::Phiseal, context, stores::MemoryStore};
use phiseal_conformance::Outcome;
use phiseal_conformance::kek::{Fixture, suite};
use phiseal_format::{EncryptionContext, KekId, KekVersion, WrapAlgorithm, WrappedKey};
use phiseal_keys::{
    BoxFuture, DataKey, Error, ErrorKind, GeneratedKey, KekAdminBackend, KekBackend, KekInfo,
    KeyState, UnwrappedKey,
};
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use zeroize::Zeroizing;

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        Some("--agent") => agent::serve().map(|()| true),
        _ => demonstrate(),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("write_a_backend: {error} ({:?})", error.kind());
            ExitCode::from(1)
        }
    }
}

/// Whether every clause is kept.
fn demonstrate() -> Result<bool, Error> {
    let engine = phiseal::default_engine();
    let one = || AgentKek::start().map(Arc::new);
    one()?; // An agent that cannot be started is an error here, and not a failed clause.
    let report = suite(|| match (one(), one()) {
        (Ok(kek), Ok(other)) => Ok(Fixture::new(engine, kek.clone(), other).with_admin(kek)),
        _ => Err(phiseal_conformance::Absent::new("agent", "an agent cannot be started")),
    });
    println!("{report}");

    let phi = Phiseal::open(MemoryStore::new(), one()?)?;
    let patients = phi.domain("clinic/patients")?;
    let what = context!(record = "mrn-1029", field = "ssn");
    let sealed = patients.seal("123-45-6789", &what)?;
    let opens = patients.open::<String>(&sealed, &what)?.expose_secret() == "123-45-6789";
    println!(
        "a field sealed under an agent's KEK {}",
        if opens { "opens" } else { "DOES NOT OPEN" }
    );
    let kept = report.cases().iter().all(|case| case.outcome == Outcome::Passed);
    Ok(kept && opens)
}

// ---------------------------------------------------------------------------------------------------------------------
// The backend
// ---------------------------------------------------------------------------------------------------------------------

/// A KEK that an agent holds. It ends when this handle is dropped.
struct AgentKek {
    line: Line,
    /// Learnt once, from the agent: which key it is never changes.
    id: KekId,
}

impl AgentKek {
    /// Starts an agent, which makes a key.
    fn start() -> Result<Self, Error> {
        let line = Line::open()?;
        let answer = pollster::block_on(line.ask(Zeroizing::new("describe".to_owned())))?;
        let id = KekId::try_from(answer.first()?).map_err(|_| senseless())?;
        Ok(Self { line, id })
    }

    /// A wrap that the agent answered: version and bytes. Only versions and lengths that it can have are taken.
    fn wrapped(&self, version: &str, hex: &str) -> Result<WrappedKey, Error> {
        let bytes =
            unhex(hex).filter(|bytes| bytes.len() == agent::WRAPPED).ok_or_else(senseless)?;
        Ok(WrappedKey::new(ALGORITHM, self.id.clone(), number(version)?, bytes.to_vec())?)
    }

    /// What is asked for a wrap: the words after the command. Refused here is what is not this KEK's (clause 7).
    fn request(
        &self,
        command: &str,
        wrapped: &WrappedKey,
        context: &EncryptionContext,
    ) -> Result<Zeroizing<String>, Error> {
        if *wrapped.kek_id() != self.id {
            return Err(Error::new(ErrorKind::Foreign, "the key is wrapped by another KEK"));
        }
        if wrapped.algorithm() != ALGORITHM || wrapped.wrapped().len() != agent::WRAPPED {
            return Err(Error::new(ErrorKind::Malformed, "the agent makes no such wraps"));
        }
        let (version, context) = (wrapped.kek_version(), hex(context.as_bytes()));
        Ok(Zeroizing::new(format!("{command} {} {version} {}", *context, *hex(wrapped.wrapped()))))
    }
}

/// What the agent wraps with.
const ALGORITHM: WrapAlgorithm = WrapAlgorithm::Xaes256Gcm;

impl KekBackend for AgentKek {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        Box::pin(async move {
            let answer = self.line.ask(Zeroizing::new("describe".to_owned())).await?;
            let [id, current, states @ ..] = &answer.words()[..] else { return Err(senseless()) };
            if *id != self.id.as_str() {
                return Err(Error::new(ErrorKind::Faulty, "the agent now holds another key"));
            }
            let mut info = KekInfo::new(self.id.clone(), number(current)?);
            info.max_wrapped = agent::WRAPPED;
            for (version, state) in (1..).map(KekVersion).zip(states) {
                let named = |known: &KeyState| known.to_string() == **state;
                let state = KeyState::ALL.into_iter().find(named).ok_or_else(senseless)?;
                info.versions.push((version, state));
            }
            Ok(info)
        })
    }

    /// The agent makes the key, as a service should that has the better generator.
    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        Box::pin(async move {
            let request = format!("generate {}", *hex(context.as_bytes()));
            let answer = self.line.ask(Zeroizing::new(request)).await?;
            let [key, version, wrapped] = answer.words()[..] else { return Err(senseless()) };
            Ok(GeneratedKey { key: data_key(key)?, wrapped: self.wrapped(version, wrapped)? })
        })
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async move {
            let (key, context) = (hex(key.expose_secret()), hex(context.as_bytes()));
            // As long as it will be from the start, so that no part of it stays behind in memory that was grown out of.
            let mut request = Zeroizing::new(String::with_capacity(key.len() + context.len() + 8));
            request.extend(["wrap ", &*context, " ", &*key]);
            let answer = self.line.ask(request).await?;
            let [version, wrapped] = answer.words()[..] else { return Err(senseless()) };
            self.wrapped(version, wrapped)
        })
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        Box::pin(async move {
            let answer = self.line.ask(self.request("unwrap", wrapped, context)?).await?;
            let [id, version, key] = answer.words()[..] else { return Err(senseless()) };
            // What the agent says that it used, not what it was asked for (clause 8).
            let kek_id = KekId::try_from(id).map_err(|_| senseless())?;
            Ok(UnwrappedKey { key: data_key(key)?, kek_id, kek_version: number(version)? })
        })
    }

    /// The agent does it, so that the key does not leave it.
    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        Box::pin(async move {
            let answer = self.line.ask(self.request("rewrap", wrapped, context)?).await?;
            let [version, wrapped] = answer.words()[..] else { return Err(senseless()) };
            self.wrapped(version, wrapped)
        })
    }
}

/// A real agent would ask for another credential here.
impl KekAdminBackend for AgentKek {
    fn create_version(&self) -> BoxFuture<'_, Result<KekVersion, Error>> {
        Box::pin(async move {
            let answer = self.line.ask(Zeroizing::new("rotate".to_owned())).await?;
            number(answer.first()?)
        })
    }

    fn set_state(&self, version: KekVersion, state: KeyState) -> BoxFuture<'_, Result<(), Error>> {
        let request = Zeroizing::new(format!("state {version} {state}"));
        Box::pin(async move { self.line.ask(request).await.map(drop) })
    }

    fn destroy(&self, version: KekVersion) -> BoxFuture<'_, Result<(), Error>> {
        let request = Zeroizing::new(format!("destroy {version}"));
        Box::pin(async move { self.line.ask(request).await.map(drop) })
    }
}

impl fmt::Debug for AgentKek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentKek").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What each answer of the agent means to a caller. In doubt it is an outage: callers then keep the keys that they have.
fn meaning(word: &str) -> Error {
    let (kind, message) = match word {
        "busy" => (ErrorKind::Throttled, "the agent asks for fewer calls"),
        "denied" => (ErrorKind::Denied, "the agent does not allow this"),
        "no-version" => (ErrorKind::NotFound, "the KEK has no such version"),
        "state" => (ErrorKind::State, "the state of the KEK version forbids this"),
        "not-authentic" => (ErrorKind::Unauthenticated, "authentication failed"),
        "failed" => (ErrorKind::Unavailable, "the agent failed"),
        _ => return senseless(),
    };
    Error::new(kind, message)
}

#[cold]
fn senseless() -> Error {
    Error::new(ErrorKind::Faulty, "the agent answered what makes no sense")
}

#[cold]
fn gone() -> Error {
    Error::new(ErrorKind::Unavailable, "the agent does not answer")
}

// ---------------------------------------------------------------------------------------------------------------------
// The connection
// ---------------------------------------------------------------------------------------------------------------------

/// A thread that speaks with one agent. It finishes each exchange that it began, also when nobody waits for the answer any
/// more, so that the next answer is that of the next question (clause 11). The buffer of its reader keeps what was read last.
struct Line {
    /// None only while it is dropped: the thread ends when it is gone, and with it the agent.
    questions: Option<mpsc::Sender<Question>>,
    thread: Option<JoinHandle<()>>,
}

type Question = (Zeroizing<String>, oneshot::Sender<Result<Answer, Error>>);

/// The words after `ok`, in memory that is wiped: one may be a key.
struct Answer(Zeroizing<String>);

/// Over this, an agent that talks nonsense is not listened to.
const LONGEST: u64 = 1 << 16;

impl Line {
    fn open() -> Result<Self, Error> {
        let program = std::env::current_exe().map_err(|_| gone())?;
        let mut agent = Command::new(program)
            .arg("--agent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                Error::new(ErrorKind::Unavailable, "the agent cannot be started").with_source(error)
            })?;
        let (Some(to), Some(from)) = (agent.stdin.take(), agent.stdout.take()) else {
            return Err(gone());
        };
        let (questions, asked) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("agent".to_owned())
            .spawn(move || speak(agent, to, BufReader::new(from), &asked))
            .map_err(|_| gone())?;
        Ok(Self { questions: Some(questions), thread: Some(thread) })
    }

    async fn ask(&self, question: Zeroizing<String>) -> Result<Answer, Error> {
        let (reply, answer) = oneshot::channel();
        self.questions.as_ref().ok_or_else(gone)?.send((question, reply)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.questions = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing to tell any more.
            let _ = thread.join();
        }
    }
}

/// Until nobody asks any more, or the agent is gone.
fn speak(
    mut agent: Child,
    mut to: ChildStdin,
    mut from: BufReader<ChildStdout>,
    asked: &mpsc::Receiver<Question>,
) {
    for (question, reply) in asked {
        let answer = exchange(&mut to, &mut from, &question);
        let over = answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable);
        // Whoever asked may have gone.
        let _ = reply.send(answer.and_then(|line| Answer::parse(&line)));
        if over {
            break;
        }
    }
    drop(to);
    let _ = agent.wait();
}

fn exchange(
    to: &mut ChildStdin,
    from: &mut BufReader<ChildStdout>,
    question: &str,
) -> Result<Zeroizing<String>, Error> {
    let sent = to.write_all(question.as_bytes()).and_then(|()| to.write_all(b"\n"));
    sent.and_then(|()| to.flush()).map_err(|_| gone())?;
    let mut line = Zeroizing::new(String::with_capacity(4096));
    let mut bounded = std::io::Read::take(from, LONGEST);
    match bounded.read_line(&mut line) {
        Ok(_) if line.ends_with('\n') => Ok(line),
        // At its end, or in the middle of a line that is too long: what follows would not be an answer.
        _ => Err(gone()),
    }
}

impl Answer {
    fn parse(line: &str) -> Result<Self, Error> {
        let line = line.trim_end();
        match line.split_once(' ').unwrap_or((line, "")) {
            ("ok", words) => Ok(Self(Zeroizing::new(words.to_owned()))),
            (word, _) => Err(meaning(word)),
        }
    }

    fn words(&self) -> Vec<&str> {
        self.0.split(' ').filter(|word| !word.is_empty()).collect()
    }

    fn first(&self) -> Result<&str, Error> {
        self.words().first().copied().ok_or_else(senseless)
    }
}

fn number(text: &str) -> Result<KekVersion, Error> {
    text.parse().map(KekVersion).map_err(|_| senseless())
}

fn data_key(text: &str) -> Result<DataKey, Error> {
    DataKey::from_backend(&unhex(text).ok_or_else(senseless)?)
}

fn hex(bytes: &[u8]) -> Zeroizing<String> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
    text
}

fn unhex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() / 2));
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |symbol: u8| char::from(symbol).to_digit(16).and_then(|it| u8::try_from(it).ok());
    for [high, low] in pairs {
        bytes.push(digit(*high)? << 4 | digit(*low)?);
    }
    rest.is_empty().then_some(bytes)
}

// ---------------------------------------------------------------------------------------------------------------------
// The service
// ---------------------------------------------------------------------------------------------------------------------

/// The agent: one question a line, one answer a line. It wraps with XAES-256-GCM (c2sp.org/XAES-256-GCM), under 24 random
/// bytes and with the encryption context and the version as associated data.
mod agent {
    use super::{hex, unhex};
    use phiseal_keys::{DataKey, Error, ErrorKind, KeyState, KeyUse, Secret};
    use phiseal_primitives::{Engine, Xaes256Gcm};
    use std::io::{BufRead, Write};
    use zeroize::Zeroizing;

    /// Nonce, key, tag.
    pub(crate) const WRAPPED: usize = 24 + 32 + 16;

    /// Answers until nobody asks any more.
    pub(crate) fn serve() -> Result<(), Error> {
        let engine = phiseal::default_engine();
        let mut id = [0; 16];
        engine.fill_random(&mut id)?;
        let mut agent = Agent { engine, id: format!("agent:{}", *hex(&id)), versions: Vec::new() };
        agent.rotate()?;
        let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
        loop {
            let mut line = Zeroizing::new(String::with_capacity(4096));
            if !matches!(input.read_line(&mut line), Ok(1..)) {
                return Ok(());
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let answer = agent.answer(&words).unwrap_or_else(|refusal| refusal.to_owned().into());
            let sent = output.write_all(answer.as_bytes()).and_then(|()| output.write_all(b"\n"));
            if sent.and_then(|()| output.flush()).is_err() {
                return Ok(());
            }
        }
    }

    struct Agent {
        engine: &'static dyn Engine,
        id: String,
        /// The first is version 1. A destroyed one has no key.
        versions: Vec<(KeyState, Option<Secret>)>,
    }

    type Refusal = &'static str;

    impl Agent {
        fn answer(&mut self, words: &[&str]) -> Result<Zeroizing<String>, Refusal> {
            let text = match words {
                ["describe"] => {
                    let states: Vec<_> =
                        self.versions.iter().map(|(state, _)| state.to_string()).collect();
                    format!("ok {} {} {}", self.id, self.versions.len(), states.join(" "))
                }
                ["generate", context] => {
                    let key = DataKey::generate(self.engine).map_err(|_| "failed")?;
                    let wrapped = self.wrap(context, key.expose_secret())?;
                    format!("ok {} {wrapped}", *hex(key.expose_secret()))
                }
                ["wrap", context, key] => {
                    let key = unhex(key).ok_or("malformed")?;
                    format!("ok {}", self.wrap(context, key.as_array().ok_or("malformed")?)?)
                }
                ["unwrap", context, version, wrapped] => {
                    let key = self.unwrap(context, version, wrapped)?;
                    format!("ok {} {version} {}", self.id, *hex(key.expose_secret()))
                }
                ["rewrap", context, version, wrapped] => {
                    let key = self.unwrap(context, version, wrapped)?;
                    format!("ok {}", self.wrap(context, key.expose_secret())?)
                }
                ["rotate"] => {
                    self.rotate().map_err(|_| "failed")?;
                    format!("ok {}", self.versions.len())
                }
                ["state", version, state] => {
                    let to = KeyState::ALL.into_iter().find(|known| known.to_string() == *state);
                    let to = to.filter(|to| *to != KeyState::Destroyed).ok_or("malformed")?;
                    let (from, _) = self.version_mut(version)?;
                    if *from != to && !from.can_become(to) {
                        return Err("state");
                    }
                    *from = to;
                    "ok".to_owned()
                }
                ["destroy", version] => {
                    let version = self.version_mut(version)?;
                    if !version.0.leads_to(KeyState::Destroyed) || version.0 == KeyState::Active {
                        return Err("state");
                    }
                    *version = (KeyState::Destroyed, None);
                    "ok".to_owned()
                }
                _ => return Err("malformed"),
            };
            Ok(text.into())
        }

        fn rotate(&mut self) -> Result<(), Error> {
            let key = Secret::filled(|out| self.engine.fill_random(out))?;
            self.versions.push((KeyState::Active, Some(key)));
            Ok(())
        }

        /// Version and bytes of a new wrap.
        fn wrap(&self, context: &str, key: &[u8; 32]) -> Result<String, Refusal> {
            let number = self.versions.len();
            let cipher = self.cipher(number, KeyUse::Seal)?;
            let mut nonce = [0; 24];
            self.engine.fill_random(&mut nonce).map_err(|_| "failed")?;
            let mut body = Zeroizing::new(*key);
            let tag = cipher.seal(&nonce, &bound(number, context)?, &mut *body);
            let wrapped = [&nonce[..], &*body, &tag.map_err(|_| "failed")?].concat();
            Ok(format!("{number} {}", *hex(&wrapped)))
        }

        fn unwrap(&self, context: &str, version: &str, wrapped: &str) -> Result<Secret, Refusal> {
            let number: usize = version.parse().map_err(|_| "malformed")?;
            let cipher = self.cipher(number, KeyUse::Open)?;
            let wrapped = unhex(wrapped).ok_or("malformed")?;
            let (nonce, rest) = wrapped.split_first_chunk::<24>().ok_or("malformed")?;
            let (body, tag) = rest.split_first_chunk::<32>().ok_or("malformed")?;
            let tag = tag.as_array().ok_or("malformed")?;
            let bound = bound(number, context)?;
            Secret::filled(|out| {
                *out = *body;
                cipher.open(nonce, &bound, out, tag)
            })
            .map_err(|error: Error| match error.kind() {
                ErrorKind::Unauthenticated => "not-authentic",
                _ => "failed",
            })
        }

        /// The cipher of a version whose state allows this use.
        fn cipher(&self, number: usize, usage: KeyUse) -> Result<Xaes256Gcm, Refusal> {
            let index = number.checked_sub(1).ok_or("no-version")?;
            match self.versions.get(index) {
                None => Err("no-version"),
                Some((state, Some(key))) if state.allows(usage) => {
                    Ok(Xaes256Gcm::new(self.engine, key.expose_secret()))
                }
                Some(_) => Err("state"),
            }
        }

        fn version_mut(
            &mut self,
            number: &str,
        ) -> Result<&mut (KeyState, Option<Secret>), Refusal> {
            let number: usize = number.parse().map_err(|_| "malformed")?;
            let index = number.checked_sub(1).ok_or("no-version")?;
            self.versions.get_mut(index).ok_or("no-version")
        }
    }

    /// What a wrap is bound to.
    fn bound(version: usize, context: &str) -> Result<Vec<u8>, Refusal> {
        let context = unhex(context).ok_or("malformed")?;
        Ok([&version.to_be_bytes()[..], &context[..]].concat())
    }
}
