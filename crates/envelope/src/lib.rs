//! phiseal's envelopes: sealing and opening fields under cached data keys.

mod block;
mod bound;
mod cipher;
mod column_keys;
mod deadline;
mod domain;
mod flight;
mod guard;
mod loaded;
mod mask;
mod missing;
mod opening;
mod options;
mod padding;
mod people;
mod person;
mod phi;
mod reveal;
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
pub use guard::ColumnGuard;
pub use mask::{Mask, Masked};
pub use options::Options;
pub use phi::{Phi, Plaintext};
pub use reveal::{Reveal, RevealForm, RevealPolicy};
pub use sealed::Sealed;
pub use sealing::NoncePolicy;
pub use subject::Subject;
