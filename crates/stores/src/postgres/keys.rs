//! The session of a key store: in which schema it is, and which store it was found to be.

use super::error::failed;
use super::line::Session;
use super::schema::{self, Id};
use arc_swap::ArcSwapOption;
use phiseal_keys::{Error, ErrorKind};
use std::sync::Arc;
use tokio_postgres::Client;

pub(super) struct Keys {
    /// Lower case, digits and underscores.
    pub(super) schema: String,
    /// Which store it was the first time.
    known: ArcSwapOption<Id>,
}

pub(super) const SCHEMA: &str = "phiseal_keys";

/// The longest name in PostgreSQL, in bytes (4.1.1).
const LONGEST_NAME: usize = 63;

impl Keys {
    /// Of a store that is not known yet.
    pub(super) fn new(schema: String) -> Self {
        Self { schema, known: ArcSwapOption::const_empty() }
    }

    /// Of one in the schema of this name.
    pub(super) fn named(name: &str) -> Result<Self, Error> {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        let plain = name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
            && name.bytes().next().is_some_and(letter)
            && name.len() <= LONGEST_NAME
            && !name.starts_with("pg_")
            && !["public", "information_schema"].contains(&name);
        if !plain {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the name of the store's schema is not lower-case letters, digits and underscores",
            ));
        }
        Ok(Self::new(name.to_owned()))
    }
}

impl Session for Keys {
    /// Finds the store, or sets it up.
    async fn begin(&self, client: &mut Client) -> Result<(), Error> {
        let known = self.known.load_full();
        let id = schema::open(client, &self.schema, known.as_deref()).await?;
        if known.is_none() {
            warn(client, &self.schema).await?;
            self.known.store(Some(Arc::new(id)));
        }
        Ok(())
    }
}

/// Says what the custodian should know of this server.
async fn warn(client: &Client, schema: &str) -> Result<(), Error> {
    let durable = "SELECT current_setting('fsync') = 'on'";
    let rows = client.query_typed(durable, &[]).await.map_err(|e| failed(&e))?;
    if rows.first().is_some_and(|row| matches!(row.try_get(0), Ok(false))) {
        log::warn!(
            "phiseal: the server of a key store runs with fsync off and may lose what it acknowledged"
        );
    }
    if schema::has_neighbours(client, schema).await? {
        log::warn!(
            "phiseal: the database of a key store holds other tables too: keep keys apart from the data that they guard"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_schemas_are_plain() {
        for name in ["a", "_a", "phiseal_keys_2", &"a".repeat(63), "user"] {
            assert_eq!(Keys::named(name).unwrap().schema, name);
        }
        for name in [
            "",
            "A",
            "2a",
            "a-b",
            "a\"b",
            "ä",
            "pg_a",
            "public",
            "information_schema",
            &"a".repeat(64),
        ] {
            let refused = Keys::named(name).map(|_| ()).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{name}");
        }
    }
}
