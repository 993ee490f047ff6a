//! A vault of tokens, gone through like a table.

use super::{Change, Outcome, Row, RowKey, Scalar, Source, Stored, Table};
use phiseal_format::SubjectTag;
use phiseal_keys::{BoxFuture, Error, ErrorKind};
use phiseal_tokens::{Vault, VaultPart, VaultRecord, VaultWrite};

/// The tokens of a vault, or the entries by which it finds them: a row for each record, found by the record's place.
#[derive(Debug)]
pub(crate) struct VaultSource {
    vault: Vault,
    part: VaultPart,
    table: Table,
}

impl VaultSource {
    /// `name` is what it is called among tables.
    pub(crate) fn new(name: &str, vault: &Vault, part: VaultPart) -> Result<Self, Error> {
        let table = match part {
            VaultPart::Tokens => Table::new(name, &["token"], &["value"])?.with_others(&["header"]),
            VaultPart::Entries => Table::new(name, &["place"], &["entry"]),
        }?;
        Ok(Self { vault: vault.clone(), part, table })
    }

    /// Of a token, what is before the sealed value is another column. What is no record is a value that does not open.
    fn row(&self, record: VaultRecord) -> Option<Row> {
        let VaultRecord { key, mut bytes } = record;
        let others = match self.part {
            VaultPart::Tokens => vec![match self.vault.stored(&key, &bytes) {
                Some(stored) => {
                    let sealed = bytes.split_off(stored.header_len);
                    Scalar::Bytes(core::mem::replace(&mut bytes, sealed))
                }
                None => Scalar::Nothing,
            }],
            VaultPart::Entries => Vec::new(),
        };
        let key = RowKey::new(vec![Scalar::Bytes(key)])?;
        Some(Row { key, sealed: vec![Stored::Bytes(bytes)], others })
    }
}

impl Source for VaultSource {
    fn table(&self) -> &Table {
        &self.table
    }

    fn scan<'a>(
        &'a self,
        after: Option<&'a RowKey>,
        until: Option<&'a RowKey>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, Error>> {
        Box::pin(async move {
            let (after, until) = (after.map(place).transpose()?, until.map(place).transpose()?);
            let records = self.vault.scan(self.part, after, until, limit).await?;
            Ok(records.into_iter().filter_map(|record| self.row(record)).collect())
        })
    }

    fn replace<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<Vec<Outcome>, Error>> {
        Box::pin(async move {
            changes.iter().try_for_each(|change| change.check(&self.table))?;
            let swaps = changes.iter().map(|change| match change.swaps.as_slice() {
                [swap] => Ok((place(&change.key)?, &swap.old, &swap.new)),
                _ => Err(no_such_change()),
            });
            let swaps = swaps.collect::<Result<Vec<_>, _>>()?;
            let written = match self.part {
                VaultPart::Tokens => {
                    let values = swaps.into_iter().map(|swap| match swap {
                        (token, Stored::Bytes(old), Stored::Bytes(new)) => {
                            Ok((token, &old[..], &new[..]))
                        }
                        _ => Err(no_such_change()),
                    });
                    let values = values.collect::<Result<Vec<_>, _>>()?;
                    self.vault.replace_tokens(&values).await?
                }
                VaultPart::Entries => {
                    let mut written = Vec::with_capacity(swaps.len());
                    for swap in swaps {
                        let (place, Stored::Bytes(old), Stored::Nothing) = swap else {
                            return Err(no_such_change());
                        };
                        let record = VaultRecord { key: place.to_vec(), bytes: old.clone() };
                        written.push(self.vault.renew_entry(&record).await?);
                    }
                    written
                }
            };
            Ok(written.into_iter().map(Outcome::from).collect())
        })
    }

    fn keeps_each_batch(&self) -> bool {
        true
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    fn forget(&self, person: SubjectTag) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(self.vault.purge_person(person))
    }
}

impl From<VaultWrite> for Outcome {
    fn from(write: VaultWrite) -> Self {
        match write {
            VaultWrite::Written => Self::Written,
            VaultWrite::Changed => Self::Changed,
            VaultWrite::Gone => Self::Gone,
        }
    }
}

fn place(key: &RowKey) -> Result<&[u8], Error> {
    match key.parts() {
        [Scalar::Bytes(place)] => Ok(place),
        _ => Err(Error::new(ErrorKind::Invalid, "a key that is none of a vault")),
    }
}

#[cold]
fn no_such_change() -> Error {
    Error::new(ErrorKind::Invalid, "a change that is none of a vault")
}
