//! What the database says of a table: that its columns are there and of which types, and by which unique index its rows are found.

use super::error::{failed, faulty, invalid, unsupported};
use super::name;
use crate::source::Table;
use phiseal_keys::{Error, ErrorKind};
use phiseal_stores::postgres::{Connection, Parameter};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

/// A table as it was when it was opened.
pub(super) struct Layout {
    pub(super) schema: String,
    pub(super) name: String,
    /// The key columns, in the order of [`Table::key`].
    pub(super) key: Vec<KeyColumn>,
    /// Their places, in the order of the index.
    pub(super) order: Vec<usize>,
    /// What the sealed columns hold, in the order of [`Table::sealed`].
    pub(super) sealed: Vec<Form>,
    /// And the others, in the order of [`Table::others`].
    pub(super) others: Vec<Kind>,
}

/// A key column.
pub(super) struct KeyColumn {
    pub(super) kind: Kind,
    /// The index's collation, quoted, where the type has one.
    pub(super) collation: Option<String>,
    /// Whether the collation takes texts for equal only where they are so to the byte.
    pub(super) deterministic: bool,
}

/// What a column that is not sealed holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `smallint`, `integer`, `bigint`.
    Integer,
    /// `text`, `varchar`.
    Text,
    /// `char(n)`, with its blanks.
    Fixed,
    /// `uuid`, as text.
    Uuid,
    /// `bytea`.
    Bytes,
}

/// What a sealed column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Bytes,
    Text,
    /// Nothing that can be sealed.
    Other,
}

/// The places of the key columns in the order of an index, and the columns in their own.
type Index = (Vec<usize>, Vec<KeyColumn>);

struct Column {
    name: String,
    not_null: bool,
    is_generated: bool,
    /// The type's number; of a domain, that of the type below it.
    kind: u32,
}

const RELATION: &str = "\
    SELECT c.oid::int8, c.relkind::text, \
        c.relpersistence = 'p' AND NOT EXISTS (SELECT FROM pg_partition_tree(c.oid) p \
            JOIN pg_class x ON x.oid = p.relid WHERE x.relpersistence <> 'p' OR x.relkind NOT IN ('r', 'p')), \
        c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid), \
        EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid), \
        row_security_active(c.oid) \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind NOT IN ('i', 'I')";

const COLUMNS: &str = "\
    SELECT a.attname::text, a.attnotnull, a.attgenerated <> '', ( \
        WITH RECURSIVE below(oid, base) AS ( \
            SELECT t.oid, t.typbasetype FROM pg_type t WHERE t.oid = a.atttypid \
            UNION ALL SELECT t.oid, t.typbasetype FROM pg_type t JOIN below ON t.oid = below.base) \
        SELECT oid FROM below WHERE base = 0) \
    FROM pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped";

/// The columns of each index that finds a row by its key, in their order. Those whose order is not their types' own are left out.
const INDEXES: &str = "\
    SELECT i.indexrelid::int8, a.attname::text, quote_ident(n.nspname) || '.' || quote_ident(c.collname), \
        coalesce(c.collisdeterministic, true), coalesce(o.opcdefault, false) \
    FROM pg_index i \
        JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam \
        CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indcollation::oid[], i.indclass::oid[]) \
            WITH ORDINALITY AS k(attribute, collation_id, class, place) \
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attribute \
        LEFT JOIN pg_collation c ON c.oid = k.collation_id LEFT JOIN pg_namespace n ON n.oid = c.collnamespace \
        LEFT JOIN pg_opclass o ON o.oid = k.class \
    WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indisready \
        AND i.indpred IS NULL AND i.indexprs IS NULL AND m.amname = 'btree' AND k.place <= i.indnkeyatts \
    ORDER BY i.indisprimary DESC, i.indexrelid, k.place";

impl Layout {
    pub(super) async fn of(connection: &Connection, table: &Table) -> Result<Self, Error> {
        let (schema, name) = name::parts(table.name())?;
        let names: [Parameter<'_>; 2] = [(&schema, Type::TEXT), (&name, Type::TEXT)];
        let found = connection.read(RELATION, &names).await.map_err(failed)?;
        let Some(found) = found.first() else {
            return Err(Error::new(ErrorKind::NotFound, "there is no such table"));
        };
        check(found)?;
        let id: i64 = value(found, 0)?;
        let columns = connection.read(COLUMNS, &[(&id, Type::INT8)]).await.map_err(failed)?;
        let columns = columns.iter().map(Column::of).collect::<Result<Vec<_>, _>>()?;
        let column = |name: &String| {
            columns.iter().find(|column| column.name == *name).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "the table has no such column")
                    .with_source(format!("column {name:?}"))
            })
        };
        let sealed = table.sealed().iter().map(|name| column(name)?.form());
        let sealed = sealed.collect::<Result<Vec<_>, Error>>()?;
        let others = table.others().iter().map(|name| column(name)?.kind());
        let others = others.collect::<Result<Vec<_>, Error>>()?;
        let kinds = table.key().iter().map(|name| {
            let column = column(name)?;
            if column.not_null { column.kind() } else { Err(invalid("a key column may be empty")) }
        });
        let kinds = kinds.collect::<Result<Vec<_>, Error>>()?;
        let indexes = connection.read(INDEXES, &[(&id, Type::INT8)]).await.map_err(failed)?;
        let (order, key) = index(table, &kinds, &indexes)?
            .ok_or_else(|| invalid("the key columns are neither the primary key nor unique"))?;
        Ok(Self { schema, name, key, order, sealed, others })
    }
}

/// Refuses what keeps no promise about its rows.
fn check(found: &Row) -> Result<(), Error> {
    if !matches!(value::<&str>(found, 1)?, "r" | "p") {
        return Err(unsupported("a view, a foreign table or a sequence has no rows of its own"));
    }
    for (column, wrong, message) in [
        (2, false, "a table that is not logged is empty after a crash"),
        (3, true, "other tables inherit from this one, and keys are unique in each of them only"),
        (4, true, "a rule rewrites what is written to the table"),
        (5, true, "row security hides rows of the table from this role"),
    ] {
        if value::<bool>(found, column)? == wrong {
            return Err(unsupported(message));
        }
    }
    Ok(())
}

/// The first index over exactly the key columns, in its order, with its collations.
fn index(table: &Table, kinds: &[Kind], parts: &[Row]) -> Result<Option<Index>, Error> {
    let mut indexes: Vec<(i64, Vec<&Row>)> = Vec::new();
    for part in parts {
        let id = value(part, 0)?;
        match indexes.last_mut() {
            Some((last, parts)) if *last == id => parts.push(part),
            _ => indexes.push((id, vec![part])),
        }
    }
    'next: for (_, parts) in indexes {
        if parts.len() != kinds.len() {
            continue;
        }
        let mut order = Vec::new();
        let mut key: Vec<Option<KeyColumn>> = kinds.iter().map(|_| None).collect();
        for part in parts {
            let column: &str = value(part, 1)?;
            let place = table.key().iter().position(|name| name == column);
            let Some((place, kind)) = place.and_then(|at| Some((at, *kinds.get(at)?))) else {
                continue 'next;
            };
            if !value::<bool>(part, 4)? {
                continue 'next;
            }
            order.push(place);
            if let Some(column) = key.get_mut(place) {
                let (collation, deterministic) = (value(part, 2)?, value(part, 3)?);
                *column = Some(KeyColumn { kind, collation, deterministic });
            }
        }
        if let Some(key) = key.into_iter().collect() {
            return Ok(Some((order, key)));
        }
    }
    Ok(None)
}

impl Column {
    fn of(row: &Row) -> Result<Self, Error> {
        let (name, not_null) = (value(row, 0)?, value(row, 1)?);
        Ok(Self { name, not_null, is_generated: value(row, 2)?, kind: value(row, 3)? })
    }

    fn kind(&self) -> Result<Kind, Error> {
        match Type::from_oid(self.kind) {
            Some(Type::INT2 | Type::INT4 | Type::INT8) => Ok(Kind::Integer),
            Some(Type::TEXT | Type::VARCHAR) => Ok(Kind::Text),
            Some(Type::BPCHAR) => Ok(Kind::Fixed),
            Some(Type::UUID) => Ok(Kind::Uuid),
            Some(Type::BYTEA) => Ok(Kind::Bytes),
            _ => Err(unsupported(
                "a column that is not sealed is of a type that is neither a whole number, text, uuid nor bytea",
            )
            .with_source(format!("column {:?}", self.name))),
        }
    }

    fn form(&self) -> Result<Form, Error> {
        let message = match Type::from_oid(self.kind) {
            _ if self.is_generated => "a sealed column is a generated one",
            Some(Type::BYTEA) => return Ok(Form::Bytes),
            Some(Type::TEXT | Type::VARCHAR) => return Ok(Form::Text),
            Some(Type::BPCHAR) => "a sealed column is of the type char, which adds blanks",
            _ => return Ok(Form::Other),
        };
        Err(unsupported(message).with_source(format!("column {:?}", self.name)))
    }
}

pub(super) fn value<'r, T: FromSql<'r>>(row: &'r Row, column: usize) -> Result<T, Error> {
    row.try_get(column).map_err(|_| faulty())
}
