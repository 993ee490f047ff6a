//! phiseal's tamper-evident log of key operations.
mod checkpoint;
pub mod note;
mod signer;
pub mod tree;
pub use checkpoint::Checkpoint;
pub use signer::LocalSigner;
