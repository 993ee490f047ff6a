//! FREQ: how often values occur among people gives few of them away, and many not.

use phiseal::blocking::{self, Domain};
use phiseal::tokens::{BlindIndex, Cardinality, Column, Deterministic, Normaliser, Part};
use phiseal::{Error, ErrorKind};
use phiseal_tests::numbers::{Dice, figure};
use phiseal_tests::world::World;
use std::collections::{BTreeMap, HashMap};

/// A column of entries, as whoever has stolen the database sees it.
fn entries(domain: &Domain, index: BlindIndex, values: &[String]) -> Vec<Vec<u8>> {
    let column = Column::new(domain.as_async(), "column", index);
    let keyed = blocking::wait(column.ready()).unwrap();
    values.iter().map(|value| keyed.entry(&[value]).unwrap().as_bytes().to_vec()).collect()
}

/// Of how many rows the value is guessed right, by giving the entries in order of how often they occur to the values in order of
/// how often those are known to.
fn guessed(entries: &[Vec<u8>], values: &[String], known: &BTreeMap<String, f64>) -> usize {
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    entries.iter().for_each(|entry| *counts.entry(entry).or_default() += 1);
    let mut by_count: Vec<(&[u8], usize)> = counts.into_iter().collect();
    by_count.sort_by_key(|(entry, count)| (core::cmp::Reverse(*count), *entry));
    let mut by_share: Vec<(&String, &f64)> = known.iter().collect();
    by_share.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let guess: HashMap<&[u8], &String> =
        by_count.iter().zip(by_share).map(|((entry, _), (value, _))| (*entry, value)).collect();
    let right = |(entry, value): &(&Vec<u8>, &String)| guess.get(entry.as_slice()) == Some(value);
    entries.iter().zip(values).filter(right).count()
}

/// The attack works where the leakage was accepted: more than nineteen in twenty rows of a column of sexes are read.
#[test]
fn an_accepted_column_of_few_values_is_read_by_frequency() {
    let phi = World::of_default_engine().process();
    let domain = phi.domain("clinic/search").unwrap();
    let known: BTreeMap<String, f64> =
        [("female".to_owned(), 0.51), ("male".to_owned(), 0.485), ("other".to_owned(), 0.005)]
            .into();
    let rows = figure(20_000, 200_000);
    let mut dice = Dice::new(51);
    let values: Vec<String> = (0..rows)
        .map(|_| match dice.below(1_000) {
            0..510 => "female",
            510..995 => "male",
            _ => "other",
        })
        .map(str::to_owned)
        .collect();
    let few = Cardinality::of(3);
    let refused = BlindIndex::new([Part::new(Normaliser::Text, few.clone())]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    let accepted = few.accept_leakage("the attack of this test");
    let index = BlindIndex::new([Part::new(Normaliser::Text, accepted)]).unwrap();
    let right = guessed(&entries(&domain, index, &values), &values, &known);
    assert!(right * 100 >= rows * 95, "{right} of {rows}");
}

/// Of social security numbers, each of which one person has, none beyond what guessing without looking gives.
#[test]
fn of_social_security_numbers_none_is_read() {
    let phi = World::of_default_engine().process();
    let domain = phi.domain("clinic/search").unwrap();
    let rows = figure(20_000, 200_000);
    let mut dice = Dice::new(52);
    let values: Vec<String> = (0..rows)
        .map(|_| {
            format!(
                "{:03}{:02}{:04}",
                1 + dice.below(665),
                1 + dice.below(99),
                1 + dice.below(9_999)
            )
        })
        .collect();
    // Whoever attacks knows every number that is in the column, and that all are as frequent.
    let known: BTreeMap<String, f64> = values.iter().map(|value| (value.clone(), 1e-9)).collect();
    let index = BlindIndex::new([Part::new(Normaliser::Digits, Cardinality::SSN)]).unwrap();
    let right = guessed(&entries(&domain, index, &values), &values, &known);
    // By chance one, on average; twenty or more with a probability below 10^-17. Who occurs twice is another matter.
    let twice = rows - known.len();
    assert!(right <= 20 + 2 * twice, "{right} of {rows}, {twice} twice");
}

/// Every kind that shows which values are equal refuses fewer than ten thousand, in the form that it shows.
#[test]
fn every_kind_refuses_few_values() {
    use phiseal::tokens::{DateOrder, Format, FormatPreserving, Vaulted, VaultedForm};
    type Attempt = fn(Cardinality) -> Result<(), Error>;
    let attempts: [Attempt; 6] = [
        |values| Deterministic::new(values).map(drop),
        |values| Deterministic::one_way(values).map(drop),
        |values| FormatPreserving::new(Format::digits(9), values).map(drop),
        |values| Vaulted::new(VaultedForm::text(), &values).map(drop),
        |values| BlindIndex::new([Part::new(Normaliser::Exact, values)]).map(drop),
        |values| {
            BlindIndex::new([Part::new(Normaliser::Date(DateOrder::MonthFirst), values)]).map(drop)
        },
    ];
    for attempt in attempts {
        for values in [0, 1, 2, 130, 9_999] {
            assert_eq!(
                attempt(Cardinality::of(values)).unwrap_err().kind(),
                ErrorKind::Unsupported
            );
            attempt(Cardinality::of(values).accept_leakage("known")).unwrap();
        }
        attempt(Cardinality::of(10_000)).unwrap();
    }
}
