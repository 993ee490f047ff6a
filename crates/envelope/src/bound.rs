use phiseal_format::{Context, DomainId, EncodedContext};
use phiseal_keys::Error;

/// A context encoded for one domain, for callers that seal many fields of one shape into their own buffers.
///
/// Made by [`FieldCipher::bind`](crate::FieldCipher::bind). Its `Debug` shows no values.
#[derive(Clone, Debug)]
pub struct BoundContext {
    domain: DomainId,
    encoded: EncodedContext,
    padding: Option<u32>,
}

impl BoundContext {
    pub(crate) fn new(context: &Context, domain: DomainId) -> Result<Self, Error> {
        let encoded = context.encode(&domain)?;
        let padding = encoded.padding();
        Ok(Self { domain, encoded, padding })
    }

    pub(crate) const fn domain(&self) -> DomainId {
        self.domain
    }

    pub(crate) const fn encoded(&self) -> &EncodedContext {
        &self.encoded
    }

    /// The length class that the field is padded to, if it is.
    pub(crate) const fn padding(&self) -> Option<u32> {
        self.padding
    }
}
