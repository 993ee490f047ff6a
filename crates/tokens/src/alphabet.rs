use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use std::collections::HashMap;

/// The characters that a format-preserving token replaces, and is made of: each stands for its place in the order.
///
/// The order is part of what the tokens are: another one gives other tokens.
///
/// ```
/// use phiseal_tokens::Alphabet;
///
/// assert_eq!(Alphabet::digits().len(), 10);
/// assert_eq!(Alphabet::new("ACGT")?.len(), 4);
/// assert!(Alphabet::new("AA").is_err());
/// # Ok::<(), phiseal_keys::Error>(())
/// ```
#[derive(Clone)]
pub struct Alphabet {
    characters: Vec<char>,
    /// The place of each ASCII character, [`NONE`] of one that is not in it.
    ascii: [u16; 128],
    others: HashMap<char, u16>,
}

const NONE: u16 = u16::MAX;

impl Alphabet {
    /// How many characters there are at most.
    pub const MAX_LEN: usize = 4_096;

    /// These characters, in this order.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for fewer than two characters, more than [`Alphabet::MAX_LEN`], or the same one twice.
    pub fn new(characters: &str) -> Result<Self, Error> {
        let mut alphabet =
            Self { characters: Vec::new(), ascii: [NONE; 128], others: HashMap::new() };
        for character in characters.chars() {
            if alphabet.place(character).is_some() {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "an alphabet has each character once, and this one has one of them twice",
                ));
            }
            alphabet.push(character)?;
        }
        if alphabet.len() < 2 {
            return Err(Error::new(ErrorKind::Invalid, "an alphabet has two characters at least"));
        }
        Ok(alphabet)
    }

    /// `0` to `9`.
    #[must_use]
    pub fn digits() -> Self {
        Self::known('0'..='9')
    }

    /// `A` to `Z`.
    #[must_use]
    pub fn upper_case() -> Self {
        Self::known('A'..='Z')
    }

    /// `A` to `Z`, then `a` to `z`.
    #[must_use]
    pub fn letters() -> Self {
        Self::known(('A'..='Z').chain('a'..='z'))
    }

    /// `0` to `9`, then `A` to `Z`.
    #[must_use]
    pub fn upper_case_alphanumeric() -> Self {
        Self::known(('0'..='9').chain('A'..='Z'))
    }

    /// `0` to `9`, then `A` to `Z`, then `a` to `z`.
    #[must_use]
    pub fn alphanumeric() -> Self {
        Self::known(('0'..='9').chain('A'..='Z').chain('a'..='z'))
    }

    /// How many characters there are: the radix.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "none is empty")]
    pub fn len(&self) -> usize {
        self.characters.len()
    }

    /// The place of a character, if it is in it.
    #[inline]
    pub(crate) fn place(&self, character: char) -> Option<u16> {
        let place = match self.ascii.get(character as usize) {
            Some(place) => *place,
            None => self.others.get(&character).copied().unwrap_or(NONE),
        };
        (place != NONE).then_some(place)
    }

    /// The character at a place.
    #[inline]
    pub(crate) fn character(&self, place: u16) -> char {
        self.characters.get(usize::from(place)).copied().unwrap_or(char::REPLACEMENT_CHARACTER)
    }

    pub(crate) fn radix(&self) -> u32 {
        u32::try_from(self.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn is_digits(&self) -> bool {
        self.characters.iter().copied().eq('0'..='9')
    }

    fn known(characters: impl Iterator<Item = char>) -> Self {
        let mut alphabet =
            Self { characters: Vec::new(), ascii: [NONE; 128], others: HashMap::new() };
        // Far fewer than the most, so that none is refused.
        characters.for_each(|character| drop(alphabet.push(character)));
        alphabet
    }

    fn push(&mut self, character: char) -> Result<(), Error> {
        let place = u16::try_from(self.len()).ok().filter(|_| self.len() < Self::MAX_LEN);
        let place = place.ok_or_else(|| {
            Error::new(ErrorKind::Invalid, "an alphabet has at most 4,096 characters")
        })?;
        match self.ascii.get_mut(character as usize) {
            Some(slot) => *slot = place,
            None => drop(self.others.insert(character, place)),
        }
        self.characters.push(character);
        Ok(())
    }
}

impl fmt::Debug for Alphabet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Alphabet({} characters)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_its_place() {
        let greek = Alphabet::new("αβγδ01").unwrap();
        for alphabet in [
            Alphabet::digits(),
            Alphabet::upper_case(),
            Alphabet::letters(),
            Alphabet::upper_case_alphanumeric(),
            Alphabet::alphanumeric(),
            greek,
        ] {
            for place in 0..u16::try_from(alphabet.len()).unwrap() {
                assert_eq!(alphabet.place(alphabet.character(place)), Some(place));
            }
            assert_eq!(alphabet.place('ω'), None);
            assert_eq!(alphabet.place('!'), None);
        }
        let lengths = [Alphabet::digits(), Alphabet::letters(), Alphabet::alphanumeric()];
        assert_eq!(lengths.map(|alphabet| alphabet.len()), [10, 52, 62]);
    }

    #[test]
    fn what_is_no_alphabet_is_refused() {
        for characters in ["", "a", "abca", "αα"] {
            assert_eq!(Alphabet::new(characters).unwrap_err().kind(), ErrorKind::Invalid);
        }
        let many: String = (0..4_097).filter_map(|c| char::from_u32(0x4e00 + c)).collect();
        assert_eq!(Alphabet::new(&many).unwrap_err().kind(), ErrorKind::Invalid);
        let most: String = many.chars().take(4_096).collect();
        assert_eq!(Alphabet::new(&most).unwrap().len(), 4_096);
    }
}
