//! The statements for one table.

use super::layout::Layout;
use crate::source::Table;

pub(super) struct Statements {
    /// Key, sealed and other columns of all rows.
    select: String,
    order: String,
    bound: [String; 2],
    /// Whether there is a row of a key. Bound: the key.
    pub(super) exists: String,
    /// Whether there is a row without a key, where there can be one.
    pub(super) null_keys: Option<String>,
    table: String,
    sealed: Vec<String>,
    /// The key columns with their collations, in the order of the table's description.
    key: Vec<String>,
}

impl Statements {
    pub(super) fn of(table: &Table, layout: &Layout) -> Self {
        let name = quoted(table.name());
        let columns: Vec<_> = [table.key(), table.sealed(), table.others()]
            .concat()
            .iter()
            .map(|column| quoted(column))
            .collect();
        let mut key = vec![String::new(); table.key().len()];
        for (place, collation) in &layout.order {
            let collate = collation.as_deref().map(|it| format!(" COLLATE {}", quoted(it)));
            key[*place] = quoted(&table.key()[*place]) + &collate.unwrap_or_default();
        }
        let of_order = |each: &dyn Fn(usize) -> String| {
            layout.order.iter().map(|(place, _)| each(*place)).collect::<Vec<_>>().join(", ")
        };
        let order = of_order(&|place| key[place].clone());
        let keys = key.len();
        let bound = [0, keys].map(|from| of_order(&|place| format!("?{}", from + place + 1)));
        let select = format!("SELECT {} FROM {name}", columns.join(", "));
        let null_keys = layout.nullable.iter().map(|place| {
            format!("SELECT 1 FROM {name} WHERE {} IS NULL", quoted(&table.key()[*place]))
        });
        let null_keys = null_keys.collect::<Vec<_>>().join(" UNION ALL ");
        Self {
            select,
            order,
            bound,
            exists: format!("SELECT 1 FROM {name} WHERE {}", equal(&key, 1)),
            null_keys: (!null_keys.is_empty()).then_some(null_keys),
            table: name,
            sealed: table.sealed().iter().map(|column| quoted(column)).collect(),
            key,
        }
    }

    /// The next rows, in order. Bound: the key that they are after, and the one that they are not after, each if there is one in
    /// its own place; and then how many.
    pub(super) fn scan(&self, is_after: bool, is_until: bool) -> String {
        let Self { select, order, bound: [after, until], key, .. } = self;
        let conditions = match (is_after, is_until) {
            (false, false) => String::new(),
            (true, false) => format!(" WHERE ({order}) > ({after})"),
            (false, true) => format!(" WHERE ({order}) <= ({until})"),
            (true, true) => format!(" WHERE ({order}) > ({after}) AND ({order}) <= ({until})"),
        };
        format!("{select}{conditions} ORDER BY {order} LIMIT ?{}", 2 * key.len() + 1)
    }

    /// A row's new values in these columns where its old ones are there. Bound: the new ones, the key, the old ones.
    pub(super) fn replace(&self, columns: impl Iterator<Item = usize>) -> String {
        let columns: Vec<_> = columns.filter_map(|column| self.sealed.get(column)).collect();
        let (count, keys) = (columns.len(), self.key.len());
        let set = columns.iter().enumerate().map(|(at, column)| format!("{column} = ?{}", at + 1));
        // To the byte, whatever the column's collation takes for equal.
        let old = columns.iter().enumerate().map(|(at, column)| {
            format!(" AND {column} COLLATE BINARY IS ?{}", count + keys + at + 1)
        });
        format!(
            "UPDATE {} SET {} WHERE {}{}",
            self.table,
            set.collect::<Vec<_>>().join(", "),
            equal(&self.key, count + 1),
            old.collect::<String>()
        )
    }
}

/// Each of `key` equal to what is bound from the number `from` on.
fn equal(key: &[String], from: usize) -> String {
    let each = key.iter().enumerate().map(|(at, column)| format!("{column} = ?{}", from + at));
    each.collect::<Vec<_>>().join(" AND ")
}

/// An identifier, whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    /// What SQLite does for a page that is not the first one.
    fn plan(schema: &str, key: &[&str]) -> String {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(schema).unwrap();
        let table = Table::new("t", key, &["x"]).unwrap();
        let statements = Statements::of(&table, &Layout::of(&connection, &table).unwrap());
        let sql = format!("EXPLAIN QUERY PLAN {}", statements.scan(true, true));
        let mut statement = connection.prepare(&sql).unwrap();
        let mut rows = statement.raw_query();
        let mut lines = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            lines.push(row.get::<_, String>(3).unwrap());
        }
        lines.join("; ")
    }

    #[test]
    fn a_page_is_found_by_the_index_and_sorted_by_nothing_else() {
        for (schema, key) in [
            ("CREATE TABLE t (a INTEGER PRIMARY KEY, x)", &["a"][..]),
            ("CREATE TABLE t (a TEXT PRIMARY KEY COLLATE NOCASE, x)", &["a"]),
            ("CREATE TABLE t (a, b, x, PRIMARY KEY (b, a)) WITHOUT ROWID", &["a", "b"]),
        ] {
            let plan = plan(schema, key);
            assert!(plan.starts_with("SEARCH t USING"), "{schema}: {plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{schema}: {plan}");
        }
    }
}
