//! Hostile input costs no more memory than itself.

use crate::counting::measured;
use crate::{keyset, place, wrapped};
use phiseal::{Context, DomainId, FullKeyId, Keyset, Sealed, Suite};
use phiseal_format::{
    EncodedContext, EncryptionContext, EnvironmentId, KekId, KekVersion, MAX_FIELD_ENVELOPE,
    WrapAlgorithm, WrappedKey, text,
};
use phiseal_tests::numbers::Dice;
use phiseal_tests::warm::Warm;

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

#[test]
fn hostile_wrapped_keys_cost_no_more_than_themselves() {
    let good = |dice: &mut Dice| wrapped(dice, "service:alias").to_bytes();
    let (accepted, refused) = attack(36, good, |input| WrappedKey::parse(input).is_ok());
    assert!(accepted > 500 && refused > 500, "{accepted} and {refused}");
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
        keyset =
            keyset.with_version(FullKeyId::from_bytes(dice.array()), vec![short()], 0).unwrap();
    }
    let wraps = vec![short(); Keyset::MAX_WRAPS];
    let all = keyset.versions().iter().map(|version| (version.number(), wraps.clone())).collect();
    let bytes = keyset.with_wraps(all).unwrap().to_bytes().unwrap();
    let (_, peak) = measured(|| {
        assert_eq!(Keyset::parse(&bytes).unwrap().versions().len(), Keyset::MAX_VERSIONS)
    });
    assert!(peak <= 4 * bytes.len() + ALLOWANCE, "{peak} for {}", bytes.len());
}
