//! ALLOC and FOREIGN: a warm key allocates nothing, hostile input costs no more memory than itself, and what names
//! somebody else's key calls nobody.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal::{
    Context, DomainId, Engine, ErrorKind, FieldCipher, FullKeyId, Kek, KeyState, Keyset,
    NoncePolicy, Sealed, Suite,
};
use phiseal_format::{
    EncodedContext, EncryptionContext, EnvironmentId, FieldEnvelope, KekId, KekVersion,
    MAX_FIELD_ENVELOPE, WrapAlgorithm, WrappedKey, text,
};
use phiseal_tests::numbers::{Dice, figure};
use phiseal_tests::spy::SpyKek;
use phiseal_tests::warm::{Warm, matrix};
use pollster::block_on;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// The system's allocator, which counts what each thread asks of it.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a thread has asked for, in calls and in bytes.
#[derive(Clone, Copy)]
struct Counts {
    calls: u64,
    live: isize,
    peak: isize,
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { calls: 0, live: 0, peak: 0 }) };
}

/// Notes a call that takes `taken` bytes and then gives `given` back.
fn note(taken: usize, given: usize) {
    let bytes = |count| isize::try_from(count).unwrap_or(isize::MAX);
    // A thread that is ending has no counts any more, and nobody reads them.
    let _ = COUNTS.try_with(|counts| {
        let Counts { calls, live, peak } = counts.get();
        let (highest, live) = (live + bytes(taken), live + bytes(taken) - bytes(given));
        counts.set(Counts { calls: calls + u64::from(taken > 0), live, peak: peak.max(highest) });
    });
}

#[expect(unsafe_code, reason = "an allocator that counts is an implementation of an unsafe trait")]
// SAFETY: every call is handed to the system's allocator as it came; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: the caller's promise, unchanged.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: the caller's promise, unchanged.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, layout.size());
        // SAFETY: the caller's promise, unchanged.
        unsafe { System.dealloc(pointer, layout) }
    }

    /// Counted as if old and new bytes were there at the same time.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size, layout.size());
        // SAFETY: the caller's promise, unchanged.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// How often `work` allocated on this thread, and the most bytes that it held at once.
fn measured(work: impl FnOnce()) -> (u64, usize) {
    let before = COUNTS.get();
    COUNTS.set(Counts { peak: before.live, ..before });
    work();
    let after = COUNTS.get();
    (after.calls - before.calls, usize::try_from(after.peak - before.live).unwrap())
}

#[test]
fn the_allocator_counts_control() {
    assert_eq!(measured(|| ()), (0, 0));
    let (calls, peak) = measured(|| {
        let mut held = vec![1_u8; 1_000];
        held.reserve_exact(4_000);
        drop(std::hint::black_box(held));
        drop(std::hint::black_box(Box::new([0_u8; 10])));
    });
    assert_eq!((calls, peak), (3, 6_000));
}

fn place() -> Context {
    Context::of_record("patient 17").field("notes").tenant("clinic")
}

/// Calls each of the four functions that work in the caller's buffers `calls` times, on a key that is warm, and counts
/// what they allocate. Every 256th call of a thread takes a new block of nonces.
fn in_buffers_of_the_caller(cipher: &FieldCipher, calls: usize) -> u64 {
    let plain = cipher.bind(&place()).unwrap();
    let padded = cipher.bind(&place().padded_to(64)).unwrap();
    let plaintext = [0x5a; 48];
    let mut envelope = [0; 48 + FieldCipher::OVERHEAD];
    let mut longer = [0; 64 + 1 + FieldCipher::OVERHEAD];
    let mut out = [0; 65];
    let mut once = || {
        cipher.seal_into(&plaintext, &plain, &mut envelope).unwrap();
        assert_eq!(cipher.open_into(&envelope, &plain, &mut out).unwrap(), 48);
        assert_eq!(cipher.open_in_place(&plain, &mut envelope).unwrap(), plaintext);
        cipher.seal_in_place(&plain, &mut envelope).unwrap();
        cipher.seal_into(&plaintext, &padded, &mut longer).unwrap();
        assert_eq!(cipher.open_into(&longer, &padded, &mut out).unwrap(), 48);
    };
    once();
    measured(|| (0..calls).for_each(|_| once())).0
}

#[test]
fn a_warm_key_allocates_nothing() {
    for (index, (engine, suite)) in matrix().enumerate() {
        let calls = if index == 0 { 100_000 } else { figure(2_000, 100_000) };
        let cipher = Warm::new(engine, suite).cipher();
        assert_eq!(in_buffers_of_the_caller(&cipher, calls), 0, "{} {suite:?}", engine.name());
    }
}

/// With the machine's clock, and with a nonce drawn for each message.
#[test]
fn a_warm_key_allocates_nothing_with_other_choices() {
    for nonces in [NoncePolicy::PerBlock, NoncePolicy::PerMessage] {
        let kek = SpyKek::new(phiseal::default_engine(), [0x4b; 32]);
        let builder = phiseal::Phiseal::builder().options(move |options| options.nonces = nonces);
        let phiseal = phiseal::blocking::Phiseal::open_with(
            builder,
            phiseal::stores::MemoryStore::new(),
            kek,
        )
        .unwrap();
        let cipher = phiseal.domain("clinic/patients").unwrap().ready().unwrap();
        assert_eq!(in_buffers_of_the_caller(&cipher, figure(5_000, 100_000)), 0, "{nonces:?}");
    }
}

/// The control: what gives memory of its own allocates, each time.
#[test]
fn what_allocates_is_counted_control() {
    let cipher = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm).cipher();
    let bound = cipher.bind(&place()).unwrap();
    cipher.seal_bound(b"value", &bound).unwrap();
    let (calls, _) = measured(|| {
        (0..1_000).for_each(|_| drop(cipher.seal_bound(b"value", &bound).unwrap()));
    });
    assert_eq!(calls, 1_000);
}

/// What may be allocated beside as much as the input.
const ALLOWANCE: usize = 64 << 10;

const HOSTILE: usize = 10_000;

/// `good` with its lengths, or anything else, made huge or cut.
fn hostile(dice: &mut Dice, good: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=dice.below(3) {
        let width = [1, 2, 4, 8][dice.below(4)].min(bytes.len());
        let place = dice.below(bytes.len() - width + 1);
        let huge = &mut bytes[place..place + width];
        match dice.below(4) {
            0 => huge.fill(0xff),
            1 => huge.fill(0x7f),
            2 => {
                huge.fill(0);
                huge[0] = 0x80;
            }
            _ => dice.fill(huge),
        }
    }
    match dice.below(4) {
        0 => bytes.truncate(1 + dice.below(bytes.len())),
        1 => {
            let more = dice.below(70_000);
            bytes.extend(dice.bytes(more));
        }
        _ => {}
    }
    bytes
}

/// Gives `read` hostile changes of what `good` makes; returns how many it accepted and how many it refused.
fn attack(
    seed: u64,
    good: impl Fn(&mut Dice) -> Vec<u8>,
    mut read: impl FnMut(&[u8]) -> bool,
) -> (usize, usize) {
    let mut dice = Dice::new(seed);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..HOSTILE {
        let good = good(&mut dice);
        let mut input = hostile(&mut dice, &good);
        while input == good {
            input = hostile(&mut dice, &good);
        }
        let mut read_it = false;
        let (_, peak) = measured(|| read_it = read(&input));
        assert!(peak <= input.len() + ALLOWANCE, "{peak} for {} bytes", input.len());
        *(if read_it { &mut accepted } else { &mut refused }) += 1;
    }
    assert_eq!(accepted + refused, HOSTILE);
    (accepted, refused)
}

#[test]
fn hostile_fields_cost_no_more_than_themselves() {
    let warm = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm);
    let cipher = warm.cipher();
    let bound = cipher.bind(&place()).unwrap();
    let good = |dice: &mut Dice| {
        let length = dice.below(2_000);
        cipher.seal_bound(&dice.bytes(length), &bound).unwrap().into_bytes()
    };
    assert_eq!(attack(31, good, |input| cipher.open_bound::<Vec<u8>>(input, &bound).is_ok()).0, 0);
    let (accepted, refused) = attack(32, good, |input| Sealed::try_from(input).is_ok());
    assert!(accepted > 1_000 && refused > 100, "{accepted} and {refused}");

    let longest = vec![1; MAX_FIELD_ENVELOPE + 1];
    let (_, peak) = measured(|| assert!(cipher.open_bound::<Vec<u8>>(&longest, &bound).is_err()));
    assert!(
        peak < 1_000,
        "{peak}: a field that is too long is refused before anything is allocated"
    );
}

#[test]
fn hostile_texts_cost_no_more_than_themselves() {
    let good = |dice: &mut Dice| {
        let length = dice.below(2_000);
        text::encode(&dice.bytes(length)).into_bytes()
    };
    let (_, refused) = attack(33, good, |input| {
        str::from_utf8(input).is_ok_and(|text| text::decode(text).is_ok())
    });
    assert!(refused > 5_000, "{refused}");
}

#[test]
fn hostile_contexts_cost_no_more_than_themselves() {
    let domain = DomainId::from_bytes([0xd0; 16]);
    let good = |dice: &mut Dice| {
        let length = dice.below(900);
        Context::of_record(dice.bytes(length))
            .row_version(7)
            .encode(&domain)
            .unwrap()
            .as_bytes()
            .to_vec()
    };
    let (accepted, refused) = attack(34, good, |input| EncodedContext::parse(input).is_ok());
    assert!(accepted > 500 && refused > 500, "{accepted} and {refused}");

    let environment = EnvironmentId::from_bytes([0xe1; 16]);
    let good = |dice: &mut Dice| {
        let version = u32::from_be_bytes(dice.array());
        EncryptionContext::data_key(&environment, &domain, version).as_bytes().to_vec()
    };
    let (accepted, refused) = attack(35, good, |input| EncryptionContext::parse(input).is_ok());
    assert!(accepted > 500 && refused > 500, "{accepted} and {refused}");
}

fn wrapped(dice: &mut Dice, kek: &str) -> WrappedKey {
    let length = 1 + dice.below(200);
    let id = KekId::try_from(kek).unwrap();
    WrappedKey::new(WrapAlgorithm::Service, id, KekVersion(3), dice.bytes(length)).unwrap()
}

#[test]
fn hostile_wrapped_keys_cost_no_more_than_themselves() {
    let good = |dice: &mut Dice| wrapped(dice, "service:alias").to_bytes();
    let (accepted, refused) = attack(36, good, |input| WrappedKey::parse(input).is_ok());
    assert!(accepted > 500 && refused > 500, "{accepted} and {refused}");
}

fn keyset(dice: &mut Dice, versions: usize, kek: &str) -> Keyset {
    let (environment, domain) =
        (EnvironmentId::from_bytes(dice.array()), DomainId::from_bytes(dice.array()));
    let first = wrapped(dice, kek);
    let id = FullKeyId::from_bytes(dice.array());
    let mut keyset =
        Keyset::first(environment, domain, "clinic/patients", id, first, 1_800_000_000).unwrap();
    for _ in 1..versions {
        let next = wrapped(dice, kek);
        keyset =
            keyset.with_version(FullKeyId::from_bytes(dice.array()), next, 1_800_000_000).unwrap();
    }
    keyset
}

#[test]
fn hostile_keysets_cost_no_more_than_themselves() {
    let good = |dice: &mut Dice| {
        let versions = 1 + dice.below(8);
        keyset(dice, versions, "service:alias").to_bytes().unwrap()
    };
    let (accepted, refused) = attack(37, good, |input| Keyset::parse(input).is_ok());
    assert!(accepted > 100 && refused > 1_000, "{accepted} and {refused}");
}

/// The densest keyset there can be: as many versions and wraps as allowed, each as short as can be. It has a MAC, so that
/// only a holder of the store's key can make one, and even that costs a small multiple of what is stored.
#[test]
fn the_densest_keyset_costs_a_small_multiple_of_itself() {
    let mut dice = Dice::new(38);
    let short = || {
        WrappedKey::new(
            WrapAlgorithm::Service,
            KekId::try_from("k").unwrap(),
            KekVersion(1),
            vec![1],
        )
        .unwrap()
    };
    let mut keyset = keyset(&mut dice, 1, "k");
    for _ in 1..Keyset::MAX_VERSIONS {
        keyset = keyset.with_version(FullKeyId::from_bytes(dice.array()), short(), 0).unwrap();
    }
    let wraps = vec![short(); Keyset::MAX_WRAPS];
    let all = keyset.versions().iter().map(|version| (version.number(), wraps.clone())).collect();
    let bytes = keyset.with_wraps(all).unwrap().to_bytes().unwrap();
    let (_, peak) = measured(|| {
        assert_eq!(Keyset::parse(&bytes).unwrap().versions().len(), Keyset::MAX_VERSIONS)
    });
    assert!(peak <= 4 * bytes.len() + ALLOWANCE, "{peak} for {}", bytes.len());
}

#[test]
fn wrapped_keys_of_foreign_keks_call_nobody() {
    const KEYS: usize = 1_000;
    let engine = phiseal::default_engine();
    let spy = SpyKek::new(engine, [0x4b; 32]);
    let kek = block_on(Kek::connect(Arc::new(spy.clone()), engine)).unwrap();
    let warm = Warm::under(spy.clone(), engine, Suite::Xaes256Gcm);
    let store = warm.phiseal.key_store();
    let context = EncryptionContext::store_key(&EnvironmentId::from_bytes([0xe1; 16]));
    let mut dice = Dice::new(39);
    let before = spy.calls();
    for key in 0..KEYS {
        let foreign = format!("spy:{key:04x}{:016x}", dice.number());
        let id = FullKeyId::from_bytes(dice.array());
        let error =
            block_on(kek.unwrap_key(&wrapped(&mut dice, &foreign), &context, &id)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Foreign);
        let keyset = keyset(&mut dice, 1, &foreign);
        let error = block_on(store.unwrap(&keyset, &keyset.versions()[0])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Foreign);
    }
    assert_eq!(spy.calls() - before, 0);

    // The control: its own wrap is one call, and a wrap of its own name that it did not make is one, too.
    let (own, id) = block_on(kek.generate_key(&context)).unwrap();
    let forged = wrapped(&mut dice, kek.info().id.as_str());
    let before = spy.calls();
    block_on(kek.unwrap_key(&own.wrapped, &context, &id)).unwrap();
    block_on(kek.unwrap_key(&forged, &context, &id)).unwrap_err();
    assert_eq!(spy.calls() - before, 2);
}

/// An envelope that parses and names a key that nobody has.
fn foreign(dice: &mut Dice) -> Sealed {
    let mut bytes = dice.bytes(FieldCipher::OVERHEAD + 11);
    bytes[0] = 1 + u8::from(dice.coin());
    assert!(FieldEnvelope::parse(&bytes).is_ok());
    Sealed::try_from(bytes).unwrap()
}

/// Opens `count` foreign envelopes, so many milliseconds apart; returns calls of the backend and reads of the store.
fn open_foreign(warm: &Warm, count: u64, apart: u64) -> (u64, u64) {
    let mut dice = Dice::new(40);
    let before = (warm.kek.calls(), warm.store.reads());
    for _ in 0..count {
        let error = warm.domain.open::<Vec<u8>>(&foreign(&mut dice), &place()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Foreign);
        warm.clock.advance(Duration::from_millis(apart));
    }
    (warm.kek.calls() - before.0, warm.store.reads() - before.1)
}

#[test]
fn fields_under_foreign_keys_call_nobody() {
    for engine in phiseal::engines() {
        let warm = Warm::new(*engine, Suite::Xaes256Gcm);
        assert_eq!(open_foreign(&warm, 1_000, 0), (0, 1), "all within one moment");
        let warm = Warm::new(*engine, Suite::Xaes256Gcm);
        assert_eq!(open_foreign(&warm, 1_000, 10), (0, 10), "over ten seconds, one look in each");
        assert_eq!(warm.store.writes(), Warm::new(*engine, Suite::Xaes256Gcm).store.writes());
    }
}

#[test]
fn fields_under_foreign_keys_call_nobody_from_many_threads() {
    const THREADS: usize = 8;
    for _ in 0..figure(20, 200) {
        let warm = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm);
        let before = (warm.kek.calls(), warm.store.reads());
        let barrier = std::sync::Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for seed in 0..THREADS {
                let (warm, barrier) = (&warm, &barrier);
                scope.spawn(move || {
                    let mut dice = Dice::new(41 + u64::try_from(seed).unwrap());
                    barrier.wait();
                    for _ in 0..125 {
                        let error =
                            warm.domain.open::<Vec<u8>>(&foreign(&mut dice), &place()).unwrap_err();
                        assert_eq!(error.kind(), ErrorKind::Foreign);
                    }
                });
            }
        });
        assert_eq!((warm.kek.calls() - before.0, warm.store.reads() - before.1), (0, 1));
    }
}

#[test]
fn fields_under_foreign_keys_call_nobody_for_a_person() {
    let warm = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm);
    let person = warm.domain.subject_or_create("ann").unwrap();
    let mut dice = Dice::new(42);
    let before = (warm.kek.calls(), warm.store.reads());
    for _ in 0..1_000 {
        let error = person.open::<Vec<u8>>(&foreign(&mut dice), &place()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Foreign);
    }
    assert_eq!((warm.kek.calls() - before.0, warm.store.reads() - before.1), (0, 0));
}

/// The control: a key that another handle has just made is found by that one look, and asked for once.
#[test]
fn a_new_key_is_found_control() {
    let warm = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm);
    let engine: &'static dyn Engine = phiseal::default_engine();
    let other = phiseal::blocking::Phiseal::open_with(
        phiseal::Phiseal::builder().engine(engine).clock(warm.clock.clone()),
        warm.store.clone(),
        warm.kek.clone(),
    );
    let other = other.unwrap().domain("clinic/patients").unwrap();
    other.rotate().unwrap();
    let sealed = other.seal("123-45-6789", &place()).unwrap();

    let before = (warm.kek.calls(), warm.store.reads());
    assert_eq!(
        warm.domain.open::<String>(&sealed, &place()).unwrap().expose_secret(),
        "123-45-6789"
    );
    // One look; both versions are asked for, since the keyset changed; one usage count is read for the new key.
    assert_eq!((warm.kek.calls() - before.0, warm.store.reads() - before.1), (2, 2));
    assert_eq!(warm.domain.keyset().unwrap().versions()[0].state(), KeyState::Deactivated);
}
