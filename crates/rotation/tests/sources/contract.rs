//! The clauses of the contract, each a function over any source.
//!
//! The table of every world has the key columns `clinic`, a number, and `id`, text; the sealed columns `ssn`, bytes, and
//! `name`, text; and the columns `note` and `version`, which are not sealed.

use phiseal_keys::ErrorKind;
use phiseal_rotation::source::{Change, Outcome, Row, RowKey, Scalar, Source, Stored, Swap, Table};
use pollster::block_on;
use std::collections::BTreeMap;

/// A source under test, and its table as others see it.
pub(crate) trait World {
    fn open(&self) -> Box<dyn Source>;
    /// Writes a row, or writes over it.
    fn put(&self, row: &Raw);
    fn delete(&self, clinic: i64, id: &str);
    fn all(&self) -> BTreeMap<(i64, String), Raw>;
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Raw {
    pub(crate) clinic: i64,
    pub(crate) id: String,
    pub(crate) ssn: Option<Vec<u8>>,
    pub(crate) name: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) version: i64,
}

const SSN: usize = 0;
const NAME: usize = 1;

pub(crate) fn table() -> Table {
    let table = Table::new("patients", &["clinic", "id"], &["ssn", "name"]).unwrap();
    table.with_others(&["note", "version"]).unwrap()
}

fn raw(clinic: i64, id: &str) -> Raw {
    Raw {
        clinic,
        id: id.to_owned(),
        ssn: Some(format!("ssn of {clinic} {id}").into_bytes()),
        name: Some(format!("name of {clinic} {id}")),
        note: Some("note".to_owned()),
        version: 7,
    }
}

/// Rows whose keys are easily put into a wrong order.
fn many() -> Vec<Raw> {
    let ids = ["", "1", "10", "2", "A", "Z", "a", "b'\"; --", "é", "\u{1F600}"];
    [-5, 0, 2, 10, i64::MAX].into_iter().flat_map(|clinic| ids.map(|id| raw(clinic, id))).collect()
}

fn key(clinic: i64, id: &str) -> RowKey {
    RowKey::new(vec![Scalar::Integer(clinic), Scalar::Text(id.to_owned())]).unwrap()
}

fn bytes(value: &str) -> Stored {
    Stored::Bytes(value.as_bytes().to_vec())
}

fn text(value: &str) -> Stored {
    Stored::Text(value.to_owned())
}

fn stored(row: &Raw) -> Row {
    let nothing = || Stored::Nothing;
    Row {
        key: key(row.clinic, &row.id),
        sealed: vec![
            row.ssn.clone().map_or_else(nothing, Stored::Bytes),
            row.name.clone().map_or_else(nothing, Stored::Text),
        ],
        others: vec![
            row.note.clone().map_or(Scalar::Nothing, Scalar::Text),
            Scalar::Integer(row.version),
        ],
    }
}

/// All rows, read `limit` at a time.
fn scan(source: &dyn Source, limit: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after = rows.last().map(|row| row.key.clone());
        let page = block_on(source.scan(after.as_ref(), None, limit)).unwrap();
        assert!(page.len() <= limit);
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}

/// Another value for `ssn`, in the place of the one that [`raw`] puts there.
fn new_ssn(row: &Raw) -> Change {
    let old = Stored::Bytes(row.ssn.clone().unwrap());
    let swaps = vec![Swap { column: SSN, old, new: bytes("new") }];
    Change { key: key(row.clinic, &row.id), swaps }
}

fn replace(source: &dyn Source, changes: &[Change]) -> Vec<Outcome> {
    let outcomes = block_on(source.replace(changes)).unwrap();
    block_on(source.finish()).unwrap();
    outcomes
}

pub(crate) fn every_row_comes_once_and_in_one_order(world: &impl World) {
    let mut rows = many();
    rows.iter().rev().for_each(|row| world.put(row));
    let source = world.open();
    let all = scan(&*source, 1_000);
    for limit in [1, 2, 3, 7, rows.len() - 1, rows.len(), rows.len() + 1] {
        assert_eq!(scan(&*source, limit), all, "limit {limit}");
    }
    assert!(block_on(source.scan(None, None, 0)).unwrap().is_empty());
    let mut found: Vec<_> = all.into_iter().collect();
    let by_key = |row: &Row| format!("{:?}", Vec::from_iter(row.key.parts().iter().map(shown)));
    found.sort_by_key(by_key);
    rows.sort_by_key(|row| by_key(&stored(row)));
    assert_eq!(found, rows.iter().map(stored).collect::<Vec<_>>());
}

pub(crate) fn a_part_ends_where_it_says(world: &impl World) {
    many().iter().for_each(|row| world.put(row));
    let source = world.open();
    let all = scan(&*source, 1_000);
    let part = |after: Option<&RowKey>, until: Option<&RowKey>, limit| {
        block_on(source.scan(after, until, limit)).unwrap()
    };
    for end in 0..all.len() {
        let until = Some(&all[end].key);
        assert_eq!(part(None, until, 1_000), all[..=end]);
        assert_eq!(part(None, until, 3), all[..(end + 1).min(3)]);
        for begin in 0..all.len() {
            let expected = all.get(begin + 1..=end).unwrap_or_default();
            assert_eq!(part(Some(&all[begin].key), until, 1_000), expected);
        }
    }
    // Neither row need be there any more.
    let keys: Vec<_> = [10, 20].map(|place| all[place].key.clone()).into();
    for key in &keys {
        let [Scalar::Integer(clinic), Scalar::Text(id)] = key.parts() else { panic!() };
        world.delete(*clinic, id);
    }
    assert_eq!(part(Some(&keys[0]), Some(&keys[1]), 1_000), all[11..20]);
}

fn shown(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Integer(number) => number.to_string(),
        Scalar::Text(text) => text.clone(),
        Scalar::Nothing | Scalar::Bytes(_) => panic!("no key has it"),
    }
}

pub(crate) fn rows_that_come_and_go_hide_no_other(world: &impl World) {
    let rows = many();
    rows.iter().for_each(|row| world.put(row));
    let source = world.open();
    let mut seen: Vec<RowKey> = Vec::new();
    for round in 0.. {
        let page = block_on(source.scan(seen.last(), None, 3)).unwrap();
        let Some(last) = page.last() else { break };
        // The row that a series of scans goes on from need not be there any more.
        let [Scalar::Integer(clinic), Scalar::Text(id)] = last.key.parts() else { panic!() };
        seen.extend(page.iter().map(|row| row.key.clone()));
        world.delete(*clinic, id);
        if round < 10 {
            world.put(&raw(*clinic, &format!("{id} again")));
        }
    }
    for row in &rows {
        assert!(seen.contains(&key(row.clinic, &row.id)), "{row:?}");
    }
}

pub(crate) fn values_come_as_they_are_stored(world: &impl World) {
    let full = Raw { ssn: Some((0..=255).collect()), ..raw(1, "full") };
    let empty = Raw { ssn: Some(vec![]), name: Some(String::new()), ..raw(1, "empty") };
    let nothing = Raw { ssn: None, name: None, note: None, ..raw(1, "nothing") };
    for row in [&full, &empty, &nothing] {
        world.put(row);
    }
    let found = scan(&*world.open(), 10);
    for row in [&full, &empty, &nothing] {
        assert!(found.contains(&stored(row)), "{row:?}: {found:?}");
    }
    assert_eq!(found.len(), 3);
}

pub(crate) fn a_value_is_replaced_where_it_is_still_the_old_one(world: &impl World) {
    let rows = many();
    rows.iter().for_each(|row| world.put(row));
    let source = world.open();
    let target = &rows[17];
    let change = new_ssn(target);
    let mut expected = world.all();
    assert_eq!(replace(&*source, core::slice::from_ref(&change)), [Outcome::Written]);
    let place = (target.clinic, target.id.clone());
    expected.get_mut(&place).unwrap().ssn = Some(b"new".to_vec());
    assert_eq!(world.all(), expected, "that value, and nothing else");

    assert_eq!(replace(&*source, &[change]), [Outcome::Changed], "it is not the old one now");
    let absent = new_ssn(&raw(4, "nobody"));
    assert_eq!(replace(&*source, &[absent]), [Outcome::Gone]);
    world.put(&Raw { ssn: None, ..rows[18].clone() });
    assert_eq!(replace(&*source, &[new_ssn(&rows[18])]), [Outcome::Changed], "nothing is there");
    expected.get_mut(&(rows[18].clinic, rows[18].id.clone())).unwrap().ssn = None;
    assert_eq!(world.all(), expected);
}

pub(crate) fn a_value_is_compared_to_the_byte(world: &impl World) {
    let row = raw(1, "a");
    world.put(&row);
    let source = world.open();
    let before = world.all();
    let swap =
        |column, old, new| Change { key: key(1, "a"), swaps: vec![Swap { column, old, new }] };
    for old in ["NAME OF 1 a", "name of 1 a ", "name of 1 \u{430}", ""] {
        let outcome = replace(&*source, &[swap(NAME, text(old), text("new"))]);
        assert_eq!(outcome, [Outcome::Changed], "{old:?}");
    }
    for old in ["SSN of 1 a", "ssn of 1 a\0", "ssn of 1 ", ""] {
        let outcome = replace(&*source, &[swap(SSN, bytes(old), bytes("new"))]);
        assert_eq!(outcome, [Outcome::Changed], "{old:?}");
    }
    assert_eq!(world.all(), before);
    let control = swap(NAME, text("name of 1 a"), text("new"));
    assert_eq!(replace(&*source, &[control]), [Outcome::Written]);
}

pub(crate) fn a_change_is_all_or_nothing_and_alone(world: &impl World) {
    let rows = many();
    rows.iter().for_each(|row| world.put(row));
    let source = world.open();
    let mut expected = world.all();
    let both = |row: &Raw, name: &str| {
        let mut change = new_ssn(row);
        change.swaps.push(Swap { column: NAME, old: text(name), new: text("new name") });
        change
    };
    let changes: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| {
            let name = row.name.clone().unwrap();
            both(row, if at % 3 == 0 { "somebody else wrote this" } else { &name })
        })
        .collect();
    let mut sorted = changes.clone();
    let order = scan(&*source, 1_000);
    let place = |change: &Change| order.iter().position(|row| row.key == change.key).unwrap();
    sorted.sort_by_key(place);
    let outcomes = replace(&*source, &sorted);
    for (change, outcome) in sorted.iter().zip(outcomes) {
        let at = changes.iter().position(|other| other == change).unwrap();
        assert_eq!(outcome, if at % 3 == 0 { Outcome::Changed } else { Outcome::Written });
        if at % 3 != 0 {
            let row = expected.get_mut(&(rows[at].clinic, rows[at].id.clone())).unwrap();
            (row.ssn, row.name) = (Some(b"new".to_vec()), Some("new name".to_owned()));
        }
    }
    assert_eq!(world.all(), expected);
}

pub(crate) fn a_change_that_makes_no_sense_changes_nothing(world: &impl World) {
    world.put(&raw(1, "a"));
    world.put(&raw(1, "b"));
    let source = world.open();
    let before = world.all();
    let good = new_ssn(&raw(1, "a"));
    let swap = good.swaps[0].clone();
    let with = |swaps: Vec<Swap>| Change { key: key(1, "b"), swaps };
    let short = RowKey::new(vec![Scalar::Integer(1)]).unwrap();
    for (what, bad) in [
        ("no swap", with(vec![])),
        ("one column twice", with(vec![swap.clone(), swap.clone()])),
        ("no such column", with(vec![Swap { column: 2, ..swap.clone() }])),
        ("another type", with(vec![Swap { new: text("new"), ..swap.clone() }])),
        ("nothing before", with(vec![Swap { old: Stored::Nothing, ..swap.clone() }])),
        ("nothing after", with(vec![Swap { new: Stored::Nothing, ..swap.clone() }])),
        ("half a key", Change { key: short.clone(), swaps: vec![swap.clone()] }),
    ] {
        let refused = block_on(source.replace(&[good.clone(), bad])).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{what}");
        assert_eq!(world.all(), before, "{what}");
    }
    for (after, until) in [(Some(&short), None), (None, Some(&short))] {
        let refused = block_on(source.scan(after, until, 1)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
    }
    assert_eq!(replace(&*source, &[good]), [Outcome::Written], "the control");
    assert_eq!(replace(&*source, &[]), []);
}

pub(crate) fn names_are_the_tables(world: &impl World) {
    let source = world.open();
    assert_eq!(*source.table(), table());
    let shown = format!("{source:?}");
    assert!(!shown.contains("ssn of"), "{shown}");
}

/// Every clause, over a world that each test makes anew.
macro_rules! contract {
    ($world:expr) => {
        $crate::contract::contract!(
            $world;
            every_row_comes_once_and_in_one_order
            a_part_ends_where_it_says
            rows_that_come_and_go_hide_no_other
            values_come_as_they_are_stored
            a_value_is_replaced_where_it_is_still_the_old_one
            a_value_is_compared_to_the_byte
            a_change_is_all_or_nothing_and_alone
            a_change_that_makes_no_sense_changes_nothing
            names_are_the_tables
        );
    };
    ($world:expr; $($clause:ident)*) => {
        $(
            #[test]
            fn $clause() {
                $crate::contract::$clause(&$world);
            }
        )*
    };
}

pub(crate) use contract;
