use crate::{BoxFuture, Error, Secret, Signer};
use core::fmt;
use phiseal_primitives::{Engine, ed25519::SigningKey};

/// A signing key in this process: its seed lies in locked memory, what it expands to only while it signs.
///
/// ```
/// use phiseal_keys::{LocalSigner, Signer};
///
/// let signer = LocalSigner::generate(phiseal_primitives::default_engine())?;
/// assert_eq!(format!("{signer:?}"), "LocalSigner");
/// assert_ne!(signer.verifying_key(), [0; 32]);
/// # Ok::<(), phiseal_keys::Error>(())
/// ```
pub struct LocalSigner {
    seed: Secret,
    verifying_key: [u8; 32],
}

impl LocalSigner {
    /// The signer of a 32-byte seed (RFC 8032, 5.1.5).
    #[must_use]
    pub fn new(seed: Secret) -> Self {
        let key = SigningKey::from_seed(seed.expose_secret());
        let verifying_key = *key.verifying_key().as_bytes();
        Self { seed, verifying_key }
    }

    /// A new key, which is gone when the signer is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`](crate::ErrorKind::Random), [`ErrorKind::Memory`](crate::ErrorKind::Memory).
    pub fn generate(engine: &dyn Engine) -> Result<Self, Error> {
        Secret::filled(|out| engine.fill_random(out)).map(Self::new)
    }
}

impl Signer for LocalSigner {
    fn verifying_key(&self) -> [u8; 32] {
        self.verifying_key
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<[u8; 64], Error>> {
        let signature = SigningKey::from_seed(self.seed.expose_secret()).sign(message);
        Box::pin(core::future::ready(Ok(signature)))
    }
}

impl fmt::Debug for LocalSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalSigner")
    }
}
