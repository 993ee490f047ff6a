//! What the Postgres store refuses to use, and leaves as it was.

use super::server::{Schema, server};
use phiseal_keys::{ErrorKind, RecordKind, Store};
use pollster::block_on;

/// Everything in the schema: relations, their columns and what is in them.
fn contents(schema: &Schema) -> String {
    let mut all = schema.sql(
        "SELECT c.relname, c.relkind, a.attname, a.atttypid::regtype FROM pg_class c \
         JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
         WHERE n.nspname = '{s}' ORDER BY 1, 3",
    );
    let tables = schema.sql("SELECT tablename FROM pg_tables WHERE schemaname = '{s}' ORDER BY 1");
    for table in tables.lines() {
        all.push_str(&schema.sql(&format!("SELECT t, t.xmin FROM {{s}}.{table} t ORDER BY 1")));
    }
    all
}

#[track_caller]
fn assert_refused_untouched(schema: &Schema, kind: ErrorKind, what: &str) {
    let before = contents(schema);
    let store = schema.store();
    assert_eq!(block_on(store.check()).unwrap_err().kind(), kind, "{what}");
    let read = block_on(store.read(RecordKind::Keyset, b"id"));
    assert_eq!(read.unwrap_err().kind(), kind, "{what}");
    let write = block_on(store.write(RecordKind::Keyset, b"new", 0, b"bytes"));
    assert_eq!(write.unwrap_err().kind(), kind, "{what}");
    assert_eq!(contents(schema), before, "{what}");
}

#[test]
fn a_schema_of_another_application_is_refused_and_stays_as_it_was() {
    let Some(server) = server("schemas of others in Postgres") else { return };
    for sql in [
        "CREATE TABLE {s}.patients (name text); INSERT INTO {s}.patients VALUES ('A')",
        "CREATE TABLE {s}.records (kind smallint, id bytea, revision bigint, bytes bytea)",
        "CREATE TABLE {s}.store (version integer, id uuid); INSERT INTO {s}.store VALUES (1, gen_random_uuid())",
        "CREATE VIEW {s}.records AS SELECT 2::smallint AS kind",
        "CREATE SEQUENCE {s}.numbers",
    ] {
        let schema = server.schema();
        schema.sql(&format!("CREATE SCHEMA {{s}}; {sql}"));
        assert_refused_untouched(&schema, ErrorKind::Unsupported, sql);
    }
}

#[test]
fn a_newer_schema_is_refused_and_stays_as_it_was() {
    let Some(server) = server("newer schemas in Postgres") else { return };
    let schema = server.schema();
    let store = schema.store();
    block_on(store.write(RecordKind::Keyset, b"id", 0, b"bytes")).unwrap();
    schema.sql("UPDATE {s}.store SET version = 2; ALTER TABLE {s}.records ADD COLUMN more bytea");
    assert_refused_untouched(&schema, ErrorKind::Unsupported, "a newer schema");
    schema.sql("UPDATE {s}.store SET version = 1; ALTER TABLE {s}.records DROP COLUMN more");
    let record = block_on(schema.store().read(RecordKind::Keyset, b"id")).unwrap().unwrap();
    assert_eq!(record.bytes, b"bytes");
}

/// A store with something changed that PostgreSQL would act on by itself, or that is not what was made.
#[test]
fn tables_that_are_not_as_they_were_made_are_malformed() {
    let Some(server) = server("changed tables in Postgres") else { return };
    for sql in [
        "DROP TABLE {s}.records",
        "DELETE FROM {s}.store",
        "UPDATE {s}.store SET version = -1",
        "DROP INDEX {s}.store_is_one_row; INSERT INTO {s}.store (version) VALUES (1)",
        "ALTER TABLE {s}.records SET UNLOGGED",
        "ALTER TABLE {s}.records ADD COLUMN more bytea",
        "ALTER TABLE {s}.records ALTER COLUMN bytes DROP NOT NULL",
        "ALTER TABLE {s}.records DROP CONSTRAINT records_pkey",
        "ALTER TABLE {s}.records ENABLE ROW LEVEL SECURITY",
        "CREATE TABLE {s}.child () INHERITS ({s}.records)",
        "CREATE RULE quiet AS ON INSERT TO {s}.records DO INSTEAD NOTHING",
        "CREATE FUNCTION {s}.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; \
         CREATE TRIGGER t BEFORE UPDATE ON {s}.records FOR EACH ROW EXECUTE FUNCTION {s}.f()",
        "ALTER TABLE {s}.records RENAME TO others; CREATE VIEW {s}.records AS SELECT * FROM {s}.others",
    ] {
        let schema = server.schema();
        block_on(schema.store().write(RecordKind::Keyset, b"id", 0, b"bytes")).unwrap();
        assert!(block_on(schema.store().check()).is_ok(), "the control");
        schema.sql(sql);
        assert_refused_untouched(&schema, ErrorKind::Malformed, sql);
    }
}

/// A row that this store would not write.
#[test]
fn values_out_of_bounds_are_malformed() {
    let Some(server) = server("values in Postgres") else { return };
    for row in ["(2, 'a', -1, '')", "(2, 'a', 1, decode(repeat('00', 1048577), 'hex'))"] {
        let schema = server.schema();
        let store = schema.store();
        block_on(store.check()).unwrap();
        schema.sql(&format!("INSERT INTO {{s}}.records VALUES {row}"));
        let read = block_on(store.read(RecordKind::Keyset, b"a"));
        assert_eq!(read.unwrap_err().kind(), ErrorKind::Malformed, "{row}");
        let scan = block_on(store.scan(RecordKind::Keyset, None, 9));
        assert_eq!(scan.unwrap_err().kind(), ErrorKind::Malformed, "{row}");
    }
    let schema = server.schema();
    let store = schema.store();
    block_on(store.check()).unwrap();
    schema.sql("INSERT INTO {s}.records VALUES (2, decode(repeat('61', 513), 'hex'), 1, '')");
    let scan = block_on(store.scan(RecordKind::Keyset, None, 9));
    assert_eq!(scan.unwrap_err().kind(), ErrorKind::Malformed);
}

/// An error holds neither the record that a check of the server's quotes, nor one that it was given.
#[test]
fn a_row_that_the_server_quotes_is_in_no_error() {
    let Some(server) = server("quoted rows in Postgres") else { return };
    let schema = server.schema();
    let store = schema.store();
    block_on(store.check()).unwrap();
    schema.sql("ALTER TABLE {s}.records ADD CHECK (octet_length(bytes) < 4)");
    let error = block_on(store.write(RecordKind::Keyset, b"id", 0, b"canary")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    let shown = format!("{error:?} {error}");
    assert!(shown.contains("23514"), "the control: {shown}");
    for canary in ["canary", "63616e617279", "[99, 97, 110"] {
        assert!(!shown.contains(canary), "{shown}");
    }
}

/// Keys are never made anew because a server has lost them, or another one answers.
#[test]
fn a_store_that_is_gone_or_another_one_is_refused_by_who_knew_it() {
    let Some(server) = server("lost stores in Postgres") else { return };
    let schema = server.schema();
    let application = server.name();
    let store = schema.store_at(&server.url_with(&format!("application_name={application}")));
    let end_sessions = || {
        schema.sql(&format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = '{application}'"
        ))
    };
    block_on(store.write(RecordKind::Keyset, b"id", 0, b"bytes")).unwrap();
    assert_eq!(end_sessions(), "t");
    assert!(block_on(store.read(RecordKind::Keyset, b"id")).unwrap().is_some(), "the control");

    schema.sql("ALTER SCHEMA {s} RENAME TO {s}_away");
    end_sessions();
    let error = block_on(store.read(RecordKind::Keyset, b"id")).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Malformed, "the store is gone from the server")
    );
    assert_eq!(schema.sql("SELECT count(*) FROM pg_namespace WHERE nspname = '{s}'"), "0");

    block_on(schema.store().check()).unwrap();
    let error = block_on(store.read(RecordKind::Keyset, b"id")).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Malformed, "the server holds another store than it did before")
    );
    schema.sql("DROP SCHEMA {s} CASCADE; ALTER SCHEMA {s}_away RENAME TO {s}");
    assert!(block_on(store.read(RecordKind::Keyset, b"id")).unwrap().is_some());
}
