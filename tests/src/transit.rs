//! A real OpenBao server, and a proxy before it that counts, delays, fails and changes answers.

use phiseal::backends::transit::{Token, TransitBuilder, TransitKek};
use serde_json::{Value, json};
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The server that the runner of the tests started. Without it a test fails, but under `PHISEAL_LOCAL=1`.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its address.
    pub address: String,
    /// A token that may do everything.
    pub token: String,
}

impl Server {
    /// The server; none under `PHISEAL_LOCAL=1`, where what needs it is left out.
    ///
    /// # Panics
    ///
    /// When nobody says where it is.
    #[must_use]
    #[expect(clippy::panic, reason = "a test whose server is missing fails")]
    #[expect(clippy::print_stdout, reason = "what is left out is said")]
    pub fn given() -> Option<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        match (variable("PHISEAL_OPENBAO"), variable("PHISEAL_OPENBAO_TOKEN")) {
            (Some(address), Some(token)) => Some(Self { address, token }),
            _ if variable("PHISEAL_LOCAL").as_deref() == Some("1") => {
                println!("left out under PHISEAL_LOCAL=1: what needs an OpenBao server");
                None
            }
            _ => panic!("PHISEAL_OPENBAO is not set: run cargo xtask test, or set PHISEAL_LOCAL=1"),
        }
    }

    /// Does something as somebody who may do everything.
    ///
    /// # Panics
    ///
    /// When the server refuses.
    #[track_caller]
    #[must_use]
    pub fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let head = format!("{method} /v1/{path} HTTP/1.0\r\nX-Vault-Token: {}\r\n", self.token);
        let (status, answer) = forward(&self.address, &head, body.to_string().as_bytes());
        let answer = serde_json::from_slice(&answer).unwrap_or(Value::Null);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// The name of a new transit key.
    ///
    /// # Panics
    ///
    /// When the server makes none.
    #[must_use]
    pub fn new_key(&self) -> String {
        let name = unique();
        let _ = self.done("POST", &format!("transit/keys/{name}"), &json!({"derived": true}));
        name
    }

    /// A token that may use the key of this name, for an hour.
    ///
    /// # Panics
    ///
    /// When the server gives none.
    #[must_use]
    pub fn new_token(&self, name: &str) -> String {
        let policy: String = ["keys", "datakey/plaintext", "encrypt", "decrypt", "rewrap"]
            .map(|path| {
                let may = if path == "keys" { "read" } else { "update" };
                format!("path \"transit/{path}/{name}\" {{ capabilities = [\"{may}\"] }}\n")
            })
            .concat();
        let _ = self.done("PUT", &format!("sys/policies/acl/{name}"), &json!({"policy": policy}));
        let body = json!({"policies": [name], "ttl": "1h"});
        let answer = self.done("POST", "auth/token/create", &body);
        answer["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// What begins a KEK at `address`, which may be a proxy's.
    pub fn builder_at(address: &str, name: &str, token: &str) -> TransitBuilder<TransitKek> {
        let token = token.to_owned();
        TransitKek::builder(address, name).token_from(move || Token::new(token.clone()))
    }
}

/// What becomes of the body of an answer to a request for this path.
type Change = Box<dyn Fn(&str, Value) -> Value + Send + Sync>;

/// A proxy. Its threads end with the process.
#[derive(Clone)]
pub struct Proxy(Arc<Inner>);

struct Inner {
    address: String,
    to: String,
    asked: Mutex<Vec<String>>,
    latency: AtomicU64,
    fail_every: AtomicU64,
    calls: AtomicU64,
    down: AtomicBool,
    change: Mutex<Option<Change>>,
}

impl Proxy {
    /// A proxy before `server`, which passes on what it gets.
    ///
    /// # Panics
    ///
    /// When the system gives no port.
    #[must_use]
    pub fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self(Arc::new(Inner {
            address: format!("http://{}", listener.local_addr().unwrap()),
            to: server.address.clone(),
            asked: Mutex::default(),
            latency: AtomicU64::new(0),
            fail_every: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            down: AtomicBool::new(false),
            change: Mutex::default(),
        }));
        let inner = Arc::clone(&proxy.0);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let inner = Arc::clone(&inner);
                thread::spawn(move || inner.serve(stream.unwrap()));
            }
        });
        proxy
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// How often it was asked for a path with this in it, failures included.
    #[must_use]
    pub fn asked(&self, part: &str) -> usize {
        let asked = self.0.asked.lock().unwrap();
        asked.iter().filter(|path| path.contains(part)).count()
    }

    /// Every answer from now on takes this much longer.
    pub fn latency(&self, latency: Duration) {
        let millis = u64::try_from(latency.as_millis()).unwrap();
        self.0.latency.store(millis, Ordering::SeqCst);
    }

    /// Every `n`-th request from now on is answered with 503; 0 takes it back.
    pub fn fail_every(&self, n: u64) {
        self.0.fail_every.store(n, Ordering::SeqCst);
    }

    /// Whether connections are closed without an answer.
    pub fn set_down(&self, down: bool) {
        self.0.down.store(down, Ordering::SeqCst);
    }

    /// Changes what is answered from now on.
    pub fn change(&self, change: impl Fn(&str, Value) -> Value + Send + Sync + 'static) {
        *self.0.change.lock().unwrap() = Some(Box::new(change));
    }

    /// Changes nothing from now on.
    pub fn be_honest(&self) {
        *self.0.change.lock().unwrap() = None;
    }
}

impl Inner {
    /// Answers one request, and closes the connection.
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let Some((head, body)) = request(&mut reader) else { return };
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        if self.down.load(Ordering::SeqCst) {
            return;
        }
        let (mut status, mut answer) = (503, br#"{"errors":["told to fail"]}"#.to_vec());
        if path.contains("auth/token") {
            (status, answer) = forward(&self.to, &head, &body);
        } else {
            self.asked.lock().unwrap().push(path.clone());
            let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            thread::sleep(Duration::from_millis(self.latency.load(Ordering::SeqCst)));
            let every = self.fail_every.load(Ordering::SeqCst);
            if every == 0 || !call.is_multiple_of(every) {
                (status, answer) = forward(&self.to, &head, &body);
            }
        }
        if let Some(change) = &*self.change.lock().unwrap() {
            let value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
            answer = change(&path, value).to_string().into_bytes();
        }
        let head = format!(
            "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        // Whoever asked may have hung up.
        let _ = (&stream).write_all(&[head.as_bytes(), &answer].concat());
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({} to {})", self.0.address, self.0.to)
    }
}

/// The lines before a body, each with its end, and the body.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        } else {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// The server's status and body for a request that begins with these lines; 502 when it does not answer.
fn forward(to: &str, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let attempt = || -> Option<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect(to.strip_prefix("http://")?).ok()?;
        let head = head.replacen(" HTTP/1.1\r\n", " HTTP/1.0\r\n", 1);
        let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), body].concat()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let status = str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()?;
        Some((status, answer.split_off(end)))
    };
    attempt().unwrap_or((502, Vec::new()))
}

/// A name that nobody else uses.
fn unique() -> String {
    let mut random = [0; 12];
    phiseal::default_engine().fill_random(&mut random).unwrap();
    random.iter().fold("w".to_owned(), |name, byte| format!("{name}{byte:02x}"))
}
