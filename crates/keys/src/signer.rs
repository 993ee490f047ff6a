use crate::{BoxFuture, Error};
use core::fmt;

/// Signs with one Ed25519 key (RFC 8032, pure, without a context), which may live where it cannot be read: in an HSM.
pub trait Signer: fmt::Debug + Send + Sync + 'static {
    /// The public key, 32 bytes as RFC 8032, 5.1.2 encodes it. The same for the signer's whole life.
    fn verifying_key(&self) -> [u8; 32];

    /// The 64-byte signature of `message`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) when the key's place does not answer,
    /// [`ErrorKind::Denied`](crate::ErrorKind::Denied) and the like as of any backend.
    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<[u8; 64], Error>>;
}
