//! What the tests of transit keys share: the server that runs, and how an operator talks to it.

use phiseal_backends::transit::{Token, TransitAdmin, TransitBuilder, TransitKek};
use phiseal_conformance::Absent;
use phiseal_format::{DomainId, EncryptionContext, EnvironmentId, WrappedKey};
use phiseal_keys::{DataKey, Error, ErrorKind, FullKeyId, Kek};
use phiseal_primitives::{Engine, default_engine};
use pollster::block_on;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) fn engine() -> &'static dyn Engine {
    default_engine()
}

pub(crate) fn context(keyset_version: u32) -> EncryptionContext {
    EncryptionContext::data_key(
        &EnvironmentId::from_bytes([1; 16]),
        &DomainId::from_bytes([2; 16]),
        keyset_version,
    )
}

pub(crate) fn connect(backend: TransitKek) -> Kek {
    block_on(Kek::connect(Arc::new(backend), engine())).unwrap()
}

/// The kind of an error; of a success, none.
pub(crate) fn kind<T>(result: Result<T, Error>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// A wrap of a new key, and how it is opened.
pub(crate) struct Sealed {
    pub(crate) wrapped: WrappedKey,
    pub(crate) context: EncryptionContext,
    pub(crate) key: DataKey,
    pub(crate) id: FullKeyId,
}

pub(crate) fn generate(kek: &Kek, keyset_version: u32) -> Sealed {
    let context = context(keyset_version);
    let (generated, id) = block_on(kek.generate_key(&context)).unwrap();
    Sealed { wrapped: generated.wrapped, context, key: generated.key, id }
}

/// Opens as what it is.
pub(crate) fn opens(kek: &Kek, sealed: &Sealed) -> Result<(), Error> {
    let key = block_on(kek.unwrap_key(&sealed.wrapped, &sealed.context, &sealed.id))?;
    assert_eq!(key.expose_secret(), sealed.key.expose_secret());
    Ok(())
}

/// A value that the runner of the tests gives. Without it a test fails, but under `PHISEAL_LOCAL=1`, where it is left out.
pub(crate) fn given(variable: &str) -> Result<String, Absent> {
    match std::env::var(variable) {
        Ok(value) => Ok(value),
        Err(_) if std::env::var_os("PHISEAL_LOCAL").is_some_and(|value| value == "1") => {
            Err(Absent::new("transit", format!("{variable} is not set")))
        }
        Err(_) => panic!("{variable} is not set: run cargo xtask test, or set PHISEAL_LOCAL=1"),
    }
}

/// The server that the runner of the tests started.
pub(crate) fn found() -> Result<Operator, Absent> {
    let (address, token) = (given("PHISEAL_OPENBAO")?, given("PHISEAL_OPENBAO_TOKEN")?);
    Ok(Operator { address, token, namespace: None })
}

/// As [`found`], for a test that says itself what it leaves out.
pub(crate) fn server() -> Option<Operator> {
    found().map_err(left_out).ok()
}

pub(crate) fn left_out(absent: Absent) {
    println!("left out under PHISEAL_LOCAL=1: {absent}");
}

/// Somebody who may do everything on a server, by plain requests that have nothing to do with the backend.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    pub(crate) address: String,
    pub(crate) token: String,
    pub(crate) namespace: Option<String>,
}

impl Operator {
    /// The status and the JSON of an answer.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let host = self.address.strip_prefix("http://").unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let namespace = self.namespace.as_ref();
        let namespace =
            namespace.map_or_else(String::new, |it| format!("X-Vault-Namespace: {it}\r\n"));
        let request = format!(
            "{method} /v1/{path} HTTP/1.0\r\nHost: {host}\r\nX-Vault-Token: {}\r\n{namespace}\
             Content-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        );
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// An answer that has to be a success.
    #[track_caller]
    pub(crate) fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// The name of a new key that is as it must be.
    pub(crate) fn new_key(&self) -> String {
        self.new_key_with(&json!({}))
    }

    /// The name of a new derived key, with `more` said about it.
    pub(crate) fn new_key_with(&self, more: &Value) -> String {
        let name = fresh_name();
        let mut body = json!({"derived": true});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.done("POST", &format!("transit/keys/{name}"), &body);
        name
    }

    /// What the server says about a key; none if it has no such key.
    pub(crate) fn key(&self, name: &str) -> Option<Value> {
        match self.ask("GET", &format!("transit/keys/{name}"), &Value::Null) {
            (200, answer) => Some(answer["data"].clone()),
            (404, _) => None,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn configure(&self, name: &str, body: &Value) {
        self.done("POST", &format!("transit/keys/{name}/config"), body);
    }

    /// Deletes a key for good.
    pub(crate) fn delete(&self, name: &str) {
        self.configure(name, &json!({"deletion_allowed": true}));
        self.done("DELETE", &format!("transit/keys/{name}"), &Value::Null);
    }

    /// A token with these policies, which are written first.
    pub(crate) fn token(&self, policy: &str, more: &Value) -> String {
        let name = fresh_name();
        self.done("PUT", &format!("sys/policies/acl/{name}"), &json!({"policy": policy}));
        let mut body = json!({"policies": [name], "ttl": "1h", "no_parent": true});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.done("POST", "auth/token/create", &body)["auth"]["client_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// What begins a KEK of this server, with the operator's own token.
    pub(crate) fn builder(&self, name: &str) -> TransitBuilder<TransitKek> {
        let token = self.token.clone();
        let builder =
            TransitKek::builder(&self.address, name).token_from(move || Token::new(token.clone()));
        match &self.namespace {
            Some(namespace) => builder.namespace(namespace),
            None => builder,
        }
    }

    pub(crate) fn kek(&self, name: &str) -> TransitKek {
        self.builder(name).build().unwrap()
    }

    /// A KEK of this server, with this token.
    pub(crate) fn kek_of(&self, name: &str, token: &str) -> TransitKek {
        let token = token.to_owned();
        let builder = self.builder(name).token_from(move || Token::new(token.clone()));
        builder.build().unwrap()
    }

    /// The administration of a key of this server, with this token.
    pub(crate) fn admin_of(&self, name: &str, token: &str) -> TransitAdmin {
        let token = token.to_owned();
        let builder = TransitAdmin::builder(&self.address, name);
        builder.token_from(move || Token::new(token.clone())).build().unwrap()
    }

    pub(crate) fn admin(&self, name: &str) -> TransitAdmin {
        self.admin_of(name, &self.token)
    }
}

/// A name that no other test of this process or another one uses.
pub(crate) fn fresh_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut random = [0; 8];
    engine().fill_random(&mut random).unwrap();
    format!("t{:016x}-{}", u64::from_be_bytes(random), NEXT.fetch_add(1, Ordering::SeqCst))
}
