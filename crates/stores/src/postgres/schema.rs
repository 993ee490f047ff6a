//! Whose schema it is, its tables, and the migrations that make them.

use super::error::{WRONG_TABLES, failed, malformed};
use super::link::Parameter;
use phiseal_keys::{Error, ErrorKind};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, GenericClient, Row};

/// Each brings the schema from the version that is its index to the next one. What was released is never changed.
const MIGRATIONS: [&str; 1] = ["\
    CREATE TABLE {schema}.store (\
        version integer NOT NULL, \
        id uuid NOT NULL DEFAULT gen_random_uuid()\
    ); \
    COMMENT ON TABLE {schema}.store IS 'phiseal key store'; \
    CREATE UNIQUE INDEX store_is_one_row ON {schema}.store ((true)); \
    INSERT INTO {schema}.store (version) VALUES (0); \
    CREATE TABLE {schema}.records (\
        kind smallint NOT NULL, \
        id bytea NOT NULL, \
        revision bigint NOT NULL, \
        bytes bytea NOT NULL, \
        PRIMARY KEY (kind, id)\
    ); \
    ALTER TABLE {schema}.records ALTER COLUMN bytes SET STORAGE EXTERNAL"];

/// The version that this release writes and the newest that it reads.
const CURRENT: usize = MIGRATIONS.len();

/// What the comment on the table `store` says, by which this store knows its own.
const MARK: &str = "phiseal key store";

/// What [`LOOK`] says of the table `records`: an ordinary table that survives a crash, with these columns and this key,
/// and with nothing that runs by itself.
const RECORDS: &str = "rp; kind smallint not null, id bytea not null, revision bigint not null, \
    bytes bytea not null; PRIMARY KEY (kind, id)";

/// `PHIk`: the locks under which schemas are made.
const LOCKS: i32 = 0x5048_496b;

const EXISTS: &str = "SELECT true FROM pg_catalog.pg_namespace WHERE nspname = $1";

/// Every relation in the schema that is no index.
const LOOK: &str = "\
    SELECT c.relname::text, coalesce(obj_description(c.oid, 'pg_class'), ''), concat_ws('; ', \
        c.relkind::text || c.relpersistence::text, \
        (SELECT string_agg(\
            concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), \
                CASE WHEN a.attnotnull THEN 'not null' END), ', ' ORDER BY a.attnum) \
            FROM pg_catalog.pg_attribute a \
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), \
        (SELECT string_agg(pg_get_constraintdef(k.oid), ', ') \
            FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p'), \
        CASE WHEN c.relrowsecurity THEN 'row security' END, \
        CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_trigger t \
            WHERE t.tgrelid = c.oid AND NOT t.tgisinternal) THEN 'triggers' END, \
        CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid) \
            THEN 'rules' END, \
        CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) \
            THEN 'children' END) \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON c.relnamespace = n.oid \
    WHERE n.nspname = $1 AND c.relkind NOT IN ('i', 'I', 't')";

/// A table in a schema that is neither PostgreSQL's own nor a store's.
const NEIGHBOUR: &str = "\
    SELECT true FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON c.relnamespace = n.oid \
    WHERE c.relkind IN ('r', 'p') AND n.nspname <> $1 \
        AND n.nspname !~ '^(pg_|information_schema$)' \
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_class s \
            WHERE s.relnamespace = n.oid AND s.relname = 'store' \
                AND obj_description(s.oid, 'pg_class') = 'phiseal key store') LIMIT 1";

/// Which store it is: a server that another one has taken over from holds the same.
pub(super) type Id = String;

/// The store in the schema, which is of this release's version.
///
/// The first time that a process comes here (`known` is `None`), it sets the schema up or brings it up to date if need
/// be. Later it must find the store that it knows: one that was set up anew would have lost every key.
pub(super) async fn open(
    client: &mut Client,
    schema: &str,
    known: Option<&Id>,
) -> Result<Id, Error> {
    let id = match (look(client, schema).await?, known) {
        (Found::Store { id, version: CURRENT }, _) => id,
        (_, None) => migrate(client, schema).await?,
        (_, Some(_)) => return Err(malformed("the store is gone from the server")),
    };
    match known {
        Some(known) if *known != id => {
            Err(malformed("the server holds another store than it did before"))
        }
        _ => Ok(id),
    }
}

/// Whether the database holds tables of other applications.
pub(super) async fn has_neighbours(client: &Client, schema: &str) -> Result<bool, Error> {
    Ok(!ask(client, NEIGHBOUR, schema).await?.is_empty())
}

/// What is in a schema that this store may use.
enum Found {
    /// Nothing, or no schema.
    Nothing { schema: bool },
    /// A store, of the version [`CURRENT`] or of an earlier one.
    Store { id: Id, version: usize },
}

/// Only reads.
async fn look(client: &impl GenericClient, schema: &str) -> Result<Found, Error> {
    let relations = ask(client, LOOK, schema).await?;
    if relations.is_empty() {
        return Ok(Found::Nothing { schema: !ask(client, EXISTS, schema).await?.is_empty() });
    }
    let text = |row: &Row, column| row.try_get::<_, String>(column).map_err(|e| failed(&e));
    let (mut marked, mut shape) = (false, None);
    for row in &relations {
        match text(row, 0)?.as_str() {
            "store" => marked = text(row, 1)? == MARK,
            "records" => shape = Some(text(row, 2)?),
            _ => {}
        }
    }
    if !marked {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the schema belongs to another application",
        ));
    }
    let sql = format!("SELECT version, id::text FROM \"{schema}\".store");
    let rows = client.query_typed(&sql, &[]).await.map_err(|e| failed(&e))?;
    let [row] = rows.as_slice() else { return Err(malformed(WRONG_TABLES)) };
    let version: i32 = row.try_get(0).map_err(|e| failed(&e))?;
    let version = usize::try_from(version).map_err(|_| malformed(WRONG_TABLES))?;
    if version > CURRENT {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the store was written by a newer release, whose schema this one does not know",
        ));
    }
    if version == CURRENT && shape.as_deref() != Some(RECORDS) {
        return Err(malformed(WRONG_TABLES));
    }
    Ok(Found::Store { id: text(row, 1)?, version })
}

/// All or nothing, and by one process.
async fn migrate(client: &mut Client, schema: &str) -> Result<Id, Error> {
    let transaction = client.transaction().await.map_err(|e| failed(&e))?;
    let lock = "SELECT pg_advisory_xact_lock($1, hashtext($2))";
    let parameters: [Parameter<'_>; 2] = [(&LOCKS, Type::INT4), (&schema, Type::TEXT)];
    transaction.query_typed(lock, &parameters).await.map_err(|e| failed(&e))?;
    // Another process may have been quicker.
    let mut sql = String::new();
    let done = match look(&transaction, schema).await? {
        Found::Store { id, version: CURRENT } => return Ok(id),
        Found::Store { version, .. } => version,
        Found::Nothing { schema: true } => 0,
        Found::Nothing { schema: false } => {
            sql.push_str("CREATE SCHEMA {schema}; ");
            0
        }
    };
    for migration in MIGRATIONS.iter().skip(done) {
        sql.push_str(migration);
        sql.push_str("; ");
    }
    sql.push_str(&format!("UPDATE {{schema}}.store SET version = {CURRENT}"));
    let sql = sql.replace("{schema}", &format!("\"{schema}\""));
    transaction.batch_execute(&sql).await.map_err(|e| failed(&e))?;
    let Found::Store { id, version: CURRENT } = look(&transaction, schema).await? else {
        return Err(malformed(WRONG_TABLES));
    };
    transaction.commit().await.map_err(|e| failed(&e))?;
    Ok(id)
}

async fn ask(client: &impl GenericClient, question: &str, schema: &str) -> Result<Vec<Row>, Error> {
    client.query_typed(question, &[(&schema, Type::TEXT)]).await.map_err(|e| failed(&e))
}
