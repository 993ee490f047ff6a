use super::random::Random;
use crate::unbiased::below;
use core::fmt::Write;
use phiseal_keys::{Error, ErrorKind};

/// What a vaulted token looks like. It is drawn at random, and has nothing of its value.
///
/// ```
/// use phiseal_tokens::VaultedForm;
///
/// assert!(VaultedForm::number(12).is_ok());    // 482907713365
/// assert!(VaultedForm::number(6).is_err());    // too few to be drawn without end
/// let text = VaultedForm::text();              // tok_0k3v9q2m7x1c8b5n6p4r2t7w9y
/// let email = VaultedForm::email("tokens.example"); // 0k3v9q2m7x1c8b5n6p4r2t7w9y@tokens.example
/// let uuid = VaultedForm::uuid();              // 5f0c1e9a-7b34-4d52-9c0e-2f6b8a1d3e47
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultedForm(Form);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Number(u8),
    Text,
    Email(Box<str>),
    Uuid,
}

impl VaultedForm {
    /// So many digits, 12 to 18, of which the first one is not zero: it fits into 64 bits, and a million are drawn without two alike.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for any other number.
    pub fn number(digits: u8) -> Result<Self, Error> {
        if !(12..=18).contains(&digits) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a token that is a number has 12 to 18 digits",
            ));
        }
        Ok(Self(Form::Number(digits)))
    }

    /// `tok_` and 26 lower-case letters and digits: 130 random bits.
    #[must_use]
    pub const fn text() -> Self {
        Self(Form::Text)
    }

    /// An address at this host, which should receive no mail (RFC 2606).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a host that is none.
    pub fn email(host: &str) -> Result<Self, Error> {
        let is_of_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if host.is_empty() || host.len() > 200 || !host.bytes().all(is_of_host) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a host is letters, digits, dots and hyphens",
            ));
        }
        Ok(Self(Form::Email(host.into())))
    }

    /// A random UUID (RFC 9562, 5.4: version 4).
    #[must_use]
    pub const fn uuid() -> Self {
        Self(Form::Uuid)
    }

    /// A new one.
    pub(super) fn draw(&self, random: &mut Random<'_>) -> Result<String, Error> {
        match &self.0 {
            Form::Number(digits) => {
                let first = 10_u64.pow(u32::from(*digits) - 1);
                let number = || random.take().map(u64::from_be_bytes);
                Ok((first + below(9 * first, number)?).to_string())
            }
            Form::Text => Ok(format!("tok_{}", letters(random)?)),
            Form::Email(host) => Ok(format!("{}@{host}", letters(random)?)),
            Form::Uuid => uuid(random),
        }
    }

    /// Whether a text may be one: what is not is not looked for.
    pub(super) fn may_be(&self, token: &str) -> bool {
        let are_letters =
            |text: &str| text.len() == LETTERS && text.bytes().all(|byte| SYMBOLS.contains(&byte));
        match &self.0 {
            Form::Number(digits) => {
                token.len() == usize::from(*digits)
                    && !token.starts_with('0')
                    && token.bytes().all(|byte| byte.is_ascii_digit())
            }
            Form::Text => token.strip_prefix("tok_").is_some_and(are_letters),
            Form::Email(host) => {
                token.split_once('@').is_some_and(|(name, at)| are_letters(name) && *at == **host)
            }
            Form::Uuid => {
                token.len() == 36
                    && token.bytes().enumerate().all(|(place, byte)| match place {
                        8 | 13 | 18 | 23 => byte == b'-',
                        14 => byte == b'4',
                        19 => matches!(byte, b'8' | b'9' | b'a' | b'b'),
                        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
                    })
            }
        }
    }
}

/// Without `i`, `l`, `o` and `u` (Crockford's base 32): 32 of them, so that each byte's low bits choose one without bias.
const SYMBOLS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LETTERS: usize = 26;

fn letters(random: &mut Random<'_>) -> Result<String, Error> {
    let bytes: [u8; LETTERS] = random.take()?;
    Ok(bytes.iter().map(|byte| char::from(SYMBOLS[usize::from(byte & 31)])).collect())
}

fn uuid(random: &mut Random<'_>) -> Result<String, Error> {
    let mut bytes: [u8; 16] = random.take()?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // A string takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use phiseal_primitives::default_engine;
    use std::collections::HashSet;

    fn forms() -> [VaultedForm; 5] {
        [
            VaultedForm::number(12).unwrap(),
            VaultedForm::number(18).unwrap(),
            VaultedForm::text(),
            VaultedForm::email("tokens.example").unwrap(),
            VaultedForm::uuid(),
        ]
    }

    #[test]
    fn tokens_are_of_their_form_and_differ() {
        let mut random = Random::of(default_engine(), 1_000);
        for form in forms() {
            let drawn: HashSet<String> =
                (0..1_000).map(|_| form.draw(&mut random).unwrap()).collect();
            assert!(drawn.len() >= 999, "{form:?}");
            for token in &drawn {
                assert!(form.may_be(token), "{token}");
                let others = forms().into_iter().filter(|other| *other != form);
                assert!(others.into_iter().all(|other| !other.may_be(token)), "{token}");
                let longer = format!("{token}0");
                assert!(!form.may_be(&token[1..]) && !form.may_be(&longer), "{token}");
            }
        }
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for digits in [0, 11, 19, 255] {
            assert_eq!(VaultedForm::number(digits).unwrap_err().kind(), ErrorKind::Invalid);
        }
        for host in ["", "a b", "a@b", "ä.example", &"x".repeat(201)] {
            assert_eq!(VaultedForm::email(host).unwrap_err().kind(), ErrorKind::Invalid);
        }
    }

    /// Chi-squared over the first digit, 1 to 9, and over the symbols: one in a thousand is above the bounds.
    #[test]
    fn no_digit_and_no_symbol_is_favoured() {
        let chi = |counts: &[u32]| {
            let expected = f64::from(counts.iter().sum::<u32>())
                / f64::from(u32::try_from(counts.len()).unwrap());
            counts.iter().map(|count| (f64::from(*count) - expected).powi(2)).sum::<f64>()
                / expected
        };
        let mut random = Random::of(default_engine(), 1_000);
        let (mut digits, mut symbols) = ([0; 9], [0; 32]);
        let (number, text) = (VaultedForm::number(12).unwrap(), VaultedForm::text());
        for _ in 0..20_000 {
            let first = number.draw(&mut random).unwrap().as_bytes()[0];
            digits[usize::from(first - b'1')] += 1;
        }
        for _ in 0..2_000 {
            for byte in text.draw(&mut random).unwrap().bytes().skip(4) {
                symbols[SYMBOLS.iter().position(|symbol| *symbol == byte).unwrap()] += 1;
            }
        }
        assert!(chi(&digits) < 26.1, "{digits:?}");
        assert!(chi(&symbols) < 61.1, "{symbols:?}");
    }
}
