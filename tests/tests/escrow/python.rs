//! The second reader: `tests/python/recovery_reader.py`, in another language and over another cryptographic library, puts
//! shares together that were printed here and opens wraps that were made here, and what it wraps opens here.
//!
//! It runs under the interpreter that `PHISEAL_PYTHON` names, which has PyPI's `cryptography`.

use phiseal::backends::recovery::{RecoveryKey, Share};
use phiseal::{
    DataKey, DomainId, EncryptionContext, EnvironmentId, KekBackend, KekVersion, WrapAlgorithm,
    WrappedKey, default_engine,
};
use pollster::block_on;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const WRAPS: u32 = 200;

fn context(version: u32) -> EncryptionContext {
    let (environment, domain) =
        (EnvironmentId::from_bytes([0xe1; 16]), DomainId::from_bytes([0xd1; 16]));
    EncryptionContext::data_key(&environment, &domain, version)
}

fn ask(python: &str, request: &Value) -> Value {
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/recovery_reader.py");
    let mut child = Command::new(python)
        .arg(reader)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_second_reader_recovers_what_was_wrapped_here_and_the_other_way_round() {
    let python = match std::env::var("PHISEAL_PYTHON") {
        Ok(interpreter) => interpreter,
        Err(_) if std::env::var_os("PHISEAL_LOCAL").is_some_and(|value| value == "1") => {
            println!("left out under PHISEAL_LOCAL=1: recovery keys read by the reader in Python");
            return;
        }
        Err(_) => panic!(
            "PHISEAL_PYTHON names no interpreter with PyPI's cryptography: `cargo xtask test` provides it"
        ),
    };
    let key = RecoveryKey::generate(default_engine()).unwrap();
    let shares: Vec<_> = key.split(3, 5).unwrap().iter().map(Share::expose_text).collect();
    let made: Vec<_> =
        (1..=WRAPS).map(|version| block_on(key.generate_key(&context(version))).unwrap()).collect();
    let digits = |bytes: &[u8]| hex::encode(bytes);
    let open: Vec<_> = (1..)
        .zip(&made)
        .map(|(version, made)| {
            json!([digits(made.wrapped.wrapped()), digits(context(version).as_bytes())])
        })
        .collect();
    let seal: Vec<_> = (1..)
        .zip(&made)
        .map(|(version, made)| {
            json!([digits(made.key.expose_secret()), digits(context(version).as_bytes())])
        })
        .collect();
    let answer = ask(
        &python,
        &json!({
            "public": key.public().to_string(),
            "shares": [*shares[3], *shares[0], *shares[4]],
            "open": open,
            "seal": seal,
        }),
    );
    let opened: Vec<_> = made.iter().map(|made| json!(digits(made.key.expose_secret()))).collect();
    assert_eq!(answer["opened"], json!(opened));
    let id = made[0].wrapped.kek_id();
    let mut back = 0;
    for (version, (made, sealed)) in
        (1..).zip(made.iter().zip(answer["sealed"].as_array().unwrap()))
    {
        let bytes = hex::decode(sealed.as_str().unwrap()).unwrap();
        let wrapped =
            WrappedKey::new(WrapAlgorithm::Hpke, id.clone(), KekVersion(1), bytes).unwrap();
        let key: DataKey = block_on(key.unwrap_key(&wrapped, &context(version))).unwrap().key;
        assert_eq!(key.expose_secret(), made.key.expose_secret());
        back += 1;
    }
    assert_eq!(back, WRAPS);
}
