//! NONCE and WEAR: no nonce is used twice, no key more often than it may be.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod forks;
mod generators;
mod threads;
mod wear;

use phiseal_format::FieldEnvelope;

/// Epoch and count.
type Nonce = [u8; 24];

/// The nonce of an envelope.
fn nonce(envelope: &[u8]) -> Nonce {
    *FieldEnvelope::parse(envelope).unwrap().nonce()
}

/// How many nonces are there that were there before.
fn repeats(mut nonces: Vec<Nonce>) -> usize {
    nonces.sort_unstable();
    nonces.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

/// How many runs of consecutive counts there are, and how long the longest is.
fn runs(mut nonces: Vec<Nonce>) -> (usize, usize) {
    nonces.sort_unstable();
    let (mut runs, mut length, mut longest) = (0, 0, 0);
    let mut previous: Option<(u128, u128)> = None;
    for nonce in &nonces {
        let epoch =
            u128::from_be_bytes(core::array::from_fn(|i| if i < 4 { 0 } else { nonce[i - 4] }));
        let count =
            u128::from_be_bytes(core::array::from_fn(|i| if i < 4 { 0 } else { nonce[i + 8] }));
        if previous.is_some_and(|(e, c)| e == epoch && c + 1 == count) {
            length += 1;
        } else {
            runs += 1;
            length = 1;
        }
        longest = longest.max(length);
        previous = Some((epoch, count));
    }
    (runs, longest)
}

#[test]
fn the_checks_themselves() {
    let of = |epoch: u8, count: u8| {
        let mut nonce = [0; 24];
        (nonce[11], nonce[23]) = (epoch, count);
        nonce
    };
    assert_eq!(repeats(vec![of(1, 1), of(1, 2), of(2, 1)]), 0);
    assert_eq!(repeats(vec![of(1, 1), of(1, 2), of(1, 1), of(1, 1)]), 2);
    assert_eq!(runs(vec![of(1, 2), of(1, 1), of(2, 1), of(2, 3), of(2, 4), of(2, 5)]), (3, 3));
}
