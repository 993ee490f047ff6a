//! Vaulted tokens beside the bare INSERTs of what is written for them: a token and an entry, in one transaction.

use phiseal::Store;
use phiseal::blocking::{Domain, wait};
use phiseal::stores::SqliteStore;
use phiseal::tokens::{Cardinality, Vault, Vaulted, VaultedForm};
use phiseal_benches::median;
use rusqlite::{Connection, params};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// The table and the settings of the store.
fn bare(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
             CREATE TABLE records (kind INTEGER NOT NULL, id BLOB NOT NULL, revision INTEGER NOT NULL, bytes BLOB NOT NULL, \
             PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID",
        )
        .unwrap();
    connection
}

/// Ids and bytes of the lengths that a token of eleven bytes has, as good as random.
fn insert(connection: &mut Connection, from: u64, count: u64) {
    let transaction = connection.transaction().unwrap();
    let sql = "INSERT INTO records (kind, id, revision, bytes) VALUES (?1, ?2, 1, ?3) ON CONFLICT DO NOTHING";
    let mut statement = transaction.prepare(sql).unwrap();
    for number in from..from + count {
        for (kind, (of_id, of_bytes)) in [(8, TOKEN), (9, ENTRY)] {
            let row = params![kind, id(number, of_id), vec![0x5a_u8; of_bytes]];
            assert_eq!(statement.execute(row).unwrap(), 1);
        }
    }
    drop(statement);
    transaction.commit().unwrap();
}

/// The rate of tokens as a part of that of the bare INSERTs: each in a transaction of its own, and a thousand together.
pub(crate) fn compare_with_inserts(domain: &Domain, tiny: bool) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path().join("tokens.db")).unwrap());
    let mut connection = bare(&folder.path().join("bare.db"));
    rates("SQLite", domain, store, tiny, &mut |from, count| insert(&mut connection, from, count));
    #[cfg(feature = "postgres")]
    postgres::compare_with_inserts(domain, tiny);
}

/// `insert` does so many bare INSERTs, from this number on, in one transaction.
fn rates(
    database: &str,
    domain: &Domain,
    store: Arc<dyn Store>,
    tiny: bool,
    insert: &mut dyn FnMut(u64, u64),
) {
    let kind = Vaulted::new(VaultedForm::text(), &Cardinality::SSN).unwrap();
    let vault = wait(Vault::open(store, domain.as_async(), "ssn", kind)).unwrap();
    let mut next = 0;
    for (name, together, rounds) in
        [("each for itself", 1, 500), ("a thousand together", 1_000, 61)]
    {
        let rounds = if tiny { 2 } else { rounds };
        let (mut ratios, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let values: Vec<String> = (next..next + together).map(|n| format!("{n:011}")).collect();
            let start = Instant::now();
            match values.as_slice() {
                [value] => drop(wait(vault.tokenize(value)).unwrap()),
                values => drop(wait(vault.tokenize_all(values)).unwrap()),
            }
            let mine = start.elapsed().as_secs_f64();
            let start = Instant::now();
            insert(next, together);
            let bare = start.elapsed().as_secs_f64();
            next += together;
            ratios.push(bare / mine);
            ours.push(mine);
            theirs.push(bare);
        }
        println!(
            "vaulted tokens in {database}, {name}: {:.2} of the rate of bare INSERTs ({:.1} us, {:.1} us a token)",
            median(&mut ratios),
            median(&mut ours) * 1e6 / f64::from(u32::try_from(together).unwrap()),
            median(&mut theirs) * 1e6 / f64::from(u32::try_from(together).unwrap()),
        );
    }
}

/// An id of so many bytes, as good as random.
fn id(number: u64, length: usize) -> Vec<u8> {
    let mut id = vec![0x5a; length];
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    id[16..24].copy_from_slice(&mixed.to_be_bytes());
    id
}

/// How long the ids and bytes are of a token of eleven bytes, and of its entry.
const TOKEN: (usize, usize) = (16 + 30, 18 + 57 + 11);
const ENTRY: (usize, usize) = (16 + 1 + 24, 30);

/// On the server that `PHISEAL_POSTGRES` names. That of the tests keeps nothing on a disk: the figures are of one that does.
#[cfg(feature = "postgres")]
mod postgres {
    use super::{ENTRY, TOKEN, id, rates};
    use phiseal::blocking::Domain;
    use phiseal::stores::PostgresStore;
    use std::sync::Arc;
    use tokio_postgres::NoTls;

    pub(super) fn compare_with_inserts(domain: &Domain, tiny: bool) {
        let url = std::env::var("PHISEAL_POSTGRES").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (mut client, connection) =
            runtime.block_on(tokio_postgres::connect(&url, NoTls)).unwrap();
        runtime.spawn(connection);
        let all = |client: &tokio_postgres::Client, sql: &str| {
            runtime.block_on(client.batch_execute(sql)).unwrap();
        };
        let drop = "SET client_min_messages = error; DROP SCHEMA IF EXISTS bench_vault CASCADE; \
                    DROP SCHEMA IF EXISTS bench_bare CASCADE";
        all(&client, drop);
        all(
            &client,
            "CREATE SCHEMA bench_bare; CREATE TABLE bench_bare.records (kind smallint NOT NULL, id bytea NOT NULL, \
             revision bigint NOT NULL, bytes bytea NOT NULL, PRIMARY KEY (kind, id))",
        );
        let store = PostgresStore::new(&url).unwrap().with_schema("bench_vault").unwrap();
        let sql =
            "INSERT INTO bench_bare.records (kind, id, revision, bytes) VALUES ($1, $2, 1, $3)";
        let statement = runtime.block_on(client.prepare(sql)).unwrap();
        let many = "INSERT INTO bench_bare.records (kind, id, revision, bytes) \
                    SELECT kind, id, 1, bytes FROM unnest($1::int2[], $2::bytea[], $3::bytea[]) AS a(kind, id, bytes)";
        let many = runtime.block_on(client.prepare(many)).unwrap();
        rates("PostgreSQL", domain, Arc::new(store), tiny, &mut |from, count| {
            runtime.block_on(async {
                if count > 1 {
                    // As one statement, which is the quickest way that there is but for COPY.
                    let numbers = || {
                        (from..from + count)
                            .flat_map(|number| [(8_i16, number, TOKEN), (9, number, ENTRY)])
                    };
                    let kinds: Vec<i16> = numbers().map(|(kind, ..)| kind).collect();
                    let ids: Vec<Vec<u8>> =
                        numbers().map(|(_, number, (length, _))| id(number, length)).collect();
                    let bytes: Vec<Vec<u8>> =
                        numbers().map(|(.., (_, length))| vec![0x5a; length]).collect();
                    client.execute(&many, &[&kinds, &ids, &bytes]).await.unwrap();
                    return;
                }
                let transaction = client.transaction().await.unwrap();
                for (kind, (of_id, of_bytes)) in [(8_i16, TOKEN), (9, ENTRY)] {
                    let (id, bytes) = (id(from, of_id), vec![0x5a_u8; of_bytes]);
                    transaction.execute(&statement, &[&kind, &id, &bytes]).await.unwrap();
                }
                transaction.commit().await.unwrap();
            });
        });
        all(&client, drop);
    }
}
