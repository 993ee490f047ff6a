//! Which table, and which columns of it.

use phiseal_keys::{Error, ErrorKind};

/// A table: by which columns a row is found, which ones are sealed, and which others are read with them.
///
/// ```
/// use phiseal_rotation::source::Table;
///
/// let table = Table::new("patients", &["id"], &["ssn", "name"])?.with_others(&["clinic"])?;
/// assert_eq!(table.sealed(), ["ssn", "name"]);
/// # Ok::<(), phiseal_keys::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    name: String,
    key: Vec<String>,
    sealed: Vec<String>,
    others: Vec<String>,
}

/// The longest name of a column, in bytes: PostgreSQL's.
const LONGEST: usize = 63;
/// The longest name of a table, in bytes: with PostgreSQL's schema, and both in quotes.
const LONGEST_NAME: usize = 2 * LONGEST + 5;
/// The most columns of one sort.
const MOST: usize = 64;

impl Table {
    /// The table `name`. The columns `key` have to be its primary key, or to be unique and never `NULL`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] without a key or without a sealed column, for a column that is named twice, and for a name that
    /// is empty, over 63 bytes long (a table's: 131) or has a control character.
    pub fn new(name: &str, key: &[&str], sealed: &[&str]) -> Result<Self, Error> {
        let owned = |names: &[&str]| names.iter().copied().map(str::to_owned).collect();
        let table =
            Self { name: name.to_owned(), key: owned(key), sealed: owned(sealed), others: vec![] };
        table.checked()
    }

    /// With other columns, that contexts are built from. They may be key columns.
    ///
    /// # Errors
    ///
    /// As [`Table::new`].
    pub fn with_others(mut self, others: &[&str]) -> Result<Self, Error> {
        self.others = others.iter().copied().map(str::to_owned).collect();
        self.checked()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key columns.
    #[must_use]
    pub fn key(&self) -> &[String] {
        &self.key
    }

    /// The sealed columns.
    #[must_use]
    pub fn sealed(&self) -> &[String] {
        &self.sealed
    }

    /// The other columns.
    #[must_use]
    pub fn others(&self) -> &[String] {
        &self.others
    }

    fn checked(self) -> Result<Self, Error> {
        if self.key.is_empty() || self.sealed.is_empty() {
            return Err(invalid("a table needs a key column and a sealed column"));
        }
        let groups = [&self.key, &self.sealed, &self.others];
        if groups.iter().any(|group| group.len() > MOST) {
            return Err(invalid("a table has too many columns"));
        }
        let is_none = |name: &String, longest: usize| {
            name.is_empty() || name.len() > longest || name.chars().any(char::is_control)
        };
        if groups.into_iter().flatten().any(|name| is_none(name, LONGEST))
            || is_none(&self.name, LONGEST_NAME)
        {
            return Err(invalid("the name of a table or a column is not one"));
        }
        let twice = |group: &[String]| {
            group.iter().enumerate().any(|(place, name)| group[..place].contains(name))
        };
        if groups.iter().any(|group| twice(group))
            || self.sealed.iter().any(|sealed| self.key.contains(sealed))
        {
            return Err(invalid("a column is named twice"));
        }
        Ok(self)
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_table_is_refused() {
        let (long, longer) = ("x".repeat(64), "x".repeat(132));
        let most: Vec<String> = (0..65).map(|number| format!("c{number}")).collect();
        let most: Vec<&str> = most.iter().map(String::as_str).collect();
        for (name, key, sealed) in [
            ("patients", &[][..], &["ssn"][..]),
            ("patients", &["id"], &[]),
            ("", &["id"], &["ssn"]),
            (&longer, &["id"], &["ssn"]),
            ("patients", &["id"], &[&long]),
            ("patients", &["id", "id"], &["ssn"]),
            ("patients", &["id"], &["ssn", "ssn"]),
            ("patients", &["id", "ssn"], &["ssn"]),
            ("patients", &["id"], &["s\0n"]),
            ("patients", &["id"], &most),
        ] {
            assert_eq!(Table::new(name, key, sealed).unwrap_err().kind(), ErrorKind::Invalid);
        }
        assert!(Table::new(&longer[1..], &["id"], &[&long[1..]]).is_ok());
        let table = Table::new("patients", &["id"], &most[..64]).unwrap();
        assert!(table.clone().with_others(&["id", "clinic"]).is_ok());
        assert!(table.with_others(&["clinic", "clinic"]).is_err());
    }
}
