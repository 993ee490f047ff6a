use crate::World;
use phiseal_keys::ErrorKind;
use phiseal_tokens::{
    BlindIndex, Cardinality, Column, DateOrder, IndexGeneration, Normaliser, Part,
};
use pollster::block_on;
use std::collections::HashSet;

fn name() -> Part {
    Part::new(Normaliser::Text, Cardinality::of(160_000))
}

fn born() -> Part {
    Part::new(Normaliser::Date(DateOrder::MonthFirst), Cardinality::BIRTH_DATE)
}

fn by_name() -> BlindIndex {
    BlindIndex::new([name()]).unwrap()
}

#[test]
fn what_is_written_differently_is_found() {
    let domain = World::new().domain("clinic/search");
    let index = Column::new(&domain, "name and birth", BlindIndex::new([name(), born()]).unwrap());
    let entry = block_on(index.entry(&["Müller", "1980-01-31"])).unwrap();
    assert_eq!(entry.as_bytes().len(), 8 + 16);
    for values in
        [["MULLER", "1/31/1980"], [" müller ", "Jan 31, 1980"], ["Mu\u{308}ller", "19800131"]]
    {
        assert_eq!(block_on(index.terms(&values)).unwrap(), [entry], "{values:?}");
    }
    for values in [["Muller", "1980-01-30"], ["Miller", "1980-01-31"]] {
        assert_ne!(block_on(index.terms(&values)).unwrap(), [entry], "{values:?}");
    }
}

/// What one part ends with and the next begins with makes a difference.
#[test]
fn parts_do_not_run_into_one_another() {
    let domain = World::new().domain("clinic/search");
    let exact = || Part::new(Normaliser::Exact, Cardinality::of(160_000));
    let index = Column::new(&domain, "two", BlindIndex::new([exact(), exact()]).unwrap());
    let of = |values: [&str; 2]| block_on(index.entry(&values)).unwrap();
    let entries: HashSet<_> =
        [of(["ab", "c"]), of(["a", "bc"]), of(["c", "ab"]), of(["a\u{0}\u{0}\u{0}\u{1}b", "c"])]
            .into();
    assert_eq!(entries.len(), 4);
}

/// A date that was read in the wrong order is another value, so entries by one order are none by the other.
#[test]
fn the_order_of_a_date_is_a_part_of_the_definition() {
    let domain = World::new().domain("clinic/search");
    let by = |order| {
        BlindIndex::new([Part::new(Normaliser::Date(order), Cardinality::BIRTH_DATE)]).unwrap()
    };
    let wrong = Column::new(&domain, "born", by(DateOrder::MonthFirst));
    let old = block_on(wrong.entry(&["1/2/1980"])).unwrap();
    let changed = by(DateOrder::DayFirst).replacing(by(DateOrder::MonthFirst)).unwrap();
    let right = Column::new(&domain, "born", changed);
    let generation = block_on(right.ready()).unwrap().generation(old.as_bytes()).unwrap();
    assert!(
        matches!(generation, IndexGeneration::Earlier { redefined: true, .. }),
        "{generation:?}"
    );
    assert_eq!(block_on(right.terms(&["1/2/1980"])).unwrap()[1], old);
}

#[test]
fn columns_tenants_and_definitions_have_nothing_in_common() {
    let world = World::new();
    let domain = world.domain("clinic/search");
    let exact = Part::new(Normaliser::Exact, Cardinality::of(160_000));
    let entries = [
        block_on(Column::new(&domain, "name", by_name()).entry(&["doe"])).unwrap(),
        block_on(Column::new(&domain, "maiden name", by_name()).entry(&["doe"])).unwrap(),
        block_on(Column::of_tenant(&domain, "north", "name", by_name()).entry(&["doe"])).unwrap(),
        block_on(Column::of_tenant(&domain, "south", "name", by_name()).entry(&["doe"])).unwrap(),
        block_on(Column::new(&world.domain("other"), "name", by_name()).entry(&["doe"])).unwrap(),
        block_on(Column::new(&domain, "name", BlindIndex::new([exact]).unwrap()).entry(&["doe"]))
            .unwrap(),
        block_on(
            Column::new(&domain, "name", BlindIndex::new([name().first(3)]).unwrap())
                .entry(&["doe"]),
        )
        .unwrap(),
        block_on(Column::new(&domain, "name", by_name().bits(120).unwrap()).entry(&["doe"]))
            .unwrap(),
    ];
    let codes: HashSet<_> = entries.iter().map(|entry| &entry.as_bytes()[8..23]).collect();
    let generations: HashSet<_> = entries.iter().map(|entry| &entry.as_bytes()[..8]).collect();
    assert_eq!((codes.len(), generations.len()), (8, 8));
}

#[test]
fn the_beginning_of_a_name_is_found() {
    let domain = World::new().domain("clinic/search");
    let index = Column::new(&domain, "name", BlindIndex::new([name().first(3)]).unwrap());
    let of = |value: &str| block_on(index.entry(&[value])).unwrap();
    assert_eq!(of("Schmidt"), of("SCHUSTER"));
    assert_ne!(of("Schmidt"), of("Smith"));
    assert_eq!(of("Li"), of("LI"), "a shorter one is whole");
    assert_ne!(of("Li"), of("Lin"));
}

#[test]
fn fewer_bits_put_unequal_values_under_one_entry() {
    let domain = World::new().domain("clinic/search");
    let index = Column::new(&domain, "name", by_name().bits(8).unwrap());
    let keyed = block_on(index.ready()).unwrap();
    let entries: HashSet<_> =
        (0..5_000).map(|n| keyed.entry(&[format!("name {n}")]).unwrap()).collect();
    assert_eq!(entries.len(), 256, "there is no way back");
    assert_eq!(keyed.entry(&["x"]).unwrap().as_bytes().len(), 9);
    for bits in [0, 257, u16::MAX] {
        assert_eq!(by_name().bits(bits).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn an_index_of_few_values_is_refused_in_the_form_that_is_indexed() {
    let refused = |parts: Vec<Part>| {
        let refused = BlindIndex::new(parts).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
        assert!(refused.to_string().contains("seal it"), "{refused}");
    };
    refused(vec![Part::new(Normaliser::Text, Cardinality::of(3))]);
    refused(vec![name().first(2)]);
    refused(vec![born().year()]);
    refused(vec![Part::new(Normaliser::Digits, Cardinality::SSN).first(3)]);
    refused(vec![Part::new(Normaliser::Exact, Cardinality::SSN).first(3)]);
    refused(vec![born().first(4)]);
    refused(vec![born().first(7)]);
    #[cfg(feature = "phone")]
    refused(vec![Part::new(Normaliser::Phone(*b"US"), Cardinality::SSN).first(5)]);
    refused(vec![born().year(), Part::new(Normaliser::Text, Cardinality::of(3))]);
    assert!(BlindIndex::new([born().year(), name()]).is_ok());
    assert!(BlindIndex::new([name().first(3)]).is_ok());
    let accepted = Cardinality::of(3).accept_leakage("counts by sex are published");
    assert!(BlindIndex::new([Part::new(Normaliser::Text, accepted)]).is_ok());
}

#[test]
fn what_is_no_index_is_refused() {
    for parts in [vec![], vec![name().first(0)], vec![name(); 9]] {
        assert_eq!(BlindIndex::new(parts).unwrap_err().kind(), ErrorKind::Invalid);
    }
    let index = BlindIndex::new([name(), born()]).unwrap();
    for values in [
        vec![],
        vec!["Doe"],
        vec!["Doe", "1980-01-31", ""],
        vec!["Doe", "soon"],
        vec![" ", "1980-01-31"],
    ] {
        assert_eq!(index.normalise(&values).unwrap_err().kind(), ErrorKind::Invalid, "{values:?}");
    }
    assert_eq!(index.replacing(by_name()).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn searches_see_both_generations_of_a_rotation() {
    let domain = World::new().domain("clinic/search");
    let index = Column::new(&domain, "name", by_name());
    let old = block_on(index.entry(&["Doe"])).unwrap();
    let old_id = block_on(index.ready()).unwrap().key_id().unwrap();
    block_on(domain.rotate()).unwrap();
    let new = block_on(index.entry(&["Doe"])).unwrap();
    assert_ne!(old, new);
    assert_eq!(block_on(index.terms(&["doe"])).unwrap(), [new, old], "the newest first");
    let keyed = block_on(index.ready()).unwrap();
    let of = |bytes: &[u8]| keyed.generation(bytes).unwrap();
    assert_eq!(of(new.as_bytes()), IndexGeneration::Current);
    assert_eq!(of(old.as_bytes()), IndexGeneration::Earlier { key_id: old_id, redefined: false });
    for unknown in [&[][..], &[7; 24], &new.as_bytes()[..23], &[new.as_bytes(), &[0]].concat()] {
        assert_eq!(of(unknown), IndexGeneration::Unknown);
    }
}

#[test]
fn searches_see_both_generations_of_a_change() {
    let domain = World::new().domain("clinic/search");
    let before = Column::new(&domain, "name", by_name());
    let old = block_on(before.entry(&["Doe"])).unwrap();
    let id = block_on(before.ready()).unwrap().key_id().unwrap();
    let changed = by_name().bits(64).unwrap().replacing(by_name()).unwrap();
    let after = Column::new(&domain, "name", changed);
    let new = block_on(after.entry(&["Doe"])).unwrap();
    assert_eq!(block_on(after.terms(&["doe"])).unwrap(), [new, old]);
    let of = |bytes: &[u8]| block_on(after.ready()).unwrap().generation(bytes).unwrap();
    assert_eq!(of(new.as_bytes()), IndexGeneration::Current);
    assert_eq!(of(old.as_bytes()), IndexGeneration::Earlier { key_id: id, redefined: true });
    // Rotated on top of it: four entries to look for.
    block_on(domain.rotate()).unwrap();
    let terms = block_on(after.terms(&["doe"])).unwrap();
    assert_eq!((terms.len(), terms[2], terms[3]), (4, new, old));
}
