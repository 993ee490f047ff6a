//! WEAR: a key is used as often as it may be, and no more.

use crate::{nonce, repeats};
use phiseal::blocking::{Domain, Phiseal};
use phiseal::{ErrorKind, Sealed};
use phiseal_tests::numbers::figure;
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::collections::BTreeMap;
use std::sync::Barrier;
use std::time::Duration;

const CAP: u64 = 1_000;
const THREADS: usize = 64;

fn capped(world: &World) -> Phiseal {
    world.process_with(|options| options.max_uses = CAP)
}

/// What 64 threads can seal that try `each` times each, and how the others end.
fn worn(domain: &Domain, each: usize) -> (Vec<Sealed>, BTreeMap<String, usize>) {
    let barrier = Barrier::new(THREADS);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    (0..each).map(|_| domain.seal("plain", &what())).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.len(), THREADS * each);
    let (mut sealed, mut refused) = (Vec::new(), BTreeMap::new());
    for outcome in outcomes {
        match outcome {
            Ok(one) => sealed.push(one),
            Err(error) => *refused.entry(format!("{:?}", error.kind())).or_default() += 1,
        }
    }
    (sealed, refused)
}

#[test]
fn no_key_is_used_more_often_than_it_may_be_and_a_rotation_helps() {
    for engine in phiseal::engines() {
        let world = World::new(*engine);
        let domain = capped(&world).domain(DOMAIN).unwrap();
        for round in 1..=2 {
            let first = engine.name() == phiseal::default_engine().name() && round == 1;
            let each = if first { figure(1_000, 10_000) } else { figure(300, 10_000) };
            let (sealed, refused) = worn(&domain, each);
            let keys: std::collections::BTreeSet<_> =
                sealed.iter().map(|one| one.key_id()).collect();
            assert_eq!(keys.len(), 1);
            assert!(sealed.len() as u64 <= CAP, "round {round}: {refused:?}");
            if each as u64 >= CAP {
                assert_eq!(
                    sealed.len() as u64,
                    CAP,
                    "no thread ended with a block that it had not used up"
                );
            } else {
                assert!(sealed.len() >= 256, "the control: {}", sealed.len());
            }
            assert_eq!(refused.keys().collect::<Vec<_>>(), ["Exhausted"], "round {round}");
            assert_eq!(repeats(sealed.iter().map(|one| nonce(one.as_bytes())).collect()), 0);
            assert_eq!(domain.seal("plain", &what()).unwrap_err().kind(), ErrorKind::Exhausted);
            assert!(!domain.seal("plain", &what()).unwrap_err().is_retryable());
            assert!(domain.open::<String>(&sealed[0], &what()).is_ok(), "opening goes on");
            domain.rotate().unwrap();
        }
    }
}

#[test]
fn uses_that_were_reserved_survive_the_end_of_the_process_pessimistically() {
    let world = World::of_default_engine();
    let mut sealed = 0;
    let uses = |process: &Phiseal| {
        let keyset = block_on(process.key_store().keyset(DOMAIN)).unwrap();
        block_on(process.key_store().uses(keyset.versions()[0].key_id())).unwrap()
    };
    let mut last = 0;
    for _ in 0..4 {
        let process = world.process_with(|options| options.max_uses = 3 << 24);
        let domain = process.domain(DOMAIN).unwrap();
        for _ in 0..10 {
            match domain.seal("plain", &what()) {
                Ok(_) => sealed += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Exhausted),
            }
        }
        let now = uses(&process);
        assert!(now >= last && now >= sealed, "{now} after {last}, {sealed} sealed");
        last = now;
        // As a kill would: nothing is given back.
        drop((domain, process));
    }
    assert_eq!(sealed, 30, "three processes of ten each; the fourth finds nothing left");
    assert_eq!(last, 3 << 24);
}

/// A process that is told of the exhaustion goes on by itself when another has rotated.
#[test]
fn another_process_s_rotation_helps_too() {
    let world = World::of_default_engine();
    let domain = capped(&world).domain(DOMAIN).unwrap();
    let sealed = (0..).map_while(|_| domain.seal("plain", &what()).ok()).count();
    assert_eq!(sealed as u64, CAP);
    // A custodian's program, which seals nothing itself.
    let custodian = world.process();
    let store = custodian.key_store();
    let keyset = block_on(store.keyset(DOMAIN)).unwrap();
    let keyset = block_on(store.add_version(&keyset)).unwrap();
    block_on(store.set_primary(&keyset, 2)).unwrap();
    assert!(domain.seal("plain", &what()).is_ok());
}

/// A key that is used up seals no more, but it opens as before: without a look, and when nobody could be asked.
#[test]
fn a_worn_key_opens_without_a_look() {
    let world = World::of_default_engine();
    let domain = capped(&world).domain(DOMAIN).unwrap();
    let sealed: Vec<_> = (0..).map_while(|_| domain.seal("plain", &what()).ok()).collect();
    let cipher = domain.ready().unwrap();
    assert_eq!(cipher.seal("plain", &what()).unwrap_err().kind(), ErrorKind::Stale);
    let before = world.store.reads();
    for one in &sealed {
        assert!(domain.open::<String>(one, &what()).is_ok());
    }
    assert_eq!(world.store.reads(), before, "no look");
    world.store.set_unavailable(true);
    for one in &sealed {
        assert!(domain.open::<String>(one, &what()).is_ok());
        assert!(domain.ready().unwrap().open::<String>(one, &what()).is_ok());
    }
    let outcome = domain.seal("plain", &what());
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unavailable, "the control");
}

/// Epochs are as long as they are said to be: ten million short messages do not use a cipher up.
#[test]
fn a_cipher_lasts_for_its_lease() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let cipher = domain.ready().unwrap();
    let bound = cipher.bind(&what()).unwrap();
    let mut epochs = std::collections::BTreeSet::new();
    let mut buffer = [0; 57];
    let messages: usize = figure(200_000, 20_000_000);
    for _ in 0..messages {
        if cipher.seal_in_place(&bound, &mut buffer).is_err() {
            let renewed = domain.ready().unwrap();
            renewed.seal_in_place(&bound, &mut buffer).unwrap();
        }
        epochs.insert(nonce(&buffer)[..12].to_vec());
    }
    assert_eq!(epochs.len(), messages.div_ceil(1 << 24), "an epoch is 2^24 messages long");
}

/// A cipher whose epochs are used up says so once, and the next `ready` has a fresh one. Opening goes on without one.
#[test]
fn ready_helps_when_the_epochs_are_used_up() {
    const EPOCHS: usize = 64;
    const HOUR: Duration = Duration::from_secs(3600);
    let second = Duration::from_secs(1);
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let seal = || domain.ready().unwrap().seal("plain", &what());
    let first = seal().unwrap();
    for _ in 0..EPOCHS {
        (0..300).for_each(|_| assert!(seal().is_ok()));
        // A look just before the epoch ends, so that none is due just after.
        world.clock.advance(HOUR - second);
        domain.ready().unwrap();
        world.clock.advance(second * 2);
    }
    world.store.set_unavailable(true);
    let refused = (0..300).find_map(|_| seal().err()).unwrap();
    assert_eq!(refused.kind(), ErrorKind::Stale);
    assert!(domain.ready().unwrap().open::<String>(&first, &what()).is_ok(), "opening goes on");

    world.store.set_unavailable(false);
    world.clock.advance(second);
    let refused = (0..1000).filter(|_| seal().is_err()).count();
    assert_eq!(refused, 1, "the first refusal, which has the next `ready` look");
}
