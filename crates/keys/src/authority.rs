use crate::{Error, ErrorKind};
use phiseal_format::Cursor;

/// Who agreed to a change of keys.
///
/// In a key store that has a roster of custodians, changes need [`Authority::Custodians`]. A program that asks for a change
/// in their name has verified their signatures; `phiseal::rotation` does. Code that runs in the same process and does not
/// care could do without: what it did is then missing in the custodians' own records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Authority {
    /// Whoever holds a handle of the key store: there is no roster.
    Handle,
    /// One custodian alone, in a key store without a roster, for demonstrations. Every keyset that was changed so says so
    /// for ever.
    SingleCustodian {
        /// The SHA-256 of the request that nobody else has signed.
        request: [u8; 32],
    },
    /// As many custodians as the roster asks for.
    Custodians {
        /// The SHA-256 of the request that they signed.
        request: [u8; 32],
    },
}

const HANDLE: u8 = 0;
const SINGLE: u8 = 1;
const CUSTODIANS: u8 = 2;

impl Authority {
    pub(crate) fn write_to(self, out: &mut Vec<u8>) {
        match self {
            Self::Handle => out.push(HANDLE),
            Self::SingleCustodian { request } => {
                out.push(SINGLE);
                out.extend_from_slice(&request);
            }
            Self::Custodians { request } => {
                out.push(CUSTODIANS);
                out.extend_from_slice(&request);
            }
        }
    }

    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        Ok(match cursor.u8()? {
            HANDLE => Self::Handle,
            SINGLE => Self::SingleCustodian { request: *cursor.array()? },
            CUSTODIANS => Self::Custodians { request: *cursor.array()? },
            _ => return Err(Error::new(ErrorKind::Malformed, "an authority of an unknown sort")),
        })
    }
}
