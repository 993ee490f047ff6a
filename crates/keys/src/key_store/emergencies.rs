//! What is kept of emergencies beside the keys: who broke the glass, and whether it was reviewed.

use super::KeyStore;
use crate::{Error, Record, RecordKind};

impl KeyStore {
    /// What was written of the emergency of this id, authenticated; `None` when nothing was.
    ///
    /// What is in it is for the one who wrote it to say.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tampered`](crate::ErrorKind::Tampered); and what the store answers.
    pub async fn emergency(&self, id: &[u8]) -> Result<Option<Record>, Error> {
        self.record_of(RecordKind::Emergency, id).await
    }

    /// Writes what is to be kept of an emergency in the place of what was written at revision `expected` (0: nothing). Of several
    /// who do so at once, one succeeds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when somebody else has written meanwhile; and what the store
    /// answers.
    pub async fn set_emergency(
        &self,
        id: &[u8],
        expected: u64,
        body: Vec<u8>,
    ) -> Result<(), Error> {
        self.write_sealed(RecordKind::Emergency, id, expected, body).await
    }

    /// The ids of at most `limit` emergencies after the id `after`, in ascending order. They are as the store lists them; what
    /// each one is, [`KeyStore::emergency`] authenticates.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn emergencies(
        &self,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Vec<u8>>, Error> {
        self.ids_of(RecordKind::Emergency, after, limit).await
    }
}
