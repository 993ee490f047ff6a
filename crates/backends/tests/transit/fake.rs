//! A server on loopback that answers what a test tells it to, and tells what it was asked.

use phiseal_backends::transit::{Token, TransitBuilder, TransitKek};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The token of everybody who asks it.
pub(crate) const TOKEN: &str = "s.token-of-the-test";

/// A wrap as a server writes it, with nothing in it; of version 1.
pub(crate) const WRAP: &str =
    "vault:v1:c9uy+Ka5+LYXPESJnmwB2nUL07Ylpt9uEhSBnzR8vGcHfVR7dL1+lpz9yfHYo0jXwRiM/lTa5jd0/4WJ";

/// Thirty-two bytes in base64, not all of them zero.
pub(crate) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// What was asked: method and path, headers, body.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// A status and a body.
    Json(u16, Value),
    /// These bytes, whatever they are; then the connection ends.
    Bytes(Vec<u8>),
    /// These bytes, so long apart.
    Drip(Vec<u8>, Duration),
}

impl Reply {
    pub(crate) fn ok(data: &Value) -> Self {
        Self::Json(200, json!({"data": data}))
    }

    /// A body with its length before it.
    pub(crate) fn body(status: u16, body: &[u8]) -> Self {
        let head = format!(
            "HTTP/1.1 {status} x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        Self::Bytes([head.as_bytes(), body].concat())
    }
}

/// The server. Its threads end with the process.
#[derive(Clone, Debug)]
pub(crate) struct Fake {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    /// A server that answers as `answer` says, and where that says nothing as an honest server with one key `phi` would.
    pub(crate) fn start(answer: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (seen, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let all = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (all, answer) = (Arc::clone(&all), Arc::clone(&answer));
                thread::spawn(move || serve(stream.unwrap(), &all, &*answer));
            }
        });
        Self { address, seen }
    }

    /// Everything that was asked about transit keys, and not about the token.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap().clone();
        seen.into_iter().filter(|seen| !seen.line.contains("auth/token")).collect()
    }

    pub(crate) fn builder(&self) -> TransitBuilder<TransitKek> {
        TransitKek::builder(&self.address, "phi").token_from(|| Token::new(TOKEN.to_owned()))
    }

    pub(crate) fn kek(&self) -> TransitKek {
        self.builder().build().unwrap()
    }
}

fn serve(stream: TcpStream, all: &Mutex<Vec<Seen>>, answer: &dyn Fn(&Seen) -> Option<Reply>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(seen) = request(&mut reader) {
        all.lock().unwrap().push(seen.clone());
        let reply = answer(&seen).unwrap_or_else(|| honest(&seen));
        // Whoever asked may have hung up.
        let _ = match reply {
            Reply::Json(status, body) => {
                let body = body.to_string();
                let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes())
            }
            Reply::Bytes(bytes) => return drop(stream.write_all(&bytes)),
            Reply::Drip(bytes, apart) => bytes.chunks(1).try_for_each(|byte| {
                thread::sleep(apart);
                stream.write_all(byte)
            }),
        };
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && head != "\r\n" {
        reader.read_line(&mut head).ok().filter(|length| *length > 0)?;
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let line = line.trim_end().strip_suffix(" HTTP/1.1").unwrap().to_owned();
    Some(Seen { line, head, body: String::from_utf8(body).unwrap() })
}

/// What a server with one key `phi` of one version says.
pub(crate) fn honest(seen: &Seen) -> Reply {
    match seen.line.as_str() {
        "GET /v1/sys/internal/ui/mounts/transit" => Reply::ok(&json!({
            "type": "transit", "uuid": "67536a91-3103-1790-8a79-c75a4a8c99b8"
        })),
        "GET /v1/transit/keys/phi" => Reply::ok(&key()),
        "POST /v1/transit/datakey/plaintext/phi" => {
            Reply::ok(&json!({"plaintext": KEY, "ciphertext": WRAP, "key_version": 1}))
        }
        "POST /v1/transit/encrypt/phi" | "POST /v1/transit/rewrap/phi" => {
            Reply::ok(&json!({"ciphertext": WRAP, "key_version": 1}))
        }
        "POST /v1/transit/decrypt/phi" => Reply::ok(&json!({"plaintext": KEY})),
        _ => Reply::Json(403, json!({"errors": ["permission denied"]})),
    }
}

pub(crate) fn key() -> Value {
    json!({
        "name": "phi", "type": "aes256-gcm96", "derived": true, "convergent_encryption": false,
        "exportable": false, "allow_plaintext_backup": false, "deletion_allowed": false,
        "soft_deleted": false, "keys": {"1": 1_795_325_837}, "latest_version": 1,
        "min_available_version": 0, "min_decryption_version": 1, "min_encryption_version": 0,
    })
}
