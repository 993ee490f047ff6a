use crate::World;
use phiseal_envelope::{Phi, Sealed};
use phiseal_keys::ErrorKind;
use phiseal_tokens::{Cardinality, Column, Deterministic, Token, TokenScheme};
use pollster::block_on;
use proptest::prelude::*;

fn kind() -> Deterministic {
    Deterministic::new(Cardinality::of(1_000_000)).unwrap()
}

#[test]
fn equal_values_have_equal_tokens_in_one_column_of_one_tenant_of_one_domain() {
    let world = World::new();
    let domain = world.domain("clinic/tokens");
    let token = |column: &Column<Deterministic>| block_on(column.token("Jane Doe")).unwrap();
    let columns = [
        Column::new(&domain, "name", kind()),
        Column::new(&domain, "maiden name", kind()),
        Column::of_tenant(&domain, "north", "name", kind()),
        Column::of_tenant(&domain, "south", "name", kind()),
        Column::new(&world.domain("clinic/other"), "name", kind()),
    ];
    for (place, column) in columns.iter().enumerate() {
        assert_eq!(token(column), token(column));
        for other in &columns[place + 1..] {
            assert_ne!(token(column).as_bytes()[17..], token(other).as_bytes()[17..]);
        }
    }
    let same_name = Column::new(&domain, "name", kind());
    assert_eq!(token(&columns[0]), token(&same_name), "tables of one name join");
}

#[test]
fn a_token_opens_in_its_column_only() {
    let world = World::new();
    let domain = world.domain("clinic/tokens");
    let (column, other) = (Column::new(&domain, "a", kind()), Column::new(&domain, "b", kind()));
    let token = block_on(column.token("Jane Doe")).unwrap();
    let opened: Phi<String> = block_on(column.open(&token)).unwrap();
    assert_eq!(opened.expose_secret(), "Jane Doe");
    let moved = block_on(other.open::<String>(&token)).unwrap_err();
    assert_eq!(moved.kind(), ErrorKind::Unauthenticated);
    let elsewhere = Column::new(&world.domain("clinic/other"), "a", kind());
    let foreign = block_on(elsewhere.open::<String>(&token)).unwrap_err();
    assert_eq!(foreign.kind(), ErrorKind::Foreign);
}

#[test]
fn every_single_bit_matters() {
    let domain = World::new().domain("clinic/tokens");
    let keyed = block_on(Column::new(&domain, "a", kind()).ready()).unwrap();
    let token = keyed.token("Jane Doe").unwrap();
    assert_eq!(token.scheme(), TokenScheme::Siv);
    for bit in 0..token.as_bytes().len() * 8 {
        let mut changed = token.as_bytes().to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        let outcome = Token::try_from(changed).and_then(|token| keyed.open::<Vec<u8>>(&token));
        let expected = match bit / 8 {
            0 => ErrorKind::Malformed,
            1..=16 => ErrorKind::Foreign,
            _ => ErrorKind::Unauthenticated,
        };
        assert_eq!(outcome.unwrap_err().kind(), expected, "{bit}");
    }
}

#[test]
fn tokens_and_envelopes_are_not_mistaken_for_one_another() {
    let domain = World::new().domain("clinic/tokens");
    let token = block_on(Column::new(&domain, "a", kind()).token("Jane Doe")).unwrap();
    assert!(token.to_string().starts_with("phi1."));
    assert_eq!(token.to_string().parse::<Token>().unwrap(), token);
    assert!(token.to_string().parse::<Sealed>().is_err());
    assert!(Sealed::try_from(token.as_bytes()).is_err());
    let context = phiseal_format::Context::of_field("a");
    let sealed = block_on(domain.seal("Jane Doe", &context)).unwrap();
    assert!(Token::try_from(sealed.as_bytes()).is_err());
    assert!(sealed.to_string().parse::<Token>().is_err());
}

#[test]
fn what_is_made_one_way_does_not_open() {
    let domain = World::new().domain("clinic/tokens");
    let one_way = Deterministic::one_way(Cardinality::of(1_000_000)).unwrap();
    let column = Column::new(&domain, "a", one_way);
    let token = block_on(column.token("Jane Doe")).unwrap();
    assert_eq!(token.scheme(), TokenScheme::Hash);
    assert_eq!(block_on(column.token("Jane Doe")).unwrap(), token);
    assert_ne!(block_on(column.token("Jane Roe")).unwrap(), token);
    let refused = block_on(column.open::<String>(&token)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    // Nor with a key that opens others: 32 bytes of code stand for values of every length.
    let opens = Column::new(&domain, "a", kind());
    assert_eq!(block_on(opens.open::<String>(&token)).unwrap_err().kind(), ErrorKind::Unsupported);
    let long = block_on(column.token("x".repeat(60_000))).unwrap();
    assert_eq!(long.as_bytes().len(), token.as_bytes().len());
}

#[test]
fn a_long_value_is_refused() {
    let domain = World::new().domain("clinic/tokens");
    let column = Column::new(&domain, "a", kind());
    assert!(block_on(column.token(vec![7; 65_536])).is_ok());
    let refused = block_on(column.token(vec![7; 65_537])).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_value_leads_back(value in prop::collection::vec(any::<u8>(), 0..200)) {
        let column = Column::new(&World::new().domain("d"), "a", kind());
        let token = block_on(column.token(&value)).unwrap();
        let read = Token::try_from(token.as_bytes()).unwrap();
        let opened: Phi<Vec<u8>> = block_on(column.open(&read)).unwrap();
        prop_assert_eq!(opened.expose_secret(), &value);
    }
}
