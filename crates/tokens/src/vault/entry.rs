//! Where in the store the records of a column are, and what finds the token of a value.

use crate::column::{GENERATION, generation};
use phiseal_envelope::ColumnSecrets;
use phiseal_format::{SubjectTag, TokenUse};
use phiseal_keys::Error;
use phiseal_primitives::Engine;
use phiseal_primitives::hmac::HmacKey;

/// How long a column's name in the store is, in bytes.
pub(super) const COLUMN: usize = 16;

/// How long the code of a value is, in bytes.
const CODE: usize = 16;

/// The ids of a column's records.
///
/// ```text
/// token   column 16 | the token
/// entry   column 16 | 0 | generation 8 | code 16
///         column 16 | 1 | person 16 | generation 8 | code 16
///         column 16 | 2 | person 16 | the token              by which a person's tokens are found
/// ```
#[derive(Clone)]
pub(super) struct Places([u8; COLUMN]);

impl Places {
    /// `column`: what the column's keys depend on.
    pub(super) fn new(engine: &dyn Engine, column: &[u8]) -> Self {
        let hash = engine.sha_256(&[b"phiseal/v1 vault\0", column]);
        Self(hash.first_chunk().copied().unwrap_or_default())
    }

    pub(super) fn token(&self, token: &str) -> Vec<u8> {
        self.at(token.as_bytes())
    }

    /// The id with this behind the column's name.
    pub(super) fn at(&self, key: &[u8]) -> Vec<u8> {
        [&self.0, key].concat()
    }

    /// Before every token of the column.
    pub(super) fn tokens(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// The token of this id, if it is of the column.
    pub(super) fn token_at(&self, id: &[u8]) -> Option<String> {
        let token = id.strip_prefix(&self.0)?;
        String::from_utf8(token.to_vec()).ok()
    }

    /// What the ids of a person's entries begin with.
    pub(super) fn entries_of(&self, person: SubjectTag) -> [Vec<u8>; 2] {
        [1, 2].map(|kind| [&self.0[..], &[kind], person.as_bytes()].concat())
    }

    /// The entry by which a token of a person is found.
    pub(super) fn of_person(&self, person: SubjectTag, token: &str) -> Vec<u8> {
        let [_, mut place] = self.entries_of(person);
        place.extend_from_slice(token.as_bytes());
        place
    }

    /// What the ids of all entries of the column begin with.
    pub(super) fn entries(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// The name of the generation of the entry with this id. `Some(None)` for one that is found by the person.
    pub(super) fn generation(&self, entry: &[u8]) -> Option<Option<[u8; GENERATION]>> {
        let (kind, rest) = entry.strip_prefix(&self.0)?.split_first()?;
        let rest = match kind {
            0 => rest,
            1 => rest.split_at_checked(16)?.1,
            2 => return Some(None),
            _ => return None,
        };
        (rest.len() == GENERATION + CODE).then(|| rest.first_chunk().copied())
    }

    fn entry(
        &self,
        person: Option<SubjectTag>,
        generation: [u8; GENERATION],
        code: &[u8; CODE],
    ) -> Vec<u8> {
        let start = match person {
            None => [&self.0[..], &[0]].concat(),
            Some(person) => {
                let [found_by_value, _] = self.entries_of(person);
                found_by_value
            }
        };
        [&start[..], &generation, code].concat()
    }
}

/// One version of a column's keys: what finds the token of a value.
#[derive(Debug)]
pub struct EntryKey {
    pub(super) generation: [u8; GENERATION],
    hmac: HmacKey,
}

impl EntryKey {
    pub(super) fn new(secrets: &ColumnSecrets<'_>) -> Result<Self, Error> {
        let key = secrets.derive(TokenUse::VaultIndex)?;
        Ok(Self {
            generation: generation(secrets, "vault")?,
            hmac: HmacKey::new(secrets.engine(), key.expose_secret()),
        })
    }

    /// Where the entry of a value is.
    pub(super) fn entry(
        &self,
        places: &Places,
        person: Option<SubjectTag>,
        value: &[u8],
    ) -> Vec<u8> {
        let of_whom = person.map_or([0; 17], |person| {
            let mut of_whom = [1; 17];
            of_whom[1..].copy_from_slice(person.as_bytes());
            of_whom
        });
        let code = self.hmac.code(&[&of_whom, value]);
        places.entry(person, self.generation, code.first_chunk().unwrap_or(&[0; CODE]))
    }
}
