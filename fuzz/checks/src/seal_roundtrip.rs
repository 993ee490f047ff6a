//! Sealing fields, in all three ways, and opening what was sealed.
//!
//! ```text
//! choices u8 | components u8 | { tag u8 | length u8 | value }... | padding, 0 to 2 bytes | plaintext
//! ```
//!
//! Of the choices, the lowest three bits pick the engine that seals, the suite and the engine that opens, the next two how
//! the field is padded. A value that is cut by the end of the input is what is left of it.

use std::collections::BTreeSet;

use phiseal::{BoundContext, Context, DomainId, Error, ErrorKind, FieldCipher, Phi, Sealed};
use phiseal_format::{
    FIELD_HEADER, FIELD_OVERHEAD, FieldEnvelope, MAX_CONTEXT, MAX_FIELD_PLAINTEXT, TAG_LEN, tag,
};

use crate::clinic::CLINIC;
use crate::context::{begin, extend};

/// Seals the plaintext that is in the input in the context that is in it, if that can be encoded, and opens it again:
/// under the other engine, in another context, with one bit changed.
pub fn seal_roundtrip(data: &[u8]) -> bool {
    let Some(message) = Message::read(data) else { return false };
    let sealing = CLINIC.patients(message.choices, message.choices >> 1);
    let opening = CLINIC.patients(message.choices >> 2, 0).ready().unwrap();
    // Every 2^24 messages the reserved uses of a key are spent; the next look at the key store reserves more.
    message.judge(&*sealing.ready().unwrap(), &opening).unwrap_or_else(|error| {
        assert_eq!(error.kind(), ErrorKind::Stale);
        message.judge(&*sealing.ready().unwrap(), &opening).unwrap()
    })
}

/// An input, read.
struct Message<'a> {
    choices: u8,
    components: Vec<(u8, Vec<u8>)>,
    padding: Option<u32>,
    plaintext: &'a [u8],
}

/// Length of the value of an encoded component besides its bytes, and of what the library adds: a version and a domain.
const COMPONENT_HEAD: usize = 5;
const LIBRARY_PART: usize = 1 + COMPONENT_HEAD + 16;

/// What no cipher writes into a buffer.
const UNTOUCHED: u8 = 0xa5;

impl<'a> Message<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let (&[choices, count], mut rest) = data.split_first_chunk()?;
        let mut components = Vec::new();
        for _ in 0..count & 7 {
            let (&[tag, length], after) = rest.split_first_chunk()?;
            let (value, after) = after.split_at(usize::from(length).min(after.len()));
            components.push((tag, component(tag, value)));
            rest = after;
        }
        let padding = match (choices >> 3) & 3 {
            0 => None,
            1 => Some(u32::from(take(&mut rest))),
            2 => Some(u32::from(take(&mut rest)) << 8 | u32::from(take(&mut rest))),
            // Longer than a field may be.
            _ => Some((16 << 20) + u32::from(take(&mut rest))),
        };
        Some(Self { choices, components, padding, plaintext: rest })
    }

    /// The context as an application makes it; `None` without a component to begin from.
    fn context(&self) -> Option<Context> {
        let ((first, value), others) = self.components.split_first()?;
        let context =
            others.iter().fold(begin(*first, value), |context, (tag, value)| match *tag {
                // The length class has a place of its own in the input; as a component it is a tag like others.
                tag::PADDING => context.application(tag::PADDING, value),
                tag => extend(context, tag, value),
            });
        Some(match self.padding {
            None => context,
            Some(class) => context.padded_to(class),
        })
    }

    /// Whether the context can be encoded, by the rules of the format.
    fn is_well_formed(&self) -> bool {
        let tags: BTreeSet<u8> = self.components.iter().map(|(tag, _)| *tag).collect();
        let first_is_row_version = self.components[0].0 == tag::ROW_VERSION;
        let values: usize =
            self.components.iter().map(|(_, value)| COMPONENT_HEAD + value.len()).sum();
        let padding = if self.padding.is_some() { COMPONENT_HEAD + 4 } else { 0 };
        tags.len() == self.components.len()
            && tags.iter().all(|tag| matches!(tag, 1 | 3..=6 | 128..))
            && !first_is_row_version
            && self.padding != Some(0)
            && LIBRARY_PART + values + padding <= MAX_CONTEXT
    }

    /// How long the plaintext is once it is padded.
    fn padded_length(&self) -> usize {
        match self.padding {
            None => self.plaintext.len(),
            Some(class) => {
                let class = usize::try_from(class).unwrap();
                self.plaintext.len().div_ceil(class).max(1) * class + 1
            }
        }
    }

    /// Seals in each way, opens in each way, and says whether there was something to be sealed.
    ///
    /// Returns the errors that sealing must not meet, [`ErrorKind::Stale`] among them.
    fn judge(&self, sealing: &dyn Sealer, opening: &FieldCipher) -> Result<bool, Error> {
        let Some(context) = self.context() else { return Ok(false) };
        let bound = match sealing.bind(&context) {
            Ok(bound) => bound,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Malformed);
                assert!(!self.is_well_formed(), "a context that is well-formed was refused");
                return Ok(false);
            }
        };
        assert!(self.is_well_formed(), "a context that is not well-formed was encoded");
        let envelopes = self.seal(sealing, &bound)?;

        let mut nonces = BTreeSet::new();
        let here = opening.bind(&context).unwrap();
        let elsewhere = opening.bind(&self.another(&context)).unwrap();
        for envelope in &envelopes {
            assert_eq!(envelope.len(), self.padded_length() + FIELD_OVERHEAD);
            assert!(nonces.insert(*FieldEnvelope::parse(envelope).unwrap().nonce()));
            self.open(opening, envelope, &here);
            assert_eq!(refusal(opening, envelope, &elsewhere), ErrorKind::Unauthenticated);
        }
        if let Some(envelope) = envelopes.first() {
            self.open_changed(opening, envelope, &here);
        }
        Ok(!envelopes.is_empty())
    }

    /// The envelopes: by value, into a buffer and, if the field is not padded, in place. None if it is too long.
    fn seal(&self, sealing: &dyn Sealer, bound: &BoundContext) -> Result<Vec<Vec<u8>>, Error> {
        let length = self.padded_length() + FIELD_OVERHEAD;
        if self.padded_length() > MAX_FIELD_PLAINTEXT {
            assert_eq!(sealing.seal(self.plaintext, bound).unwrap_err().kind(), ErrorKind::Invalid);
            return Ok(Vec::new());
        }
        let value = sealing.seal(self.plaintext, bound)?;

        let mut into = vec![UNTOUCHED; length + 3];
        assert_eq!(sealing.seal_into(self.plaintext, bound, &mut into)?, length);
        assert_eq!(into.split_off(length), [UNTOUCHED; 3]);

        let mut in_place = [&[0; FIELD_HEADER], self.plaintext, &[0; TAG_LEN]].concat();
        let before = in_place.clone();
        let sealed = sealing.seal_in_place(bound, &mut in_place);
        if self.padding.is_none() {
            sealed?;
            return Ok(vec![value, into, in_place]);
        }
        assert_eq!(sealed.unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(in_place, before);
        Ok(vec![value, into])
    }

    fn open(&self, opening: &FieldCipher, envelope: &[u8], bound: &BoundContext) {
        let value: Phi<Vec<u8>> = opening.open_bound(envelope, bound).unwrap();
        assert_eq!(value.expose_secret(), self.plaintext);

        let mut into = vec![UNTOUCHED; self.padded_length()];
        let length = opening.open_into(envelope, bound, &mut into).unwrap();
        assert_eq!(into[..length], *self.plaintext);

        let mut buffer = envelope.to_vec();
        assert_eq!(opening.open_in_place(bound, &mut buffer).unwrap(), self.plaintext);
    }

    /// Changes one bit, which the plaintext picks.
    fn open_changed(&self, opening: &FieldCipher, envelope: &[u8], bound: &BoundContext) {
        let mut envelope = envelope.to_vec();
        let pick = self.plaintext.iter().fold(usize::from(self.choices), |pick, byte| {
            pick.wrapping_mul(31).wrapping_add(usize::from(*byte))
        });
        let place = pick % envelope.len();
        envelope[place] ^= 1 << (pick / envelope.len() % 8);
        let expected = match place {
            0 => ErrorKind::Malformed,
            1..17 => ErrorKind::Foreign,
            _ => ErrorKind::Unauthenticated,
        };
        assert_eq!(refusal(opening, &envelope, bound), expected, "byte {place}");
    }

    /// A context that differs in one component.
    fn another(&self, context: &Context) -> Context {
        let taken = |tag: &u8| self.components.iter().any(|(present, _)| present == tag);
        let free = (128..=u8::MAX).find(|tag| !taken(tag)).unwrap();
        let longer = context.clone().application(free, b"");
        if longer.encode(&DomainId::from_bytes([0; 16])).is_ok() {
            longer
        } else {
            Context::of_record("another")
        }
    }
}

/// A component's value; a row version is as long as it must be.
fn component(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    if tag == tag::ROW_VERSION {
        value.resize(8, 0);
    }
    value
}

fn take(rest: &mut &[u8]) -> u8 {
    let Some((first, after)) = rest.split_first() else { return 0 };
    *rest = after;
    *first
}

fn refusal(opening: &FieldCipher, envelope: &[u8], bound: &BoundContext) -> ErrorKind {
    opening.open_bound::<Vec<u8>>(envelope, bound).unwrap_err().kind()
}

/// The three ways in which a cipher seals; the seam at which tests put broken ones.
trait Sealer {
    fn bind(&self, context: &Context) -> Result<BoundContext, Error>;
    fn seal(&self, plaintext: &[u8], context: &BoundContext) -> Result<Vec<u8>, Error>;
    fn seal_into(
        &self,
        plaintext: &[u8],
        context: &BoundContext,
        out: &mut [u8],
    ) -> Result<usize, Error>;
    fn seal_in_place(&self, context: &BoundContext, buffer: &mut [u8]) -> Result<(), Error>;
}

impl Sealer for FieldCipher {
    fn bind(&self, context: &Context) -> Result<BoundContext, Error> {
        FieldCipher::bind(self, context)
    }

    fn seal(&self, plaintext: &[u8], context: &BoundContext) -> Result<Vec<u8>, Error> {
        self.seal_bound(plaintext, context).map(Sealed::into_bytes)
    }

    fn seal_into(
        &self,
        plaintext: &[u8],
        context: &BoundContext,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        FieldCipher::seal_into(self, plaintext, context, out)
    }

    fn seal_in_place(&self, context: &BoundContext, buffer: &mut [u8]) -> Result<(), Error> {
        FieldCipher::seal_in_place(self, context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::must_panic;
    use std::sync::{Arc, Mutex};

    /// A cipher with one fault.
    struct Broken {
        cipher: Arc<FieldCipher>,
        fault: Fault,
        first: Mutex<Option<Vec<u8>>>,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        DropsTheContext,
        TakesAnyContext,
        SealsTwiceUnderOneNonce,
        CutsThePlaintext,
        WritesBeyond,
        SealsNothingInPlace,
    }

    impl Sealer for Broken {
        fn bind(&self, context: &Context) -> Result<BoundContext, Error> {
            let other = Context::of_record("the same for all");
            match self.fault {
                Fault::DropsTheContext => self.cipher.bind(&other),
                Fault::TakesAnyContext => {
                    self.cipher.bind(context).or_else(|_| self.cipher.bind(&other))
                }
                _ => self.cipher.bind(context),
            }
        }

        fn seal(&self, plaintext: &[u8], context: &BoundContext) -> Result<Vec<u8>, Error> {
            let cut = if self.fault == Fault::CutsThePlaintext { 1 } else { 0 };
            let sealed = Sealer::seal(&*self.cipher, &plaintext[cut..], context)?;
            *self.first.lock().unwrap() = Some(sealed.clone());
            Ok(sealed)
        }

        fn seal_into(
            &self,
            plaintext: &[u8],
            context: &BoundContext,
            out: &mut [u8],
        ) -> Result<usize, Error> {
            let length = Sealer::seal_into(&*self.cipher, plaintext, context, out)?;
            match self.fault {
                Fault::SealsTwiceUnderOneNonce => {
                    out[..length].copy_from_slice(self.first.lock().unwrap().as_ref().unwrap())
                }
                Fault::WritesBeyond => out[length] = 0,
                _ => {}
            }
            Ok(length)
        }

        fn seal_in_place(&self, context: &BoundContext, buffer: &mut [u8]) -> Result<(), Error> {
            if self.fault == Fault::SealsNothingInPlace {
                return Ok(());
            }
            Sealer::seal_in_place(&*self.cipher, context, buffer)
        }
    }

    fn judge(data: &[u8], fault: Fault) -> bool {
        let cipher = CLINIC.patients(0, 0).ready().unwrap();
        let opening = CLINIC.patients(1, 0).ready().unwrap();
        let broken = Broken { cipher, fault, first: Mutex::new(None) };
        Message::read(data).unwrap().judge(&broken, &opening).unwrap()
    }

    #[test]
    fn each_fault_of_a_cipher_is_noticed() {
        let message = b"\x04\x02\x03\x041029\x04\x03ssn123-45-6789";
        assert!(judge(message, Fault::None));
        for fault in [
            Fault::DropsTheContext,
            Fault::SealsTwiceUnderOneNonce,
            Fault::CutsThePlaintext,
            Fault::WritesBeyond,
            Fault::SealsNothingInPlace,
        ] {
            must_panic(|| judge(message, fault));
        }
        let reserved = b"\x00\x02\x03\x041029\x64\x03ssn123-45-6789";
        assert!(!judge(reserved, Fault::None));
        must_panic(|| judge(reserved, Fault::TakesAnyContext));
    }

    #[test]
    fn every_choice_of_engines_suite_and_padding_is_sealed() {
        for choices in 0..24 {
            assert!(seal_roundtrip(&[choices, 1, 4, 3, b's', b's', b'n', 1, 1, b'x']), "{choices}");
        }
        assert!(!seal_roundtrip(&[24, 1, 4, 3, b's', b's', b'n', 1, 1, b'x']));
    }
}
