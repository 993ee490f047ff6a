//! An index goes along with a rotation: it is filled, counted, certified, and keeps a version until it has followed.

use crate::certified::assert_sound;
use crate::ends::{WAIT, end, refusal};
use crate::{ROTATE, pace, to_the_end};
use phiseal::rotation::Class;
use phiseal::rotation::certificate::Status;
use phiseal::rotation::custody::{Custodians, Operation, Refusal};
use phiseal::rotation::run::{Circumstances, Event, Phase, Step};
use phiseal_tests::clinic::{DOMAIN, Made, Where, custodians, index};
use phiseal_tests::in_each_place;
use pollster::block_on;

in_each_place! {
    a_rotation_fills_an_index_and_the_next_one_takes_it_along
    an_entry_under_a_version_keeps_it
}

fn a_rotation_fills_an_index_and_the_next_one_takes_it_along(place: Where) {
    let Some(clinic) = Made::new(place, 300) else { return };
    clinic.add_index();
    for (round, before) in [Class::Unindexed, Class::Current].into_iter().enumerate() {
        let _ = clinic.approve(ROTATE);
        let (journal, found) = to_the_end(&clinic, 50);
        assert_eq!((journal.phase, found), (Phase::Done, vec![]));
        let totals = journal.totals();
        assert_eq!((totals.values, totals.entries), (4 * 300, 300), "round {round}");
        let count = |counted: &[phiseal::rotation::certificate::Counted]| {
            let by_name = counted[0].census().columns[3].clone();
            (by_name.column, by_name.counts.into_iter().collect::<Vec<_>>())
        };
        assert_eq!(count(&journal.before), ("by_name".to_owned(), vec![(before, 300)]));
        assert_eq!(count(&journal.after), ("by_name".to_owned(), vec![(Class::Current, 300)]));

        let (phi, after) = (clinic.open(), clinic.keyset());
        let roster = block_on(Custodians::load(phi.key_store(), None)).unwrap().unwrap();
        let [ada, _] = custodians();
        let circumstances = Circumstances { custodians: Some(&roster), actor: &ada.key, log: None };
        let certificate = journal.certificate(phi.key_store(), &after, &circumstances).unwrap();
        assert_eq!((certificate.status(), certificate.remains()), (Status::Finished, vec![]));
        let page = assert_sound(&certificate);
        let said = if round == 0 { "not in the index" } else { "by_name" };
        assert!(page.contains(said), "{page}");
    }
    end(&clinic, Operation::Retire(1), 2 * WAIT).unwrap();
    end(&clinic, Operation::Destroy(1), 2 * WAIT).unwrap();
    let domain = block_on(clinic.open().domain(DOMAIN)).unwrap();
    assert_eq!(block_on(index(&domain).terms(&["name"])).unwrap().len(), 2, "of two versions");
}

/// The sealed values have followed, and one entry has not.
fn an_entry_under_a_version_keeps_it(place: Where) {
    let Some(clinic) = Made::new(place, 20) else { return };
    clinic.add_index();
    let domain = block_on(clinic.open().domain(DOMAIN)).unwrap();
    let older = block_on(index(&domain).entry(&["anybody"])).unwrap();
    let _ = clinic.approve(ROTATE);
    let _ = to_the_end(&clinic, 50);
    let retire = || end(&clinic, Operation::Retire(1), WAIT + 1);
    clinic.set_entry(7, older.as_bytes());
    assert_eq!(refusal(retire()), Refusal::InUse { values: 1 });
    // What is not there, or of nobody, is under no version.
    clinic.set_entry(7, &[7; 24]);
    retire().unwrap();
}

/// Somebody who knows nothing of the index writes a value while the run counts: it goes through everything again, and ends where
/// that happens whenever it does.
#[test]
fn what_was_left_out_of_an_index_meanwhile_is_filled_before_a_run_ends() {
    for (times, left) in [(1, 0), (u32::MAX, 1)] {
        let clinic = Made::new(Where::Sqlite, 20).unwrap();
        clinic.add_index();
        let _ = clinic.approve(ROTATE);
        let (mut times, path) = (times, clinic.folder().join("clinic.db"));
        let mut counts = 0;
        let journal = clinic.rotate(pace(50), &mut |event| {
            if matches!(event, Event::Step(Step::CountAgain)) {
                counts += 1;
                if times > 0 {
                    times -= 1;
                    let database = rusqlite::Connection::open(&path).unwrap();
                    let sql = "UPDATE patients SET by_name = NULL WHERE id = 7";
                    assert_eq!(database.execute(sql, []).unwrap(), 1);
                }
            }
        });
        let journal = journal.unwrap();
        assert_eq!(journal.phase, Phase::Done);
        let by_name = &journal.after[0].census().columns[3];
        assert_eq!(by_name.counts.get(&Class::Unindexed).copied().unwrap_or_default(), left);
        assert_eq!(counts, if left == 0 { 2 } else { 3 });
    }
}
