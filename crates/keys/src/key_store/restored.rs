use super::{KeyStore, SubjectKey, SubjectState};
use crate::{
    ClosedVersion, DataKey, Error, ErrorKind, KeyUse, Keyset, MissingKey, Restored,
    RestoredVersion, WrappingKey,
};
use phiseal_format::{FieldEnvelope, KeyId, SubjectTag};
use std::collections::BTreeMap;

/// How many values name each key.
type Counts = BTreeMap<KeyId, u64>;

impl KeyStore {
    /// Which of these values have a key in this store that opens: before an application starts on a restored backup, whose
    /// key store may be older or newer than its data.
    ///
    /// `envelopes` are stored values as bytes; only their headers are looked at, and nothing is decrypted. Each key version
    /// that one of them names is unwrapped: one backend call for each. Where a value is under a person's key, that key is
    /// unwrapped too, and all persons of the store are read; once for all values, so give all of them in one call. Nothing is
    /// changed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Tampered`] for a record that this store did not write; what the store answers; and what a KEK answers
    /// that may be asked again ([`ErrorKind::is_retryable`]), as nothing is known then.
    pub async fn check_restored<E: AsRef<[u8]>>(
        &self,
        envelopes: impl IntoIterator<Item = E>,
    ) -> Result<Restored, Error> {
        let (mut restored, mut wanted) = (Restored::default(), Counts::new());
        for envelope in envelopes {
            match FieldEnvelope::parse(envelope.as_ref()) {
                Ok(envelope) => *wanted.entry(envelope.key_id()).or_default() += 1,
                Err(_) => restored.not_envelopes += 1,
            }
        }
        let mut keysets = Vec::new();
        for name in self.domains().await? {
            keysets.push(self.keyset(&name).await?);
        }
        let mut versions = Vec::new();
        for keyset in &keysets {
            for version in keyset.versions() {
                let values = wanted.remove(&version.key_id().short()).unwrap_or_default();
                versions.push(Used {
                    keyset,
                    number: version.number(),
                    values,
                    persons: Vec::new(),
                });
            }
        }
        // What is left is persons', or nobody's.
        for keyset in &keysets {
            self.find_persons(keyset, &mut wanted, &mut versions, &mut restored).await?;
        }
        for used in versions.iter().filter(|used| used.values > 0 || !used.persons.is_empty()) {
            self.try_version(used, &mut restored).await?;
        }
        restored.missing =
            wanted.into_iter().map(|(key_id, values)| MissingKey { key_id, values }).collect();
        Ok(restored)
    }

    /// Moves persons of the domain whose keys are wanted to the version that wraps them.
    async fn find_persons(
        &self,
        keyset: &Keyset,
        wanted: &mut Counts,
        versions: &mut [Used<'_>],
        restored: &mut Restored,
    ) -> Result<(), Error> {
        if wanted.is_empty() {
            return Ok(());
        }
        let (mut shredded, mut dropped) = (0, 0);
        let mut scan = self.scan_subjects(keyset, None);
        while let Some(page) = self.subject_page(keyset, &mut scan).await? {
            for record in page {
                let gone = match record.state() {
                    SubjectState::Active { .. } => &mut dropped,
                    SubjectState::Shredded { .. } => &mut shredded,
                };
                for key_id in record.gone() {
                    *gone += wanted.remove(&key_id.short()).unwrap_or_default();
                }
                for key in record.keys() {
                    let Some(values) = wanted.remove(&key.key_id().short()) else { continue };
                    let mut of_domain = versions.iter_mut();
                    let wraps = |used: &&mut Used<'_>| {
                        used.number == key.domain_version()
                            && used.keyset.domain() == keyset.domain()
                    };
                    match of_domain.find(wraps) {
                        Some(used) => used.persons.push((record.tag(), key.clone(), values)),
                        None => restored.closed.push(ClosedVersion {
                            domain: keyset.name().to_owned(),
                            version: Some(key.domain_version()),
                            values,
                            why: Error::new(
                                ErrorKind::NotFound,
                                "the keyset is older than a person's key, and has no such version",
                            ),
                        }),
                    }
                }
            }
        }
        for (values, why) in [
            (shredded, "the persons' keys were destroyed"),
            (dropped, "the persons have newer keys, and these were dropped"),
        ] {
            if values > 0 {
                let (domain, why) = (keyset.name().to_owned(), Error::new(ErrorKind::State, why));
                restored.closed.push(ClosedVersion { domain, version: None, values, why });
            }
        }
        Ok(())
    }

    /// Opens a version's key and the persons' keys under it that are named, and notes what came of it.
    async fn try_version(&self, used: &Used<'_>, restored: &mut Restored) -> Result<(), Error> {
        let closed = |values, why| ClosedVersion {
            domain: used.keyset.name().to_owned(),
            version: Some(used.number),
            values,
            why,
        };
        let key = match self.opened(used).await {
            Ok(key) => key,
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => {
                let of_persons: u64 = used.persons.iter().map(|(_, _, values)| values).sum();
                restored.closed.push(closed(used.values + of_persons, error));
                return Ok(());
            }
        };
        let wrapping = WrappingKey::of_subjects(self.engine, &key)?;
        let mut of_persons = 0;
        for (tag, key, values) in &used.persons {
            match self.unwrap_subject(used.keyset, *tag, key, &wrapping) {
                Ok(_) => of_persons += values,
                Err(error) => restored.closed.push(closed(*values, error)),
            }
        }
        let (domain, version) = (used.keyset.name().to_owned(), used.number);
        restored.open.push(RestoredVersion { domain, version, values: used.values, of_persons });
        Ok(())
    }

    async fn opened(&self, used: &Used<'_>) -> Result<DataKey, Error> {
        let version = used.keyset.version(used.number);
        let version = version.ok_or(Error::new(ErrorKind::NotFound, "no such version"))?;
        version.state().require(KeyUse::Open)?;
        self.unwrap(used.keyset, version).await
    }
}

/// A key version, how many values name its key, and whose keys under it are named how often.
struct Used<'k> {
    keyset: &'k Keyset,
    number: u32,
    values: u64,
    persons: Vec<(SubjectTag, SubjectKey, u64)>,
}
