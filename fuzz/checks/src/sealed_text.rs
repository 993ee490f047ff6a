//! Sealed fields as bytes, as text and in JSON.

use phiseal::{Error, ErrorKind, Sealed};
use phiseal_format::{FieldEnvelope, text};

/// Reads the input in each form, prints what was read, and reads that in each other form. What is no sealed field may be
/// plaintext that was never sealed, so no error says anything of it.
pub fn sealed_text(data: &[u8]) -> bool {
    check(data, &|json| serde_json::from_slice(json))
}

type FromJson<'a> = dyn Fn(&[u8]) -> Result<Sealed, serde_json::Error> + 'a;

fn check(data: &[u8], from_json: &FromJson<'_>) -> bool {
    let of_bytes = of_bytes(data, from_json);
    let of_text = str::from_utf8(data).is_ok_and(|text| of_text(text, from_json));
    let of_json = of_json(data, from_json);
    of_bytes || of_text || of_json
}

fn of_bytes(data: &[u8], from_json: &FromJson<'_>) -> bool {
    let sealed = Sealed::try_from(data);
    assert_eq!(sealed.is_ok(), FieldEnvelope::parse(data).is_ok());
    assert_eq!(kind(&sealed), kind(&Sealed::try_from(data.to_vec())));
    let Ok(sealed) = sealed else {
        assert_eq!(kind(&sealed), Err(ErrorKind::Malformed));
        return false;
    };
    assert_eq!(sealed.as_bytes(), data);
    assert_prints(&sealed, from_json);
    true
}

fn of_text(text: &str, from_json: &FromJson<'_>) -> bool {
    let sealed: Result<Sealed, Error> = text.parse();
    let Ok(sealed) = sealed else {
        assert_eq!(kind(&sealed), Err(ErrorKind::Malformed));
        let decoded = text::decode(text);
        assert!(decoded.is_err() || FieldEnvelope::parse(&decoded.unwrap()).is_err());
        return false;
    };
    assert_eq!(sealed.to_string(), text);
    assert_eq!(sealed.as_bytes(), text::decode(text).unwrap());
    assert_prints(&sealed, from_json);
    true
}

fn of_json(data: &[u8], from_json: &FromJson<'_>) -> bool {
    match from_json(data) {
        Ok(sealed) => {
            let text: String = serde_json::from_slice(data).unwrap();
            assert_eq!(sealed.to_string(), text);
            true
        }
        Err(error) => {
            let sealed = serde_json::from_slice::<String>(data)
                .is_ok_and(|text| text.parse::<Sealed>().is_ok());
            assert!(!sealed, "a sealed field was refused: {error}");
            assert_quotes_nothing(&error);
            false
        }
    }
}

/// Whatever form a sealed field is printed in, it is read again from that.
fn assert_prints(sealed: &Sealed, from_json: &FromJson<'_>) {
    assert_eq!(Sealed::try_from(sealed.as_ref()).unwrap(), *sealed);
    assert_eq!(sealed.to_string().parse::<Sealed>().unwrap(), *sealed);
    let json = serde_json::to_string(sealed).unwrap();
    assert_eq!(json, format!("\"{sealed}\""));
    assert_eq!(from_json(json.as_bytes()).unwrap(), *sealed);

    let envelope = FieldEnvelope::parse(sealed.as_bytes()).unwrap();
    assert_eq!(sealed.key_id(), envelope.key_id());
    assert_eq!(sealed.suite(), envelope.suite());
    let length = sealed.as_bytes().len();
    assert_eq!(
        format!("{sealed:?}"),
        format!("Sealed({length} bytes under {})", envelope.key_id())
    );
}

/// Of JSON that is not a sealed field the error says no more than that. What is wrong with the JSON itself is said by its
/// parser, which names characters of the grammar only.
fn assert_quotes_nothing(error: &serde_json::Error) {
    if error.is_data() {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let said = message.strip_suffix(&place).unwrap_or(&message);
        assert_eq!(said, "not a sealed field");
    }
}

fn kind<T>(result: &Result<T, Error>) -> Result<(), ErrorKind> {
    result.as_ref().map(drop).map_err(Error::kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::must_panic;
    use crate::seeds;
    use serde_json::Error as JsonError;

    #[test]
    fn an_error_that_quotes_is_noticed() {
        let ssn = b"123456789";
        assert!(!check(ssn, &|json| serde_json::from_slice(json)));
        // What serde says of a number where text is expected.
        let quoting = |json: &[u8]| {
            serde_json::from_slice::<String>(json)
                .and_then(|text| text.parse().map_err(serde::de::Error::custom))
        };
        assert!(quoting(ssn).unwrap_err().to_string().contains("123456789"));
        must_panic(|| check(ssn, &quoting));
    }

    #[test]
    fn a_reader_that_is_too_strict_or_too_lax_is_noticed() {
        let text = seeds::bytes("sealed_text", "valid-text");
        let json = seeds::bytes("sealed_text", "valid-json");
        assert!(check(&text, &|json| serde_json::from_slice(json)));
        let refuse = |_: &[u8]| Err(<JsonError as serde::de::Error>::custom("not a sealed field"));
        must_panic(|| check(&json, &refuse));
        let mut other = seeds::bytes("sealed_text", "valid-bytes");
        other[1] ^= 1;
        must_panic(|| check(&json, &|_| Ok(Sealed::try_from(&other[..]).unwrap())));
    }
}
