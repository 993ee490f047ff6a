//! Vaulted tokens beside the bare INSERTs of what is written for them: a token and an entry, in one transaction.

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
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let id = |length: usize| {
            let mut id = vec![0x5a; length];
            id[16..24].copy_from_slice(&mixed.to_be_bytes());
            id
        };
        assert_eq!(
            statement.execute(params![8, id(16 + 30), vec![0x5a_u8; 18 + 57 + 11]]).unwrap(),
            1
        );
        assert_eq!(statement.execute(params![9, id(16 + 1 + 24), vec![0x5a_u8; 30]]).unwrap(), 1);
    }
    drop(statement);
    transaction.commit().unwrap();
}

/// The rate of tokens as a part of that of the bare INSERTs: each in a transaction of its own, and a thousand together.
pub(crate) fn compare_with_inserts(domain: &Domain, tiny: bool) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path().join("tokens.db")).unwrap());
    let kind = Vaulted::new(VaultedForm::text(), &Cardinality::SSN).unwrap();
    let vault = wait(Vault::open(store, domain.as_async(), "ssn", kind)).unwrap();
    let mut connection = bare(&folder.path().join("bare.db"));
    let mut next = 0;
    for (name, together, rounds) in
        [("each for itself", 1, 500), ("a thousand together", 1_000, 15)]
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
            insert(&mut connection, next, together);
            let bare = start.elapsed().as_secs_f64();
            next += together;
            ratios.push(bare / mine);
            ours.push(mine);
            theirs.push(bare);
        }
        println!(
            "vaulted tokens, {name}: {:.2} of the rate of bare INSERTs ({:.1} us, {:.1} us a token)",
            median(&mut ratios),
            median(&mut ours) * 1e6 / f64::from(u32::try_from(together).unwrap()),
            median(&mut theirs) * 1e6 / f64::from(u32::try_from(together).unwrap()),
        );
    }
}
