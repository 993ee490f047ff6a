//! What every source promises, over tables of several shapes.

use super::server::{Schema, schema};
use phiseal_keys::Error;
use phiseal_rotation::source::Source;
use phiseal_rotation::source::contract::{Absent, Fixture, Sample, World};
use tokio_postgres::types::Type;

struct Table(Schema);

fn fixture_of(statements: &[&str]) -> Result<Fixture, Absent> {
    let schema = schema("the contract of Postgres tables");
    let schema = schema.ok_or_else(|| Absent::new("postgres", "PHISEAL_POSTGRES is not set"))?;
    schema.all(statements);
    Ok(Fixture::new(Table(schema)))
}

impl World for Table {
    fn open(&self) -> Result<Box<dyn Source>, Error> {
        let others = &["note", "version"];
        Ok(Box::new(self.0.open("patients", &["clinic", "id"], &["ssn", "name"], others)?))
    }

    fn put(&self, row: &Sample) {
        let row = row.clone();
        let sql = "INSERT INTO {s}.patients (clinic, id, ssn, name, note, version) \
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (clinic, id) DO UPDATE \
            SET ssn = excluded.ssn, name = excluded.name, note = excluded.note, version = excluded.version";
        self.0.sql_with(
            sql,
            vec![
                (Box::new(row.clinic), Type::INT8),
                (Box::new(row.id), Type::TEXT),
                (Box::new(row.ssn), Type::BYTEA),
                (Box::new(row.name), Type::TEXT),
                (Box::new(row.note), Type::TEXT),
                (Box::new(row.version), Type::INT8),
            ],
        );
    }

    fn delete(&self, clinic: i64, id: &str) {
        let sql = "DELETE FROM {s}.patients WHERE clinic = $1 AND id COLLATE \"C\" = $2";
        let values =
            vec![(Box::new(clinic) as _, Type::INT8), (Box::new(id.to_owned()) as _, Type::TEXT)];
        self.0.sql_with(sql, values);
    }

    fn rows(&self) -> Vec<Sample> {
        let rows = self.0.sql("SELECT clinic, id, ssn, name, note, version FROM {s}.patients");
        let sample = |row: &tokio_postgres::Row| Sample {
            clinic: row.get(0),
            id: row.get(1),
            ssn: row.get(2),
            name: row.get(3),
            note: row.get(4),
            version: row.get(5),
        };
        rows.iter().map(sample).collect()
    }
}

mod with_a_primary_key {
    use super::{Absent, Fixture, fixture_of};

    const SCHEMA: &[&str] =
        &["CREATE TABLE {s}.patients (clinic bigint, id text, ssn bytea, name text, note text, \
            version bigint, PRIMARY KEY (clinic, id))"];

    fn fixture() -> Result<Fixture, Absent> {
        fixture_of(SCHEMA)
    }

    phiseal_rotation::source_tests!("postgres", fixture);
}

mod with_an_index_in_another_order_and_collation {
    use super::{Absent, Fixture, fixture_of};

    const SCHEMA: &[&str] = &[
        "CREATE TABLE {s}.patients (clinic bigint NOT NULL, id varchar(50) COLLATE \"und-x-icu\" NOT NULL, \
            ssn bytea, name varchar(200) COLLATE \"und-x-icu\", note text, version bigint)",
        "CREATE UNIQUE INDEX ON {s}.patients (id DESC, clinic) INCLUDE (version)",
    ];

    fn fixture() -> Result<Fixture, Absent> {
        fixture_of(SCHEMA)
    }

    phiseal_rotation::source_tests!(fixture);
}

mod with_partitions {
    use super::{Absent, Fixture, fixture_of};

    const SCHEMA: &[&str] = &[
        "CREATE TABLE {s}.patients (clinic bigint, id text, ssn bytea, name text, note text, \
            version bigint, PRIMARY KEY (clinic, id)) PARTITION BY RANGE (clinic)",
        "CREATE TABLE {s}.low PARTITION OF {s}.patients FOR VALUES FROM (MINVALUE) TO (2)",
        "CREATE TABLE {s}.high PARTITION OF {s}.patients FOR VALUES FROM (2) TO (MAXVALUE)",
    ];

    fn fixture() -> Result<Fixture, Absent> {
        fixture_of(SCHEMA)
    }

    phiseal_rotation::source_tests!(fixture);
}

mod with_columns_that_ignore_case {
    use super::{Absent, Fixture, fixture_of};

    const SCHEMA: &[&str] = &[
        "CREATE COLLATION {s}.folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        "CREATE TABLE {s}.patients (clinic bigint NOT NULL, id text COLLATE {s}.folded NOT NULL, \
            ssn bytea, name text COLLATE {s}.folded, note text, version bigint)",
        "CREATE UNIQUE INDEX ON {s}.patients (clinic, id COLLATE \"C\")",
    ];

    fn fixture() -> Result<Fixture, Absent> {
        fixture_of(SCHEMA)
    }

    phiseal_rotation::source_tests!(fixture);
}
