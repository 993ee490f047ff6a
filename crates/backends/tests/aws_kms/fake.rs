//! AWS KMS on a loopback port: honest, unless a test tells it how to lie. It counts calls and keeps what was sent.

use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A service with the keys [`arn`] of 0 to 9. Its threads end with the process.
#[derive(Clone)]
pub(crate) struct Fake {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    calls: Mutex<Vec<Call>>,
    count: AtomicUsize,
    connections: AtomicUsize,
    wraps: Mutex<HashMap<Vec<u8>, Wrap>>,
    latency: AtomicU64,
    script: Mutex<Option<Arc<Script>>>,
}

type Script = dyn Fn(&Call) -> Option<Reply> + Send + Sync;

/// What is behind a wrap.
#[derive(Clone)]
struct Wrap {
    arn: String,
    context: Value,
    key: Vec<u8>,
}

/// What a client asked for.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Such as `Decrypt`.
    pub(crate) operation: String,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// What the service answers.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// As what is given out for the length of the body.
    pub(crate) length: usize,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self { status, length: body.len(), body }
    }

    pub(crate) fn error(code: &str) -> Self {
        let message = format!("{code}: what AWS says of it");
        Self::new(400, json!({ "__type": code, "message": message }).to_string())
    }
}

/// The ARN of one of the service's keys.
pub(crate) fn arn(number: u8) -> String {
    format!("arn:aws:kms:eu-central-1:111122223333:key/{number:08x}-0000-4000-8000-0123456789ab")
}

impl Fake {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let fake = Self { port, state: Arc::default() };
        let ours = fake.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, fake) = (stream.unwrap(), ours.clone());
                fake.state.connections.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || fake.serve(&stream));
            }
        });
        fake
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.calls.lock().unwrap().clone()
    }

    /// How many calls came so far, repeated ones among them.
    pub(crate) fn count(&self) -> usize {
        self.state.count.load(Ordering::SeqCst)
    }

    /// How often somebody connected.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Every key that it ever wrapped.
    pub(crate) fn keys(&self) -> HashSet<Vec<u8>> {
        self.state.wraps.lock().unwrap().values().map(|wrap| wrap.key.clone()).collect()
    }

    /// Every answer from now on takes so long.
    pub(crate) fn latency(&self, latency: Duration) {
        let millis = u64::try_from(latency.as_millis()).unwrap();
        self.state.latency.store(millis, Ordering::SeqCst);
    }

    /// What `script` says is answered from now on; where it says nothing, the truth.
    pub(crate) fn lie(&self, script: impl Fn(&Call) -> Option<Reply> + Send + Sync + 'static) {
        *self.state.script.lock().unwrap() = Some(Arc::new(script));
    }

    pub(crate) fn tell_the_truth(&self) {
        *self.state.script.lock().unwrap() = None;
    }

    /// What an honest service would answer to this call.
    pub(crate) fn truth(&self, call: &Call) -> Reply {
        match self.honest(call) {
            Ok(answer) => Reply::new(200, answer.to_string()),
            Err(code) => Reply::error(code),
        }
    }

    fn serve(&self, stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some((head, body)) = request(&mut reader) {
            self.state.count.fetch_add(1, Ordering::SeqCst);
            let target = header(&head, "x-amz-target").unwrap_or_default();
            let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
            let call = Call { operation, head, body };
            self.state.calls.lock().unwrap().push(call.clone());
            thread::sleep(Duration::from_millis(self.state.latency.load(Ordering::SeqCst)));
            let script = self.state.script.lock().unwrap().clone();
            let reply = script.and_then(|script| script(&call));
            let reply = reply.unwrap_or_else(|| self.truth(&call));
            let head = format!(
                "HTTP/1.1 {} Answer\r\ncontent-type: application/x-amz-json-1.1\r\n\
                 x-amzn-requestid: 01234567-89ab-4def-8123-456789abcdef\r\ncontent-length: {}\r\n\r\n",
                reply.status, reply.length
            );
            let mut stream = stream;
            let whole = [head.as_bytes(), &reply.body].concat();
            if stream.write_all(&whole).is_err() || reply.length != reply.body.len() {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }

    fn honest(&self, call: &Call) -> Result<Value, &'static str> {
        let asked: Value =
            serde_json::from_str(&call.body).map_err(|_| "SerializationException")?;
        let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
        let context = |name: &str| asked.get(name).cloned().unwrap_or_else(|| json!({}));
        match &*call.operation {
            "DescribeKey" => {
                let alias = text("KeyId").ends_with(":alias/clinic");
                let arn = if alias { arn(0) } else { known(&text("KeyId"))? };
                let id = arn.rsplit('/').next().unwrap_or_default();
                Ok(json!({ "KeyMetadata": {
                    "Arn": arn, "KeyId": id, "Enabled": true, "KeyState": "Enabled",
                    "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT",
                } }))
            }
            "GenerateDataKey" => {
                let (arn, key) = (known(&text("KeyId"))?, random(32));
                let blob = self.wrap(&arn, context("EncryptionContext"), &key);
                Ok(json!({ "KeyId": arn, "Plaintext": base64(&key), "CiphertextBlob": blob }))
            }
            "Encrypt" => {
                let (arn, key) = (known(&text("KeyId"))?, unbase64(&text("Plaintext")));
                let blob = self.wrap(&arn, context("EncryptionContext"), &key);
                Ok(json!({ "KeyId": arn, "CiphertextBlob": blob }))
            }
            "Decrypt" => {
                let arn = known(&text("KeyId"))?;
                let key =
                    self.unwrap(&arn, &context("EncryptionContext"), &text("CiphertextBlob"))?;
                Ok(json!({ "KeyId": arn, "Plaintext": base64(&key) }))
            }
            "ReEncrypt" => {
                let (from, to) = (known(&text("SourceKeyId"))?, known(&text("DestinationKeyId"))?);
                let from_context = context("SourceEncryptionContext");
                let key = self.unwrap(&from, &from_context, &text("CiphertextBlob"))?;
                let blob = self.wrap(&to, context("DestinationEncryptionContext"), &key);
                Ok(json!({ "SourceKeyId": from, "KeyId": to, "CiphertextBlob": blob }))
            }
            _ => Err("UnknownOperationException"),
        }
    }

    fn wrap(&self, arn: &str, context: Value, key: &[u8]) -> String {
        let blob = random(96);
        let wrap = Wrap { arn: arn.to_owned(), context, key: key.to_vec() };
        self.state.wraps.lock().unwrap().insert(blob.clone(), wrap);
        base64(&blob)
    }

    fn unwrap(&self, arn: &str, context: &Value, blob: &str) -> Result<Vec<u8>, &'static str> {
        let wraps = self.state.wraps.lock().unwrap_or_else(PoisonError::into_inner);
        match wraps.get(&unbase64(blob)) {
            Some(wrap) if wrap.arn != arn => Err("IncorrectKeyException"),
            Some(wrap) if wrap.context == *context => Ok(wrap.key.clone()),
            _ => Err("InvalidCiphertextException"),
        }
    }
}

/// The next request on this connection, head and body.
fn request(reader: &mut BufReader<&TcpStream>) -> Option<(String, String)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = header(&head, "content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8(body).unwrap()))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value.trim()))
}

fn known(id: &str) -> Result<String, &'static str> {
    (0..10).map(arn).find(|arn| arn == id).ok_or("NotFoundException")
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    File::open("/dev/urandom").unwrap().read_exact(&mut bytes).unwrap();
    bytes
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut padded = [0; 3];
        padded[..three.len()].copy_from_slice(three);
        let all = u32::from_be_bytes([0, padded[0], padded[1], padded[2]]);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let six = usize::try_from(all >> shift & 63).unwrap();
            text.push(if at > three.len() { '=' } else { char::from(ALPHABET[six]) });
        }
    }
    text
}

fn unbase64(text: &str) -> Vec<u8> {
    let sextets = text.bytes().filter_map(|byte| ALPHABET.iter().position(|known| *known == byte));
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for six in sextets {
        held = held << 6 | u32::try_from(six).unwrap();
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 255).unwrap());
        }
    }
    bytes
}
