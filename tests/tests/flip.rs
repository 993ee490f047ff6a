//! FLIP: every changed bit, every truncation and every extension of a field is refused, for the right reason, and what
//! is refused leaves no plaintext behind.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's own functions fail by panicking")]

use phiseal::{BoundContext, Context, ErrorKind, FieldCipher, Suite};
use phiseal_format::FIELD_HEADER;
use phiseal_tests::numbers::{Dice, figure, full};
use phiseal_tests::warm::{Warm, matrix};
use std::collections::BTreeMap;
use std::time::Duration;

/// Lengths of plaintext at the edges of AES's blocks, and one of many blocks.
const SIZES: [usize; 7] = [0, 1, 15, 16, 17, 255, 4096];

/// What fills a buffer before something is opened into it.
const BEFORE: u8 = 0xa5;

/// How a field is opened: envelope and buffer in, the plaintext's length or a kind of error out.
type Open<'a> = &'a dyn Fn(&[u8], &mut [u8]) -> Result<usize, ErrorKind>;

/// How often each kind of error was met, and what must never be.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    refused: BTreeMap<&'static str, usize>,
    accepted: usize,
    left_behind: usize,
}

impl Tally {
    /// Opens `changed` and notes what comes of it, and whether anything is in the buffer afterwards.
    fn note(&mut self, open: Open<'_>, changed: &[u8]) {
        let mut out = vec![BEFORE; changed.len()];
        match open(changed, &mut out) {
            Ok(_) => self.accepted += 1,
            Err(kind) => {
                *self.refused.entry(name(kind)).or_default() += 1;
                self.left_behind += usize::from(!holds_nothing(&out));
            }
        }
    }

    fn refused(&self) -> usize {
        self.refused.values().sum()
    }
}

/// Whether a buffer for plaintext holds zeros and nothing else, not even what was in it before.
fn holds_nothing(out: &[u8]) -> bool {
    out.iter().all(|byte| *byte == 0)
}

fn name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Malformed => "malformed",
        ErrorKind::Foreign => "foreign",
        ErrorKind::Unauthenticated => "unauthenticated",
        other => panic!("an unexpected error: {other:?}"),
    }
}

/// The reason for which a changed bit of the byte at `place` must be refused.
fn reason(place: usize, changed: u8) -> &'static str {
    match place {
        0 if Suite::try_from(changed).is_err() => "malformed",
        1..17 => "foreign",
        _ => "unauthenticated",
    }
}

/// Every bit of `envelope`, one after another. Of a long ciphertext, outside a full run, the bits at both its ends and
/// of every 64th byte between.
fn flip_all(open: Open<'_>, envelope: &[u8], every: bool) -> Tally {
    let mut tally = Tally::default();
    let mut expected: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut changed = envelope.to_vec();
    for place in 0..envelope.len() {
        let at_an_end = place < FIELD_HEADER + 64 || place + 64 + 16 >= envelope.len();
        if !(every || at_an_end || place % 64 == 0) {
            continue;
        }
        for bit in 0..8 {
            changed[place] ^= 1 << bit;
            *expected.entry(reason(place, changed[place])).or_default() += 1;
            tally.note(open, &changed);
            changed[place] ^= 1 << bit;
        }
    }
    if tally.accepted == 0 {
        assert_eq!(tally.refused, expected);
    }
    assert_eq!(changed, envelope);
    tally
}

fn context() -> Context {
    Context::of_record("patient 17").field("notes").tenant("clinic")
}

struct Field {
    warm: Warm,
    bound: BoundContext,
    dice: Dice,
}

impl Field {
    fn new(engine: &'static dyn phiseal::Engine, suite: Suite) -> Self {
        let warm = Warm::new(engine, suite);
        let bound = warm.cipher().bind(&context()).unwrap();
        Self { warm, bound, dice: Dice::new(7) }
    }

    fn seal(&mut self, size: usize) -> (Vec<u8>, Vec<u8>) {
        let plaintext = self.dice.bytes(size);
        let envelope = self.warm.cipher().seal_bound(&plaintext, &self.bound).unwrap().into_bytes();
        assert_eq!(envelope.len(), size + FieldCipher::OVERHEAD);
        (plaintext, envelope)
    }
}

fn open_into<'a>(
    cipher: &'a FieldCipher,
    bound: &'a BoundContext,
) -> impl Fn(&[u8], &mut [u8]) -> Result<usize, ErrorKind> + 'a {
    move |envelope, out| cipher.open_into(envelope, bound, out).map_err(|error| error.kind())
}

/// Opens a copy where it lies, and shows in `out` what became of the ciphertext there when it was refused.
fn open_in_place<'a>(
    cipher: &'a FieldCipher,
    bound: &'a BoundContext,
) -> impl Fn(&[u8], &mut [u8]) -> Result<usize, ErrorKind> + 'a {
    move |envelope, out| {
        let mut buffer = envelope.to_vec();
        let opened = cipher.open_in_place(bound, &mut buffer).map(|plaintext| plaintext.len());
        opened.map_err(|error| {
            out.fill(0);
            if error.kind() == ErrorKind::Unauthenticated {
                let length = envelope.len() - FieldCipher::OVERHEAD;
                out[..length].copy_from_slice(&buffer[FIELD_HEADER..FIELD_HEADER + length]);
            } else {
                assert_eq!(buffer, envelope, "what was not decrypted stays as it was");
            }
            error.kind()
        })
    }
}

#[test]
fn every_changed_bit_is_refused() {
    let mut envelopes = 0;
    for (engine, suite) in matrix() {
        let mut field = Field::new(engine, suite);
        let cipher = field.warm.cipher();
        let rounds = figure(1, 28);
        for size in (0..rounds).flat_map(|_| &SIZES[..6]).chain(&SIZES[6..]) {
            let (_, envelope) = field.seal(*size);
            let tally = flip_all(&open_into(&cipher, &field.bound), &envelope, full());
            assert_eq!(
                (tally.accepted, tally.left_behind),
                (0, 0),
                "{} {suite:?} {size}",
                engine.name()
            );
            let least = (envelope.len() * 8).min((FIELD_HEADER + 64 + 64 + 16) * 8);
            assert!(tally.refused() >= least, "{} of {least}", tally.refused());
            envelopes += 1;
        }
    }
    assert_eq!(envelopes, 6 * figure(7, 6 * 28 + 1));
}

#[test]
fn every_changed_bit_is_refused_where_it_lies() {
    for (engine, suite) in matrix() {
        let mut field = Field::new(engine, suite);
        let cipher = field.warm.cipher();
        for size in [0, 1, 17, 255] {
            let (_, envelope) = field.seal(size);
            let tally = flip_all(&open_in_place(&cipher, &field.bound), &envelope, true);
            assert_eq!(
                (tally.accepted, tally.left_behind),
                (0, 0),
                "{} {suite:?} {size}",
                engine.name()
            );
            assert_eq!(tally.refused(), envelope.len() * 8);
        }
    }
}

#[test]
fn every_changed_bit_is_refused_by_a_domain() {
    let field = Field::new(phiseal::default_engine(), Suite::Xaes256Gcm);
    let envelope = field.warm.domain.seal("123-45-6789", &context()).unwrap();
    let mut refused = 0;
    for place in 0..envelope.as_bytes().len() {
        for bit in 0..8 {
            let mut changed = envelope.as_bytes().to_vec();
            changed[place] ^= 1 << bit;
            let expected = reason(place, changed[place]);
            let opened = phiseal::Sealed::try_from(changed)
                .and_then(|sealed| field.warm.domain.open::<Vec<u8>>(&sealed, &context()));
            assert_eq!(name(opened.map(|_| ()).unwrap_err().kind()), expected);
            refused += 1;
        }
    }
    assert_eq!(refused, (57 + 11) * 8);
}

#[test]
fn every_truncation_and_extension_is_refused() {
    for (engine, suite) in matrix() {
        let mut field = Field::new(engine, suite);
        let cipher = field.warm.cipher();
        for size in SIZES {
            let (_, envelope) = field.seal(size);
            for open in [
                &open_into(&cipher, &field.bound) as Open<'_>,
                &open_in_place(&cipher, &field.bound) as Open<'_>,
            ] {
                let mut cut = Tally::default();
                let step = if size > 255 && !full() { 16 } else { 1 };
                for length in
                    (0..envelope.len()).filter(|length| *length <= 64 || length % step == 0)
                {
                    cut.note(open, &envelope[..length]);
                }
                assert_eq!(
                    (cut.accepted, cut.left_behind),
                    (0, 0),
                    "{} {suite:?} {size}",
                    engine.name()
                );
                assert_eq!(cut.refused["malformed"], 57, "shorter than any envelope");
                assert_eq!(cut.refused.contains_key("unauthenticated"), size > 0);

                let mut extended = Tally::default();
                for more in 1..=64 {
                    let random = field.dice.bytes(more);
                    for tail in
                        [vec![0; more], random, envelope[envelope.len() - more.min(57)..].to_vec()]
                    {
                        extended.note(open, &[envelope.as_slice(), &tail].concat());
                        extended.note(open, &[&tail, envelope.as_slice()].concat());
                    }
                }
                assert_eq!(
                    (extended.accepted, extended.left_behind),
                    (0, 0),
                    "{} {suite:?} {size}",
                    engine.name()
                );
                assert_eq!(extended.refused(), 64 * 6);
            }
        }
    }
}

#[test]
fn a_buffer_that_is_too_short_holds_no_plaintext() {
    for (engine, suite) in matrix() {
        let mut field = Field::new(engine, suite);
        let (plaintext, envelope) = field.seal(17);
        let cipher = field.warm.cipher();
        for length in 0..17 {
            let mut out = vec![BEFORE; length];
            let error = cipher.open_into(&envelope, &field.bound, &mut out).unwrap_err();
            assert_eq!((error.kind(), out), (ErrorKind::Invalid, vec![0; length]));
        }
        for length in 0..17 + FieldCipher::OVERHEAD {
            let mut out = vec![BEFORE; length];
            let error = cipher.seal_into(&plaintext, &field.bound, &mut out).unwrap_err();
            assert_eq!((error.kind(), out), (ErrorKind::Invalid, vec![BEFORE; length]));
        }
        for length in 0..FieldCipher::OVERHEAD {
            let mut buffer = vec![0x5a; length];
            let error = cipher.seal_in_place(&field.bound, &mut buffer).unwrap_err();
            assert_eq!((error.kind(), buffer), (ErrorKind::Invalid, vec![0x5a; length]));
        }
    }
}

/// A context of another domain, and a key whose time is over.
#[test]
fn what_cannot_be_sealed_leaves_no_copy_of_the_plaintext() {
    let mut refused = 0;
    for (engine, suite) in matrix() {
        let field = Field::new(engine, suite);
        let late = field.warm.cipher();
        let elsewhere = field.warm.phiseal.domain("clinic/staff").unwrap().ready().unwrap();
        let padded = late.bind(&context().padded_to(16)).unwrap();
        let (_, envelope) = Field::new(engine, suite).seal(64);
        field.warm.clock.advance(Duration::from_secs(3 * 3600));
        for (cipher, expected) in [(&elsewhere, ErrorKind::Invalid), (&late, ErrorKind::Stale)] {
            for bound in [&field.bound, &padded] {
                let mut out = vec![BEFORE; 64 + 1 + FieldCipher::OVERHEAD];
                let error = cipher.seal_into(&[0x5a; 64], bound, &mut out).unwrap_err();
                assert_eq!(error.kind(), expected);
                assert!(!out.contains(&0x5a));
                assert_eq!(cipher.seal_bound(&[0x5a; 64], bound).unwrap_err().kind(), expected);

                let mut buffer = vec![0x5a; 64 + FieldCipher::OVERHEAD];
                let error = cipher.seal_in_place(bound, &mut buffer).unwrap_err();
                let padded = std::ptr::eq(bound, &padded) && expected == ErrorKind::Stale;
                let in_place = if padded { ErrorKind::Unsupported } else { expected };
                assert_eq!(error.kind(), in_place);
                assert_eq!(buffer, [0x5a; 64 + FieldCipher::OVERHEAD], "nothing was done to it");
                assert!(cipher.open_into(&envelope, bound, &mut out).is_err());
                assert!(!out.contains(&0x5a));
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 6 * 4);
}

/// The control: what is not changed opens, in each of the ways that the tests above use.
#[test]
fn an_unchanged_envelope_opens_control() {
    for (engine, suite) in matrix() {
        let mut field = Field::new(engine, suite);
        let cipher = field.warm.cipher();
        for size in SIZES {
            let (plaintext, envelope) = field.seal(size);
            let mut out = vec![BEFORE; size];
            assert_eq!(cipher.open_into(&envelope, &field.bound, &mut out).unwrap(), size);
            assert_eq!(out, plaintext);
            let mut buffer = envelope.clone();
            assert_eq!(cipher.open_in_place(&field.bound, &mut buffer).unwrap(), plaintext);
        }
    }
}

/// The control: a reader that takes the header from somewhere else, and one that forgets to wipe, are noticed.
#[test]
fn a_careless_reader_is_noticed_control() {
    let mut field = Field::new(phiseal::default_engine(), Suite::Xaes256Gcm);
    let cipher = field.warm.cipher();
    let (plaintext, envelope) = field.seal(255);
    let strict = open_into(&cipher, &field.bound);

    let trusting =
        |changed: &[u8], out: &mut [u8]| strict(&[&envelope[..17], &changed[17..]].concat(), out);
    assert_eq!(flip_all(&trusting, &envelope, true).accepted, 17 * 8);

    let untidy = |changed: &[u8], out: &mut [u8]| {
        let opened = strict(changed, out);
        if opened.is_err() {
            out[..255].copy_from_slice(&plaintext);
        }
        opened
    };
    assert_eq!(flip_all(&untidy, &envelope, true).left_behind, envelope.len() * 8);
}
