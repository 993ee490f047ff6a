use crate::component::{self, COMPONENT_HEAD, Component, Components, VERSION};
use crate::{DomainId, Error, ErrorKind};
use core::fmt;

/// Longest encoded context, in bytes.
pub const MAX_CONTEXT: usize = 1024;

/// The tags of context components.
pub mod tag {
    /// The tenant, the application's bytes.
    pub const TENANT: u8 = 1;
    /// The domain's 16-byte id, set by the library.
    pub const DOMAIN: u8 = 2;
    /// The record, the application's bytes.
    pub const RECORD: u8 = 3;
    /// The field, the application's bytes.
    pub const FIELD: u8 = 4;
    /// The use, the application's bytes.
    pub const USE: u8 = 5;
    /// The version of the row, eight bytes, big-endian.
    pub const ROW_VERSION: u8 = 6;
    /// The length class that the plaintext is padded to, four bytes, big-endian, not zero.
    pub const PADDING: u8 = 7;
    /// The first tag that an application defines; the last is 255.
    pub const APPLICATION: u8 = 128;
}

/// Bytes of the version and the domain's component, which an application's components share the limit with.
const LIBRARY_PART: usize = 1 + COMPONENT_HEAD + DomainId::LEN;
const MAX_BODY: usize = MAX_CONTEXT - LIBRARY_PART;

/// What a ciphertext is bound to, as the application says it: tenant, record, field, use. Never empty.
///
/// The domain is added when the context is encoded. Components may be given in any order; the bytes are the identity,
/// there is no Unicode normalisation. A component that is too long, given twice or out of range is remembered and
/// reported by [`encode`](Self::encode). `Debug` prints tags and lengths, because a context may name a patient.
///
/// ```
/// use phiseal_format::{Context, DomainId};
///
/// let context = Context::of_field("birth date").record("patient 17").tenant("clinic");
/// let domain = DomainId::from_bytes([7; 16]);
/// let encoded = context.encode(&domain)?;
/// assert_eq!(encoded.as_bytes().len(), 1 + (5 + 6) + (5 + 16) + (5 + 10) + (5 + 10));
/// assert_eq!(format!("{context:?}"), "Context[1(6 bytes), 3(10 bytes), 4(10 bytes)]");
/// # Ok::<(), phiseal_format::Error>(())
/// ```
///
/// There is no way from here to what a wrap is bound to, nor back, because that goes to the logs of key services:
///
/// ```compile_fail,E0277
/// use phiseal_format::{Context, EncryptionContext};
///
/// let wrap: EncryptionContext = Context::of_tenant("clinic").into();
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Context {
    /// The components without version and domain, sorted by tag.
    body: Vec<u8>,
    /// The length class among the components, at hand.
    padding: Option<u32>,
    fault: Option<Error>,
}

impl Context {
    /// A context that begins with a tenant.
    #[must_use]
    pub fn of_tenant(tenant: impl AsRef<[u8]>) -> Self {
        Self::start(tag::TENANT, tenant.as_ref())
    }

    /// A context that begins with a record.
    #[must_use]
    pub fn of_record(record: impl AsRef<[u8]>) -> Self {
        Self::start(tag::RECORD, record.as_ref())
    }

    /// A context that begins with a field.
    #[must_use]
    pub fn of_field(field: impl AsRef<[u8]>) -> Self {
        Self::start(tag::FIELD, field.as_ref())
    }

    /// A context that begins with a use.
    #[must_use]
    pub fn of_usage(usage: impl AsRef<[u8]>) -> Self {
        Self::start(tag::USE, usage.as_ref())
    }

    /// A context that begins with a component of the application's own, under a tag from 128 to 255.
    #[must_use]
    pub fn of_application(tag: u8, value: impl AsRef<[u8]>) -> Self {
        Self::nothing().application(tag, value)
    }

    /// Adds the tenant.
    #[must_use]
    pub fn tenant(self, tenant: impl AsRef<[u8]>) -> Self {
        self.with(tag::TENANT, tenant.as_ref())
    }

    /// Adds the record.
    #[must_use]
    pub fn record(self, record: impl AsRef<[u8]>) -> Self {
        self.with(tag::RECORD, record.as_ref())
    }

    /// Adds the field.
    #[must_use]
    pub fn field(self, field: impl AsRef<[u8]>) -> Self {
        self.with(tag::FIELD, field.as_ref())
    }

    /// Adds the use.
    #[must_use]
    pub fn usage(self, usage: impl AsRef<[u8]>) -> Self {
        self.with(tag::USE, usage.as_ref())
    }

    /// Adds the version of the row: an older value of the same cell then no longer opens.
    #[must_use]
    pub fn row_version(self, version: u64) -> Self {
        self.with(tag::ROW_VERSION, &version.to_be_bytes())
    }

    /// Has the plaintext padded before it is sealed: its length shows only to the next multiple of `class` bytes.
    ///
    /// A field that was sealed padded opens only as padded to the same class. A class of zero is a fault.
    #[must_use]
    pub fn padded_to(mut self, class: u32) -> Self {
        if class == 0 {
            self.fault.get_or_insert(ErrorKind::Length.into());
            return self;
        }
        self.padding = Some(class);
        self.with(tag::PADDING, &class.to_be_bytes())
    }

    /// Adds a component of the application's own, under a tag from 128 to 255.
    #[must_use]
    pub fn application(mut self, tag: u8, value: impl AsRef<[u8]>) -> Self {
        if tag < tag::APPLICATION {
            self.fault.get_or_insert(ErrorKind::Reserved.into());
            return self;
        }
        self.with(tag, value.as_ref())
    }

    /// The components in the order of their tags, without the domain.
    #[must_use]
    pub fn components(&self) -> Components<'_> {
        Components::new(&self.body)
    }

    /// Encodes the context with `domain` in its place.
    ///
    /// # Errors
    ///
    /// What was remembered while it was built: [`ErrorKind::TooLong`] when the encoding would be over
    /// [`MAX_CONTEXT`] bytes, [`ErrorKind::Duplicate`], [`ErrorKind::Reserved`] for an application's tag below 128,
    /// [`ErrorKind::Length`] for a length class of zero.
    pub fn encode(&self, domain: &DomainId) -> Result<EncodedContext, Error> {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        self.encode_into(domain, &mut bytes)?;
        Ok(EncodedContext(bytes))
    }

    /// Appends what [`encode`](Self::encode) gives to `out`, which need not grow when it is used again.
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode); nothing is then appended.
    pub fn encode_into(&self, domain: &DomainId, out: &mut Vec<u8>) -> Result<(), Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let (before, after) =
            self.body.split_at_checked(self.place_of(tag::DOMAIN).0).unwrap_or_default();
        out.push(VERSION);
        out.extend_from_slice(before);
        component::push(out, tag::DOMAIN, domain.as_bytes());
        out.extend_from_slice(after);
        Ok(())
    }

    /// What [`encode`](Self::encode) gives with further components of these tags, which differ from one field to the next and are
    /// left out: one piece more than tags. Between two pieces goes a component's length, four bytes, big-endian, and its value.
    ///
    /// ```
    /// use phiseal_format::{Context, DomainId, tag};
    ///
    /// let (column, domain) = (Context::of_field("ssn"), DomainId::from_bytes([7; 16]));
    /// let pieces = column.encode_around(&domain, &[tag::RECORD])?;
    /// let whole = [&pieces[0][..], &2_u32.to_be_bytes(), b"17", &pieces[1]].concat();
    /// assert_eq!(whole, column.record("17").encode(&domain)?.as_bytes());
    /// # Ok::<(), phiseal_format::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`encode`](Self::encode) without the components that are left out; [`ErrorKind::Duplicate`] for a tag that is given
    /// twice; [`ErrorKind::Reserved`] for one that is neither tenant, record, field, use, row version nor the application's.
    pub fn encode_around(&self, domain: &DomainId, tags: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let own = self.components().map(|component| (component.tag(), Some(component.value())));
        let library = (tag::DOMAIN, Some(&domain.as_bytes()[..]));
        let left_out = tags.iter().map(|tag| (*tag, None));
        let mut all: Vec<_> = own.chain([library]).chain(left_out).collect();
        all.sort_by_key(|(tag, _)| *tag);
        let (mut pieces, mut piece, mut previous) = (Vec::new(), vec![VERSION], None);
        for (tag, value) in all {
            if previous.replace(tag) == Some(tag) {
                return Err(ErrorKind::Duplicate.into());
            }
            match value {
                Some(value) => component::push(&mut piece, tag, value),
                None if may_differ(tag) => {
                    piece.push(tag);
                    pieces.push(core::mem::take(&mut piece));
                }
                None => return Err(ErrorKind::Reserved.into()),
            }
        }
        pieces.push(piece);
        Ok(pieces)
    }

    /// How many bytes [`encode_into`](Self::encode_into) appends.
    #[must_use]
    #[inline]
    pub fn encoded_len(&self) -> usize {
        self.body.len().saturating_add(LIBRARY_PART)
    }

    /// The length class that the plaintext is padded to, where it is.
    #[must_use]
    #[inline]
    pub const fn padding(&self) -> Option<u32> {
        self.padding
    }

    fn start(tag: u8, value: &[u8]) -> Self {
        Self::nothing().with(tag, value)
    }

    /// What constructors begin from; never handed out. Most contexts fit without growing.
    fn nothing() -> Self {
        Self { body: Vec::with_capacity(96), padding: None, fault: None }
    }

    fn with(mut self, tag: u8, value: &[u8]) -> Self {
        if let Err(error) = self.insert(tag, value) {
            self.fault.get_or_insert(error);
        }
        self
    }

    fn insert(&mut self, tag: u8, value: &[u8]) -> Result<(), Error> {
        let (place, taken) = self.place_of(tag);
        if taken {
            return Err(ErrorKind::Duplicate.into());
        }
        let room = MAX_BODY.saturating_sub(self.body.len());
        if value.len().saturating_add(COMPONENT_HEAD) > room {
            return Err(ErrorKind::TooLong.into());
        }
        let after = self.body.split_off(place.min(self.body.len()));
        component::push(&mut self.body, tag, value);
        self.body.extend_from_slice(&after);
        Ok(())
    }

    /// Where a component of `tag` stands or would stand, and whether one stands there.
    fn place_of(&self, tag: u8) -> (usize, bool) {
        let mut components = self.components();
        let mut place = 0;
        while let Some(component) = components.next() {
            if component.tag() >= tag {
                return (place, component.tag() == tag);
            }
            place = self.body.len().saturating_sub(components.remaining());
        }
        (place, false)
    }
}

/// Whether a component of this tag may differ from one field of a column to the next.
const fn may_differ(tag: u8) -> bool {
    !matches!(tag, tag::DOMAIN | tag::PADDING)
        && matches!(tag, tag::TENANT..=tag::ROW_VERSION | tag::APPLICATION..)
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context{:?}", self.components())?;
        match self.fault {
            Some(fault) => write!(f, " ({fault})"),
            None => Ok(()),
        }
    }
}

/// The canonical bytes of a context, domain included: at most [`MAX_CONTEXT`]. One value has one encoding.
///
/// `Debug` prints tags and lengths only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EncodedContext(Vec<u8>);

impl EncodedContext {
    /// Reads canonical bytes, and nothing else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`] over [`MAX_CONTEXT`] bytes, [`ErrorKind::Truncated`], [`ErrorKind::UnknownVersion`],
    /// [`ErrorKind::UnknownTag`], [`ErrorKind::Order`], [`ErrorKind::Duplicate`], [`ErrorKind::Length`] for a domain
    /// that is not 16, a row version that is not 8 or a length class that is not 4 bytes long or is zero,
    /// [`ErrorKind::Missing`] without a domain, [`ErrorKind::Empty`] without anything beside domain and length class.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut components = Components::after_version(bytes)?;
        let (mut domain, mut others) = (false, false);
        while let Some(component) = components.try_next()? {
            let length = component.value().len();
            match component.tag() {
                tag::DOMAIN if length != DomainId::LEN => return Err(ErrorKind::Length.into()),
                tag::ROW_VERSION if length != size_of::<u64>() => {
                    return Err(ErrorKind::Length.into());
                }
                tag::PADDING if length != size_of::<u32>() || component.value() == [0; 4] => {
                    return Err(ErrorKind::Length.into());
                }
                tag::DOMAIN => domain = true,
                tag::PADDING => {}
                tag::TENANT..=tag::ROW_VERSION | tag::APPLICATION.. => others = true,
                _ => return Err(ErrorKind::UnknownTag.into()),
            }
        }
        match (domain, others) {
            (true, true) => Ok(Self(bytes.to_vec())),
            (false, true) => Err(ErrorKind::Missing.into()),
            (_, false) => Err(ErrorKind::Empty.into()),
        }
    }

    /// The bytes that follow suite and key id in the associated data.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The components in the order of their tags.
    #[must_use]
    pub fn components(&self) -> Components<'_> {
        Components::new(self.0.get(1..).unwrap_or_default())
    }

    /// The length class that the plaintext is padded to, where it is.
    #[must_use]
    pub fn padding(&self) -> Option<u32> {
        self.value(tag::PADDING).and_then(|value| value.try_into().ok()).map(u32::from_be_bytes)
    }

    /// The value under `tag`, where there is one.
    #[must_use]
    pub fn value(&self, tag: u8) -> Option<&[u8]> {
        Self::value_in(&self.0, tag)
    }

    /// The value under `tag` in the bytes of an encoded context, up to where they are not one.
    #[must_use]
    pub fn value_in(encoded: &[u8], tag: u8) -> Option<&[u8]> {
        let mut components = Components::new(encoded.get(1..)?);
        components.find(|component| component.tag() == tag).as_ref().map(Component::value)
    }
}

impl AsRef<[u8]> for EncodedContext {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for EncodedContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodedContext{:?}", self.components())
    }
}
