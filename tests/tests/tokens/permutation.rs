//! FPE: domains that are too small are refused, and a token is one value's only.

use aes::Aes256;
use fpe::ff1::{FF1, FlexibleNumeralString};
use phiseal::tokens::{Alphabet, Cardinality, Column, Format, FormatPreserving};
use phiseal::{ErrorKind, blocking};
use phiseal_primitives::ff1::Ff1;
use phiseal_tests::numbers::{Dice, figure};
use phiseal_tests::world::World;

fn many() -> Cardinality {
    Cardinality::of(1_000_000_000)
}

/// Every radix from 2 to 256 with every length from 1 to 20.
#[test]
fn fewer_than_a_million_values_are_refused() {
    let (mut refused, mut accepted) = (0, 0);
    for radix in 2_u32..=256 {
        let characters: String = (0..radix).filter_map(|n| char::from_u32(0x4e00 + n)).collect();
        let alphabet = Alphabet::new(&characters).unwrap();
        for length in 1_usize..=20 {
            let format = Format::of(alphabet.clone(), length..=length);
            let values = f64::from(radix).powi(i32::try_from(length).unwrap());
            match FormatPreserving::new(format, many()) {
                Ok(_) => {
                    assert!(values >= 1e6, "{radix}^{length}");
                    accepted += 1;
                }
                Err(error) => {
                    assert!(values < 1e6, "{radix}^{length}");
                    assert_eq!(error.kind(), ErrorKind::Unsupported);
                    refused += 1;
                }
            }
            // The primitive refuses what the kind would have refused.
            let mut numerals = vec![0; length];
            let done = Ff1::new(&[7; 32], radix).unwrap().encrypt(b"", &mut numerals);
            assert_eq!(done.is_ok(), values >= 1e6);
        }
    }
    assert_eq!(refused + accepted, 255 * 20);
    assert!(refused > 500 && accepted > 3_000, "{refused} {accepted}");
}

/// A whole domain of a million: each token once.
#[test]
fn a_whole_domain_is_a_bijection() {
    let phi = World::of_default_engine().process();
    let domain = phi.domain("clinic/tokens").unwrap();
    let kind = FormatPreserving::new(Format::digits(6), many()).unwrap();
    let column = Column::new(domain.as_async(), "number", kind);
    let keyed = blocking::wait(column.ready()).unwrap();
    let mut seen = vec![false; 1_000_000];
    let mut kept = 0;
    for value in 0..1_000_000 {
        let text = format!("{value:06}");
        let (id, token) = keyed.tokenize_under(&text).unwrap();
        let token: usize = token.parse().unwrap();
        assert!(!core::mem::replace(&mut seen[token], true), "{token} twice");
        kept += u32::from(token == value);
        if value % 1_000 == 0 {
            let revealed = keyed.reveal_under(id, &format!("{token:06}")).unwrap();
            assert_eq!(*revealed.expose_secret(), text);
        }
    }
    assert!(seen.iter().all(|seen| *seen));
    assert!(kept < 12, "a random permutation keeps one value, on average: {kept}");
}

/// The same outputs as the crate `fpe`, over ten alphabets.
#[test]
fn another_implementation_gives_the_same() {
    const RADIXES: [u32; 10] = [2, 3, 10, 16, 26, 36, 62, 100, 256, 65_535];
    let cases = figure(10_000, 1_000_000);
    let mut dice = Dice::new(38);
    for (number, radix) in RADIXES.into_iter().enumerate() {
        let shortest = Ff1::new(&[0; 32], radix).unwrap().min_len();
        for case in 0..cases / RADIXES.len() {
            let key: [u8; 32] = dice.array();
            let (ours, theirs) =
                (Ff1::new(&key, radix).unwrap(), FF1::<Aes256>::new(&key, radix).unwrap());
            let extra = dice.below(if case % 50 == 0 { 60 } else { 12 });
            let length = shortest + extra;
            let radix = usize::try_from(radix).unwrap();
            let plain: Vec<u16> =
                (0..length).map(|_| u16::try_from(dice.below(radix)).unwrap()).collect();
            let tweak = {
                let length = dice.below(20);
                dice.bytes(length)
            };
            let mut made = plain.clone();
            ours.encrypt(&tweak, &mut made).unwrap();
            let expected =
                theirs.encrypt(&tweak, &FlexibleNumeralString::from(plain.clone())).unwrap();
            assert_eq!(made, Vec::<u16>::from(expected), "{number}: {case}");
            ours.decrypt(&tweak, &mut made).unwrap();
            assert_eq!(made, plain);
        }
    }
}
