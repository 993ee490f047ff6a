//! A custodian's signing key in a file: an Ed25519 key (RFC 8032) under a passphrase.
//!
//! A custodian signs what counts only with a signature: an approval, a certificate. The key that does it belongs to one
//! person, so it lies in that person's file, under that person's passphrase; or in a token, as a
//! [`Pkcs11Signer`](crate::pkcs11::Pkcs11Signer).
//!
//! ```
//! use phiseal_backends::custodian::{Cost, CustodianKey, Passphrase};
//! use phiseal_keys::Signer;
//!
//! # fn main() -> Result<(), phiseal_keys::Error> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("custodian.json");
//! # let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
//! let engine = phiseal_primitives::default_engine();
//! let passphrase = Passphrase::from_bytes(b"correct horse battery staple".to_vec())?;
//! # /*
//! let cost = Cost::default();
//! # */
//! let made = CustodianKey::generate(&path, "clinic.example/alice", &passphrase, cost, engine)?;
//!
//! let key = CustodianKey::open(&path, &passphrase, engine)?;
//! assert_eq!(key.name(), "clinic.example/alice");
//! assert_eq!(key.verifying_key(), made.verifying_key());
//! let signature = pollster::block_on(key.sign(b"what is signed"))?;
//! # let _ = signature;
//! # Ok(())
//! # }
//! ```
//!
//! # The file
//!
//! JSON, for people to look at, at most 1 MiB: the key's name, its public half, the seed under XAES-256-GCM, and what the
//! key of that derives from. The public half and the name are for everybody to know; who signs needs the passphrase as well.
//! It is made, read and refused as the file of a KEK is ([`local`](crate::local#the-file)): mode 0600, complete or not at
//! all, never over another file. There is none without a passphrase. A process that is killed while it makes `alice.json` may
//! leave a `.alice.json.<16 hex digits>.new` beside it, which is to be removed.
//!
//! # Its bytes
//!
//! As of [`local`](crate::local#its-bytes), in lower hex:
//!
//! ```text
//! key             = HKDF-Expand-SHA-256(Argon2id of the passphrase, "phiseal/v1 custodian passphrase" || 0x00, 32 bytes)
//! seed            = nonce[24] || ciphertext[32] || tag[16], XAES-256-GCM under that key
//! associated data = "phiseal/v1 custodian key" || 0x00 0x01 || 0x01 || memory in KiB[4] || passes[4] || lanes[4] || salt[16]
//!                   || public key[32] || name
//! ```

use crate::hex;
use crate::local::passphrase_key::{PassphraseKey, PassphraseText};
use crate::local::{file, json, replace};
use core::fmt;
use phiseal_keys::{BoxFuture, Error, ErrorKind, LocalSigner, Secret, Signer};
use phiseal_primitives::Engine;
use phiseal_primitives::ed25519::SigningKey;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::Path;

pub use crate::local::{Cost, Passphrase};

/// A custodian's signing key, from a file: see the [module](self). Its seed lies in locked memory.
pub struct CustodianKey {
    name: Box<str>,
    signer: LocalSigner,
}

const FORMAT: &str = "phiseal custodian key";
const VERSION: u32 = 1;

const PASSPHRASE_LABEL: &[u8] = b"phiseal/v1 custodian passphrase";
const KEY_LABEL: &[u8] = b"phiseal/v1 custodian key";

/// More than a file takes in JSON, in which each byte of a name may take six.
const TEXT: usize = 4096;

impl CustodianKey {
    /// Makes a key and its file, under a passphrase of at least 15 bytes (SP 800-63B-4, 3.1.1.2), whose derivation costs
    /// `cost`. `name` is what the key goes by in signed notes: 1 to 255 bytes without white space, control characters and
    /// plus signs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] when there is a file of that name, [`ErrorKind::NotFound`] when the folder does not exist,
    /// [`ErrorKind::Denied`] when it cannot be written, [`ErrorKind::Unavailable`] when the disk is full or fails;
    /// [`ErrorKind::Invalid`] when the passphrase is shorter, the cost out of bounds or the name none;
    /// [`ErrorKind::Unsupported`] when the engine is a FIPS module, which approves no Argon2id; [`ErrorKind::Random`],
    /// [`ErrorKind::Memory`].
    pub fn generate(
        path: impl AsRef<Path>,
        name: &str,
        passphrase: &Passphrase,
        cost: Cost,
        engine: &'static dyn Engine,
    ) -> Result<Self, Error> {
        if !is_name(name) {
            let message = "the name of a key is 1 to 255 bytes without spaces and without a plus";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let seed = Secret::filled(|out| engine.fill_random(out))?;
        let verifying_key = *SigningKey::from_seed(seed.expose_secret()).verifying_key().as_bytes();
        let passphrase = PassphraseKey::generate(engine, passphrase, cost)?;
        let bound = associated_data(&passphrase, &verifying_key, name);
        let sealed = passphrase.seal(engine, PASSPHRASE_LABEL, &bound, &seed)?;
        let (salt, public) = (passphrase.salt_text(), hex::text(&verifying_key));
        let document = Document {
            format: FORMAT,
            version: VERSION,
            name: Cow::Borrowed(name),
            verifying_key: &public,
            passphrase: PassphraseText::of(&passphrase, &salt),
            seed: &sealed,
        };
        replace::create(path.as_ref(), &json::print(&document, TEXT)?, engine)?;
        Ok(Self { name: name.into(), signer: LocalSigner::new(seed) })
    }

    /// Opens a key's file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is none; [`ErrorKind::Denied`] when others can reach it, it belongs to somebody
    /// else or cannot be read; [`ErrorKind::Malformed`] when it is not a regular file, over 1 MiB or not a custodian's key
    /// file; [`ErrorKind::Unsupported`] when a newer release wrote it, or the engine is a FIPS module;
    /// [`ErrorKind::Unauthenticated`] when the passphrase is wrong or the file was changed; [`ErrorKind::Invalid`] when its
    /// cost is out of bounds. The error's source names the file.
    pub fn open(
        path: impl AsRef<Path>,
        passphrase: &Passphrase,
        engine: &'static dyn Engine,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let (bytes, _) = file::read(path)?;
        // Who signs with it may have been told of as soon as the file was there: it is made to stay.
        replace::settle(path)?;
        Self::parse(&bytes, passphrase, engine).map_err(|error| file::at(path, error))
    }

    fn parse(
        bytes: &[u8],
        passphrase: &Passphrase,
        engine: &'static dyn Engine,
    ) -> Result<Self, Error> {
        json::check_header(bytes, FORMAT, VERSION)?;
        let document: Document<'_> = json::parse(bytes)?;
        let mut claimed = [0; 32];
        hex::parse(document.verifying_key, &mut claimed)?;
        let passphrase = PassphraseKey::derive(engine, passphrase, document.passphrase.header()?)?;
        let bound = associated_data(&passphrase, &claimed, &document.name);
        let seed = passphrase.open(engine, PASSPHRASE_LABEL, &bound, document.seed)?;
        let signer = LocalSigner::new(seed);
        if signer.verifying_key() != claimed {
            let message = "the public key in the key file is not its key's";
            return Err(Error::new(ErrorKind::Unauthenticated, message));
        }
        Ok(Self { name: document.name.into(), signer })
    }

    /// What the key goes by in signed notes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Signer for CustodianKey {
    fn verifying_key(&self) -> [u8; 32] {
        self.signer.verifying_key()
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<[u8; 64], Error>> {
        self.signer.sign(message)
    }
}

/// Without the name, which may be a person's.
impl fmt::Debug for CustodianKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustodianKey")
    }
}

/// The file as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    format: &'a str,
    version: u32,
    /// Borrowed, unless it holds what JSON escapes.
    #[serde(borrow)]
    name: Cow<'a, str>,
    verifying_key: &'a str,
    #[serde(borrow)]
    passphrase: PassphraseText<'a>,
    seed: &'a str,
}

/// Everything in the file but the seed.
fn associated_data(passphrase: &PassphraseKey, verifying_key: &[u8; 32], name: &str) -> Vec<u8> {
    [KEY_LABEL, &[0, 1], &passphrase.to_bytes(), verifying_key, name.as_bytes()].concat()
}

/// What c2sp.org/signed-note allows, bounded.
fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}
