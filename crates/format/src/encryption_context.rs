use crate::component::{self, Component, Components, VERSION};
use crate::{DomainId, EnvironmentId, Error, ErrorKind, SubjectTag, hex};
use core::fmt;

/// What a *wrap* of a key is bound to: opaque ids only, never anything that a person wrote.
///
/// Key services print it in their audit trails. Its tags lie in the application's range and never include the
/// domain's tag of a [`Context`](crate::Context), which every context has: no byte string is both.
///
/// ```
/// use phiseal_format::{DomainId, EncryptionContext, EnvironmentId};
///
/// let environment = EnvironmentId::from_bytes([1; 16]);
/// let domain = DomainId::from_bytes([2; 16]);
/// let context = EncryptionContext::data_key(&environment, &domain, 3);
/// let map: Vec<_> = context.components().collect();
/// assert_eq!(map[0], ("phiseal", "v1 data key".to_string()));
/// assert_eq!(map[3], ("version", "3".to_string()));
/// # Ok::<(), phiseal_format::Error>(())
/// ```
///
/// There is no way from here to a context, nor back:
///
/// ```compile_fail,E0277
/// use phiseal_format::{Context, EncryptionContext, EnvironmentId};
///
/// let environment = EnvironmentId::from_bytes([1; 16]);
/// let context: Context = EncryptionContext::store_key(&environment).into();
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EncryptionContext(Vec<u8>);

const PURPOSE: u8 = 128;
const ENVIRONMENT: u8 = 129;
const DOMAIN: u8 = 130;
const KEYSET_VERSION: u8 = 131;
const SUBJECT: u8 = 132;
const KEY_ID: u8 = 133;

/// Each purpose and the tags that follow it.
const DATA_KEY: (&str, &[u8]) = ("phiseal/v1 data key", &[ENVIRONMENT, DOMAIN, KEYSET_VERSION]);
const STORE_KEY: (&str, &[u8]) = ("phiseal/v1 store key", &[ENVIRONMENT]);
const SUBJECT_KEY: (&str, &[u8]) =
    ("phiseal/v1 subject key", &[ENVIRONMENT, DOMAIN, KEYSET_VERSION, SUBJECT, KEY_ID]);

impl EncryptionContext {
    /// For the data key of one version of a domain's keyset.
    #[must_use]
    pub fn data_key(environment: &EnvironmentId, domain: &DomainId, keyset_version: u32) -> Self {
        Self::new(DATA_KEY.0)
            .with(ENVIRONMENT, environment.as_bytes())
            .with(DOMAIN, domain.as_bytes())
            .with(KEYSET_VERSION, &keyset_version.to_be_bytes())
    }

    /// For the key that authenticates what the key store holds.
    #[must_use]
    pub fn store_key(environment: &EnvironmentId) -> Self {
        Self::new(STORE_KEY.0).with(ENVIRONMENT, environment.as_bytes())
    }

    /// For one person's data key, wrapped by one version of a domain's key; `key_id` is the full id of the former.
    #[must_use]
    pub fn subject_key(
        environment: &EnvironmentId,
        domain: &DomainId,
        keyset_version: u32,
        subject: &SubjectTag,
        key_id: &[u8; 32],
    ) -> Self {
        Self::new(SUBJECT_KEY.0)
            .with(ENVIRONMENT, environment.as_bytes())
            .with(DOMAIN, domain.as_bytes())
            .with(KEYSET_VERSION, &keyset_version.to_be_bytes())
            .with(SUBJECT, subject.as_bytes())
            .with(KEY_ID, key_id)
    }

    /// Reads canonical bytes, and nothing else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`], [`ErrorKind::Truncated`], [`ErrorKind::UnknownVersion`] for another version byte or
    /// purpose, [`ErrorKind::UnknownTag`] for a component that the purpose does not have, [`ErrorKind::Order`],
    /// [`ErrorKind::Duplicate`], [`ErrorKind::Length`], [`ErrorKind::Missing`], [`ErrorKind::Empty`] when there is no
    /// component at all.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut components = Components::after_version(bytes)?;
        let first = components.try_next()?.ok_or(ErrorKind::Empty)?;
        if first.tag() != PURPOSE {
            return Err(ErrorKind::Missing.into());
        }
        let (_, expected) = [DATA_KEY, STORE_KEY, SUBJECT_KEY]
            .into_iter()
            .find(|(purpose, _)| purpose.as_bytes() == first.value())
            .ok_or(ErrorKind::UnknownVersion)?;
        let mut expected = expected.iter();
        while let Some(component) = components.try_next()? {
            check(&component, &mut expected)?;
        }
        match expected.next() {
            None => Ok(Self(bytes.to_vec())),
            Some(_) => Err(ErrorKind::Missing.into()),
        }
    }

    /// The bytes that a wrap takes as associated data.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Names and values for a key service that takes a map of strings; ids in lower hex, the version in decimal.
    ///
    /// The first is `phiseal` and the purpose; then, as far as they are there, `environment`, `domain`, `version`,
    /// `subject` and `key`.
    pub fn components(&self) -> impl Iterator<Item = (&'static str, String)> {
        Components::new(self.0.get(1..).unwrap_or_default())
            .filter_map(|component| named(&component))
    }

    fn new(purpose: &str) -> Self {
        Self(vec![VERSION]).with(PURPOSE, purpose.as_bytes())
    }

    fn with(mut self, tag: u8, value: &[u8]) -> Self {
        component::push(&mut self.0, tag, value);
        self
    }
}

/// Checks that `component` is the next of `expected`, and as long as it must be.
fn check(component: &Component<'_>, expected: &mut core::slice::Iter<'_, u8>) -> Result<(), Error> {
    let tag = component.tag();
    if expected.next() != Some(&tag) {
        let later = expected.as_slice().contains(&tag);
        return Err(if later { ErrorKind::Missing } else { ErrorKind::UnknownTag }.into());
    }
    let length = match tag {
        KEYSET_VERSION => size_of::<u32>(),
        KEY_ID => 32,
        _ => 16,
    };
    if component.value().len() == length { Ok(()) } else { Err(ErrorKind::Length.into()) }
}

fn named(component: &Component<'_>) -> Option<(&'static str, String)> {
    let value = component.value();
    Some(match component.tag() {
        PURPOSE => ("phiseal", str::from_utf8(value).ok()?.strip_prefix("phiseal/")?.to_owned()),
        ENVIRONMENT => ("environment", hex::text(value)),
        DOMAIN => ("domain", hex::text(value)),
        KEYSET_VERSION => ("version", u32::from_be_bytes(value.try_into().ok()?).to_string()),
        SUBJECT => ("subject", hex::text(value)),
        KEY_ID => ("key", hex::text(value)),
        _ => return None,
    })
}

impl AsRef<[u8]> for EncryptionContext {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for EncryptionContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionContext ")?;
        f.debug_map().entries(self.components()).finish()
    }
}
