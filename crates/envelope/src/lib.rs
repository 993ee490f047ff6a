//! phiseal's envelopes: sealing and opening fields under cached data keys.

mod block;
mod bound;
mod cipher;
mod column_keys;
mod deadline;
mod domain;
mod flight;
mod loaded;
mod missing;
mod opening;
mod options;
mod padding;
mod people;
mod person;
mod phi;
mod sealed;
mod sealing;
mod subject;
mod subject_look;
mod subjects;
mod subkey;

pub use bound::BoundContext;
pub use cipher::FieldCipher;
pub use column_keys::{ColumnKeys, ColumnSecrets};
pub use domain::Domain;
pub use options::Options;
pub use phi::{Phi, Plaintext};
pub use sealed::Sealed;
pub use sealing::NoncePolicy;
pub use subject::Subject;
