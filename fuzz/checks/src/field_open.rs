//! Opening fields, in all three ways, with warm ciphers.
//!
//! ```text
//! sample and shape u8 | engine and context u8 | bytes
//! ```
//!
//! The lowest three bits of the first byte pick one of this target's own envelopes, the next two a [`Shape`]. Of the second
//! byte, the lowest bit picks the engine, the next three what the cipher is told that the field was sealed as.

use std::sync::{Arc, LazyLock};

use phiseal::{BoundContext, Context, Error, ErrorKind, FieldCipher, Phi, context};
use phiseal_format::{FIELD_HEADER, FIELD_OVERHEAD, FieldEnvelope};

use crate::clinic::{CLINIC, ENGINES};
use crate::mask::Shape;

/// Opens what the input makes of the target's own envelopes. It opens if it is one of them, unchanged and in its own
/// context, and nothing else does; the error's kind is the one that the documentation says.
pub fn field_open(data: &[u8]) -> bool {
    let Some(case) = Case::read(data) else { return false };
    let handle = &OWN.handles[case.engine];
    case.judge(&*handle.cipher, handle)
}

/// An envelope that the target sealed itself.
struct Sample {
    /// Which context it was sealed in.
    context: usize,
    plaintext: Vec<u8>,
    envelope: Vec<u8>,
}

/// A cipher and the contexts, encoded for it; the last one is of another domain.
struct Handle {
    cipher: Arc<FieldCipher>,
    contexts: Vec<BoundContext>,
}

struct Own {
    samples: [Sample; 8],
    handles: [Handle; ENGINES.len()],
}

/// Where in [`Handle::contexts`] the one of another domain is.
const OF_ANOTHER_DOMAIN: usize = 4;

/// What no cipher writes into a buffer.
const UNTOUCHED: u8 = 0xa5;

static OWN: LazyLock<Own> = LazyLock::new(|| {
    let contexts = contexts();
    let seal = |engine, suite, context: usize, plaintext: &[u8]| Sample {
        context,
        plaintext: plaintext.to_vec(),
        envelope: CLINIC
            .patients(engine, suite)
            .seal(plaintext, &contexts[context])
            .unwrap()
            .into_bytes(),
    };
    let older = &CLINIC.older;
    let samples = [
        seal(0, 0, 0, b""),
        seal(0, 0, 0, b"123-45-6789"),
        seal(1, 0, 1, &[b'x'; 100]),
        seal(0, 0, 2, b"padded to 64 bytes"),
        seal(0, 1, 0, b"under the other suite"),
        seal(1, 1, 1, &[0xff; 300]),
        Sample { context: 3, plaintext: older.plaintext.clone(), envelope: older.envelope.clone() },
        Sample {
            context: 0,
            plaintext: b"of staff".to_vec(),
            envelope: CLINIC.staff.seal(b"of staff", &contexts[0]).unwrap().into_bytes(),
        },
    ];
    let handles = [0, 1].map(|engine| {
        let cipher = CLINIC.patients(engine, 0).ready().unwrap();
        let mut bound: Vec<_> =
            contexts.iter().map(|context| cipher.bind(context).unwrap()).collect();
        bound.push(CLINIC.staff.ready().unwrap().bind(&contexts[0]).unwrap());
        Handle { cipher, contexts: bound }
    });
    Own { samples, handles }
});

fn contexts() -> [Context; OF_ANOTHER_DOMAIN] {
    [
        context!(record = "mrn-1029", field = "ssn"),
        context!(record = "mrn-1030", field = "ssn"),
        context!(record = "mrn-1029", field = "ssn", padded_to = 64),
        CLINIC.older.context.clone(),
    ]
}

/// An input, read.
struct Case {
    engine: usize,
    context: usize,
    bytes: Vec<u8>,
}

impl Case {
    fn read(data: &[u8]) -> Option<Self> {
        let ([first, second], rest) = data.split_first_chunk()?;
        let sample = &OWN.samples[usize::from(first & 7)];
        let context = match usize::from((second >> 1) & 7) {
            0 => sample.context,
            other => (other - 1).min(OF_ANOTHER_DOMAIN),
        };
        let bytes = Shape::of(first >> 3).apply(&sample.envelope, rest);
        Some(Self { engine: usize::from(second & 1), context, bytes })
    }

    /// What must come of it.
    fn expected(&self, handle: &Handle) -> Result<&'static [u8], ErrorKind> {
        let Ok(envelope) = FieldEnvelope::parse(&self.bytes) else {
            return Err(ErrorKind::Malformed);
        };
        if self.context == OF_ANOTHER_DOMAIN {
            return Err(ErrorKind::Invalid);
        }
        if handle.cipher.opening_key_ids().all(|id| id != envelope.key_id()) {
            return Err(ErrorKind::Foreign);
        }
        let own = OWN.samples.iter().find(|sample| sample.envelope == self.bytes);
        match own.filter(|sample| sample.context == self.context) {
            Some(sample) => Ok(&sample.plaintext),
            None => Err(ErrorKind::Unauthenticated),
        }
    }

    /// Opens it in each way, and says whether it opened.
    fn judge(&self, cipher: &dyn Opener, handle: &Handle) -> bool {
        let expected = self.expected(handle);
        let context = &handle.contexts[self.context];
        let kind = expected.map(drop);
        let length = self.bytes.len().saturating_sub(FIELD_OVERHEAD);

        let opened = cipher.open(&self.bytes, context);
        assert_eq!(opened.as_ref().map(Vec::as_slice).map_err(Error::kind), expected);

        let mut out = vec![UNTOUCHED; length + 3];
        let into = cipher.open_into(&self.bytes, context, &mut out).map_err(|error| error.kind());
        assert_eq!(into.map(drop), kind);
        if let (Ok(written), Ok(plaintext)) = (into, expected) {
            assert_eq!(&out[..written], plaintext);
        }
        match kind {
            Ok(()) => assert_eq!(out[length..], [UNTOUCHED; 3]),
            Err(_) => assert!(out.iter().all(|byte| *byte == 0)),
        }

        if length > 0 && kind != Err(ErrorKind::Malformed) {
            let mut short = vec![UNTOUCHED; length - 1];
            let refused = cipher.open_into(&self.bytes, context, &mut short);
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
            assert!(short.iter().all(|byte| *byte == 0));
        }

        let mut buffer = self.bytes.clone();
        let in_place = cipher.open_in_place(context, &mut buffer);
        assert_eq!(in_place.as_ref().map(Vec::as_slice).map_err(Error::kind), expected);
        if kind == Err(ErrorKind::Unauthenticated) {
            let body = FIELD_HEADER..FIELD_HEADER + length;
            assert!(buffer[body.clone()].iter().all(|byte| *byte == 0));
            buffer[body.clone()].copy_from_slice(&self.bytes[body]);
        }
        assert!(kind.is_ok() || buffer == self.bytes);
        kind.is_ok()
    }
}

/// The three ways in which a cipher opens; the seam at which tests put broken ones.
trait Opener {
    fn open(&self, envelope: &[u8], context: &BoundContext) -> Result<Vec<u8>, Error>;
    fn open_into(
        &self,
        envelope: &[u8],
        context: &BoundContext,
        out: &mut [u8],
    ) -> Result<usize, Error>;
    fn open_in_place(&self, context: &BoundContext, buffer: &mut [u8]) -> Result<Vec<u8>, Error>;
}

impl Opener for FieldCipher {
    fn open(&self, envelope: &[u8], context: &BoundContext) -> Result<Vec<u8>, Error> {
        let text: Result<Phi<String>, Error> = self.open_bound(envelope, context);
        let bytes: Phi<Vec<u8>> = match self.open_bound(envelope, context) {
            Ok(bytes) => bytes,
            Err(error) => {
                assert_eq!(text.unwrap_err().kind(), error.kind());
                return Err(error);
            }
        };
        match str::from_utf8(bytes.expose_secret()) {
            Ok(utf8) => assert_eq!(text.unwrap().expose_secret(), utf8),
            Err(_) => assert_eq!(text.unwrap_err().kind(), ErrorKind::Invalid),
        }
        Ok(bytes.expose_secret().clone())
    }

    fn open_into(
        &self,
        envelope: &[u8],
        context: &BoundContext,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        FieldCipher::open_into(self, envelope, context, out)
    }

    fn open_in_place(&self, context: &BoundContext, buffer: &mut [u8]) -> Result<Vec<u8>, Error> {
        FieldCipher::open_in_place(self, context, buffer).map(|plaintext| plaintext.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::must_panic;

    /// A cipher with one fault, in one of the ways to open.
    struct Broken {
        cipher: Arc<FieldCipher>,
        fault: Fault,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        OpensAnything,
        OpensAnythingInto,
        OpensAnythingInPlace,
        SaysForeign,
        LeavesPlaintext,
        LeavesPlaintextInPlace,
        WritesBeyond,
    }

    impl Opener for Broken {
        fn open(&self, envelope: &[u8], context: &BoundContext) -> Result<Vec<u8>, Error> {
            match (Opener::open(&*self.cipher, envelope, context), self.fault) {
                (Err(_), Fault::OpensAnything) => Ok(Vec::new()),
                (Err(_), Fault::SaysForeign) => Err(Error::new(ErrorKind::Foreign, "foreign")),
                (opened, _) => opened,
            }
        }

        fn open_into(
            &self,
            envelope: &[u8],
            context: &BoundContext,
            out: &mut [u8],
        ) -> Result<usize, Error> {
            let opened = Opener::open_into(&*self.cipher, envelope, context, out);
            match (self.fault, &opened) {
                (Fault::OpensAnythingInto, Err(_)) => return Ok(0),
                (Fault::LeavesPlaintext, Err(_)) => out[0] = b'J',
                (Fault::WritesBeyond, _) => *out.last_mut().unwrap() = 0,
                _ => {}
            }
            opened
        }

        fn open_in_place(
            &self,
            context: &BoundContext,
            buffer: &mut [u8],
        ) -> Result<Vec<u8>, Error> {
            let opened = Opener::open_in_place(&*self.cipher, context, buffer);
            match (self.fault, &opened) {
                (Fault::OpensAnythingInPlace, Err(_)) => return Ok(Vec::new()),
                (Fault::LeavesPlaintextInPlace, Err(_)) => buffer[FIELD_HEADER] = b'J',
                _ => {}
            }
            opened
        }
    }

    fn judge(data: &[u8], fault: Fault) -> bool {
        let case = Case::read(data).unwrap();
        let handle = &OWN.handles[case.engine];
        case.judge(&Broken { cipher: handle.cipher.clone(), fault }, handle)
    }

    /// The second sample with one bit of its ciphertext changed.
    fn one_bit() -> Vec<u8> {
        let mut data = vec![1 | 1 << 3, 0];
        data.resize(2 + FIELD_HEADER, 0);
        data.push(1);
        data
    }

    #[test]
    fn each_fault_of_a_cipher_is_noticed() {
        assert!(!judge(&one_bit(), Fault::None));
        for fault in [
            Fault::OpensAnything,
            Fault::OpensAnythingInto,
            Fault::OpensAnythingInPlace,
            Fault::SaysForeign,
            Fault::LeavesPlaintext,
            Fault::LeavesPlaintextInPlace,
        ] {
            must_panic(|| judge(&one_bit(), fault));
        }
        let unchanged = [1 | 1 << 3, 0];
        assert!(judge(&unchanged, Fault::None));
        must_panic(|| judge(&unchanged, Fault::WritesBeyond));
    }

    #[test]
    fn every_own_envelope_opens_under_both_engines_but_the_foreign_one() {
        for engine in 0..2 {
            for sample in 0..8 {
                assert_eq!(field_open(&[sample | 1 << 3, engine]), sample != 7, "{sample}");
            }
        }
    }

    #[test]
    fn one_that_is_told_another_context_does_not_open() {
        for context in 1..8 {
            let own = usize::from(context) - 1 == OWN.samples[1].context;
            assert_eq!(field_open(&[1 | 1 << 3, context << 1]), own, "{context}");
        }
    }
}
