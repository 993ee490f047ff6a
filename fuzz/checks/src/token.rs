//! Deterministic tokens: as bytes, as text, opened.

use phiseal::blocking::wait;
use phiseal::tokens::{Cardinality, Column, Deterministic, Keyed, Token};
use phiseal::{ErrorKind, Phi, Sealed};
use phiseal_format::TokenRef;
use std::sync::{Arc, LazyLock};

use crate::clinic::CLINIC;

static COLUMN: LazyLock<Arc<Keyed<Deterministic>>> = LazyLock::new(|| {
    let kind = Deterministic::new(Cardinality::SSN).unwrap();
    wait(Column::new(CLINIC.patients(0, 0).as_async(), "ssn", kind).ready()).unwrap()
});

/// Reads the input as a token, prints it and reads that again; nothing that was made up opens. Whatever else the input is, a token is
/// made of it, which leads back to it, and of which no bit can be changed.
pub fn token(data: &[u8]) -> bool {
    let read = Token::try_from(data);
    assert_eq!(read.is_ok(), TokenRef::parse(data).is_ok());
    if let Ok(token) = &read {
        assert_eq!(token.as_bytes(), data);
        assert_eq!(token.to_string().parse::<Token>().unwrap(), *token);
        assert!(Sealed::try_from(data).is_err(), "a token is a field");
        assert!(COLUMN.open::<Vec<u8>>(token).is_err(), "a made-up token opened");
    }
    if let Ok(text) = str::from_utf8(data)
        && let Ok(token) = text.parse::<Token>()
    {
        assert_eq!(token.to_string(), text);
    }
    let Ok(made) = COLUMN.token(data) else {
        assert!(data.len() > 65_536);
        return read.is_ok();
    };
    let opened: Phi<Vec<u8>> = COLUMN.open(&made).unwrap();
    assert_eq!(opened.expose_secret(), data);
    let place = data.first().map_or(0, |first| usize::from(*first)) % made.as_bytes().len();
    let mut changed = made.as_bytes().to_vec();
    changed[place] ^= 1 << (data.len() % 8);
    let outcome = Token::try_from(changed).and_then(|token| COLUMN.open::<Vec<u8>>(&token));
    let kind = outcome.unwrap_err().kind();
    let expected = [
        ErrorKind::Malformed,
        ErrorKind::Foreign,
        ErrorKind::Unauthenticated,
        ErrorKind::Unsupported,
    ];
    assert!(expected.contains(&kind), "{kind:?}");
    read.is_ok()
}
