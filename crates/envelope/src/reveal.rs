//! The seam to a policy that says who may see what.

use crate::mask::Mask;
use core::fmt;
use phiseal_format::{DomainId, SubjectTag};
use phiseal_keys::{Error, Reader};

/// What judges openings: whether a reader may see a field, in which form, and that it is written down.
///
/// A domain whose [`Options`](crate::Options) have one asks it before each field is opened, each token revealed and each index
/// searched, once the key is at hand: what is judged is never a matter of what was cached. `phiseal-access` has one that
/// reads a policy file.
pub trait RevealPolicy: fmt::Debug + Send + Sync + 'static {
    /// Judges one reveal; where it is allowed, calls `open` once, and writes down what came of it. What was opened is given to
    /// the reader only when this returns `Ok`. It must not wait for a network.
    ///
    /// # Errors
    ///
    /// [`Denied`](phiseal_keys::ErrorKind::Denied) without having called `open`; the error of `open`; and why it could not be
    /// written down.
    fn reveal(
        &self,
        reveal: &Reveal<'_>,
        open: &mut dyn FnMut() -> Result<(), Error>,
    ) -> Result<(), Error>;

    /// What the masked form of a field leaves of a value.
    fn mask(&self, field: &str) -> Mask;
}

/// One opening to be judged. Its `Debug` shows ids and what the policy names, never a value or a record.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Reveal<'a> {
    /// Who reads, and for which use; `None` on a handle that nobody was named for.
    pub reader: Option<&'a Reader>,
    /// In which domain.
    pub domain: DomainId,
    /// Which field, column or index; `None` where the context names none, or one that is no UTF-8.
    pub field: Option<&'a str>,
    /// About whom, by pseudonym: the person's tag, or that of the record
    /// ([`KeyStore::record_tag`](phiseal_keys::KeyStore::record_tag)).
    pub subject: Option<SubjectTag>,
    /// In which form.
    pub form: RevealForm,
    /// How many values.
    pub count: u64,
}

/// In which form a reader sees a value. Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "whoever judges has to know all of them")]
pub enum RevealForm {
    /// Not at all: rows can be looked for by it.
    Index,
    /// What a mask leaves.
    Masked,
    /// All of it.
    Full,
}

impl RevealForm {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Index, Self::Masked, Self::Full];
}
