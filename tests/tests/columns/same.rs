//! A column's envelopes are those that are sealed one by one.

use crate::{every_engine, records, rows, ssn};
use phiseal::{Column, NoncePolicy, Options, Phi, Sealed, Suite, Values};
use phiseal_tests::numbers::{Dice, figure};
use phiseal_tests::warm::Warm;
use phiseal_tests::world::{DOMAIN, World};

/// Lengths at the edges of blocks and vectors, of the kernel and of a chunk.
const LENGTHS: [usize; 14] = [0, 1, 11, 15, 16, 17, 32, 63, 64, 200, 440, 600, 5_000, 20_000];

fn values(dice: &mut Dice, rows: usize) -> Vec<Vec<u8>> {
    let longest = if dice.coin() { 6 } else { LENGTHS.len() };
    let lengths: Vec<_> = (0..rows).map(|_| LENGTHS[dice.below(longest)]).collect();
    lengths.into_iter().map(|length| dice.bytes(length)).collect()
}

#[test]
fn what_a_column_seals_opens_one_by_one_and_the_other_way_round() {
    let mut dice = Dice::new(1);
    let mut opened = 0;
    for engine in every_engine() {
        for suite in Suite::ALL {
            let warm = Warm::new(engine, suite);
            let cipher = warm.cipher();
            for count in [0, 1, 2, 127, 128, 129, figure(300, 3_000)] {
                let (values, records) = (values(&mut dice, count), records(count));
                let column = warm.domain.seal_column(&values, &ssn(), &rows(&records)).unwrap();
                assert_eq!(column.rows(), count);
                let mut singly = Vec::new();
                for row in 0..count {
                    let what = ssn().record(&records[row]);
                    let sealed = Sealed::try_from(column.value(row).unwrap()).unwrap();
                    assert_eq!(Some(sealed.key_id()), cipher.sealing_key_id());
                    let plain: Phi<Vec<u8>> = cipher.open(&sealed, &what).unwrap();
                    assert_eq!(plain.expose_secret(), &values[row], "{} row {row}", engine.name());
                    singly.push(cipher.seal(&values[row], &what).unwrap());
                    opened += 1;
                }
                for sealed in [&column as &dyn Values, &singly] {
                    let back = cipher.open_column(sealed, &ssn(), &rows(&records)).unwrap();
                    let back = back.expose_secret();
                    assert!(back.iter().eq(values.iter().map(|value| Some(&value[..]))));
                }
            }
        }
    }
    assert_eq!(opened, every_engine().len() * 2 * (387 + figure(300, 3_000)));
}

#[test]
fn every_policy_of_nonces_seals_columns_and_repeats_none() {
    let values = vec!["123-45-6789"; 1_000];
    let records = records(1_000);
    for policy in [NoncePolicy::PerBlock, NoncePolicy::PerMessage] {
        let world = World::of_default_engine();
        let change = move |options: &mut Options| options.nonces = policy;
        let domain = world.process_with(change).domain(DOMAIN).unwrap();
        let sealed = domain.seal_column(&values, &ssn(), &rows(&records)).unwrap();
        let mut nonces: Vec<_> =
            sealed.iter().map(|value| value.unwrap()[17..41].to_vec()).collect();
        nonces.sort_unstable();
        let followers = |pair: &&[Vec<u8>]| {
            let count = |nonce: &[u8]| u128::from_be_bytes(nonce[8..].try_into().unwrap());
            count(&pair[0]).wrapping_add(1) == count(&pair[1])
        };
        let followers = nonces.windows(2).filter(followers).count();
        nonces.dedup();
        assert_eq!(nonces.len(), 1_000, "{policy:?}");
        // Blocks of 256 count; messages that are drawn each for itself do not.
        let counted = if policy == NoncePolicy::PerBlock { 990..1_000 } else { 0..1 };
        assert!(counted.contains(&followers), "{policy:?}: {followers}");
        let opened = domain.open_column(&sealed, &ssn(), &rows(&records)).unwrap();
        assert!(opened.expose_secret().iter().all(|value| value == Some(b"123-45-6789")));
    }
}

#[test]
fn a_padded_column_hides_lengths_and_is_what_is_padded_one_by_one() {
    let padded = ssn().padded_to(16);
    let values: Vec<String> = (0..50).map(|length| "x".repeat(length)).collect();
    let records = records(50);
    for engine in every_engine() {
        let warm = Warm::new(engine, Suite::Xaes256Gcm);
        let cipher = warm.cipher();
        let sealed = cipher.seal_column(&values, &padded, &rows(&records)).unwrap();
        let mut lengths: Vec<_> = sealed.iter().map(|value| value.unwrap().len()).collect();
        lengths.dedup();
        assert_eq!(lengths, [57 + 17, 57 + 33, 57 + 49, 57 + 65], "{}", engine.name());
        for row in 0..50 {
            let one = Sealed::try_from(sealed.value(row).unwrap()).unwrap();
            let what = padded.clone().record(&records[row]);
            assert_eq!(cipher.open::<String>(&one, &what).unwrap().expose_secret(), &values[row]);
        }
        let opened = cipher.open_column(&sealed, &padded, &rows(&records)).unwrap();
        let opened = opened.expose_secret();
        assert!(opened.iter().eq(values.iter().map(|value| Some(value.as_bytes()))));
        // Authentic, but sealed without the padding that the context names: no other context opens it either.
        let plain = cipher.open_column(&sealed, &ssn(), &rows(&records)).unwrap_err();
        assert_eq!(plain.row(), Some(0));
    }
}

#[test]
fn a_column_that_is_not_needed_any_more_is_memory_for_the_next() {
    let warm = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm);
    let cipher = warm.cipher();
    let mut sealed = Column::new();
    let mut opened = Phi::from(Column::new());
    let mut dice = Dice::new(3);
    let mut addresses = Vec::new();
    for count in [400, 7, 0, 300] {
        let (values, records) = (vec![dice.bytes(30); count], records(count));
        cipher.seal_column_into(&values, &ssn(), &rows(&records), &mut sealed).unwrap();
        cipher.open_column_into(&sealed, &ssn(), &rows(&records), &mut opened).unwrap();
        assert_eq!(sealed.bytes().len(), count * (57 + 30));
        assert!(opened.expose_secret().iter().eq(values.iter().map(|value| Some(&value[..]))));
        addresses.push((sealed.bytes().as_ptr(), opened.expose_secret().bytes().as_ptr()));
    }
    assert!(addresses.iter().all(|address| *address == addresses[0]), "nothing was allocated anew");
}
