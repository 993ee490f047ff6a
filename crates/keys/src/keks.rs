//! The KEKs of a key store: those that wrap every key of it, those that only unwrap, and those that only wrap.

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
/// An escrow key wraps every key too, for the day when all others are gone, and is never asked to unwrap: whoever makes
/// keys has its public half, and nobody need have the private one. So a wrap by it is not opened before it is stored, and
/// that anybody may make one does no harm: what opens it then is given the store as its only KEK, and compares what comes
/// out with the key's id, as ever.
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
    role: Role,
    kek: OnceLock<Kek>,
    /// What it is connected to when it is first needed.
    backend: Option<(Arc<dyn KekBackend>, &'static dyn Engine)>,
}

/// What a KEK is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Wraps every key and unwraps.
    Wraps,
    /// Unwraps what it wrapped earlier.
    Unwraps,
    /// Wraps every key and is not asked to unwrap.
    Escrow,
}

impl Role {
    pub(crate) const fn wraps(self) -> bool {
        matches!(self, Self::Wraps | Self::Escrow)
    }

    const fn unwraps(self) -> bool {
        matches!(self, Self::Wraps | Self::Unwraps)
    }
}

/// A KEK that wraps, and what it says of itself now.
pub(crate) struct Described<'k> {
    pub(crate) role: Role,
    pub(crate) kek: &'k Kek,
    pub(crate) info: KekInfo,
}

impl From<Kek> for Keks {
    fn from(kek: Kek) -> Self {
        Self(vec![Member::connected(kek, Role::Wraps)])
    }
}

/// The first wraps, the others only unwrap.
impl From<Vec<Kek>> for Keks {
    fn from(keks: Vec<Kek>) -> Self {
        let roles = std::iter::once(Role::Wraps).chain(std::iter::repeat(Role::Unwraps));
        Self(keks.into_iter().zip(roles).map(|(kek, role)| Member::connected(kek, role)).collect())
    }
}

impl Keks {
    /// A KEK that is connected when it is first needed.
    #[must_use]
    pub fn later(backend: Arc<dyn KekBackend>, engine: &'static dyn Engine) -> Self {
        Self(vec![Member::later(backend, engine, Role::Wraps)])
    }

    /// One more that wraps every key.
    #[must_use]
    pub fn and_wrap_with(self, keks: impl Into<Self>) -> Self {
        self.and(keks.into(), Role::Wraps)
    }

    /// One more that only unwraps.
    #[must_use]
    pub fn and_unwrap_with(self, keks: impl Into<Self>) -> Self {
        self.and(keks.into(), Role::Unwraps)
    }

    /// One more that wraps every key and is never asked to unwrap.
    #[must_use]
    pub fn and_escrow_to(self, keks: impl Into<Self>) -> Self {
        self.and(keks.into(), Role::Escrow)
    }

    fn and(mut self, keks: Self, role: Role) -> Self {
        self.0.extend(keks.0.into_iter().map(|member| Member { role, ..member }));
        self
    }

    /// Those that are connected, in their order.
    pub fn connected(&self) -> impl Iterator<Item = &Kek> {
        self.0.iter().filter_map(|member| member.kek.get())
    }

    /// Those that are connected and may be asked to unwrap.
    pub(crate) fn unwrapping(&self) -> impl Iterator<Item = &Kek> {
        let unwrapping = self.0.iter().filter(|member| member.role.unwraps());
        unwrapping.filter_map(|member| member.kek.get())
    }

    /// Connects those that are not yet. It is enough that one that unwraps is: what is not there is asked again when it is
    /// needed.
    pub(crate) async fn connect(&self) -> Result<(), Error> {
        let mut why = Error::new(ErrorKind::Invalid, "a key store needs a KEK");
        if self.0.iter().filter(|member| member.role.wraps()).count() > Keyset::MAX_WRAPS {
            return Err(Error::new(ErrorKind::Invalid, "a key has one to eight wraps"));
        }
        for member in &self.0 {
            if let Err(error) = member.kek().await {
                if !may_go_on(error.kind()) {
                    return Err(error);
                }
                log::warn!("phiseal: a KEK of the key store cannot be reached: {error}");
                if member.role.unwraps() {
                    why = worse(why, error);
                }
            }
        }
        self.refuse_twins()?;
        if self.unwrapping().next().is_none() { Err(why) } else { Ok(()) }
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

    /// Each of them in their order, connected where that can be done.
    pub(crate) async fn each(&self) -> Vec<(Role, Result<&Kek, Error>)> {
        let mut keks = Vec::new();
        for member in &self.0 {
            keks.push((member.role, member.kek().await));
        }
        keks
    }

    /// The key in one of these wraps.
    ///
    /// A KEK that is not connected is asked after all that are, unless those have had every wrap: then it has none, and its
    /// outage must not hide what they said. An escrow key is not asked.
    pub(crate) async fn unwrap(
        &self,
        wraps: &[WrappedKey],
        context: &EncryptionContext,
        expected: &FullKeyId,
    ) -> Result<DataKey, Error> {
        let mut why = Error::new(ErrorKind::Foreign, "no KEK of this store wrapped the key");
        let (ready, mut rest): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|member| member.kek.get().is_some());
        let unwraps = |member: &&Member| member.role.unwraps();
        let is_of = |wrap: &WrappedKey, member: &&Member| {
            member.kek.get().is_some_and(|kek| kek.info().id == *wrap.kek_id())
        };
        if wraps.iter().all(|wrap| ready.iter().any(|member| is_of(wrap, member))) {
            rest.clear();
        }
        for member in ready.into_iter().chain(rest).filter(unwraps) {
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

    /// A new key, its id, and a wrap of every KEK that wraps, each opened again unless it is an escrow key's.
    pub(crate) async fn generate(
        &self,
        context: &EncryptionContext,
    ) -> Result<(DataKey, FullKeyId, Vec<WrappedKey>), Error> {
        let wrapping = self.wrapping().await?;
        let Some(place) = wrapping.iter().position(|(role, _)| *role == Role::Wraps) else {
            return Err(Error::new(ErrorKind::Invalid, "no KEK of the key store wraps new keys"));
        };
        let (_, first) = wrapping[place];
        let (generated, id) = first.generate_key(context).await?;
        first.unwrap_key(&generated.wrapped, context, &id).await?;
        let mut wraps = Vec::new();
        for (role, kek) in wrapping[..place].iter().chain(&wrapping[place + 1..]) {
            wraps.push(new_wrap(*role, kek, &generated.key, context, &id).await?);
        }
        wraps.insert(place, generated.wrapped);
        Ok((generated.key, id, wraps))
    }

    /// What each KEK that wraps says of itself now.
    pub(crate) async fn describe(&self) -> Result<Vec<Described<'_>>, Error> {
        let mut described = Vec::new();
        for (role, kek) in self.wrapping().await? {
            described.push(Described { role, kek, info: kek.describe().await? });
        }
        Ok(described)
    }

    /// A wrap of the current version of every KEK that wraps, each opened again unless it is an escrow key's; nothing when
    /// `wraps` is that already.
    pub(crate) async fn rewrap(
        &self,
        described: &[Described<'_>],
        wraps: &[WrappedKey],
        context: &EncryptionContext,
        id: &FullKeyId,
    ) -> Result<Option<Vec<WrappedKey>>, Error> {
        let mut new = Vec::new();
        for of in described {
            let Described { role, kek, info } = of;
            let wrapped = match wraps.iter().find(|wrap| *wrap.kek_id() == info.id) {
                Some(wrap) if info.is_current(wrap) => {
                    new.push(wrap.clone());
                    continue;
                }
                Some(wrap) if role.unwraps() => match kek.rewrap_key(wrap, context).await {
                    Ok(wrapped) => {
                        kek.unwrap_key(&wrapped, context, id).await?;
                        wrapped
                    }
                    // The version that it was made by is gone: another KEK may open the key.
                    Err(error)
                        if matches!(error.kind(), ErrorKind::State | ErrorKind::NotFound) =>
                    {
                        self.wrap_again(of, wraps, context, id).await?
                    }
                    Err(error) => return Err(error),
                },
                _ => self.wrap_again(of, wraps, context, id).await?,
            };
            new.push(current(wrapped, info)?);
        }
        Ok((new != wraps).then_some(new))
    }

    /// A wrap by this KEK of the key that one of `wraps` holds.
    async fn wrap_again(
        &self,
        of: &Described<'_>,
        wraps: &[WrappedKey],
        context: &EncryptionContext,
        id: &FullKeyId,
    ) -> Result<WrappedKey, Error> {
        let key = self.unwrap(wraps, context, id).await?;
        new_wrap(of.role, of.kek, &key, context, id).await
    }

    async fn wrapping(&self) -> Result<Vec<(Role, &Kek)>, Error> {
        let mut keks = Vec::new();
        for member in self.0.iter().filter(|member| member.role.wraps()) {
            keks.push((member.role, member.kek().await?));
        }
        // One may have been connected only now.
        self.refuse_twins()?;
        Ok(keks)
    }
}

impl Member {
    fn connected(kek: Kek, role: Role) -> Self {
        Self { role, kek: OnceLock::from(kek), backend: None }
    }

    fn later(backend: Arc<dyn KekBackend>, engine: &'static dyn Engine, role: Role) -> Self {
        Self { role, kek: OnceLock::new(), backend: Some((backend, engine)) }
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
            .field("role", &self.role)
            .field("kek", &self.kek.get())
            .finish_non_exhaustive()
    }
}

/// A wrap of `key` by the current version of `kek`, opened again before the one that it replaces is given up. An escrow
/// key's cannot be: whoever can open it is not here.
async fn new_wrap(
    role: Role,
    kek: &Kek,
    key: &DataKey,
    context: &EncryptionContext,
    id: &FullKeyId,
) -> Result<WrappedKey, Error> {
    let wrapped = kek.wrap_key(key, context).await?;
    if role.unwraps() {
        kek.unwrap_key(&wrapped, context, id).await?;
    }
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
