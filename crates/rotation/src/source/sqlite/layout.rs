//! What the database says of a table: that its columns are there, and by which unique index its rows are found.

use super::error::{failed, unsupported};
use crate::source::Table;
use phiseal_keys::{Error, ErrorKind};
use rusqlite::{Connection, OptionalExtension};

/// How the rows of a table are found.
pub(super) struct Layout {
    /// The key columns in the order of the index, each by its place in [`Table::key`], with the collation of the index where
    /// the column's own is another one. SQLite finds rows by several columns in an index only where none is named.
    pub(super) order: Order,
    /// Those that may be `NULL`, by their places.
    pub(super) nullable: Vec<usize>,
}

/// Places, and collations.
type Order = Vec<(usize, Option<String>)>;

struct Column {
    name: String,
    not_null: bool,
    /// Its place in the primary key, from 1; 0 when it is not in it.
    in_primary_key: i64,
    is_integer: bool,
    collation: String,
}

impl Layout {
    pub(super) fn of(connection: &Connection, table: &Table) -> Result<Self, Error> {
        let kind: Option<(String, bool)> = connection
            .query_row(
                "SELECT type, wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1 COLLATE NOCASE",
                [table.name()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(failed)?;
        let without_rowid = match kind {
            None => return Err(Error::new(ErrorKind::NotFound, "there is no such table")),
            Some((kind, without_rowid)) if kind == "table" => without_rowid,
            Some(_) => return Err(unsupported("a view or a virtual table has no rows of its own")),
        };
        let columns = columns(connection, table.name())?;
        for name in [table.key(), table.sealed(), table.others()].concat() {
            if !columns.iter().any(|column| is(&column.name, &name)) {
                return Err(Error::new(ErrorKind::NotFound, "the table has no such column")
                    .with_source(format!("column {name:?}")));
            }
        }
        let order = order(connection, table, &columns)?.ok_or_else(|| {
            let message = "the key columns are neither the primary key nor unique";
            Error::new(ErrorKind::Invalid, message)
        })?;
        let may_be_null = |name: &String| {
            columns.iter().any(|column| {
                let is_rowid = is_alias_of_rowid(&columns, column);
                let never =
                    column.not_null || is_rowid || (without_rowid && column.in_primary_key > 0);
                is(&column.name, name) && !never
            })
        };
        let nullable = (0..table.key().len()).filter(|place| may_be_null(&table.key()[*place]));
        Ok(Self { order, nullable: nullable.collect() })
    }
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<Column>, Error> {
    let sql = "SELECT name, \"notnull\", pk, upper(type) = 'INTEGER' FROM pragma_table_xinfo(?1)";
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let columns = statement.query_map([table], |row| {
        let name: String = row.get(0)?;
        let (_, collation, ..) = connection.column_metadata(None::<&str>, table, &name)?;
        Ok(Column {
            collation: collation.map_or_else(String::new, |it| it.to_string_lossy().into_owned()),
            name,
            not_null: row.get(1)?,
            in_primary_key: row.get(2)?,
            is_integer: row.get(3)?,
        })
    });
    columns.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
}

/// An `INTEGER PRIMARY KEY` is the row's own number.
fn is_alias_of_rowid(columns: &[Column], column: &Column) -> bool {
    let alone = columns.iter().filter(|column| column.in_primary_key > 0).count() == 1;
    alone && column.in_primary_key > 0 && column.is_integer
}

/// The key columns in the order of a unique index over exactly them; none when there is no such index.
fn order(
    connection: &Connection,
    table: &Table,
    columns: &[Column],
) -> Result<Option<Order>, Error> {
    let key = table.key();
    if let [only] = key
        && columns.iter().any(|column| is(&column.name, only) && is_alias_of_rowid(columns, column))
    {
        return Ok(Some(vec![(0, None)]));
    }
    let sql = "SELECT name FROM pragma_index_list(?1) WHERE \"unique\" AND NOT partial ORDER BY origin = 'pk' DESC, name";
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let names = statement.query_map([table.name()], |row| row.get::<_, String>(0));
    let names = names.map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    for name in names {
        let sql = "SELECT name, coll FROM pragma_index_xinfo(?1) WHERE key ORDER BY seqno";
        let mut statement = connection.prepare(sql).map_err(failed)?;
        // An index over an expression has no name for it.
        let parts = statement.query_map([&name], |row| {
            Ok((row.get::<_, Option<String>>(0)?.unwrap_or_default(), row.get::<_, String>(1)?))
        });
        let parts = parts.map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let places = parts.into_iter().map(|(column, collation)| {
            let place = key.iter().position(|name| is(name, &column))?;
            let column = columns.iter().find(|it| is(&it.name, &column))?;
            Some((place, Some(collation).filter(|of_index| !is(of_index, &column.collation))))
        });
        if let Some(places) = places.collect::<Option<Vec<_>>>()
            && places.len() == key.len()
        {
            return Ok(Some(places));
        }
    }
    Ok(None)
}

/// Whether two names are one to SQLite.
fn is(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}
