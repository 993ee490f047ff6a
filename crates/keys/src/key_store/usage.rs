use super::KeyStore;
use crate::{Error, ErrorKind, FullKeyId, RecordKind};
use phiseal_format::Cursor;

impl KeyStore {
    /// Reserves up to `uses` uses of a key against its cap, and returns how many were granted, at least one.
    ///
    /// What is reserved counts as used, also when the process is killed before it used them: the count is never too
    /// low.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Exhausted`] when the cap is reached: rotate the key; [`ErrorKind::Tampered`]; and what the store
    /// answers.
    pub async fn reserve_uses(
        &self,
        key_id: &FullKeyId,
        uses: u64,
        cap: u64,
    ) -> Result<u64, Error> {
        const ATTEMPTS: u32 = 64;
        let mut last =
            Error::new(ErrorKind::Conflict, "other processes kept changing the key's usage count");
        for _ in 0..ATTEMPTS {
            let (revision, used) = self.read_usage(key_id).await?;
            let granted = uses.min(cap.saturating_sub(used));
            if granted == 0 {
                return Err(Error::new(
                    ErrorKind::Exhausted,
                    "the key has been used as often as it may be: rotate it",
                ));
            }
            let body = used.saturating_add(granted).to_be_bytes().to_vec();
            match self.write_sealed(RecordKind::Usage, key_id.as_bytes(), revision, body).await {
                Ok(()) => return Ok(granted),
                Err(error) if error.kind() == ErrorKind::Conflict => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// How many uses of a key have been reserved.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tampered`]; and what the store answers.
    pub async fn uses(&self, key_id: &FullKeyId) -> Result<u64, Error> {
        Ok(self.read_usage(key_id).await?.1)
    }

    async fn read_usage(&self, key_id: &FullKeyId) -> Result<(u64, u64), Error> {
        let Some((revision, body)) = self.read_sealed(RecordKind::Usage, key_id.as_bytes()).await?
        else {
            return Ok((0, 0));
        };
        let mut cursor = Cursor::new(&body);
        let used = cursor.u64()?;
        cursor.finish()?;
        Ok((revision, used))
    }
}
