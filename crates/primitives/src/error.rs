/// Why a primitive refused. It carries nothing that could help an attacker or name a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Authentication failed: key, nonce, associated data, ciphertext or tag is not what it was.
    #[error("authentication failed")]
    Unauthenticated,
    /// An input or output has a length that the construction does not allow.
    #[error("length not allowed")]
    Length,
    /// The module does not approve this operation in FIPS mode.
    #[error("not approved by the FIPS module")]
    NotApproved,
    /// A parameter is outside its bounds (Argon2id costs).
    #[error("parameter out of bounds")]
    Parameter,
    /// The generator of random bytes failed, or returned what cannot be random.
    #[error("random generator failed")]
    Random,
    /// The library refused for a reason that it does not give.
    #[error("engine failure")]
    Engine,
}
