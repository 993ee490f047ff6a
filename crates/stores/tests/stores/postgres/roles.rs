//! What the role of a Postgres store may and may not do.

use super::server::{Server, server};
use phiseal_keys::{Error, ErrorKind, RecordKind, Store};
use phiseal_stores::PostgresStore;
use pollster::block_on;
use std::error::Error as _;

const PASSWORD: &str = "a-secret-of-this-test";

/// A role that can log in, dropped with what is returned.
struct Role {
    server: Server,
    name: String,
}

impl Role {
    fn new(server: &Server) -> Self {
        let name = server.name();
        server.sql(&format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"));
        Self { server: server.clone(), name }
    }

    fn url(&self) -> String {
        self.server.url_as(&self.name, PASSWORD)
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        self.server.sql(&format!("DROP OWNED BY {0} CASCADE; DROP ROLE {0}", self.name));
    }
}

/// The error and all that it stems from, as a log might show it.
fn told(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(next) = source {
        text.push_str(&format!(" {next} {next:?}"));
        source = next.source();
    }
    text
}

#[test]
fn a_wrong_password_is_denied_and_shown_nowhere() {
    let Some(server) = server("passwords of Postgres") else { return };
    let schema = server.schema();
    let role = Role::new(&server);
    schema.sql(&format!("CREATE SCHEMA {{s}} AUTHORIZATION {}", role.name));
    let right = schema.store_at(&role.url());
    block_on(right.check()).unwrap();
    let wrong = "not-that-secret";
    for store in [
        schema.store_at(&server.url_as(&role.name, wrong)),
        schema.store_at(&role.url()).with_password(wrong),
        schema.store_at(&server.url_as("nobody-of-this-test", PASSWORD)),
        schema.store_at(&role.url().replace(&format!(":{PASSWORD}"), "")),
    ] {
        let error = block_on(store.check()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error:?}");
        let shown = format!("{} {store:?}", told(&error));
        for canary in [wrong, PASSWORD, &role.name] {
            assert!(!shown.contains(canary), "{shown}");
        }
    }
    let store = schema.store_at(&server.url_as(&role.name, wrong)).with_password(PASSWORD);
    block_on(store.check()).unwrap();
}

#[test]
fn a_role_that_may_only_read_is_denied_a_write() {
    let Some(server) = server("roles of Postgres") else { return };
    let schema = server.schema();
    let role = Role::new(&server);
    block_on(schema.store().write(RecordKind::Keyset, b"id", 0, b"bytes")).unwrap();
    let store = schema.store_at(&role.url());
    let denied = |result: Result<(), Error>| {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Denied);
    };
    denied(block_on(store.check()));
    let grant = format!(
        "GRANT USAGE ON SCHEMA {{s}} TO {0}; GRANT SELECT ON ALL TABLES IN SCHEMA {{s}} TO {0}",
        role.name
    );
    schema.sql(&grant);
    assert!(block_on(store.read(RecordKind::Keyset, b"id")).unwrap().is_some());
    denied(block_on(store.write(RecordKind::Keyset, b"id", 1, b"other")));
    denied(block_on(store.write(RecordKind::Keyset, b"new", 0, b"other")));
    schema.sql(&format!("GRANT INSERT, UPDATE ON {{s}}.records TO {}", role.name));
    block_on(store.write(RecordKind::Keyset, b"id", 1, b"other")).unwrap();
    block_on(store.write(RecordKind::Keyset, b"new", 0, b"other")).unwrap();
}

#[test]
fn a_role_sets_up_only_where_it_may() {
    let Some(server) = server("setting up in Postgres") else { return };
    let schema = server.schema();
    let role = Role::new(&server);
    let store = schema.store_at(&role.url());
    assert_eq!(block_on(store.check()).unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(schema.sql("SELECT count(*) FROM pg_namespace WHERE nspname = '{s}'"), "0");
    // An empty schema of its own is enough.
    schema.sql(&format!("CREATE SCHEMA {{s}} AUTHORIZATION {}", role.name));
    block_on(store.write(RecordKind::Keyset, b"id", 0, b"bytes")).unwrap();
}

#[test]
fn a_database_that_does_not_exist_is_not_found() {
    let Some(server) = server("databases of Postgres") else { return };
    let (start, _) = server.url.rsplit_once('/').unwrap();
    let store = PostgresStore::new(&format!("{start}/nowhere")).unwrap();
    assert_eq!(block_on(store.check()).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_role_with_no_connection_left_is_throttled() {
    let Some(server) = server("connection limits of Postgres") else { return };
    let schema = server.schema();
    let role = Role::new(&server);
    schema.sql(&format!(
        "CREATE SCHEMA {{s}} AUTHORIZATION {0}; ALTER ROLE {0} CONNECTION LIMIT 1",
        role.name
    ));
    let first = schema.store_at(&role.url());
    block_on(first.check()).unwrap();
    let error = block_on(schema.store_at(&role.url()).check()).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Throttled, true));
    block_on(first.check()).unwrap();
}

/// A replica may be behind, so nobody reads from it.
#[test]
fn a_server_that_only_reads_is_not_used() {
    let Some(server) = server("read-only sessions of Postgres") else { return };
    let schema = server.schema();
    block_on(schema.store().write(RecordKind::Keyset, b"id", 0, b"bytes")).unwrap();
    let options = "options=-cdefault_transaction_read_only%3Don";
    let store = schema.store_at(&server.url_with(options));
    let error = block_on(store.read(RecordKind::Keyset, b"id")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.to_string(), "the database server only reads at the moment");
}
