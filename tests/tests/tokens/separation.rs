//! Equal values in two columns, or of two tenants, have nothing in common.

use phiseal::tokens::{
    BlindIndex, Cardinality, Column, Deterministic, Format, FormatPreserving, Keyed, Kind,
    Normaliser, Part,
};
use phiseal::{Domain, blocking};
use phiseal_tests::numbers::figure;
use phiseal_tests::world::World;
use std::collections::HashSet;

/// How many pairs of equal values under two of four columns and tenants have different tokens: all of `values` times six.
fn pairs<K: Kind>(
    domain: &Domain,
    values: usize,
    kind: impl Fn() -> K,
    token: impl Fn(&Keyed<K>, &str) -> Vec<u8>,
) -> usize {
    let columns = [
        Column::new(domain, "ssn", kind()),
        Column::new(domain, "other", kind()),
        Column::of_tenant(domain, "north", "ssn", kind()),
        Column::of_tenant(domain, "south", "ssn", kind()),
    ];
    let keyed = columns.map(|column| blocking::wait(column.ready()).unwrap());
    for number in 0..values {
        let value = format!("{:09}", number * 5_999 % 1_000_000_000);
        let tokens: HashSet<Vec<u8>> = keyed.iter().map(|keyed| token(keyed, &value)).collect();
        assert_eq!(tokens.len(), 4, "{value}");
    }
    6 * values
}

#[test]
fn equal_values_of_two_columns_or_tenants_have_no_equal_tokens() {
    let phi = World::of_default_engine().process();
    let domain = phi.domain("clinic/tokens").unwrap();
    let (domain, values) = (domain.as_async(), figure(5_000, 60_000));
    let opaque = pairs(
        domain,
        values,
        || Deterministic::new(Cardinality::SSN).unwrap(),
        |keyed, value| keyed.token(value).unwrap().as_bytes()[17..].to_vec(),
    );
    let part = || Part::new(Normaliser::Digits, Cardinality::SSN);
    let indexed = pairs(
        domain,
        values,
        || BlindIndex::new([part()]).unwrap(),
        |keyed, value| keyed.entry(&[value]).unwrap().as_bytes()[8..].to_vec(),
    );
    // Tokens of nine digits would meet by chance, one pair in a thousand million.
    let formatted = pairs(
        domain,
        values,
        || FormatPreserving::new(Format::digits(36), Cardinality::SSN).unwrap(),
        |keyed, value| keyed.tokenize_under(&value.repeat(4)).unwrap().1.into_bytes(),
    );
    let all = opaque + indexed + formatted;
    assert!(all >= figure(90_000, 1_000_000), "{all}");
}
