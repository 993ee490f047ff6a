use phiseal_format::{Context, DomainId, EncodedContext, FIELD_AAD_PREFIX, MAX_FIELD_AAD};
use phiseal_keys::Error;

/// A context encoded for one domain, for callers that seal many fields of one shape into their own buffers.
///
/// Made by [`FieldCipher::bind`](crate::FieldCipher::bind). Its `Debug` shows no values.
#[derive(Clone, Debug)]
pub struct BoundContext {
    domain: DomainId,
    /// `suite || key id || context`, as it is for the key that the cipher seals under now.
    aad: Aad,
    padding: Option<u32>,
}

#[derive(Clone)]
struct Aad(Vec<u8>);

impl BoundContext {
    pub(crate) fn new(
        context: &Context,
        domain: DomainId,
        prefix: [u8; FIELD_AAD_PREFIX],
        memory: Vec<u8>,
    ) -> Result<Self, Error> {
        let mut aad = memory;
        aad.clear();
        aad.reserve(FIELD_AAD_PREFIX + context.encoded_len());
        aad.extend_from_slice(&prefix);
        context.encode_into(&domain, &mut aad)?;
        Ok(Self { domain, aad: Aad(aad), padding: context.padding() })
    }

    /// Of associated data that is put together already.
    pub(crate) const fn of_aad(aad: Vec<u8>, domain: DomainId, padding: Option<u32>) -> Self {
        Self { domain, aad: Aad(aad), padding }
    }

    pub(crate) fn into_memory(self) -> Vec<u8> {
        self.aad.0
    }

    #[inline]
    pub(crate) const fn domain(&self) -> DomainId {
        self.domain
    }

    /// The length class that the field is padded to, if it is.
    #[inline]
    pub(crate) const fn padding(&self) -> Option<u32> {
        self.padding
    }

    /// The value of the context under `tag`, where there is one.
    pub(crate) fn value(&self, tag: u8) -> Option<&[u8]> {
        EncodedContext::value_in(self.aad.0.get(FIELD_AAD_PREFIX..)?, tag)
    }

    /// Calls `f` with `suite || key id || context`.
    ///
    /// Nothing is copied for the key that the context was bound under. Bytes that were stored a moment before they are
    /// authenticated would also stall the load of them, which costs more than the copy.
    #[inline]
    pub(crate) fn with_aad<R>(
        &self,
        prefix: &[u8; FIELD_AAD_PREFIX],
        f: impl FnOnce(&[u8]) -> R,
    ) -> R {
        if self.aad.0.first_chunk() == Some(prefix) {
            f(&self.aad.0)
        } else {
            self.with_other_aad(prefix, f)
        }
    }

    #[cold]
    fn with_other_aad<R>(&self, prefix: &[u8; FIELD_AAD_PREFIX], f: impl FnOnce(&[u8]) -> R) -> R {
        // An encoded context is at most 1,024 bytes by type, so what is copied always fits.
        let mut aad = [0; MAX_FIELD_AAD];
        let aad = &mut aad[..self.aad.0.len()];
        aad.copy_from_slice(&self.aad.0);
        aad[..FIELD_AAD_PREFIX].copy_from_slice(prefix);
        f(aad)
    }
}

impl core::fmt::Debug for Aad {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}
