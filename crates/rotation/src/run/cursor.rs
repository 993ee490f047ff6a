//! Keys of rows in a journal: sealed, as they may name people.

use crate::source::{RowKey, Scalar};
use phiseal_envelope::{Domain, Sealed};
use phiseal_format::{Context, Cursor, write};
use phiseal_keys::{Error, ErrorKind};

/// The key, sealed in the domain that is rotated.
pub(super) async fn seal(domain: &Domain, table: &str, key: &RowKey) -> Result<String, Error> {
    let sealed: Sealed = domain.seal(&to_bytes(key)?, &context(table)).await?;
    Ok(sealed.to_string())
}

pub(super) async fn open(domain: &Domain, table: &str, sealed: &str) -> Result<RowKey, Error> {
    let sealed: Sealed = sealed.parse()?;
    // Shown nobody, so nothing judges it.
    let domain = domain.assume_allowed();
    let opened = domain.open::<Vec<u8>>(&sealed, &context(table)).await?;
    parse(opened.expose_secret())
}

fn context(table: &str) -> Context {
    Context::of_usage("phiseal/v1 rotation").record(table)
}

const INTEGER: u8 = 1;
const TEXT: u8 = 2;
const BYTES: u8 = 3;

/// `parts u8 | { type u8 | value: i64, or u32 + bytes }`.
fn to_bytes(key: &RowKey) -> Result<Vec<u8>, Error> {
    let parts = u8::try_from(key.parts().len()).map_err(|_| malformed())?;
    let mut out = vec![parts];
    for part in key.parts() {
        let (kind, bytes) = match part {
            Scalar::Nothing => return Err(malformed()),
            Scalar::Integer(number) => {
                out.push(INTEGER);
                out.extend_from_slice(&number.to_be_bytes());
                continue;
            }
            Scalar::Text(text) => (TEXT, text.as_bytes()),
            Scalar::Bytes(bytes) => (BYTES, bytes.as_slice()),
        };
        out.push(kind);
        write::push_prefixed_u32(&mut out, bytes)?;
    }
    Ok(out)
}

fn parse(bytes: &[u8]) -> Result<RowKey, Error> {
    let mut cursor = Cursor::new(bytes);
    let mut parts = Vec::new();
    for _ in 0..cursor.u8()? {
        parts.push(match cursor.u8()? {
            INTEGER => Scalar::Integer(i64::from_be_bytes(*cursor.array()?)),
            TEXT => {
                let text = core::str::from_utf8(cursor.prefixed_u32(bytes.len())?);
                Scalar::Text(text.map_err(|_| malformed())?.to_owned())
            }
            BYTES => Scalar::Bytes(cursor.prefixed_u32(bytes.len())?.to_vec()),
            _ => return Err(malformed()),
        });
    }
    cursor.finish()?;
    RowKey::new(parts).ok_or_else(malformed)
}

fn malformed() -> Error {
    Error::new(ErrorKind::Malformed, "the key of a row is not one that a journal can hold")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_as_they_were() {
        let keys = [
            vec![Scalar::Integer(i64::MIN)],
            vec![Scalar::Text(String::new()), Scalar::Bytes(vec![])],
            vec![
                Scalar::Integer(-1),
                Scalar::Text("mrn-1029".to_owned()),
                Scalar::Bytes(vec![0; 300]),
            ],
        ];
        for parts in keys {
            let key = RowKey::new(parts).unwrap();
            let bytes = to_bytes(&key).unwrap();
            assert_eq!(parse(&bytes).unwrap(), key);
            for end in 0..bytes.len() {
                assert!(parse(&bytes[..end]).is_err());
            }
            assert!(parse(&[&bytes[..], &[0]].concat()).is_err());
        }
    }
}
