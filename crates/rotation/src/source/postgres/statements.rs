//! The statements for one table, which is `t` in them.

use super::layout::{Form, KeyColumn, Kind, Layout};
use super::name::quoted;
use crate::source::Table;

pub(super) struct Statements {
    /// Key, sealed and other columns of all rows.
    select: String,
    /// The key as the index orders it, and how each of its parts is bound.
    order: String,
    bound: Vec<(usize, Kind)>,
    /// The sealed columns of the rows with some keys, after the numbers of these from 1. Bound: an array for each key column.
    pub(super) look: String,
    table: String,
    /// The columns that hold bytes or text, and whether text.
    sealed: Vec<(String, Form)>,
    /// Finds the row `t` of the key `a`.
    is_of: String,
    key: usize,
}

impl Statements {
    pub(super) fn of(table: &Table, layout: &Layout) -> Self {
        let name = format!("{}.{}", quoted(&layout.schema), quoted(&layout.name));
        let column = |name: &String| format!("t.{}", quoted(name));
        let key: Vec<_> = table.key().iter().map(column).collect();
        let ordered = |each: &dyn Fn(usize, &KeyColumn) -> String| {
            let places =
                layout.order.iter().filter_map(|place| Some((*place, layout.key.get(*place)?)));
            places.map(|(place, column)| each(place, column)).collect::<Vec<_>>().join(", ")
        };
        let order = ordered(&|place, column| column.collated(&key[place]));
        let bound =
            layout.order.iter().filter_map(|place| Some((*place, layout.key.get(*place)?.kind)));
        let bound = bound.collect();
        let sealed: Vec<_> =
            table.sealed().iter().map(column).zip(layout.sealed.iter().copied()).collect();
        let stored = sealed.iter().map(|(column, form)| match form {
            Form::Bytes | Form::Text => column.clone(),
            Form::Other => format!("{column} IS NOT NULL"),
        });
        let stored: Vec<String> = stored.collect();
        let keys = key.iter().zip(&layout.key).map(|(name, column)| column.kind.shown(name));
        let others =
            table.others().iter().zip(&layout.others).map(|(name, kind)| kind.shown(&column(name)));
        let columns: Vec<_> = keys.chain(stored.iter().cloned()).chain(others).collect();
        let select = format!("SELECT {} FROM {name} t", columns.join(", "));
        let equal = key.iter().zip(&layout.key).enumerate();
        let equal = equal.map(|(at, (name, column))| column.equal(name, &format!("a.k{at}")));
        let is_of = equal.collect::<Vec<_>>().join(" AND ");
        let asked = asked(key.len());
        Self {
            select,
            order,
            bound,
            look: format!(
                "SELECT a.n, {} FROM {asked} JOIN {name} t ON {is_of}",
                stored.join(", ")
            ),
            table: name,
            sealed,
            is_of,
            key: key.len(),
        }
    }

    /// The next rows, in order. Bound: the key that they are after, and the one that they are not after, each if there is one;
    /// and then how many.
    pub(super) fn scan(&self, is_after: bool, is_until: bool) -> String {
        let mut bound = 0;
        let mut conditions = Vec::new();
        for (is_asked, sign) in [(is_after, ">"), (is_until, "<=")] {
            if is_asked {
                conditions.push(self.compared(sign, bound));
                bound += self.key;
            }
        }
        let conditions = match conditions.as_slice() {
            [] => String::new(),
            some => format!(" WHERE {}", some.join(" AND ")),
        };
        format!("{}{conditions} ORDER BY {} LIMIT ${}", self.select, self.order, bound + 1)
    }

    /// The key, as the index orders it, compared with the one that is bound after so many values.
    fn compared(&self, sign: &str, bound: usize) -> String {
        let each =
            self.bound.iter().map(|(place, kind)| kind.cast(&format!("${}", bound + place + 1)));
        format!("({}) {sign} ({})", self.order, each.collect::<Vec<_>>().join(", "))
    }

    /// Rows' new values where their old ones are there: all of it or nothing, its locks in the order of the keys. It brings the
    /// numbers of the keys whose rows were written. Bound: an array for each key column; the first key and the last one; then, for
    /// each of `groups`, which are sets of columns: the numbers of keys, and for each column the old values, and the new ones.
    ///
    /// The rows are looked for between the first key and the last one: without that the server may read the whole table.
    ///
    /// A value that is not what was to be written, because of a trigger, divides by zero, and nothing is written at all.
    pub(super) fn replace<'g>(&self, groups: impl Iterator<Item = &'g [usize]>) -> String {
        let mut next = 3 * self.key + 1;
        let between = [(">=", self.key), ("<=", 2 * self.key)];
        let between = between.map(|(sign, bound)| self.compared(sign, bound)).join(" AND ");
        let mut bind = || {
            next += 1;
            format!("${}", next - 1)
        };
        let mut sql = format!(
            "WITH asked AS MATERIALIZED (SELECT * FROM {}), \
             held AS MATERIALIZED (SELECT a.* FROM asked a JOIN {} t ON {} WHERE {between} \
             ORDER BY {} FOR NO KEY UPDATE OF t)",
            asked(self.key),
            self.table,
            self.is_of,
            self.order
        );
        let mut written = Vec::new();
        for (group, columns) in groups.enumerate() {
            let (mut arrays, mut names) = (vec![bind()], vec!["n".to_owned()]);
            let (mut set, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
            for (column, form) in columns.iter().filter_map(|column| self.sealed.get(*column)) {
                let at = set.len();
                arrays.extend([bind(), bind()]);
                names.extend([format!("o{at}"), format!("n{at}")]);
                let bare = column.strip_prefix("t.").unwrap_or(column);
                // To the byte, whatever the column's collation takes for equal.
                let bytes = if *form == Form::Text { " COLLATE \"C\"" } else { "" };
                set.push(format!("{bare} = c.n{at}"));
                old.push(format!("{column}{bytes} IS NOT DISTINCT FROM c.o{at}"));
                new.push(format!("{column}{bytes} IS NOT DISTINCT FROM c.n{at}"));
            }
            sql.push_str(&format!(
                ", w{group} AS (UPDATE {} t SET {} FROM unnest({}) AS c({}) JOIN held a ON a.n = c.n \
                 WHERE {} AND {between} AND {} RETURNING c.n / (CASE WHEN {} THEN 1 ELSE 0 END) AS n)",
                self.table,
                set.join(", "),
                arrays.join(", "),
                names.join(", "),
                self.is_of,
                old.join(" AND "),
                new.join(" AND ")
            ));
            written.push(format!("SELECT n FROM w{group}"));
        }
        format!("{sql} {}", written.join(" UNION ALL "))
    }
}

/// Keys from arrays, with their numbers.
fn asked(key: usize) -> String {
    let list = |each: &dyn Fn(usize) -> String| (0..key).map(each).collect::<Vec<_>>().join(", ");
    let (arrays, names) = (list(&|at| format!("${}", at + 1)), list(&|at| format!("k{at}")));
    format!("unnest({arrays}) WITH ORDINALITY AS a({names}, n)")
}

impl KeyColumn {
    /// The column as the index orders it.
    fn collated(&self, column: &str) -> String {
        match &self.collation {
            Some(collation) => format!("{column} COLLATE {collation}"),
            None => column.to_owned(),
        }
    }

    /// Whether it is `value`: by the index, and to the byte where the index does not say that.
    fn equal(&self, column: &str, value: &str) -> String {
        let value = self.kind.cast(value);
        let equal = format!("{} = {value}", self.collated(column));
        if self.deterministic {
            equal
        } else {
            format!("{equal} AND {column} COLLATE \"C\" = {value}")
        }
    }
}

impl Kind {
    /// A bound value as what the column holds.
    fn cast(self, value: &str) -> String {
        match self {
            Self::Integer | Self::Text | Self::Bytes => value.to_owned(),
            Self::Fixed => format!("{value}::bpchar"),
            Self::Uuid => format!("{value}::uuid"),
        }
    }

    /// The column as it is read.
    fn shown(self, column: &str) -> String {
        match self {
            Self::Integer => format!("{column}::int8"),
            Self::Text | Self::Fixed | Self::Bytes => column.to_owned(),
            Self::Uuid => format!("{column}::text"),
        }
    }
}
