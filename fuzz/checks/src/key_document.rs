//! A key file as its documentation lays it out, written without the library's own printer and parser.

use phiseal::backends::local::Cost;
use phiseal::{KeyState, default_engine};
use phiseal_primitives::{Xaes256Gcm, argon2id};
use serde_json::Value;

/// The passphrase of every file that has one.
pub(crate) const PASSPHRASE: &[u8] = b"correct horse battery staple";

/// What is in a key file.
#[derive(Debug, Clone)]
pub(crate) struct KeyDocument {
    pub(crate) id: [u8; 16],
    /// How often it was written.
    pub(crate) revision: u64,
    /// What the key that protects the others is derived at, and with which salt.
    pub(crate) passphrase: Option<(Cost, [u8; 16])>,
    /// Each version's number and state, and its key unless it is destroyed.
    pub(crate) versions: Vec<(u32, KeyState, Option<[u8; 32]>)>,
}

const NONCE: [u8; 24] = [0x42; 24];

impl KeyDocument {
    /// The file's text, with the MAC that belongs to it.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![
            "\"format\": \"phiseal local kek\"".to_owned(),
            "\"version\": 1".to_owned(),
            format!("\"id\": \"{}\"", hex(&self.id)),
            format!("\"revision\": {}", self.revision),
        ];
        if let Some((cost, salt)) = &self.passphrase {
            lines.push(format!(
                "\"passphrase\": {{\"kdf\": \"argon2id\", \"memory_kib\": {}, \"passes\": {}, \"lanes\": {}, \
                 \"salt\": \"{}\"}}",
                cost.memory_kib,
                cost.passes,
                cost.lanes,
                hex(salt)
            ));
        }
        let versions: Vec<_> = self.versions.iter().map(|version| self.version(version)).collect();
        lines.push(format!("\"versions\": [{}]", versions.join(", ")));
        lines.push(format!("\"mac\": \"{}\"", hex(&self.mac())));
        format!("{{{}}}\n", lines.join(",\n"))
    }

    fn version(&self, (number, state, key): &(u32, KeyState, Option<[u8; 32]>)) -> String {
        let key = match (key, self.passphrase_key()) {
            (None, _) => String::new(),
            (Some(key), None) => format!(", \"key\": \"{}\"", hex(key)),
            (Some(key), Some(passphrase)) => {
                let mut body = *key;
                let tag = wrapping(&passphrase)
                    .seal(&NONCE, &self.associated_data(*number, *state), &mut body)
                    .unwrap();
                format!(", \"wrapped\": \"{}{}{}\"", hex(&NONCE), hex(&body), hex(&tag))
            }
        };
        format!("{{\"version\": {number}, \"state\": \"{state}\"{key}}}")
    }

    /// Whether `text` is a key file with the MAC that belongs to it.
    pub(crate) fn is_authentic(text: &[u8]) -> bool {
        let Ok(value) = serde_json::from_slice::<Value>(text) else { return false };
        let document = Self::of(&value);
        document.is_some_and(|document| value["mac"] == hex(&document.mac()))
    }

    fn of(value: &Value) -> Option<Self> {
        let passphrase = match &value["passphrase"] {
            Value::Null => None,
            text => Some((cost(text)?, unhex(&text["salt"])?)),
        };
        let id = unhex(&value["id"])?;
        let revision = value["revision"].as_u64()?;
        let mut document = Self { id, revision, passphrase, versions: Vec::new() };
        let key = document.passphrase_key();
        for version in value["versions"].as_array()? {
            let number = u32::try_from(version["version"].as_u64()?).ok()?;
            let state = version["state"].as_str()?;
            let state = KeyState::ALL.into_iter().find(|known| known.to_string() == state)?;
            let key = match (&key, state) {
                (_, KeyState::Destroyed) => None,
                (None, _) => Some(unhex(&version["key"])?),
                (Some(key), _) => {
                    let wrapped: [u8; 72] = unhex(&version["wrapped"])?;
                    let (nonce, rest) = wrapped.split_first_chunk()?;
                    let (mut body, tag) = (*rest.first_chunk::<32>()?, rest.last_chunk()?);
                    let associated_data = document.associated_data(number, state);
                    wrapping(key).open(nonce, &associated_data, &mut body, tag).ok()?;
                    Some(body)
                }
            };
            document.versions.push((number, state, key));
        }
        Some(document)
    }

    fn mac(&self) -> [u8; 32] {
        let newest = self.versions.iter().rev().find_map(|(_, _, key)| *key);
        let key = match self.passphrase_key().or(newest) {
            Some(key) => expand(&key, b"phiseal/v1 local kek mac"),
            None => [0; 32],
        };
        let mut message = [&b"phiseal/v1 local kek file"[..], &[0, 1], &self.id].concat();
        message.extend(self.revision.to_be_bytes());
        message.extend(self.protection());
        for (number, state, key) in &self.versions {
            message.extend(head(*number, *state));
            match key {
                Some(key) => message.extend([&[1], &key[..]].concat()),
                None => message.push(0),
            }
        }
        default_engine().hmac_sha_256(&key, &[&message])
    }

    fn passphrase_key(&self) -> Option<[u8; 32]> {
        let (cost, salt) = self.passphrase.as_ref()?;
        let mut key = [0; 32];
        argon2id::derive(PASSPHRASE, salt, cost, &mut key).ok()?;
        Some(key)
    }

    fn protection(&self) -> Vec<u8> {
        let Some((cost, salt)) = &self.passphrase else { return vec![0; 29] };
        let numbers = [cost.memory_kib, cost.passes, cost.lanes].map(u32::to_be_bytes);
        [&[1], numbers.as_flattened(), salt].concat()
    }

    fn associated_data(&self, number: u32, state: KeyState) -> Vec<u8> {
        let label = &b"phiseal/v1 local kek version"[..];
        [label, &[0, 1], &self.id, &head(number, state), &self.protection()].concat()
    }
}

/// The cost in the JSON of a passphrase; none when one of its numbers is no number.
pub(crate) fn cost(passphrase: &Value) -> Option<Cost> {
    let number = |name: &str| u32::try_from(passphrase[name].as_u64()?).ok();
    Some(Cost {
        memory_kib: number("memory_kib")?,
        passes: number("passes")?,
        lanes: number("lanes")?,
    })
}

fn head(number: u32, state: KeyState) -> [u8; 5] {
    let [a, b, c, d] = number.to_be_bytes();
    [a, b, c, d, state.to_byte()]
}

fn wrapping(passphrase_key: &[u8; 32]) -> Xaes256Gcm {
    Xaes256Gcm::new(default_engine(), &expand(passphrase_key, b"phiseal/v1 local kek passphrase"))
}

fn expand(key: &[u8; 32], label: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    default_engine().hkdf_expand(key, &[label, &[0]], &mut out).unwrap();
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &Value) -> Option<[u8; N]> {
    let text = text.as_str().filter(|text| text.len() == 2 * N && text.is_ascii())?;
    let mut bytes = [0; N];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    (hex(&bytes) == text).then_some(bytes)
}
