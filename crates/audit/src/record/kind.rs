use super::action::is_word;
use core::fmt;
use core::str::FromStr;
use phiseal_keys::{Error, ErrorKind};

/// What kind of data a reveal showed, as a policy names it (`ssn`, `lab-result`): 1 to 32 characters of `a-z 0-9 -`, the first a
/// letter. The same for everybody: never a value, a field's content or a person's name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DataKind(Box<str>);

impl DataKind {
    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DataKind {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        if !is_word(word) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a kind of data is a word of a-z, 0-9 and -",
            ));
        }
        Ok(Self(word.into()))
    }
}

impl fmt::Display for DataKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DataKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKind({self})")
    }
}
