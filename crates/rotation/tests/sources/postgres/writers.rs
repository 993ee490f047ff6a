//! Others who hold rows, and what the database itself does to what is written.

use super::server::{Schema, scan, schema};
use super::values::change;
use phiseal_keys::{ErrorKind, runtime};
use phiseal_rotation::source::{Outcome, PostgresSource, Row, Source, Stored, Table};
use phiseal_stores::postgres::Connection;
use pollster::block_on;
use std::thread;
use std::time::{Duration, Instant};

fn bytes(value: u8) -> Stored {
    Stored::Bytes(vec![value])
}

/// Ten rows, all of them `01`.
fn ten(schema: &Schema) {
    schema.all(&[
        "CREATE TABLE {s}.t (id int PRIMARY KEY, x bytea, note text)",
        "INSERT INTO {s}.t SELECT i, '\\x01' FROM generate_series(1, 10) i",
    ]);
}

/// `statement` in a transaction of somebody else, on a connection of its own.
fn elsewhere(schema: &Schema, statement: &str) -> thread::JoinHandle<()> {
    let (connection, sql) =
        (Connection::new(&schema.url).unwrap(), statement.replace("{s}", &schema.name));
    thread::spawn(move || {
        let done =
            block_on(runtime::run(async move { connection.write(&sql, &[]).await.map(drop) }));
        done.unwrap().unwrap();
    })
}

fn wait(until: impl Fn() -> bool) {
    let start = Instant::now();
    while !until() {
        assert!(start.elapsed() < Duration::from_secs(30), "it does not come");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_stuck_transaction_is_an_error_and_no_hang() {
    let Some(schema) = schema("locked rows of Postgres tables") else { return };
    ten(&schema);
    let connection = Connection::new(&schema.url).unwrap();
    let connection = connection.with_timeout(Duration::from_secs(2)).unwrap();
    let table = Table::new(&format!("{}.t", schema.name), &["id"], &["x"]).unwrap();
    let source = block_on(PostgresSource::open(connection, table)).unwrap();
    let rows = scan(&source, 100);
    let changes: Vec<_> = rows.iter().map(|row| change(row, 0, bytes(2))).collect();
    // One statement: its lock is held as long as it sleeps.
    let holder = elsewhere(
        &schema,
        "WITH held AS MATERIALIZED (SELECT id FROM {s}.t WHERE id = 7 FOR UPDATE) SELECT id, pg_sleep(3)::text FROM held",
    );
    let holding = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%{}.t WHERE id = 7%' AND wait_event = 'PgSleep'",
        schema.name
    );
    wait(|| schema.text(&holding) == "1");
    let start = Instant::now();
    let error = block_on(source.replace(&changes)).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert_eq!(scan(&source, 100), rows, "nothing of it was written");
    holder.join().unwrap();
    assert_eq!(block_on(source.replace(&changes)).unwrap(), [Outcome::Written; 10], "the control");
}

/// Somebody else locks in the other order. The server ends one of the two transactions, this one as it waits longer for it.
#[test]
fn a_deadlock_is_tried_again() {
    let Some(schema) = schema("deadlocks in Postgres") else { return };
    ten(&schema);
    let url = schema.url_with("options=-cdeadlock_timeout%3D1s");
    let table = Table::new(&format!("{}.t", schema.name), &["id"], &["x"]).unwrap();
    let source = block_on(PostgresSource::open(Connection::new(&url).unwrap(), table)).unwrap();
    let rows = scan(&source, 100);
    let theirs = schema.url_with("options=-cdeadlock_timeout%3D60s");
    schema.sql(
        "CREATE FUNCTION {s}.backwards() RETURNS void LANGUAGE plpgsql AS $$ BEGIN \
           UPDATE {s}.t SET note = 'theirs' WHERE id = 9; PERFORM pg_sleep(1.0); \
           UPDATE {s}.t SET note = 'theirs' WHERE id = 2; END $$",
    );
    let (connection, sql) =
        (Connection::new(&theirs).unwrap(), format!("SELECT {}.backwards()::text", schema.name));
    let holder = thread::spawn(move || {
        block_on(runtime::run(async move { connection.write(&sql, &[]).await.map(drop) }))
            .unwrap()
            .unwrap();
    });
    let asleep = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT {}.backwards()::text' AND wait_event = 'PgSleep'",
        schema.name
    );
    wait(|| schema.text(&asleep) == "1");
    let deadlocks = || {
        schema
            .text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            .parse::<i64>()
            .unwrap()
    };
    let before = deadlocks();
    let changes: Vec<_> = rows.iter().map(|row| change(row, 0, bytes(2))).collect();
    assert_eq!(block_on(source.replace(&changes)).unwrap(), [Outcome::Written; 10]);
    holder.join().unwrap();
    wait(|| deadlocks() > before);
    assert_eq!(
        schema.text(
            "SELECT count(*) FROM {s}.t WHERE x = '\\x02' AND (note = 'theirs') = (id IN (2, 9))"
        ),
        "2"
    );
}

#[test]
fn two_who_write_all_rows_do_not_get_in_each_others_way() {
    let Some(schema) = schema("two writers of a Postgres table") else { return };
    schema.all(&[
        "CREATE TABLE {s}.t (a int, b text COLLATE \"und-x-icu\", x bytea, PRIMARY KEY (b, a))",
        "INSERT INTO {s}.t SELECT i, md5(i::text), '\\x00' FROM generate_series(1, 300) i",
    ]);
    let written: usize = thread::scope(|scope| {
        let threads: Vec<_> = (1..=4)
            .map(|writer: u8| {
                let source = schema.open("t", &["a", "b"], &["x"], &[]).unwrap();
                scope.spawn(move || {
                    let mut written = 0;
                    for _ in 0..20 {
                        let rows = scan(&source, 1_000);
                        let changes: Vec<_> =
                            rows.iter().map(|row| change(row, 0, bytes(writer))).collect();
                        let outcomes = block_on(source.replace(&changes)).unwrap();
                        written += outcomes.iter().filter(|it| **it == Outcome::Written).count();
                        assert!(!outcomes.contains(&Outcome::Gone));
                    }
                    written
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(written > 300, "the control: {written}");
}

fn refused(schema: &Schema, function: &str) -> (ErrorKind, Vec<Row>) {
    ten(schema);
    schema.sql(&format!(
        "CREATE FUNCTION {{s}}.act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {function} END $$"
    ));
    schema.sql("CREATE TRIGGER act BEFORE UPDATE ON {s}.t FOR EACH ROW EXECUTE FUNCTION {s}.act()");
    let source = schema.open("t", &["id"], &["x"], &[]).unwrap();
    let rows = scan(&source, 100);
    let changes: Vec<_> = rows.iter().map(|row| change(row, 0, bytes(2))).collect();
    let error = block_on(source.replace(&changes)).unwrap_err();
    let shown = format!("{error:?}");
    assert!(!shown.contains("secret"), "{shown}");
    (error.kind(), scan(&source, 100))
}

/// Row 4 is what the triggers are about.
#[test]
fn what_a_trigger_changes_or_refuses_is_not_written() {
    for function in [
        "IF NEW.id = 4 THEN NEW.x = '\\x03'; END IF; RETURN NEW;",
        "IF NEW.id = 4 THEN NEW.x = NULL; END IF; RETURN NEW;",
        "IF NEW.id = 4 THEN RAISE EXCEPTION 'secret of %', NEW.id; END IF; RETURN NEW;",
    ] {
        let Some(schema) = schema("triggers in Postgres") else { return };
        let (kind, after) = refused(&schema, function);
        assert_eq!(kind, ErrorKind::Denied, "{function}");
        assert!(after.iter().all(|row| row.sealed == [bytes(1)]), "{function}");
    }
}

#[test]
fn a_row_that_a_trigger_suppresses_is_an_error() {
    let Some(schema) = schema("triggers that suppress in Postgres") else { return };
    let (kind, after) = refused(&schema, "IF NEW.id = 4 THEN RETURN NULL; END IF; RETURN NEW;");
    assert_eq!(kind, ErrorKind::Denied);
    assert_eq!(after[3].sealed, [bytes(1)]);
    assert_eq!(after.iter().filter(|row| row.sealed == [bytes(2)]).count(), 9);
}

#[test]
fn a_trigger_that_changes_what_is_its_own_does_not_matter() {
    let Some(schema) = schema("triggers beside in Postgres") else { return };
    ten(&schema);
    schema.all(&[
        "CREATE FUNCTION {s}.act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note = 'touched'; RETURN NEW; END $$",
        "CREATE TRIGGER act BEFORE UPDATE ON {s}.t FOR EACH ROW EXECUTE FUNCTION {s}.act()",
    ]);
    let source = schema.open("t", &["id"], &["x"], &[]).unwrap();
    let rows = scan(&source, 100);
    let outcome = block_on(source.replace(&[change(&rows[0], 0, bytes(2))])).unwrap();
    assert_eq!(outcome, [Outcome::Written]);
    assert_eq!(schema.text("SELECT note FROM {s}.t WHERE id = 1"), "touched");
}

#[test]
fn a_value_that_the_table_does_not_take_leaves_the_batch_unwritten() {
    let Some(schema) = schema("constraints in Postgres") else { return };
    schema.all(&[
        "CREATE TABLE {s}.t (id int PRIMARY KEY, x bytea CHECK (octet_length(x) < 5), y varchar(5))",
        "INSERT INTO {s}.t SELECT i, '\\x01', 'old' FROM generate_series(1, 10) i",
    ]);
    let source = schema.open("t", &["id"], &["x", "y"], &[]).unwrap();
    let rows = scan(&source, 100);
    for (column, long, short) in [
        (0, Stored::Bytes(vec![1; 9]), bytes(2)),
        (1, Stored::Text("too long".to_owned()), Stored::Text("new".to_owned())),
    ] {
        let batch = [change(&rows[0], column, short.clone()), change(&rows[5], column, long)];
        let error = block_on(source.replace(&batch)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(scan(&source, 100), rows);
    }
    let batch =
        [change(&rows[0], 0, bytes(2)), change(&rows[5], 1, Stored::Text("new".to_owned()))];
    assert_eq!(block_on(source.replace(&batch)).unwrap(), [Outcome::Written; 2], "the control");
}

#[test]
fn a_table_that_changed_meanwhile_is_to_be_opened_again() {
    let Some(schema) = schema("tables that change in Postgres") else { return };
    ten(&schema);
    let source = schema.open("t", &["id"], &["x"], &[]).unwrap();
    schema.sql("ALTER TABLE {s}.t RENAME COLUMN x TO z");
    let error = block_on(source.scan(None, None, 9)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(schema.open("t", &["id"], &["z"], &[]).is_ok(), "the control");
}

/// A page comes from the index, and is sorted by nothing else.
#[test]
fn pages_are_found_by_the_index() {
    let Some(schema) = schema("plans of Postgres") else { return };
    for (number, key) in
        ["PRIMARY KEY (a, b)", "PRIMARY KEY (b, a)", "UNIQUE (a, b)"].into_iter().enumerate()
    {
        let name = format!("t{number}");
        schema.sql(&format!(
            "CREATE TABLE {{s}}.{name} (a int NOT NULL, b text COLLATE \"und-x-icu\" NOT NULL, x bytea, {key})"
        ));
        schema.sql(&format!(
            "INSERT INTO {{s}}.{name} SELECT i / 7, md5(i::text), '\\x01' FROM generate_series(1, 20000) i"
        ));
        schema.sql(&format!("ANALYZE {{s}}.{name}"));
        let source = schema.open(&name, &["a", "b"], &["x"], &[]).unwrap();
        let rows = scan(&source, 1_000);
        assert_eq!(rows.len(), 20_000, "{key}");
        let changes: Vec<_> =
            rows.iter().step_by(400).map(|row| change(row, 0, bytes(2))).collect();
        let outcomes = block_on(source.replace(&changes)).unwrap();
        assert_eq!(outcomes, vec![Outcome::Written; changes.len()], "{key}");
        drop(source);
        let stat = |column: &str| {
            let sql = format!(
                "SELECT {column} FROM pg_stat_user_tables WHERE schemaname = '{}' AND relname = '{name}'",
                schema.name
            );
            schema.text(&sql).parse::<i64>().unwrap()
        };
        wait(|| stat("n_tup_upd") == 50);
        assert!(stat("idx_scan") >= 20, "{key}: {}", stat("idx_scan"));
        assert_eq!(stat("seq_tup_read"), 0, "{key}");
        let read = stat("idx_tup_fetch");
        assert!(read < 30_000, "{key}: {read} rows were fetched");
    }
}
