//! The KEKs of a key store: those that wrap every key of it, and those that only unwrap.

use crate::{DataKey, Error, ErrorKind, FullKeyId, Kek, KekBackend, KekInfo, Keyset};
use core::fmt;
use phiseal_format::{EncryptionContext, WrappedKey};
use phiseal_primitives::Engine;
use std::sync::{Arc, OnceLock};

/// The KEKs of a key store.
///
/// Each key of the store has a wrap of every KEK that wraps, and any one of them opens it: two regions of a service, an HSM
/// and a key that is kept for the day when it is lost. New keys need all of them; opening, and the start of a process, need
/// one. Those that only unwrap are on their way out, or in.
///
/// They are asked in their order. The next one is asked when a KEK does not answer, denies, or does not have its key any
/// more; never after a wrap has failed a check. So a key is withdrawn when it is withdrawn from every KEK that wraps it.
///
/// ```
/// use phiseal_keys::{Kek, Keks};
///
/// fn of(here: Kek, elsewhere: Kek, before: Kek) -> Keks {
///     Keks::from(here).and_wrap_with(elsewhere).and_unwrap_with(before)
/// }
/// ```
#[derive(Debug)]
pub struct Keks(Vec<Member>);

/// One of them.
struct Member {
    wraps: bool,
    kek: OnceLock<Kek>,
    /// What it is connected to when it is first needed.
    backend: Option<(Arc<dyn KekBackend>, &'static dyn Engine)>,
}

impl From<Kek> for Keks {
    fn from(kek: Kek) -> Self {
        Self(vec![Member::connected(kek, true)])
    }
}

/// The first wraps, the others only unwrap.
impl From<Vec<Kek>> for Keks {
    fn from(keks: Vec<Kek>) -> Self {
        let members = keks.into_iter().enumerate();
        Self(members.map(|(place, kek)| Member::connected(kek, place == 0)).collect())
    }
}

impl Keks {
    /// A KEK that is connected when it is first needed.
    #[must_use]
    pub fn later(backend: Arc<dyn KekBackend>, engine: &'static dyn Engine) -> Self {
        Self(vec![Member::later(backend, engine, true)])
    }

    /// One more that wraps every key.
    #[must_use]
    pub fn and_wrap_with(mut self, keks: impl Into<Self>) -> Self {
        self.0.extend(keks.into().0.into_iter().map(|member| Member { wraps: true, ..member }));
        self
    }

    /// One more that only unwraps.
    #[must_use]
    pub fn and_unwrap_with(mut self, keks: impl Into<Self>) -> Self {
        self.0.extend(keks.into().0.into_iter().map(|member| Member { wraps: false, ..member }));
        self
    }

    /// Those that are connected, in their order.
    pub fn connected(&self) -> impl Iterator<Item = &Kek> {
        self.0.iter().filter_map(|member| member.kek.get())
    }

    /// Connects those that are not yet. It is enough that one is: what is not there is asked again when it is needed.
    pub(crate) async fn connect(&self) -> Result<(), Error> {
        let mut why = Error::new(ErrorKind::Invalid, "a key store needs a KEK");
        if self.0.iter().filter(|member| member.wraps).count() > Keyset::MAX_WRAPS {
            return Err(Error::new(ErrorKind::Invalid, "a key has one to eight wraps"));
        }
        for member in &self.0 {
            if let Err(error) = member.kek().await {
                if !may_go_on(error.kind()) {
                    return Err(error);
                }
                log::warn!("phiseal: a KEK of the key store cannot be reached: {error}");
                why = worse(why, error);
            }
        }
        self.refuse_twins()?;
        if self.connected().next().is_none() { Err(why) } else { Ok(()) }
    }

    /// Two wraps of one KEK are no more than one: of the KEKs that answered so far, each must be another.
    fn refuse_twins(&self) -> Result<(), Error> {
        let mut ids: Vec<_> = self.connected().map(|kek| &kek.info().id).collect();
        ids.sort();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::new(ErrorKind::Invalid, "a KEK is given twice"));
        }
        Ok(())
    }

    /// Each of them in their order, connected where that can be done: whether it wraps, and the KEK.
    pub(crate) async fn each(&self) -> Vec<(bool, Result<&Kek, Error>)> {
        let mut keks = Vec::new();
        for member in &self.0 {
            keks.push((member.wraps, member.kek().await));
        }
        keks
    }

    /// The key in one of these wraps.
    ///
    /// A KEK that is not connected is asked after all that are, unless those have had every wrap: then it has none, and its
    /// outage must not hide what they said.
    pub(crate) async fn unwrap(
        &self,
        wraps: &[WrappedKey],
        context: &EncryptionContext,
        expected: &FullKeyId,
    ) -> Result<DataKey, Error> {
        let mut why = Error::new(ErrorKind::Foreign, "no KEK of this store wrapped the key");
        let (ready, mut rest): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|member| member.kek.get().is_some());
        let is_of = |wrap: &WrappedKey, member: &&Member| {
            member.kek.get().is_some_and(|kek| kek.info().id == *wrap.kek_id())
        };
        if wraps.iter().all(|wrap| ready.iter().any(|member| is_of(wrap, member))) {
            rest.clear();
        }
        for member in ready.into_iter().chain(rest) {
            let opened = match member.kek().await {
                Ok(kek) => match wraps.iter().find(|wrap| *wrap.kek_id() == kek.info().id) {
                    Some(wrap) => kek.unwrap_key(wrap, context, expected).await,
                    None => continue,
                },
                Err(error) => Err(error),
            };
            match opened {
                Ok(key) => return Ok(key),
                Err(error) if may_go_on(error.kind()) => why = worse(why, error),
                Err(error) => return Err(error),
            }
        }
        Err(why)
    }

    /// A new key, its id, and a wrap of every KEK that wraps, each opened again.
    pub(crate) async fn generate(
        &self,
        context: &EncryptionContext,
    ) -> Result<(DataKey, FullKeyId, Vec<WrappedKey>), Error> {
        let [first, others @ ..] = &self.wrapping().await?[..] else {
            return Err(Error::new(ErrorKind::Invalid, "no KEK of the key store wraps new keys"));
        };
        let (generated, id) = first.generate_key(context).await?;
        first.unwrap_key(&generated.wrapped, context, &id).await?;
        let mut wraps = vec![generated.wrapped];
        for kek in others {
            wraps.push(new_wrap(kek, &generated.key, context, &id).await?);
        }
        Ok((generated.key, id, wraps))
    }

    /// What each KEK that wraps says of itself now.
    pub(crate) async fn describe(&self) -> Result<Vec<(&Kek, KekInfo)>, Error> {
        let mut described = Vec::new();
        for kek in self.wrapping().await? {
            described.push((kek, kek.describe().await?));
        }
        Ok(described)
    }

    /// A wrap of the current version of every KEK that wraps, each opened again; nothing when `wraps` is that already.
    pub(crate) async fn rewrap(
        &self,
        described: &[(&Kek, KekInfo)],
        wraps: &[WrappedKey],
        context: &EncryptionContext,
        id: &FullKeyId,
    ) -> Result<Option<Vec<WrappedKey>>, Error> {
        let own = |kek: &Kek| wraps.iter().find(|wrap| *wrap.kek_id() == kek.info().id);
        let mut new = Vec::new();
        for (kek, info) in described {
            let wrapped = match own(kek) {
                Some(wrap) if info.is_current(wrap) => {
                    new.push(wrap.clone());
                    continue;
                }
                Some(wrap) => match kek.rewrap_key(wrap, context).await {
                    Ok(wrapped) => {
                        kek.unwrap_key(&wrapped, context, id).await?;
                        wrapped
                    }
                    // The version that it was made by is gone: another KEK may open the key.
                    Err(error)
                        if matches!(error.kind(), ErrorKind::State | ErrorKind::NotFound) =>
                    {
                        self.wrap_again(kek, wraps, context, id).await?
                    }
                    Err(error) => return Err(error),
                },
                None => self.wrap_again(kek, wraps, context, id).await?,
            };
            new.push(current(wrapped, info)?);
        }
        Ok((new != wraps).then_some(new))
    }

    /// A wrap by `kek` of the key that one of `wraps` holds.
    async fn wrap_again(
        &self,
        kek: &Kek,
        wraps: &[WrappedKey],
        context: &EncryptionContext,
        id: &FullKeyId,
    ) -> Result<WrappedKey, Error> {
        let key = self.unwrap(wraps, context, id).await?;
        new_wrap(kek, &key, context, id).await
    }

    async fn wrapping(&self) -> Result<Vec<&Kek>, Error> {
        let mut keks = Vec::new();
        for member in self.0.iter().filter(|member| member.wraps) {
            keks.push(member.kek().await?);
        }
        // One may have been connected only now.
        self.refuse_twins()?;
        Ok(keks)
    }
}

impl Member {
    fn connected(kek: Kek, wraps: bool) -> Self {
        Self { wraps, kek: OnceLock::from(kek), backend: None }
    }

    fn later(backend: Arc<dyn KekBackend>, engine: &'static dyn Engine, wraps: bool) -> Self {
        Self { wraps, kek: OnceLock::new(), backend: Some((backend, engine)) }
    }

    async fn kek(&self) -> Result<&Kek, Error> {
        if let Some(kek) = self.kek.get() {
            return Ok(kek);
        }
        let Some((backend, engine)) = &self.backend else {
            return Err(Error::new(ErrorKind::Invalid, "a KEK without a backend"));
        };
        let kek = Kek::connect(Arc::clone(backend), *engine).await?;
        // Another task may have been quicker; both are handles of the same backend.
        Ok(self.kek.get_or_init(|| kek))
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("wraps", &self.wraps)
            .field("kek", &self.kek.get())
            .finish_non_exhaustive()
    }
}

/// A wrap of `key` by the current version of `kek`, opened again before the one that it replaces is given up.
async fn new_wrap(
    kek: &Kek,
    key: &DataKey,
    context: &EncryptionContext,
    id: &FullKeyId,
) -> Result<WrappedKey, Error> {
    let wrapped = kek.wrap_key(key, context).await?;
    kek.unwrap_key(&wrapped, context, id).await?;
    Ok(wrapped)
}

fn current(wrapped: WrappedKey, info: &KekInfo) -> Result<WrappedKey, Error> {
    if wrapped.kek_version() == info.current {
        Ok(wrapped)
    } else {
        Err(Error::new(ErrorKind::Conflict, "the KEK got a new version meanwhile"))
    }
}

/// Whether another KEK may be asked after this failure: it says nothing about the wrap.
const fn may_go_on(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unavailable
            | ErrorKind::Throttled
            | ErrorKind::Denied
            | ErrorKind::NotFound
            | ErrorKind::State
    )
}

/// What to tell when no KEK opened the key: that it may be opened later, if one of them may.
fn worse(known: Error, error: Error) -> Error {
    if known.is_retryable() { known } else { error }
}
