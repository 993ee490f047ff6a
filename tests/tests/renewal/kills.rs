//! What is there when a renewal is cut off at any of its writes.

use crate::{domain, kind, open, record};
use phiseal::blocking::Phiseal;
use phiseal::{Erasure, Error, ErrorKind, Renewal};
use phiseal_keys::{BoxFuture, Page, Record, RecordKind, RecordWrite, Store};
use phiseal_tests::editable::EditableStore;
use phiseal_tests::world::{DOMAIN, World, what};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A store that answers nothing any more from its `n`th write on: before that is written, or just after.
#[derive(Clone, Debug)]
struct Failing {
    store: EditableStore,
    writes: Arc<AtomicU64>,
    after: bool,
}

impl Failing {
    fn is_dead(&self) -> bool {
        self.writes.load(Ordering::SeqCst) == 0
    }
}

fn cut_off() -> Error {
    Error::new(ErrorKind::Unavailable, "cut off")
}

impl Store for Failing {
    fn read<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        Box::pin(async move {
            if self.is_dead() { Err(cut_off()) } else { self.store.read(kind, id).await }
        })
    }

    fn write<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
        expected: u64,
        bytes: &'a [u8],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            if self.is_dead() {
                return Err(cut_off());
            }
            if self.writes.fetch_sub(1, Ordering::SeqCst) > 1 {
                return self.store.write(kind, id, expected, bytes).await;
            }
            if self.after {
                self.store.write(kind, id, expected, bytes).await?;
            }
            Err(cut_off())
        })
    }

    fn write_all<'a>(&'a self, writes: &'a [RecordWrite<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            if self.is_dead() { Err(cut_off()) } else { self.store.write_all(writes).await }
        })
    }

    fn scan<'a>(
        &'a self,
        kind: RecordKind,
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move {
            if self.is_dead() { Err(cut_off()) } else { self.store.scan(kind, after, limit).await }
        })
    }

    fn erase(&self) -> BoxFuture<'_, Result<Erasure, Error>> {
        self.store.erase()
    }
}

/// A process whose store dies at its `writes`th write of what follows, and the switch that starts the count.
fn dying(world: &World, after: bool) -> (Phiseal, Arc<AtomicU64>) {
    let writes = Arc::new(AtomicU64::new(u64::MAX));
    let store = Failing { store: world.store.clone(), writes: writes.clone(), after };
    (Phiseal::open_with(world.builder(), store, world.kek.clone()).unwrap(), writes)
}

#[test]
fn a_person_whose_renewal_was_cut_off_has_the_old_key_or_both_and_loses_nothing() {
    for after in [false, true] {
        let world = World::of_default_engine();
        let (process, writes) = dying(&world, after);
        let here = process.domain(DOMAIN).unwrap();
        let ada = here.subject_or_create("ada").unwrap();
        let old = ada.seal("old", &what()).unwrap();
        writes.store(1, Ordering::SeqCst);
        assert_eq!(kind(ada.renew(Renewal::Routine)), Some(ErrorKind::Unavailable));
        assert_eq!(record(&world, "ada").keys().len(), 1 + usize::from(after));
        let fresh = domain(&world);
        assert_eq!(open(&fresh.subject("ada").unwrap(), &old).unwrap(), "old");
        let new = fresh.subject("ada").unwrap().seal("new", &what()).unwrap();
        assert_eq!(new.key_id() != old.key_id(), after);
        // And again, with the same handle.
        writes.store(u64::MAX, Ordering::SeqCst);
        assert_eq!(kind(ada.renew(Renewal::Routine)), None);
        assert_eq!(record(&world, "ada").keys().len(), 2 + usize::from(after));
        for (sealed, plain) in [(&old, "old"), (&new, "new")] {
            assert_eq!(open(&ada, sealed).unwrap(), plain);
        }
    }
}

/// Cut off at each write, and called again: everybody is renewed once.
#[test]
fn a_renewal_of_everybody_goes_on_where_it_was_cut_off() {
    const PERSONS: u64 = 12;
    let mut cut = 0;
    for after in [false, true] {
        for at in 1..=PERSONS + 1 {
            let world = World::of_default_engine();
            let (process, writes) = dying(&world, after);
            let here = process.domain(DOMAIN).unwrap();
            let name = |number: u64| format!("person {number}");
            let sealed: Vec<_> = (0..PERSONS)
                .map(|number| {
                    let person = here.subject_or_create(&name(number)).unwrap();
                    person.seal(name(number), &what()).unwrap()
                })
                .collect();
            here.rotate().unwrap();
            here.subject_or_create("unaffected").unwrap();
            here.ready().unwrap();
            writes.store(at, Ordering::SeqCst);
            let outcome = here.renew_subjects(&[1], Renewal::Compromised);
            let done = if after { at } else { at - 1 }.min(PERSONS);
            if at <= PERSONS {
                assert_eq!(kind(outcome), Some(ErrorKind::Unavailable), "at {at}");
                cut += 1;
            } else {
                assert_eq!(outcome.unwrap().renewed, PERSONS, "the control: not cut off");
            }
            let renewed = (0..PERSONS)
                .filter(|number| record(&world, &name(*number)).keys().len() == 2)
                .count();
            assert_eq!(u64::try_from(renewed).unwrap(), done, "at {at}");
            let fresh = domain(&world);
            let rest = fresh.renew_subjects(&[1], Renewal::Compromised).unwrap();
            assert_eq!((rest.renewed, rest.unaffected), (PERSONS - done, done + 1), "at {at}");
            for (number, sealed) in (0..PERSONS).zip(&sealed) {
                let (record, name) = (record(&world, &name(number)), name(number));
                assert_eq!(record.keys().len(), 2, "once");
                assert_eq!(record.current().unwrap().wrapped_by().ranges(), [(2, 2)]);
                let person = fresh.subject(&name).unwrap();
                assert_eq!(open(&person, sealed).unwrap(), name);
                assert_ne!(person.seal("x", &what()).unwrap().key_id(), sealed.key_id());
            }
            assert_eq!(record(&world, "unaffected").keys().len(), 1);
        }
    }
    assert_eq!(cut, 2 * PERSONS);
}
