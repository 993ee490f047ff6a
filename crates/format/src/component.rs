//! Version byte and tagged components: the encoding that contexts and encryption contexts share.

use crate::{Cursor, Error, ErrorKind, MAX_CONTEXT, write};
use core::fmt;

/// The version byte that begins every context.
pub(crate) const VERSION: u8 = 1;

/// Tag and length of a component, in bytes.
pub(crate) const COMPONENT_HEAD: usize = 5;

/// One component of a context, borrowed. `Debug` prints its tag and length only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Component<'a> {
    tag: u8,
    value: &'a [u8],
}

impl<'a> Component<'a> {
    /// What the value is: one of [`tag`](crate::tag).
    #[must_use]
    pub const fn tag(&self) -> u8 {
        self.tag
    }

    /// The value. It may name a person.
    #[must_use]
    pub const fn value(&self) -> &'a [u8] {
        self.value
    }
}

impl fmt::Debug for Component<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({} bytes)", self.tag, self.value.len())
    }
}

/// The components of a context, in the order of their tags.
#[derive(Clone)]
pub struct Components<'a> {
    cursor: Cursor<'a>,
    previous: Option<u8>,
}

impl<'a> Components<'a> {
    /// Walks components without a version byte before them.
    pub(crate) const fn new(body: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(body), previous: None }
    }

    /// Checks the length and the version byte of `bytes` and walks what follows.
    pub(crate) fn after_version(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_CONTEXT {
            return Err(ErrorKind::TooLong.into());
        }
        let mut cursor = Cursor::new(bytes);
        if cursor.u8()? != VERSION {
            return Err(ErrorKind::UnknownVersion.into());
        }
        Ok(Self { cursor, previous: None })
    }

    /// The next component, checked for order, repetition and length.
    pub(crate) fn try_next(&mut self) -> Result<Option<Component<'a>>, Error> {
        if self.cursor.is_empty() {
            return Ok(None);
        }
        let tag = self.cursor.u8()?;
        match self.previous {
            Some(previous) if tag == previous => return Err(ErrorKind::Duplicate.into()),
            Some(previous) if tag < previous => return Err(ErrorKind::Order.into()),
            _ => self.previous = Some(tag),
        }
        let value = self.cursor.prefixed_u32(MAX_CONTEXT)?;
        Ok(Some(Component { tag, value }))
    }

    pub(crate) const fn remaining(&self) -> usize {
        self.cursor.remaining()
    }
}

impl<'a> Iterator for Components<'a> {
    type Item = Component<'a>;

    fn next(&mut self) -> Option<Component<'a>> {
        self.try_next().ok().flatten()
    }
}

impl fmt::Debug for Components<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// Appends one component; the caller has bounded `value` to [`MAX_CONTEXT`].
pub(crate) fn push(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    debug_assert!(value.len() <= MAX_CONTEXT);
    write::push_u8(out, tag);
    write::push_u32(out, u32::try_from(value.len()).unwrap_or(u32::MAX));
    write::push_bytes(out, value);
}
