//! The hash of a census, over one canonical encoding.

use crate::{Census, Class, Holds};
use phiseal_primitives::Engine;

const LABEL: &[u8] = b"phiseal/v1 census";

impl Census {
    /// SHA-256 of the census: two censuses have the same one when they counted the same, at the same times.
    ///
    /// Integers are big-endian, `||` joins, a text stands behind its length in four bytes:
    ///
    /// ```text
    /// "phiseal/v1 census" || 0x00 || table || rows[8] || began[8] || ended[8] || number of columns[4] || for each column:
    ///     column || domain || domain id[16] || revision[8] || primary[4] || holds[1] || number of classes[3] || for each class:
    ///         class[1] || version[4] || values[8]
    /// ```
    ///
    /// What a column holds: 0 sealed values, 1 entries of an index, 2 deterministic tokens. Columns are in the table's order, classes in that of [`Class`]. Their bytes: 0 nothing, 1 current, 2 person, 3 older,
    /// 4 newer, 5 closed, 6 shredded, 7 foreign, 8 plaintext, 9 damaged, 10 person's older key, 11 person's dropped key,
    /// 12 not in the index, 13 index entry of something else, 14 index entry of nothing. The version is 0 for classes that have
    /// none.
    #[must_use]
    pub fn hash(&self, engine: &dyn Engine) -> [u8; 32] {
        let mut bytes = Vec::with_capacity(1024);
        bytes.extend_from_slice(LABEL);
        bytes.push(0);
        put_text(&mut bytes, &self.table);
        [self.rows, self.began, self.ended].into_iter().for_each(|number| put(&mut bytes, number));
        put_length(&mut bytes, self.columns.len());
        for column in &self.columns {
            put_text(&mut bytes, &column.column);
            put_text(&mut bytes, &column.domain);
            bytes.extend_from_slice(column.domain_id.as_bytes());
            put(&mut bytes, column.revision);
            bytes.extend_from_slice(&column.primary.to_be_bytes());
            bytes.push(match column.holds {
                Holds::Sealed => 0,
                Holds::Entries => 1,
                Holds::Tokens => 2,
            });
            let [_, classes @ ..] =
                u32::try_from(column.counts.len()).unwrap_or(u32::MAX).to_be_bytes();
            bytes.extend_from_slice(&classes);
            for (class, values) in &column.counts {
                let (class, version) = encoded(*class);
                bytes.push(class);
                bytes.extend_from_slice(&version.to_be_bytes());
                put(&mut bytes, *values);
            }
        }
        engine.sha_256(&[&bytes])
    }
}

const fn encoded(class: Class) -> (u8, u32) {
    match class {
        Class::Nothing => (0, 0),
        Class::Current => (1, 0),
        Class::Person => (2, 0),
        Class::Older(version) => (3, version),
        Class::Newer(version) => (4, version),
        Class::Closed(version) => (5, version),
        Class::Shredded => (6, 0),
        Class::Foreign => (7, 0),
        Class::Plaintext => (8, 0),
        Class::Damaged => (9, 0),
        Class::PersonOlder => (10, 0),
        Class::PersonDropped => (11, 0),
        Class::Unindexed => (12, 0),
        Class::Stray => (13, 0),
        Class::Leftover => (14, 0),
    }
}

fn put(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_be_bytes());
}

/// No name and no list is as long as four bytes can say.
fn put_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_length(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ColumnCensus;
    use phiseal_format::DomainId;
    use phiseal_primitives::default_engine;
    use std::collections::BTreeSet;

    fn census() -> Census {
        let counts = [(Class::Current, 5), (Class::Older(1), 7), (Class::Damaged, 1)];
        let column = |name: &str| ColumnCensus {
            column: name.to_owned(),
            domain: "clinic/patients".to_owned(),
            domain_id: DomainId::from_bytes([8; 16]),
            revision: 4,
            primary: 2,
            holds: Holds::Sealed,
            counts: counts.into_iter().collect(),
        };
        let columns = vec![column("ssn"), column("name")];
        Census { table: "patients".to_owned(), rows: 13, began: 100, ended: 200, columns }
    }

    #[test]
    fn every_part_of_a_census_counts() {
        let changes: [fn(&mut Census); 20] = [
            |_| {},
            |census| census.table.push('x'),
            |census| census.rows += 1,
            |census| census.began += 1,
            |census| census.ended += 1,
            |census| census.columns.truncate(1),
            |census| census.columns.swap(0, 1),
            |census| census.columns[0].column.push('x'),
            |census| census.columns[0].domain.push('x'),
            |census| census.columns[1].domain_id = DomainId::from_bytes([9; 16]),
            |census| census.columns[1].revision += 1,
            |census| census.columns[1].primary += 1,
            |census| census.columns[1].holds = Holds::Entries,
            |census| census.columns[1].holds = Holds::Tokens,
            |census| *census.columns[0].counts.get_mut(&Class::Current).unwrap() += 1,
            |census| census.columns[0].counts.retain(|class, _| *class != Class::Damaged),
            |census| census.columns[0].counts.extend([(Class::Nothing, 0)]),
            |census| {
                let values = census.columns[0].counts.remove(&Class::Older(1)).unwrap();
                census.columns[0].counts.insert(Class::Older(3), values);
            },
            |census| {
                let values = census.columns[0].counts.remove(&Class::Older(1)).unwrap();
                census.columns[0].counts.insert(Class::Newer(1), values);
            },
            // The same bytes in two names, cut elsewhere.
            |census| {
                census.table = "patient".to_owned();
                census.columns[0].column = "sssn".to_owned();
            },
        ];
        let hash = |change: fn(&mut Census)| {
            let mut census = census();
            change(&mut census);
            census.hash(default_engine())
        };
        let hashes: BTreeSet<_> = changes.into_iter().map(hash).collect();
        assert_eq!(hashes.len(), changes.len());
    }

    /// Computed by another program from the layout above.
    #[test]
    fn the_hash_of_this_census_stays_what_it_is() {
        let hash: String =
            census().hash(default_engine()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, "a348b1c0d055a8aad03d06e126678bc025b39b1f4cbb5eed91771791ce206dbe");
    }
}
