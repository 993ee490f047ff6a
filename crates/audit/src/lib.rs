//! phiseal's tamper-evident log of key operations.
mod checkpoint;
pub mod note;
mod record;
mod signer;
pub mod tree;
pub use checkpoint::Checkpoint;
pub use record::{Action, Class, Entry, MAX_LINE, Outcome, Record, RequestId, Time};
pub use signer::LocalSigner;
