use super::Normaliser;
use crate::Cardinality;
use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use zeroize::Zeroizing;

/// One value of an index: in which form, and of how many values its column is.
///
/// ```
/// use phiseal_tokens::{Cardinality, DateOrder, Normaliser, Part};
///
/// let three_letters = Part::new(Normaliser::Text, Cardinality::of(160_000)).first(3);
/// let year = Part::new(Normaliser::Date(DateOrder::MonthFirst), Cardinality::BIRTH_DATE).year();
/// ```
#[derive(Clone, Debug)]
pub struct Part {
    normaliser: Normaliser,
    cardinality: Cardinality,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Whole,
    First(u16),
    Year,
}

impl Part {
    /// The whole value, normalised.
    #[must_use]
    pub const fn new(normaliser: Normaliser, cardinality: Cardinality) -> Self {
        Self { normaliser, cardinality, form: Form::Whole }
    }

    /// Only the first characters of the normalised value, for searches by the beginning of a name. A shorter value is whole.
    #[must_use]
    pub const fn first(mut self, characters: u16) -> Self {
        self.form = Form::First(characters);
        self
    }

    /// Only the year of a date: of anything else, the first four characters.
    #[must_use]
    pub const fn year(mut self) -> Self {
        self.form = Form::Year;
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.form == Form::First(0)
    }

    /// Of how many values the form is that is indexed.
    pub(super) fn cardinality(&self) -> Cardinality {
        let most = match self.form {
            Form::Whole => u64::MAX,
            Form::First(characters) => self.normaliser.values_of_first(characters.into()),
            // Of people who are alive.
            Form::Year => 130,
        };
        self.cardinality.clone().at_most(most)
    }

    /// The form of a value.
    pub(super) fn form(&self, value: &str) -> Result<Zeroizing<String>, Error> {
        let mut normalised = self.normaliser.normalise(value)?;
        let characters = match self.form {
            Form::Whole => usize::MAX,
            Form::First(characters) => usize::from(characters),
            Form::Year => 4,
        };
        if let Some((end, _)) = normalised.char_indices().nth(characters) {
            normalised.truncate(end);
        }
        if normalised.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "nothing of the value is left to be indexed: leave the row without an entry",
            ));
        }
        Ok(normalised)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.normaliser)?;
        match self.form {
            Form::Whole => Ok(()),
            Form::First(characters) => write!(f, " first {characters}"),
            Form::Year => f.write_str(" year"),
        }
    }
}
