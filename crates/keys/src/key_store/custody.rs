//! What the custodians keep beside the keys: who they are, and how far their acts have come.

use super::KeyStore;
use crate::{Error, Record, RecordKind};

impl KeyStore {
    /// The roster of custodians as it was written last, authenticated; `None` when there never was one.
    ///
    /// What is in it is for the one who wrote it to say and to verify: the key store knows that there is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tampered`](crate::ErrorKind::Tampered); and what the store answers.
    pub async fn roster(&self) -> Result<Option<Record>, Error> {
        self.record_of(RecordKind::Roster, ROSTER).await
    }

    /// Writes the roster in the place of the one of revision `expected` (0: there is none).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when there is another one; and what the store answers.
    pub async fn set_roster(&self, expected: u64, body: Vec<u8>) -> Result<(), Error> {
        self.write_sealed(RecordKind::Roster, ROSTER, expected, body).await
    }

    /// How far the act of this id has come, authenticated; `None` when nothing was written of it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tampered`](crate::ErrorKind::Tampered); and what the store answers.
    pub async fn run(&self, id: &[u8]) -> Result<Option<Record>, Error> {
        self.record_of(RecordKind::Run, id).await
    }

    /// Writes how far the act of this id has come, in the place of what was written at revision `expected` (0: nothing).
    /// Of several workers at one act, one succeeds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) when somebody else has written meanwhile; and what the store
    /// answers.
    pub async fn set_run(&self, id: &[u8], expected: u64, body: Vec<u8>) -> Result<(), Error> {
        self.write_sealed(RecordKind::Run, id, expected, body).await
    }

    /// The ids of at most `limit` acts after the id `after`, in ascending order. They are as the store lists them; what each
    /// one is, [`KeyStore::run`] authenticates.
    ///
    /// # Errors
    ///
    /// What the store answers.
    pub async fn runs(&self, after: Option<&[u8]>, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        self.ids_of(RecordKind::Run, after, limit).await
    }
}

/// The id of the one record of its kind.
const ROSTER: &[u8] = b"roster";
