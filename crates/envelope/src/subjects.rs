//! What is done about persons: those of one domain, and all of them.

use crate::domain::{Domain, LOOKS};
use crate::loaded::Loaded;
use crate::subject::Subject;
use phiseal_format::SubjectTag;
use phiseal_keys::{
    Erasure, Error, ErrorKind, FullKeyId, Renewal, SubjectRecord, SubjectsRenewed,
    SubjectsRewrapped,
};
use std::sync::Arc;

impl Domain {
    /// Destroys a person's keys: what was sealed under any of them opens no more, here at once and elsewhere after the lease.
    ///
    /// Says whether the keys' bytes are gone from the key store's medium too. Where that could not be found out, or was
    /// only pending, shredding the same person again tries again. Of many persons, erase once:
    /// [`Domain::shred_subjects`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::Denied`] on a handle that only reads, and when the key store has custodians, who agree
    /// to each; and as [`Domain::ready`].
    pub async fn shred_subject(&self, subject: &str) -> Result<Erasure, Error> {
        self.shred_subjects([subject]).await
    }

    /// Destroys the keys of several persons, and erases their bytes from the key store's medium once.
    ///
    /// # Errors
    ///
    /// As [`Domain::shred_subject`]; the persons before the one that failed are shredded, and not yet erased.
    pub async fn shred_subjects<'a>(
        &self,
        subjects: impl IntoIterator<Item = &'a str>,
    ) -> Result<Erasure, Error> {
        self.may_write()?;
        let loaded = self.current().await?;
        for subject in subjects {
            let tag = self.key_store().subject_tag(loaded.keyset(), subject)?;
            let shredded = self.key_store().shred_subject(loaded.keyset(), tag).await;
            // Whether or not it was done just now: whoever uses a key has to look at the record again.
            self.people().remove(tag);
            shredded?;
        }
        self.key_store().erase().await
    }

    /// Gives a person a new key: [`Subject::renew`], whether or not the keys before it can be had.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; and as [`Subject::renew`].
    pub async fn renew_subject(&self, subject: &str, why: Renewal) -> Result<(), Error> {
        let loaded = self.current().await?;
        let tag = self.key_store().subject_tag(loaded.keyset(), subject)?;
        Subject::of_tag(self.clone(), tag).renew(why).await
    }

    /// Gives a new key to every person whose current one was ever wrapped by one of `versions` of the domain's key: what is to
    /// be done when those are in wrong hands, after a rotation. What is under the keys before opens, and is to be resealed.
    ///
    /// Rewrapping is no remedy: whoever had such a version and a copy of the key store has the persons' keys, whatever wraps
    /// them now. A new key was never wrapped by anything but the primary; so who was renewed is not renewed again, and, killed
    /// half way, this goes on when it is called again. No data is touched and the KEK is not called.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when the primary is one of `versions`: rotate first; [`ErrorKind::Exhausted`], once all others
    /// have been renewed, when somebody has as many keys as there may be; [`ErrorKind::Denied`] on a handle that only reads;
    /// and as [`Domain::ready`].
    pub async fn renew_subjects(
        &self,
        versions: &[u32],
        why: Renewal,
    ) -> Result<SubjectsRenewed, Error> {
        let (mut loaded, mut primary) = self.for_new_keys().await?;
        let (store, mut earlier) = (self.key_store(), Vec::new());
        loop {
            let wrap_key = loaded.subject_wrap(primary)?;
            let renewed =
                store.renew_subjects(loaded.keyset(), primary, wrap_key, versions, why).await;
            // Whoever seals has to look at the record again.
            self.people().clear();
            match renewed {
                Err(error) if error.kind() == ErrorKind::Stale && earlier.len() < LOOKS => {
                    let next = self.renewed_until(|it| it.keyset().primary() != primary).await?;
                    primary = next.keyset().sealing_version()?.number();
                    earlier.push(core::mem::replace(&mut loaded, next));
                }
                // Those whose new keys were wrapped by what is the primary no more follow, also if it was destroyed since.
                renewed if !earlier.is_empty() => {
                    self.rewrapped_since(loaded, earlier).await?;
                    return renewed;
                }
                renewed => return renewed,
            }
        }
    }

    /// Drops keys of a person that are not current, by their ids, and erases their bytes from the key store's medium: what is
    /// under them opens no more. See [`KeyStore::drop_subject_keys`](phiseal_keys::KeyStore::drop_subject_keys), for what is to
    /// be known before.
    ///
    /// # Errors
    ///
    /// As that; [`ErrorKind::Denied`] on a handle that only reads; and as [`Domain::ready`].
    pub async fn drop_subject_keys(
        &self,
        subject: &str,
        ids: &[FullKeyId],
    ) -> Result<Erasure, Error> {
        self.may_write()?;
        let (loaded, store) = (self.current().await?, self.key_store());
        let tag = store.subject_tag(loaded.keyset(), subject)?;
        let dropped = store.drop_subject_keys(loaded.keyset(), tag, ids).await;
        self.people().remove(tag);
        dropped?;
        store.erase().await
    }

    /// What the key store holds of a person now, whatever the lease allows; `None` when there is none. Keys that can be had
    /// are kept, so that [`Domain::subject`] of this person needs no other look.
    ///
    /// # Errors
    ///
    /// As [`Domain::ready`].
    pub async fn subject_record(&self, subject: &str) -> Result<Option<SubjectRecord>, Error> {
        let loaded = self.current().await?;
        let tag = self.key_store().subject_tag(loaded.keyset(), subject)?;
        Subject::of_tag(self.clone(), tag).record(&loaded).await
    }

    /// The same of the person whom this tag stands for.
    ///
    /// # Errors
    ///
    /// As [`Domain::ready`].
    pub async fn subject_record_of(&self, tag: SubjectTag) -> Result<Option<SubjectRecord>, Error> {
        Subject::of_tag(self.clone(), tag).record(&self.current().await?).await
    }

    /// Wraps the keys of all persons under the primary version of the domain's key, so that older versions can be
    /// destroyed. No data is touched and the KEK is not called.
    ///
    /// It is no remedy for a version that is in wrong hands: [`Domain::renew_subjects`] is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] when a version that wraps a person's key cannot be used; [`ErrorKind::Denied`] on a handle
    /// that only reads; and as [`Domain::ready`].
    pub async fn rewrap_subjects(&self) -> Result<SubjectsRewrapped, Error> {
        self.may_write()?;
        let rewrapped = self.rewrapped_since(self.renewed().await?, Vec::new()).await;
        self.people().clear();
        rewrapped
    }

    /// When somebody rotates meanwhile, those who were moved to what is the primary no more are moved again, also if it was
    /// destroyed since: its wrapping key is at hand, in a look of before.
    async fn rewrapped_since(
        &self,
        mut loaded: Arc<Loaded>,
        mut earlier: Vec<Arc<Loaded>>,
    ) -> Result<SubjectsRewrapped, Error> {
        let most = earlier.len() + LOOKS;
        loop {
            let primary = loaded.keyset().sealing_version()?.number();
            let wrapping = |version| {
                let at_hand = earlier.iter().find_map(|look| look.subject_wrap(version).ok());
                loaded.subject_wrap(version).or_else(|error| at_hand.ok_or(error)).map(|key| &**key)
            };
            let moved = self.key_store().rewrap_subjects(loaded.keyset(), primary, wrapping).await;
            match moved {
                Err(error) if error.kind() == ErrorKind::Stale && earlier.len() < most => {
                    let next =
                        self.renewed_until(|look| look.keyset().primary() != primary).await?;
                    earlier.push(core::mem::replace(&mut loaded, next));
                }
                moved => return moved,
            }
        }
    }

    /// Looked up now, whatever is left of the lease, and the version that wraps new keys: a field that is sealed late under a
    /// retired version can be counted, a person whom a destroyed version wraps is lost.
    pub(crate) async fn for_new_keys(&self) -> Result<(Arc<Loaded>, u32), Error> {
        self.may_write()?;
        // A lease that was just looked up may have ended already: somebody rotates again and again.
        let has_ended = |loaded: &Loaded| {
            loaded.seals_until().is_err_and(|error| error.kind() == ErrorKind::Stale)
        };
        let loaded = self.renewed_until(|loaded| !has_ended(loaded)).await?;
        loaded.seals_until()?;
        let version = loaded.keyset().sealing_version()?.number();
        Ok((loaded, version))
    }
}
