//! Statements on their way to the threads that talk to the server.
//!
//! What is bound is encoded before, on the caller's thread, and rows are read there: those threads only wait for the server.

use super::Opened;
use super::error::{failed, faulty};
use bytes::BytesMut;
use core::error::Error as StdError;
use core::fmt;
use core::time::Duration;
use phiseal_keys::{Error, ErrorKind, runtime};
use phiseal_stores::postgres::Parameter;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// How often a batch is tried that others' locks or transactions do not let pass.
const TRIES: u32 = 5;

/// How long after the first time; each further pause is one more of these.
const PAUSE: Duration = Duration::from_millis(50);

impl Opened {
    /// The rows that a statement brings that changes nothing.
    pub(super) async fn read(
        self: &Arc<Self>,
        sql: String,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Error> {
        let (opened, bound) = (Arc::clone(self), encoded(parameters)?);
        let rows = runtime::run(async move {
            let parameters: Vec<_> = bound.iter().map(Encoded::parameter).collect();
            opened.connection.read(&sql, &parameters).await
        });
        rows.await?.map_err(failed)
    }

    /// The rows that a statement brings that changes some.
    pub(super) async fn write(
        self: &Arc<Self>,
        sql: String,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Error> {
        let (opened, bound) = (Arc::clone(self), encoded(parameters)?);
        let rows = runtime::run(async move {
            let parameters: Vec<_> = bound.iter().map(Encoded::parameter).collect();
            let mut tries = 0;
            loop {
                match opened.connection.write(&sql, &parameters).await {
                    // A deadlock, or a transaction that could not be serialized: nothing was written.
                    Err(error) if error.kind() == ErrorKind::Conflict && tries < TRIES => {
                        tries += 1;
                        tokio::time::sleep(PAUSE.saturating_mul(tries)).await;
                    }
                    outcome => break outcome,
                }
            }
        });
        rows.await?.map_err(failed)
    }
}

fn encoded(parameters: &[Parameter<'_>]) -> Result<Vec<Encoded>, Error> {
    let encode = |(value, of): &Parameter<'_>| {
        let mut bytes = BytesMut::new();
        match value.to_sql_checked(of, &mut bytes) {
            Ok(IsNull::No) => Ok(Encoded { bytes, of: of.clone() }),
            _ => Err(faulty()),
        }
    };
    parameters.iter().map(encode).collect()
}

/// A value as the server takes it.
struct Encoded {
    bytes: BytesMut,
    of: Type,
}

impl Encoded {
    fn parameter(&self) -> Parameter<'_> {
        (self, self.of.clone())
    }
}

impl ToSql for Encoded {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(&self.bytes);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of {}", self.bytes.len(), self.of)
    }
}
