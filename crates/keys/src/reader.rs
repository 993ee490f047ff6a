use crate::{Error, ErrorKind};
use core::fmt;

/// Who holds a handle, and for which use: set once, when the handle is made.
///
/// A policy can judge an opening by it and an audit record can name it, so both parts are opaque ids (`svc-billing`,
/// `treatment`), never a person's name. 1 to 64 characters of `a-z A-Z 0-9 . _ : / @ -` each.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reader {
    actor: Box<str>,
    usage: Box<str>,
}

impl Reader {
    /// The reader `actor`, for the use `usage`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when either part is empty, too long or has other characters.
    pub fn new(actor: &str, usage: &str) -> Result<Self, Error> {
        if !(is_id(actor) && is_id(usage)) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a reader's actor and use are opaque ids of 1 to 64 characters",
            ));
        }
        Ok(Self { actor: actor.into(), usage: usage.into() })
    }

    /// Who reads.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.actor
    }

    /// What for.
    #[must_use]
    pub fn usage(&self) -> &str {
        &self.usage
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({} for {})", self.actor, self.usage)
    }
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/@-".contains(&b))
}
