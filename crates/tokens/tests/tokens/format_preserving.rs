use crate::World;
use phiseal_format::KeyId;
use phiseal_keys::{ErrorKind, KeyState};
use phiseal_tokens::{Alphabet, Cardinality, Column, Format, FormatPreserving};
use pollster::block_on;
use proptest::prelude::*;
use std::collections::HashSet;

fn ssn() -> FormatPreserving {
    FormatPreserving::new(Format::digits(9).separated_by("-"), Cardinality::SSN).unwrap()
}

fn card() -> Format {
    Format::of(Alphabet::digits(), 13..=19).separated_by(" -").luhn()
}

fn many() -> Cardinality {
    Cardinality::of(1_000_000_000)
}

#[test]
fn tokens_have_the_form_of_their_values_and_lead_back() {
    let world = World::new();
    let domain = world.domain("clinic/tokens");
    let record = Format::of(Alphabet::upper_case_alphanumeric(), 9..=9).separated_by("-");
    let greek = Format::of(Alphabet::new("αβγδεζηθικλμνξοπρστυφχψω").unwrap(), 5..=40);
    for (format, value) in [
        (Format::digits(9).separated_by("-"), "123-45-6789"),
        (Format::digits(9).separated_by("-"), "123456789"),
        (Format::digits(10).separated_by("()- ").keep_first(3), "(206) 555-0123"),
        (Format::digits(12).keep_last(4), "123456786789"),
        (record.keep_first(2), "AB-123C567"),
        (card().keep_first(6), "4000 0012 3456 7899"),
        (card().keep_first(1).keep_last(4), "378282246310005"),
        (greek, "αβγδεζηθικλμνξοπρστυφχψω"),
    ] {
        let kind = FormatPreserving::new(format.clone(), many()).unwrap();
        let column = Column::new(&domain, "x", kind);
        let token = block_on(column.tokenize(value)).unwrap();
        assert_ne!(token, value);
        assert_eq!(token.chars().count(), value.chars().count());
        for (of_token, of_value) in token.chars().zip(value.chars()) {
            let is_symbol = of_value.is_alphanumeric();
            assert!(is_symbol && of_token.is_alphanumeric() || of_token == of_value, "{token}");
        }
        assert_eq!(block_on(column.reveal(&token)).unwrap().expose_secret(), value);
        assert_eq!(block_on(column.tokenize(value)).unwrap(), token, "the same again");
    }
}

#[test]
fn kept_parts_are_kept_and_change_the_rest() {
    let domain = World::new().domain("clinic/tokens");
    let kind =
        FormatPreserving::new(Format::digits(16).keep_first(4).keep_last(4), many()).unwrap();
    let column = Column::new(&domain, "account", kind);
    let of = |value: &str| block_on(column.tokenize(value)).unwrap();
    let (one, other, third) =
        (of("1111222222224444"), of("1112222222224444"), of("1111222222224445"));
    assert_eq!((&one[..4], &one[12..]), ("1111", "4444"));
    let middles: HashSet<_> = [&one, &other, &third].map(|token| &token[4..12]).into();
    assert_eq!(middles.len(), 3);
}

#[test]
fn separators_make_no_difference() {
    let domain = World::new().domain("clinic/tokens");
    let column = Column::new(&domain, "ssn", ssn());
    let plain = block_on(column.tokenize("123456789")).unwrap();
    let separated = block_on(column.tokenize("123-45-6789")).unwrap();
    assert_eq!(separated.replace('-', ""), plain);
}

#[test]
fn small_domains_are_refused_with_what_to_do_instead() {
    for (format, what) in [
        (Format::digits(5), "a ZIP code"),
        (Format::digits(9).keep_last(4), "a social security number of which four digits are kept"),
        (card().keep_first(6).keep_last(4), "a card number of which ten digits are kept"),
        (Format::digits(16).luhn().keep_first(6).keep_last(4), "the same of sixteen digits"),
        (Format::digits(4).keep_first(2).keep_last(3), "more kept than there is"),
        (Format::digits(6).luhn(), "six digits, one of them a check digit"),
        (Format::of(Alphabet::letters(), 3..=20), "names of three letters"),
    ] {
        let refused = FormatPreserving::new(format, many()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported, "{what}");
        assert!(refused.to_string().contains("vaulted token"), "{refused}");
    }
    assert!(
        FormatPreserving::new(Format::digits(16).luhn().keep_first(6).keep_last(3), many()).is_ok()
    );
    assert!(FormatPreserving::new(Format::digits(6), many()).is_ok());
    let few = FormatPreserving::new(Format::digits(9), Cardinality::of(2)).unwrap_err();
    assert_eq!(few.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_token_does_not_say_its_version_so_it_is_named() {
    let world = World::new();
    let domain = world.domain("clinic/tokens");
    let column = Column::new(&domain, "ssn", ssn());
    let old = block_on(column.ready()).unwrap();
    let (old_id, old_token) = old.tokenize_under("123-45-6789").unwrap();
    let keyset = block_on(domain.rotate()).unwrap();

    let new = block_on(column.ready()).unwrap();
    let (new_id, new_token) = block_on(column.tokenize_under("123-45-6789")).unwrap();
    assert_ne!(old_id, new_id);
    assert_ne!(old_token, new_token);
    assert_eq!(block_on(column.reveal(&new_token)).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(block_on(column.tokenize("123-45-6789")).unwrap_err().kind(), ErrorKind::State);
    for (id, token) in [(old_id, &old_token), (new_id, &new_token)] {
        let value = block_on(column.reveal_under(id, token)).unwrap();
        assert_eq!(value.expose_secret(), "123-45-6789");
    }
    let both = new.tokens("123-45-6789").unwrap();
    assert_eq!(both, [(old_id, old_token.clone()), (new_id, new_token)]);
    let foreign = new.reveal_under(KeyId::from_bytes([9; 16]), "123-45-6789").unwrap_err();
    assert_eq!(foreign.kind(), ErrorKind::Foreign);
    // What was under a version that is gone would be revealed as another value, so it stays so.
    block_on(world.store.set_state(&keyset, 1, KeyState::Destroyed)).unwrap();
    block_on(domain.refresh()).unwrap();
    assert_eq!(block_on(column.reveal(&old_token)).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(
        block_on(column.reveal_under(old_id, &old_token)).unwrap_err().kind(),
        ErrorKind::State
    );
}

/// A process that does not know of a rotation yet looks before it takes a token for one of the only version.
#[test]
fn a_token_of_another_process_s_new_key_is_not_revealed_as_another_value() {
    let world = World::new();
    let (here, there) = (world.domain("d"), world.domain("d"));
    let (here, there) = (Column::new(&here, "ssn", ssn()), Column::new(&there, "ssn", ssn()));
    let token = block_on(here.tokenize("123-45-6789")).unwrap();
    block_on(there.domain().rotate()).unwrap();
    let (_, newer) = block_on(there.tokenize_under("123-45-6789")).unwrap();
    for token in [token, newer] {
        assert_eq!(block_on(here.reveal(&token)).unwrap_err().kind(), ErrorKind::State);
    }
}

#[test]
fn a_value_of_another_form_is_refused_and_not_told() {
    let domain = World::new().domain("clinic/tokens");
    let column = Column::new(&domain, "ssn", ssn());
    for value in ["", "12345678", "123-45-67890", "123-45-678x"] {
        let refused = block_on(column.tokenize(value)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        assert!(value.is_empty() || !refused.to_string().contains(value));
        assert_eq!(block_on(column.reveal(value)).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Any alphabet, length, kept parts: what is not refused leads back.
    #[test]
    fn every_form_leads_back(
        radix in 2_u32..=256,
        length in 1_usize..=40,
        first in 0_usize..4,
        last in 0_usize..4,
        draws in prop::collection::vec(any::<u16>(), 40),
    ) {
        let characters: Vec<char> = (0..radix).filter_map(|c| char::from_u32(0x4e00 + c)).collect();
        let alphabet = Alphabet::new(&characters.iter().collect::<String>()).unwrap();
        let format = Format::of(alphabet, length..=length).separated_by("-").keep_first(first).keep_last(last);
        let free = u32::try_from(length.saturating_sub(first + last)).unwrap();
        let refused = f64::from(radix).powf(f64::from(free)) < 1e6;
        let kind = FormatPreserving::new(format, many());
        prop_assert_eq!(kind.is_err(), refused);
        if let Ok(kind) = kind {
            let column = Column::new(&World::new().domain("d"), "x", kind);
            let value: String =
                draws[..length].iter().map(|draw| characters[usize::from(*draw) % characters.len()]).collect();
            let keyed = block_on(column.ready()).unwrap();
            let (id, token) = keyed.tokenize_under(&value).unwrap();
            let revealed = keyed.reveal_under(id, &token).unwrap();
            prop_assert_eq!(revealed.expose_secret(), &value);
        }
    }

    /// Luhn-valid in, Luhn-valid out, and back.
    #[test]
    fn check_digits_stay_right(draws in prop::collection::vec(0_u8..10, 12..=18), first in 0_usize..5, last in 0_usize..2) {
        let mut value: String = draws.iter().map(|digit| char::from(b'0' + digit)).collect();
        value.push('0');
        let right = ('0'..='9').find(|digit| {
            value.pop();
            value.push(*digit);
            luhn_sum(&value).is_multiple_of(10)
        });
        prop_assert!(right.is_some());
        let kind = FormatPreserving::new(card().keep_first(first).keep_last(last), many()).unwrap();
        let column = Column::new(&World::new().domain("d"), "x", kind);
        let token = block_on(column.tokenize(&value)).unwrap();
        prop_assert_eq!(luhn_sum(&token) % 10, 0);
        prop_assert_eq!(&token[..first], &value[..first]);
        prop_assert_eq!(&token[token.len() - last..], &value[value.len() - last..]);
        let revealed = block_on(column.reveal(&token)).unwrap();
        prop_assert_eq!(revealed.expose_secret(), &value);
    }
}

fn luhn_sum(digits: &str) -> u32 {
    let digits = digits.bytes().rev().map(|digit| u32::from(digit - b'0')).enumerate();
    digits
        .map(|(place, digit)| if place % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { digit })
        .sum()
}
