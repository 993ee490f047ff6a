//! Named values in an address.

use super::wrong;
use phiseal_keys::Error;

/// Values by their names, each of which is taken once.
pub(super) struct Values<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Values<'a> {
    /// Those in `text`, which is `name=value` any number of times with `separator` between.
    pub(super) fn of(text: &'a str, separator: char) -> Result<Self, Error> {
        let mut values: Vec<(&str, &str)> = Vec::new();
        for part in text.split(separator).filter(|_| !text.is_empty()) {
            match part.split_once('=') {
                Some((name, _)) if values.iter().any(|(other, _)| *other == name) => {
                    return Err(wrong("a value of an address is given twice"));
                }
                Some((_, "")) => return Err(wrong("a value of an address is empty")),
                Some(value) => values.push(value),
                None => return Err(wrong("what an address says is name=value")),
            }
        }
        Ok(Self(values))
    }

    /// The value of this name, if there is one: text.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<String>, Error> {
        let text = self.take_bytes(name)?.map(String::from_utf8).transpose();
        text.map_err(|_| wrong("a value of an address is not UTF-8"))
    }

    /// The value of this name, if there is one: bytes.
    pub(super) fn take_bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some(at) = self.0.iter().position(|(known, _)| *known == name) else {
            return Ok(None);
        };
        decoded(self.0.swap_remove(at).1).map(Some)
    }

    /// Refuses what was not taken.
    pub(super) fn end(self, message: &'static str) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(wrong(message)) }
    }
}

/// The bytes that are written in `text` with `%` and two hexadecimal digits for some.
fn decoded(text: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match first {
            b'%' => {
                let (digits, behind) = rest.split_first_chunk().ok_or_else(no_digits)?;
                rest = behind;
                byte(*digits).ok_or_else(no_digits)?
            }
            b'#' => return Err(wrong("a # in an address is written %23")),
            other => *other,
        });
    }
    Ok(bytes)
}

fn byte(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

#[cold]
fn no_digits() -> Error {
    wrong("behind a % in an address are no two hexadecimal digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str, separator: char, name: &str) -> Result<Option<String>, String> {
        let mut values = Values::of(text, separator).map_err(|error| error.to_string())?;
        values.take(name).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_taken_by_name_and_decoded() {
        for (text, value) in [
            ("", None),
            ("b=2", None),
            ("a=1", Some("1")),
            ("b=2&a=1", Some("1")),
            ("a=1=2", Some("1=2")),
            ("a=/run/pin;?:@", Some("/run/pin;?:@")),
            ("a=a%20b%2Fc%c3%A4%25", Some("a b/cä%")),
            ("a=ä b+c", Some("ä b+c")),
        ] {
            assert_eq!(taken(text, '&', "a"), Ok(value.map(str::to_owned)), "{text}");
        }
        assert_eq!(taken("b=2;a=1&c", ';', "a"), Ok(Some("1&c".to_owned())));
        let mut values = Values::of("id=%00%ff%4", ';').unwrap();
        assert!(values.take_bytes("id").is_err(), "one digit");
        let mut values = Values::of("id=%00%ff%41", ';').unwrap();
        assert_eq!(values.take_bytes("id").unwrap(), Some(vec![0, 255, b'A']));
        values.end("nothing is left").unwrap();
    }

    #[test]
    fn what_is_wrong_with_values_is_said() {
        for (text, said) in [
            ("a=1&a=1", "a value of an address is given twice"),
            ("a=1&a=", "a value of an address is given twice"),
            ("a=", "a value of an address is empty"),
            ("a", "what an address says is name=value"),
            ("a=1&", "what an address says is name=value"),
            ("&a=1", "what an address says is name=value"),
            ("a=%", "behind a % in an address are no two hexadecimal digits"),
            ("a=%4", "behind a % in an address are no two hexadecimal digits"),
            ("a=%4g", "behind a % in an address are no two hexadecimal digits"),
            ("a=%+1", "behind a % in an address are no two hexadecimal digits"),
            ("a=1#b", "a # in an address is written %23"),
            ("a=%ff", "a value of an address is not UTF-8"),
        ] {
            assert_eq!(taken(text, '&', "a"), Err(said.to_owned()), "{text}");
        }
        let values = Values::of("a=1", '&').unwrap();
        assert_eq!(values.end("there is no a").unwrap_err().to_string(), "there is no a");
    }
}
