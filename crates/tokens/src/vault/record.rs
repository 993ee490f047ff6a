//! The bytes of a token's record: what is known of it, then the sealed value.

use phiseal_format::{Context, Cursor, SubjectTag};
use phiseal_keys::{Error, ErrorKind};

/// What stands before the sealed value. All of it is authenticated with the value.
///
/// ```text
/// 0x01 (version) | flags 1 | made 8 | ends 8 (0: never) | person 16, where there is one
/// flags: 1 disabled, 2 of a person
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) disabled: bool,
    /// When it was made, in seconds since 1970.
    pub(super) made: u64,
    /// When it ends, in seconds since 1970; 0: never.
    pub(super) ends: u64,
    /// Under whose key the value is sealed, where it is not the domain's.
    pub(super) person: Option<SubjectTag>,
}

const VERSION: u8 = 1;
const DISABLED: u8 = 1;
const OF_A_PERSON: u8 = 2;

impl Header {
    pub(super) fn is_over(&self, now: u64) -> bool {
        self.ends != 0 && self.ends <= now
    }

    fn to_bytes(self) -> Vec<u8> {
        let flags = if self.disabled { DISABLED } else { 0 };
        let of_a_person = if self.person.is_some() { OF_A_PERSON } else { 0 };
        let mut bytes = vec![VERSION, flags | of_a_person];
        bytes.extend(self.made.to_be_bytes());
        bytes.extend(self.ends.to_be_bytes());
        bytes.extend(self.person.iter().flat_map(|tag| *tag.as_bytes()));
        bytes
    }

    /// What the value of a token is sealed as: a moved or altered record does not open.
    pub(super) fn context(&self, column: &Context, token: &str) -> Context {
        column
            .clone()
            .record(token)
            .usage("phiseal/v1 vaulted token")
            .application(128, self.to_bytes())
    }

    /// The record's bytes.
    pub(super) fn with(self, sealed: &[u8]) -> Vec<u8> {
        [&self.to_bytes(), sealed].concat()
    }

    /// A record taken apart: what is known of the token, and the sealed value.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let malformed =
            || Error::new(ErrorKind::Malformed, "the vault holds a record that it did not write");
        let mut cursor = Cursor::new(bytes);
        let (version, flags) = (cursor.u8()?, cursor.u8()?);
        if version != VERSION || flags & !(DISABLED | OF_A_PERSON) != 0 {
            return Err(malformed());
        }
        let (made, ends) = (cursor.u64()?, cursor.u64()?);
        let person = match flags & OF_A_PERSON {
            0 => None,
            _ => Some(SubjectTag::from_bytes(*cursor.array()?)),
        };
        let header = Self { disabled: flags & DISABLED != 0, made, ends, person };
        let (_, sealed) = bytes.split_at_checked(header.to_bytes().len()).ok_or_else(malformed)?;
        Ok((header, sealed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for (disabled, ends, person) in [
            (false, 0, None),
            (true, 7, None),
            (false, u64::MAX, Some(SubjectTag::from_bytes([9; 16]))),
            (true, 1, Some(SubjectTag::from_bytes([0; 16]))),
        ] {
            let header = Header { disabled, made: 5, ends, person };
            let bytes = header.with(b"sealed");
            assert_eq!(Header::parse(&bytes).unwrap(), (header, &b"sealed"[..]));
            for length in 0..bytes.len() - 6 {
                assert_eq!(
                    Header::parse(&bytes[..length]).unwrap_err().kind(),
                    ErrorKind::Malformed
                );
            }
        }
        for first in [[0, 0], [2, 0], [1, 4], [1, 255]] {
            let bytes = [&first[..], &[0; 40]].concat();
            assert_eq!(Header::parse(&bytes).unwrap_err().kind(), ErrorKind::Malformed);
        }
    }

    #[test]
    fn a_token_ends_when_it_was_said_to() {
        let header = |ends| Header { disabled: false, made: 0, ends, person: None };
        assert!(!header(0).is_over(u64::MAX));
        assert!(!header(10).is_over(9));
        assert!(header(10).is_over(10));
    }
}
