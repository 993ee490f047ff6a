//! A clinic's table in the place of a test: where it is, or a copy on the server that `PHISEAL_POSTGRES` names.

use crate::clinic::Clinic;
#[cfg(feature = "postgres")]
use crate::clinic::table;
use phiseal::rotation::source::Source;
use phiseal_tests::clinic::Where;
#[cfg(feature = "postgres")]
use phiseal_tests::schema::Schema;

/// The table, of which nothing is left on a server.
pub(crate) struct Copied {
    source: Box<dyn Source>,
    #[cfg(feature = "postgres")]
    schema: Option<Schema>,
}

impl Clinic {
    /// The table as it is now; `None` after it was said that there is no such place.
    pub(crate) fn source_in(&self, place: Where) -> Option<Copied> {
        #[cfg(feature = "postgres")]
        if place == Where::Postgres {
            let schema = Schema::new("a table on a server")?;
            let _ = schema.sql(&postgres::copy(&self.database));
            return Some(Copied { source: schema.source(table), schema: Some(schema) });
        }
        (place == Where::Sqlite).then(|| Copied {
            source: Box::new(self.source()),
            #[cfg(feature = "postgres")]
            schema: None,
        })
    }
}

impl core::ops::Deref for Copied {
    type Target = dyn Source;

    fn deref(&self) -> &Self::Target {
        &*self.source
    }
}

#[cfg(feature = "postgres")]
impl Drop for Copied {
    fn drop(&mut self) {
        if let Some(schema) = &self.schema {
            schema.drop_all();
        }
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use rusqlite::Connection;
    use rusqlite::types::ValueRef;

    /// What makes the table of `database` anew on a server.
    pub(super) fn copy(database: &Connection) -> String {
        let mut sql = "CREATE SCHEMA {s}; CREATE TABLE {s}.patients \
            (id bigint PRIMARY KEY, mrn text, ssn bytea, name text, note varchar);
            COPY {s}.patients FROM STDIN;\n"
            .to_owned();
        let all = "SELECT id, mrn, ssn, name, note FROM patients";
        let mut all = database.prepare(all).unwrap();
        let mut rows = all.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cell = |at| row.get_ref(at).unwrap();
            let cells =
                [text(cell(0)), text(cell(1)), bytes(cell(2)), text(cell(3)), text(cell(4))];
            sql.push_str(&cells.join("\t"));
            sql.push('\n');
        }
        sql + "\\.\n"
    }

    /// For a column of text, which holds bytes in hexadecimal at most.
    fn text(value: ValueRef<'_>) -> String {
        match value {
            ValueRef::Null => "\\N".to_owned(),
            ValueRef::Integer(number) => number.to_string(),
            ValueRef::Blob(bytes) => hex::encode(bytes),
            value => value.as_str().unwrap().replace('\\', "\\\\"),
        }
    }

    /// For a column of bytes: those of a text or of a number's digits too.
    fn bytes(value: ValueRef<'_>) -> String {
        match value {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => format!("\\\\x{}", hex::encode(bytes)),
            ValueRef::Integer(number) => bytes(ValueRef::Text(number.to_string().as_bytes())),
            value => text(value),
        }
    }
}
