//! One key under several KEKs, any one of which opens it.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::{
    Builder, Error, ErrorKind, KekAdminBackend, KekBackend, KekOperation, KeyState, RecordKind,
    Sealed, context,
};
use phiseal_tests::editable::EditableStore;
use pollster::block_on;
use std::sync::Arc;

const DOMAIN: &str = "clinic/patients";

/// A store, and three KEKs: of this region, of another one, and a third.
struct World {
    store: EditableStore,
    keks: [Arc<MemoryKek>; 3],
}

impl World {
    fn new() -> Self {
        let kek = || Arc::new(MemoryKek::new(phiseal::default_engine()).unwrap());
        Self { store: EditableStore::default(), keks: [kek(), kek(), kek()] }
    }

    /// The first of `wrapping` first; those of `unwrapping` only unwrap.
    fn open(&self, wrapping: &[usize], unwrapping: &[usize]) -> Result<Phiseal, Error> {
        let [first, others @ ..] = wrapping else { panic!("a store needs a KEK") };
        let kek = |number: &usize| Arc::clone(&self.keks[*number]);
        let builder = others.iter().fold(Builder::new(), |b, other| b.also_wrap_with(kek(other)));
        let builder = unwrapping.iter().fold(builder, |b, other| b.also_unwrap_with(kek(other)));
        Phiseal::open_with(builder, self.store.clone(), kek(first))
    }

    fn calls(&self, operation: KekOperation) -> [u64; 3] {
        [0, 1, 2].map(|kek| self.keks[kek].calls_of(operation))
    }
}

fn seal(phi: &Phiseal) -> Sealed {
    phi.domain(DOMAIN).unwrap().seal("123-45-6789", &context!(field = "ssn")).unwrap()
}

fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

#[test]
fn any_kek_alone_opens_the_store_and_what_it_holds() {
    let world = World::new();
    let sealed = seal(&world.open(&[0, 1, 2], &[]).unwrap());
    for alone in 0..3 {
        let phi = world.open(&[alone], &[]).unwrap();
        assert!(opens(&phi, &sealed), "KEK {alone}");
        assert_eq!(world.calls(KekOperation::Generate), [2, 0, 0], "the first one makes the keys");
    }
    let other = World::new();
    assert_eq!(
        kind(Phiseal::open(world.store.clone(), other.keks[0].clone())),
        Some(ErrorKind::Foreign)
    );
}

#[test]
fn a_process_starts_and_opens_while_all_but_one_are_down() {
    for reason in [
        ErrorKind::Unavailable,
        ErrorKind::Throttled,
        ErrorKind::Denied,
        ErrorKind::NotFound,
        ErrorKind::State,
    ] {
        let world = World::new();
        let sealed = seal(&world.open(&[0, 1, 2], &[]).unwrap());
        for up in 0..3 {
            for (number, kek) in world.keks.iter().enumerate() {
                kek.fail_every(u64::from(number != up), reason);
            }
            let phi = world.open(&[0, 1, 2], &[]).unwrap();
            assert!(opens(&phi, &sealed), "{reason:?}: only KEK {up} is up");
        }
        world.keks.iter().for_each(|kek| kek.fail_every(1, reason));
        assert_eq!(kind(world.open(&[0, 1, 2], &[])), Some(reason), "the control: none is up");
    }
}

#[test]
fn a_kek_that_was_down_at_the_start_is_used_when_it_is_back() {
    let world = World::new();
    let sealed = seal(&world.open(&[0, 1], &[]).unwrap());
    world.keks[0].set_unavailable(true);
    let phi = world.open(&[0, 1], &[]).unwrap();
    world.keks[0].set_unavailable(false);
    world.keks[1].set_unavailable(true);
    assert!(opens(&phi, &sealed));
}

#[test]
fn new_keys_need_every_kek_that_wraps() {
    for down in 0..3 {
        let world = World::new();
        let phi = world.open(&[0, 1, 2], &[]).unwrap();
        world.keks[down].set_unavailable(true);
        assert_eq!(kind(phi.domain(DOMAIN)), Some(ErrorKind::Unavailable), "KEK {down}");
        assert!(world.store.rows().keys().all(|(kind, _)| *kind != RecordKind::Keyset));
        world.keks[down].set_unavailable(false);
        assert!(world.open(&[0, 1, 2], &[]).unwrap().domain(DOMAIN).is_ok());
    }
}

#[test]
fn a_wrap_that_fails_a_check_ends_the_search() {
    let world = World::new();
    let sealed = seal(&world.open(&[0, 1], &[]).unwrap());
    for lie in [ErrorKind::Unauthenticated, ErrorKind::Malformed, ErrorKind::Faulty] {
        let phi = world.open(&[0, 1], &[]).unwrap();
        world.keks[0].fail_every(1, lie);
        let before = world.calls(KekOperation::Unwrap)[1];
        assert_eq!(kind(phi.domain(DOMAIN)), Some(lie));
        assert_eq!(world.calls(KekOperation::Unwrap)[1], before, "the next one is not asked");
        world.keks[0].fail_every(0, lie);
        assert!(opens(&phi, &sealed), "the control");
    }
}

#[test]
fn an_outage_is_told_rather_than_what_another_kek_says_for_good() {
    let world = World::new();
    seal(&world.open(&[0, 1], &[]).unwrap());
    for (first, second) in [(0, 1), (1, 0)] {
        // A handle waits a little after a failure: there is one for each question.
        let [phi, another] = [0, 1].map(|_| world.open(&[0, 1], &[]).unwrap());
        world.keks[first].fail_every(1, ErrorKind::State);
        world.keks[second].set_unavailable(true);
        assert_eq!(kind(phi.domain(DOMAIN)), Some(ErrorKind::Unavailable));
        world.keks[second].set_unavailable(false);
        world.keks[second].fail_every(1, ErrorKind::Denied);
        let told = kind(another.domain(DOMAIN));
        assert!(matches!(told, Some(ErrorKind::State | ErrorKind::Denied)), "{told:?}");
        world.keks.iter().for_each(|kek| kek.fail_every(0, ErrorKind::State));
    }
}

#[test]
fn rewrapping_adds_a_kek_and_takes_one_away() {
    let world = World::new();
    let phi = world.open(&[0], &[]).unwrap();
    let sealed = seal(&phi);
    assert_eq!(kind(world.open(&[1], &[])), Some(ErrorKind::Foreign), "the control");

    let both = world.open(&[0, 1], &[]).unwrap();
    let domain = both.domain(DOMAIN).unwrap();
    assert_eq!(domain.rewrap().unwrap().rewrapped, 1);
    assert!(block_on(both.key_store().rewrap_store_key()).unwrap());
    assert_eq!(domain.rewrap().unwrap().current, 1, "done is done");
    assert!(!block_on(both.key_store().rewrap_store_key()).unwrap());
    assert!(opens(&world.open(&[1], &[]).unwrap(), &sealed));

    // The first one retires: only unwraps at first, then is gone.
    let moving = world.open(&[1], &[0]).unwrap();
    assert_eq!(moving.domain(DOMAIN).unwrap().rewrap().unwrap().rewrapped, 1);
    assert!(block_on(moving.key_store().rewrap_store_key()).unwrap());
    assert_eq!(kind(world.open(&[0], &[])), Some(ErrorKind::Foreign));
    assert!(opens(&world.open(&[1], &[]).unwrap(), &sealed));
}

#[test]
fn each_kek_is_rotated_by_itself_and_the_rest_of_a_key_s_wraps_stays() {
    let world = World::new();
    let phi = world.open(&[0, 1], &[]).unwrap();
    let (domain, sealed) = (phi.domain(DOMAIN).unwrap(), seal(&phi));
    let wraps = || domain.keyset().unwrap().versions()[0].wraps().to_vec();
    let before = wraps();
    let second = block_on(world.keks[1].create_version()).unwrap();
    assert_eq!(domain.rewrap().unwrap().rewrapped, 1);
    assert!(block_on(phi.key_store().rewrap_store_key()).unwrap());
    let after = wraps();
    assert_eq!((&after[0], after.len()), (&before[0], 2));
    assert_eq!(after[1].kek_version(), second);
    let first = before[1].kek_version();
    block_on(world.keks[1].set_state(first, KeyState::Deactivated)).unwrap();
    block_on(world.keks[1].destroy(first)).unwrap();
    assert!(opens(&world.open(&[1], &[]).unwrap(), &sealed));
}

#[test]
fn a_wrap_whose_version_is_gone_is_made_again_from_what_another_kek_opens() {
    let world = World::new();
    let phi = world.open(&[0, 1], &[]).unwrap();
    let sealed = seal(&phi);
    for lost in [0, 1, 0] {
        lose_version(&world.keks[lost]);
        assert_eq!(phi.domain(DOMAIN).unwrap().rewrap().unwrap().rewrapped, 1, "KEK {lost}");
        assert!(block_on(phi.key_store().rewrap_store_key()).unwrap());
        assert!(opens(&world.open(&[lost], &[]).unwrap(), &sealed));
    }
    world.keks[..2].iter().for_each(|kek| lose_version(kek));
    let told = kind(phi.domain(DOMAIN).unwrap().rewrap());
    assert_eq!(told, Some(ErrorKind::State), "the control: no KEK opens it");
}

/// Makes a new version, and destroys the one that was the newest.
fn lose_version(kek: &MemoryKek) {
    let lost = block_on(kek.describe()).unwrap().current;
    block_on(kek.create_version()).unwrap();
    block_on(kek.set_state(lost, KeyState::Deactivated)).unwrap();
    block_on(kek.destroy(lost)).unwrap();
}

#[test]
fn a_wrap_of_the_store_s_own_key_that_does_not_open_is_never_taken_for_done() {
    let world = World::new();
    let phi = world.open(&[0, 1], &[]).unwrap();
    assert!(!block_on(phi.key_store().rewrap_store_key()).unwrap(), "the control");
    let (id, honest) = world.store.only(RecordKind::StoreKey);
    // The last byte is of the second KEK's wrap, which nobody asks for while the first KEK is there.
    let mut bytes = honest.bytes.clone();
    *bytes.last_mut().unwrap() ^= 1;
    world.store.put_bytes(RecordKind::StoreKey, &id, bytes);
    let phi = world.open(&[0, 1], &[]).unwrap();
    let told = kind(block_on(phi.key_store().rewrap_store_key()));
    assert_eq!(told, Some(ErrorKind::Unauthenticated));
    assert_eq!(kind(world.open(&[1], &[])), Some(ErrorKind::Unauthenticated));
}

#[test]
fn what_the_only_kek_of_a_key_says_for_good_is_not_hidden_by_another_that_is_down() {
    let world = World::new();
    seal(&world.open(&[0], &[]).unwrap());
    world.keks[1].set_unavailable(true);
    let phi = world.open(&[0], &[1]).unwrap();
    let before = world.calls(KekOperation::Describe)[1];
    world.keks[0].fail_every(1, ErrorKind::State);
    assert_eq!(kind(phi.domain(DOMAIN)), Some(ErrorKind::State));
    assert_eq!(world.calls(KekOperation::Describe)[1], before, "it wrapped nothing");
}

#[test]
fn a_kek_that_was_given_twice_and_was_down_at_first_makes_no_two_wraps() {
    let world = World::new();
    world.keks[0].fail_next(1, ErrorKind::Unavailable);
    let builder = Builder::new().also_wrap_with(world.keks[0].clone());
    let phi = Phiseal::open_with(builder, world.store.clone(), world.keks[0].clone());
    assert_eq!(kind(phi.and_then(|phi| phi.domain(DOMAIN).map(drop))), Some(ErrorKind::Invalid));
}

#[test]
fn nine_keks_write_nothing_that_nobody_reads() {
    let world = World::new();
    let sealed = seal(&world.open(&[0, 1], &[]).unwrap());
    let nine = |store: &EditableStore| {
        let kek = || MemoryKek::new(phiseal::default_engine()).unwrap();
        let builder = (0..7).fold(Builder::new(), |builder, _| builder.also_wrap_with(kek()));
        let builder = builder.also_wrap_with(world.keks[1].clone());
        let phi = Phiseal::open_with(builder, store.clone(), world.keks[0].clone())?;
        block_on(phi.key_store().rewrap_store_key())
    };
    assert_eq!(kind(nine(&world.store)), Some(ErrorKind::Invalid));
    assert!(opens(&world.open(&[0], &[]).unwrap(), &sealed));
    let empty = EditableStore::default();
    assert_eq!(kind(nine(&empty)), Some(ErrorKind::Invalid));
    assert!(empty.rows().is_empty());
}

#[test]
fn nine_keks_and_one_kek_twice_are_refused() {
    let world = World::new();
    let builder = Builder::new().also_wrap_with(world.keks[0].clone());
    let twice = Phiseal::open_with(builder, EditableStore::default(), world.keks[0].clone());
    assert_eq!(kind(twice), Some(ErrorKind::Invalid));
    for (others, expected) in [(7, None), (8, Some(ErrorKind::Invalid))] {
        let kek = || MemoryKek::new(phiseal::default_engine()).unwrap();
        let builder = (0..others).fold(Builder::new(), |builder, _| builder.also_wrap_with(kek()));
        let phi = Phiseal::open_with(builder, EditableStore::default(), kek());
        let outcome = phi.and_then(|phi| phi.domain(DOMAIN).map(drop));
        assert_eq!(kind(outcome), expected, "{others} others");
    }
}

fn opens(phi: &Phiseal, sealed: &Sealed) -> bool {
    let opened = phi
        .domain(DOMAIN)
        .and_then(|domain| domain.open::<String>(sealed, &context!(field = "ssn")));
    opened.is_ok_and(|plain| plain.expose_secret() == "123-45-6789")
}
