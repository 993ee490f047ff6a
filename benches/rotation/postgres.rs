//! A table of PostgreSQL, on the server that `PHISEAL_POSTGRES` names, and the bare loop over it.

use crate::clinic::{Clinic, Sealed};
use crate::{PAGE, Store};
use phiseal::rotation::source::{PostgresSource, Source};
use phiseal::stores::postgres::Connection;
use pollster::block_on;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

/// What the library's source writes a batch with: its locks in the order of the keys, and nothing that a trigger changed.
const SAME: &str = "WITH asked AS MATERIALIZED (SELECT * FROM unnest($1::int8[]) WITH ORDINALITY AS a(k0, n)), \
    held AS MATERIALIZED (SELECT a.* FROM asked a JOIN public.patients t ON t.id = a.k0 \
    WHERE t.id >= $8 AND t.id <= $9 ORDER BY t.id FOR NO KEY UPDATE OF t), \
    w0 AS (UPDATE public.patients t SET ssn = c.n0, name = c.n1, note = c.n2 \
    FROM unnest($10::int8[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[]) \
    AS c(n, o0, n0, o1, n1, o2, n2) JOIN held a ON a.n = c.n \
    WHERE t.id = a.k0 AND t.id >= $8 AND t.id <= $9 \
    AND t.ssn IS NOT DISTINCT FROM c.o0 AND t.name COLLATE \"C\" IS NOT DISTINCT FROM c.o1 \
    AND t.note COLLATE \"C\" IS NOT DISTINCT FROM c.o2 \
    RETURNING c.n / (CASE WHEN t.ssn IS NOT DISTINCT FROM c.n0 AND t.name COLLATE \"C\" IS NOT DISTINCT FROM c.n1 \
    AND t.note COLLATE \"C\" IS NOT DISTINCT FROM c.n2 \
    THEN 1 ELSE 0 END) AS n) SELECT n FROM w0";

pub(crate) struct Postgres {
    url: String,
    runtime: Runtime,
    client: Client,
}

impl Postgres {
    /// The table on the server; made if there is none.
    pub(crate) fn open() -> Self {
        let url = std::env::var("PHISEAL_POSTGRES").unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (client, connection) = runtime.block_on(tokio_postgres::connect(&url, NoTls)).unwrap();
        runtime.spawn(connection);
        let this = Self { url, runtime, client };
        this.all(
            "CREATE TABLE IF NOT EXISTS public.patients (id int8 PRIMARY KEY, ssn bytea, name text, note text) \
             WITH (autovacuum_enabled = off)",
        );
        this
    }

    fn all(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap();
    }
}

impl Store for Postgres {
    fn source(&self) -> Box<dyn Source> {
        let connection = Connection::new(&self.url).unwrap();
        Box::new(block_on(PostgresSource::open(connection, Clinic::table())).unwrap())
    }

    fn fill(&mut self, rows: &mut dyn Iterator<Item = Sealed>) {
        self.all("TRUNCATE public.patients");
        let sql = "INSERT INTO public.patients SELECT * FROM unnest($1::int8[], $2::bytea[], $3::text[], $4::text[])";
        let mut ids = 1_i64..;
        loop {
            let page: Vec<_> = rows.take(1_000).collect();
            if page.is_empty() {
                return;
            }
            let ids: Vec<_> = ids.by_ref().take(page.len()).collect();
            let (ssn, name, note) = columns(&page.iter().collect::<Vec<_>>());
            self.runtime.block_on(self.client.execute(sql, &[&ids, &ssn, &name, &note])).unwrap();
        }
    }

    fn swap_all(&mut self, new: &[Sealed]) {
        let client = &self.client;
        self.runtime.block_on(async {
            let select = "SELECT id, ssn, name, note FROM public.patients WHERE id > $1 ORDER BY id LIMIT $2";
            let select = client.prepare(select).await.unwrap();
            let update = client.prepare(SAME).await.unwrap();
            let mut last = 0_i64;
            loop {
                let rows = client.query(&select, &[&last, &PAGE]).await.unwrap();
                let Some(end) = rows.last() else { return };
                last = end.get(0);
                let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
                let numbers: Vec<i64> = (1..).take(ids.len()).collect();
                let ssn: Vec<&[u8]> = rows.iter().map(|row| row.get(1)).collect();
                let name: Vec<&str> = rows.iter().map(|row| row.get(2)).collect();
                let note: Vec<&str> = rows.iter().map(|row| row.get(3)).collect();
                let new: Vec<&Sealed> =
                    ids.iter().map(|id| &new[usize::try_from(*id - 1).unwrap()]).collect();
                let (new_ssn, new_name, new_note) = columns(&new);
                let written = client
                    .query(
                        &update,
                        &[&ids, &ssn, &new_ssn, &name, &new_name, &note, &new_note, &ids[0], &last, &numbers],
                    )
                    .await
                    .unwrap();
                assert_eq!(written.len(), ids.len());
            }
        });
    }

    fn settle(&mut self) {
        self.all("VACUUM public.patients");
    }
}

type Columns<'a> = (Vec<&'a [u8]>, Vec<&'a str>, Vec<&'a str>);

fn columns<'a>(rows: &[&'a Sealed]) -> Columns<'a> {
    let ssn = rows.iter().map(|row| row.ssn.as_slice()).collect();
    let name = rows.iter().map(|row| row.name.as_str()).collect();
    (ssn, name, rows.iter().map(|row| row.note.as_str()).collect())
}
