//! A key that is warm seals and opens in the caller's buffers and allocates nothing.

use crate::counting::measured;
use crate::place;
use phiseal::{FieldCipher, NoncePolicy, Suite};
use phiseal_tests::numbers::figure;
use phiseal_tests::spy::SpyKek;
use phiseal_tests::warm::{Warm, matrix};

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
