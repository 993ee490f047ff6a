use crate::World;
use phiseal_keys::{ErrorKind, Renewal};
use phiseal_tokens::DateShift;
use pollster::block_on;
use proptest::prelude::*;

#[test]
fn intervals_survive_and_persons_differ() {
    let domain = World::new().domain("clinic/research");
    let shift = |person: &str, study: &str| {
        let person = block_on(domain.subject_or_create(person)).unwrap();
        block_on(DateShift::new(&person, study, 365)).unwrap()
    };
    let days = |shift: &DateShift| {
        let moved = shift.shifted("2024-06-15").unwrap();
        assert_eq!(shift.shifted("2024-06-15").unwrap(), moved, "the same again");
        assert_eq!(shift.back(&moved).unwrap(), "2024-06-15");
        moved
    };
    let mut shifts: Vec<String> = (0..50).map(|n| days(&shift(&format!("mrn-{n}"), "a"))).collect();
    assert_eq!(days(&shift("mrn-7", "a")), shifts[7]);
    assert_ne!(days(&shift("mrn-7", "b")), shifts[7], "another study");
    shifts.sort();
    shifts.dedup();
    assert!(shifts.len() > 35, "{} of 50 differ", shifts.len());
    let one = shift("mrn-1", "a");
    let (admitted, left) = (one.shifted("2024-02-28").unwrap(), one.shifted("2024-03-02").unwrap());
    assert!(admitted < left);
}

#[test]
fn shredding_ends_it() {
    let domain = World::new().domain("clinic/research");
    let person = block_on(domain.subject_or_create("mrn-1")).unwrap();
    block_on(DateShift::new(&person, "a", 365)).unwrap();
    block_on(domain.shred_subject("mrn-1")).unwrap();
    assert_eq!(block_on(DateShift::new(&person, "a", 365)).unwrap_err().kind(), ErrorKind::State);
}

#[test]
fn a_renewed_person_s_older_dates_lead_back_by_the_key_s_id() {
    let domain = World::new().domain("clinic/research");
    let person = block_on(domain.subject_or_create("mrn-1")).unwrap();
    let before = block_on(DateShift::new(&person, "a", 30_000)).unwrap();
    let moved = before.shifted("2024-06-15").unwrap();
    block_on(person.renew(Renewal::Routine)).unwrap();
    let after = block_on(DateShift::new(&person, "a", 30_000)).unwrap();
    assert_ne!(after.key_id().unwrap(), before.key_id().unwrap());
    assert_ne!(after.shifted("2024-06-15").unwrap(), moved);
    assert_eq!(after.back_under(before.key_id().unwrap(), &moved).unwrap(), "2024-06-15");
    assert_eq!(
        before.back_under(after.key_id().unwrap(), &moved).unwrap_err().kind(),
        ErrorKind::Foreign
    );
}

#[test]
fn a_range_is_one_day_to_a_hundred_years() {
    let domain = World::new().domain("clinic/research");
    let person = block_on(domain.subject_or_create("mrn-1")).unwrap();
    for range in [0, 36_526] {
        let refused = block_on(DateShift::new(&person, "a", range)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
    }
    let one = block_on(DateShift::new(&person, "a", 1)).unwrap().shifted("2024-06-15").unwrap();
    assert!(["2024-06-14", "2024-06-16"].contains(&one.as_str()), "{one}");
}

/// Two ranges of one study are two shifts that have nothing to do with one another, and neither is printed.
#[test]
fn a_range_has_shifts_of_its_own() {
    let domain = World::new().domain("clinic/research");
    let mut related = 0;
    for number in 0..40 {
        let person = block_on(domain.subject_or_create(&format!("mrn-{number}"))).unwrap();
        let days = |range| {
            let shift = block_on(DateShift::new(&person, "a", range)).unwrap();
            assert_eq!(format!("{shift:?}"), "DateShift");
            let moved = shift.shifted("2024-06-15").unwrap();
            days_from_2024_06_15(&moved)
        };
        let (small, large) = (days(365), days(730));
        // What the larger one would be, were it of the same number.
        related += u32::from((large - small) % 365 == 0 || (large + small).abs() % 730 <= 1);
    }
    assert!(related < 10, "{related} of 40");
}

fn days_from_2024_06_15(date: &str) -> i64 {
    let parts: Vec<i64> = date.split('-').map(|part| part.parse().unwrap()).collect();
    let days = |year: i64, month: i64, day: i64| {
        let (year, month) = if month < 3 { (year - 1, month + 12) } else { (year, month) };
        365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day
    };
    days(parts[0], parts[1], parts[2]) - days(2024, 6, 15)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_date_leads_back(year in 200_i32..9_800, month in 1_u8..=12, day in 1_u8..=28, range in 1_u16..=36_525) {
        let domain = World::new().domain("d");
        let person = block_on(domain.subject_or_create("p")).unwrap();
        let shift = block_on(DateShift::new(&person, "a", range)).unwrap();
        let date = format!("{year:04}-{month:02}-{day:02}T01:02:03Z");
        prop_assert_eq!(shift.back(&shift.shifted(&date).unwrap()).unwrap(), date);
    }
}
