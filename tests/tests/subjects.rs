//! Persons: made, used, shredded.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal::backends::local::LocalKek;
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::{Domain, Phiseal, Subject};
use phiseal::stores::SqliteStore;
use phiseal::{Erasure, Error, ErrorKind, KekOperation, KeyState, Phi, Sealed};
use phiseal_conformance::{Before, Faults};
use phiseal_keys::RecordKind;
use phiseal_tests::processes::run;
use phiseal_tests::warm::matrix;
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const CHILD: &str = env!("CARGO_BIN_EXE_phiseal-tests-child");
const LEASE: Duration = Duration::from_secs(600);

fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

fn open(person: &Subject, sealed: &Sealed) -> Result<String, Error> {
    let opened: Phi<String> = person.open(sealed, &what())?;
    Ok(opened.expose_secret().clone())
}

#[test]
fn what_is_sealed_for_a_person_opens_for_that_person_only() {
    let mut checked = 0;
    for (engine, suite) in matrix() {
        let world = World::new(engine);
        let process = world.process_with(move |options| options.suite = suite);
        let (domain, other) =
            (process.domain(DOMAIN).unwrap(), process.domain("clinic/staff").unwrap());
        let ada = domain.subject_or_create("ada").unwrap();
        let sealed = ada.seal("ada's", &what()).unwrap();
        assert_eq!(sealed.suite(), suite);
        assert_eq!(open(&ada, &sealed).unwrap(), "ada's");
        assert_eq!(open(&domain.subject("ada").unwrap(), &sealed).unwrap(), "ada's");
        let fresh = world.process().domain(DOMAIN).unwrap();
        assert_eq!(
            open(&fresh.subject("ada").unwrap(), &sealed).unwrap(),
            "ada's",
            "a new process"
        );

        let bob = domain.subject_or_create("bob").unwrap();
        assert_eq!(kind(open(&bob, &sealed)), Some(ErrorKind::Foreign), "another person");
        assert_eq!(
            kind(domain.open::<String>(&sealed, &what())),
            Some(ErrorKind::Foreign),
            "the domain"
        );
        let namesake = other.subject_or_create("ada").unwrap();
        assert_eq!(kind(open(&namesake, &sealed)), Some(ErrorKind::Foreign), "another domain's");
        let of_domain = domain.seal("everybody's", &what()).unwrap();
        assert_eq!(kind(open(&ada, &of_domain)), Some(ErrorKind::Foreign), "the domain's");
        let tags = [&ada, &bob, &namesake].map(|person| format!("{person:?}"));
        assert!(tags[0] != tags[1] && tags[0] != tags[2] && tags[1] != tags[2], "{tags:?}");
        checked += 1;
    }
    assert_eq!(checked, phiseal::engines().len() * 2);
}

#[test]
fn a_person_is_made_only_when_asked_for() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    assert_eq!(kind(domain.subject("ada")), Some(ErrorKind::NotFound));
    assert_eq!(kind(domain.shred_subject("ada")), Some(ErrorKind::NotFound));
    let read_only = world.open(world.builder().read_only()).unwrap().domain(DOMAIN).unwrap();
    assert_eq!(kind(read_only.subject_or_create("ada")), Some(ErrorKind::Denied));
    let sealed = domain.subject_or_create("ada").unwrap().seal("plain", &what()).unwrap();
    let ada = read_only.subject("ada").unwrap();
    assert_eq!(open(&ada, &sealed).unwrap(), "plain");
    assert_eq!(kind(ada.seal("plain", &what())), Some(ErrorKind::Denied));
    for name in [String::new(), "x".repeat(256)] {
        assert_eq!(kind(domain.subject_or_create(&name)), Some(ErrorKind::Invalid));
    }
    assert!(domain.subject_or_create(&"x".repeat(255)).is_ok());
}

#[test]
fn a_shredded_person_is_refused_everywhere_and_others_are_not() {
    for engine in phiseal::engines() {
        let world = World::new(*engine);
        let (here, there) =
            (world.process().domain(DOMAIN).unwrap(), world.process().domain(DOMAIN).unwrap());
        let ada = here.subject_or_create("ada").unwrap();
        let bob = here.subject_or_create("bob").unwrap();
        let (early, sealed) = (ada.ready().unwrap(), ada.seal("ada's", &what()).unwrap());
        let of_bob = bob.seal("bob's", &what()).unwrap();
        let ada_there = there.subject("ada").unwrap();
        let early_there = ada_there.ready().unwrap();
        assert_eq!(open(&ada_there, &sealed).unwrap(), "ada's", "the control");
        // A cipher from before the last look, and one from after it.
        world.clock.advance(LEASE * 4 / 5);
        let late = ada.ready().unwrap();
        assert_eq!(kind(early.open::<String>(&sealed, &what())), None, "the control");

        assert_eq!(here.shred_subject("ada").unwrap(), Erasure::Done);
        for cipher in [&early, &late] {
            assert_eq!(
                kind(cipher.open::<String>(&sealed, &what())),
                Some(ErrorKind::Stale),
                "warm"
            );
            assert_eq!(kind(cipher.seal("ada's", &what())), Some(ErrorKind::Stale), "warm");
        }
        assert_eq!(kind(open(&ada, &sealed)), Some(ErrorKind::State), "the same handle");
        assert_eq!(kind(ada.seal("ada's", &what())), Some(ErrorKind::State), "the same handle");
        assert_eq!(kind(here.subject("ada")), Some(ErrorKind::State), "the same process");
        let fresh = world.process().domain(DOMAIN).unwrap();
        assert_eq!(kind(fresh.subject("ada")), Some(ErrorKind::State), "a new process");
        for domain in [&here, &fresh] {
            assert_eq!(kind(domain.subject_or_create("ada")), Some(ErrorKind::State), "made again");
            assert_eq!(domain.shred_subject("ada").unwrap(), Erasure::Done, "shredded again");
        }
        // A process that knew the key notices within its lease.
        world.clock.advance(LEASE / 5);
        assert_eq!(kind(early_there.open::<String>(&sealed, &what())), Some(ErrorKind::Stale));
        assert_eq!(kind(open(&ada_there, &sealed)), Some(ErrorKind::State));
        assert_eq!(kind(ada_there.seal("ada's", &what())), Some(ErrorKind::State));
        assert_eq!(open(&bob, &of_bob).unwrap(), "bob's", "another person");
        assert_eq!(
            open(&fresh.subject("bob").unwrap(), &of_bob).unwrap(),
            "bob's",
            "another person"
        );
    }
}

#[test]
fn an_evicted_person_s_key_is_not_lost_and_is_not_forgotten_by_shredding() {
    let world = World::of_default_engine();
    let process = world.process_with(|options| options.subjects = 8);
    let domain = process.domain(DOMAIN).unwrap();
    let name = |number: usize| format!("person {number}");
    let sealed: Vec<_> = (0..50)
        .map(|number| {
            let person = domain.subject_or_create(&name(number)).unwrap();
            (person.seal(name(number), &what()).unwrap(), person.ready().unwrap(), person)
        })
        .collect();
    for round in 0..3 {
        for (number, (field, cipher, person)) in sealed.iter().enumerate() {
            assert_eq!(open(person, field).unwrap(), name(number), "round {round}");
            assert_eq!(open(&domain.subject(&name(number)).unwrap(), field).unwrap(), name(number));
            assert_eq!(kind(cipher.open::<String>(field, &what())), None, "in its lease");
        }
    }
    // What was handed out before the eviction ends with the person.
    for (number, (field, cipher, person)) in sealed.iter().enumerate() {
        domain.shred_subject(&name(number)).unwrap();
        assert_eq!(kind(cipher.open::<String>(field, &what())), Some(ErrorKind::Stale), "{number}");
        assert_eq!(kind(open(person, field)), Some(ErrorKind::State), "{number}");
        if let Some((next, cipher, _)) = sealed.get(number + 1) {
            assert_eq!(
                kind(cipher.open::<String>(next, &what())),
                None,
                "the control: the next person"
            );
        }
    }
}

/// Ciphers from before and after a renewal share their keys, and all of them end with the person, kept or not.
#[test]
fn ciphers_from_before_a_renewal_and_an_eviction_end_with_the_person() {
    let world = World::of_default_engine();
    let process = world.process_with(|options| options.subjects = 1);
    let domain = process.domain(DOMAIN).unwrap();
    let ada = domain.subject_or_create("ada").unwrap();
    let before = ada.ready().unwrap();
    let sealed = before.seal("ada's", &what()).unwrap();
    world.clock.advance(LEASE);
    let after = ada.ready().unwrap();
    domain.subject_or_create("bob").unwrap();
    let reloaded = ada.ready().unwrap();
    domain.subject_or_create("cy").unwrap();
    for cipher in [&before, &after, &reloaded] {
        assert_eq!(kind(cipher.open::<String>(&sealed, &what())), None, "the control");
    }
    drop(after);
    domain.shred_subject("ada").unwrap();
    for cipher in [&before, &reloaded] {
        assert_eq!(kind(cipher.open::<String>(&sealed, &what())), Some(ErrorKind::Stale));
        assert_eq!(kind(cipher.seal("ada's", &what())), Some(ErrorKind::Stale));
    }
}

/// The persons that are used stay; the one that was not used for longest goes.
#[test]
fn the_person_who_was_not_used_for_longest_is_evicted() {
    let world = World::of_default_engine();
    let process = world.process_with(|options| options.subjects = 4);
    let domain = process.domain(DOMAIN).unwrap();
    let people: Vec<_> =
        (0..4).map(|n| domain.subject_or_create(&format!("person {n}")).unwrap()).collect();
    people[0].seal("plain", &what()).unwrap();
    domain.subject_or_create("one more").unwrap();
    let reads = |person: &Subject| {
        let before = world.store.reads();
        person.seal("plain", &what()).unwrap();
        world.store.reads() - before
    };
    assert_eq!(reads(&people[0]), 0, "used lately");
    assert_eq!(reads(&people[2]), 0);
    assert_eq!(reads(&people[1]), 1, "the control: evicted and read again");
}

/// A cipher that was handed out is renewed with the person, as the documentation of ciphers says.
#[test]
fn a_cipher_of_a_person_is_renewed_with_the_lease() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let ada = domain.subject_or_create("ada").unwrap();
    let cipher = ada.ready().unwrap();
    let sealed = cipher.seal("plain", &what()).unwrap();
    for _ in 0..20 {
        world.clock.advance(LEASE);
        assert_eq!(kind(cipher.seal("plain", &what())), Some(ErrorKind::Stale));
        assert_eq!(kind(cipher.open::<String>(&sealed, &what())), Some(ErrorKind::Stale));
        ada.ready().unwrap();
        assert_eq!(kind(cipher.seal("plain", &what())), None);
        assert_eq!(kind(cipher.open::<String>(&sealed, &what())), None);
    }
}

#[test]
fn a_person_outlives_a_rotation_and_moves_before_the_old_version_is_destroyed() {
    let world = World::of_default_engine();
    let process = world.process();
    let domain = process.domain(DOMAIN).unwrap();
    let ada = domain.subject_or_create("ada").unwrap();
    let sealed = ada.seal("ada's", &what()).unwrap();
    let keyset = domain.rotate().unwrap();
    for domain in [&domain, &world.process().domain(DOMAIN).unwrap()] {
        assert_eq!(open(&domain.subject("ada").unwrap(), &sealed).unwrap(), "ada's");
        assert_eq!(kind(domain.subject("ada").unwrap().seal("more", &what())), None);
    }
    let bob = domain.subject_or_create("bob").unwrap();
    let of_bob = bob.seal("bob's", &what()).unwrap();
    let destroy =
        || block_on(process.key_store().set_state(&keyset, 1, phiseal::KeyState::Destroyed));
    assert_eq!(kind(destroy()), Some(ErrorKind::State), "it still wraps ada's key");
    let rewrapped = domain.rewrap_subjects().unwrap();
    assert_eq!((rewrapped.rewrapped, rewrapped.current, rewrapped.shredded), (1, 1, 0));
    assert_eq!(domain.rewrap_subjects().unwrap().current, 2);
    destroy().unwrap();
    world.clock.advance(LEASE);
    for domain in [&domain, &world.process().domain(DOMAIN).unwrap()] {
        assert_eq!(open(&domain.subject("ada").unwrap(), &sealed).unwrap(), "ada's");
        assert_eq!(open(&domain.subject("bob").unwrap(), &of_bob).unwrap(), "bob's");
        assert_eq!(kind(domain.subject("ada").unwrap().seal("more", &what())), None);
    }
}

/// Two processes that make one person at once have one key for that person.
#[test]
fn two_processes_make_one_person_once() {
    for _ in 0..50 {
        let world = World::of_default_engine();
        let domains: Vec<Domain> =
            (0..4).map(|_| world.process().domain(DOMAIN).unwrap()).collect();
        let barrier = std::sync::Barrier::new(domains.len());
        let sealed: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = domains
                .iter()
                .map(|domain| {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        domain.subject_or_create("ada").unwrap().seal("plain", &what()).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(sealed.iter().all(|one| one.key_id() == sealed[0].key_id()));
        for domain in &domains {
            let ada = domain.subject("ada").unwrap();
            assert!(sealed.iter().all(|one| open(&ada, one).is_ok()));
        }
    }
}

fn open_files(folder: &Path) -> Phiseal {
    let kek = LocalKek::open_or_create(folder.join("kek.json"), phiseal::default_engine()).unwrap();
    Phiseal::open(SqliteStore::open(folder.join("keys.db")).unwrap(), kek).unwrap()
}

/// How often `bytes`, or either half of them, are in the files of the store.
fn on_disk(folder: &Path, bytes: &[u8]) -> usize {
    let mut found = 0;
    for name in ["keys.db", "keys.db-wal", "keys.db-shm"] {
        let Ok(file) = fs::read(folder.join(name)) else { continue };
        for part in [bytes, &bytes[..bytes.len() / 2], &bytes[bytes.len() / 2..]] {
            found += file.windows(part.len()).filter(|window| *window == part).count();
        }
    }
    found
}

#[test]
fn after_shredding_the_wrapped_key_is_nowhere_in_the_files_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let phiseal = open_files(folder.path());
    let domain = phiseal.domain(DOMAIN).unwrap();
    for number in 0..200 {
        domain.subject_or_create(&format!("person {number}")).unwrap();
    }
    let keyset = domain.keyset().unwrap();
    let wrap_of = |name: &str| {
        let tag = phiseal.key_store().subject_tag(&keyset, name).unwrap();
        let record = block_on(phiseal.key_store().find_subject(&keyset, tag)).unwrap().unwrap();
        record.keys().last().map(|key| *key.wrap())
    };
    for number in (0..200).step_by(40) {
        let name = format!("person {number}");
        let wrap = wrap_of(&name).unwrap();
        assert!(on_disk(folder.path(), &wrap) >= 3, "the control: it was there");
        assert_eq!(domain.shred_subject(&name).unwrap(), Erasure::Done);
        assert_eq!(on_disk(folder.path(), &wrap), 0, "{name}");
        assert_eq!(wrap_of(&name), None);
    }
    let kept = wrap_of("person 1").unwrap();
    assert!(on_disk(folder.path(), &kept) >= 3, "the control: another person's is still there");
    assert_eq!(RecordKind::Subject.to_byte(), 3);
}

#[test]
fn a_second_process_refuses_a_shredded_person() {
    let folder = tempfile::tempdir().unwrap();
    let domain = open_files(folder.path()).domain(DOMAIN).unwrap();
    let sealed = domain.subject_or_create("ada").unwrap().seal("ada's", &what()).unwrap();
    let second = || {
        let output = run(CHILD, &["open-person", &sealed.to_string()], folder.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(second(), "opened ada's\n", "the control");
    domain.shred_subject("ada").unwrap();
    assert_eq!(second(), "refused State\n");
}

/// `ready` looks when the cipher said that it cannot go on, as a domain's does.
#[test]
fn a_person_s_ready_helps_when_the_epochs_are_used_up() {
    const HOUR: Duration = Duration::from_secs(3600);
    let second = Duration::from_secs(1);
    let world = World::of_default_engine();
    let ada = world.process().domain(DOMAIN).unwrap().subject_or_create("ada").unwrap();
    for _ in 0..4 {
        (0..300).for_each(|_| assert_eq!(kind(ada.ready().unwrap().seal("x", &what())), None));
        // A look just before the epoch ends, so that none is due just after.
        world.clock.advance(HOUR - second);
        ada.ready().unwrap();
        world.clock.advance(second * 2);
    }
    let sealed = (0..1000).map(|_| kind(ada.ready().unwrap().seal("x", &what())));
    let refused = sealed.flatten().count();
    assert_eq!(refused, 1, "the first refusal, which has the next `ready` look");
}

/// A rotation elsewhere must not look like a shredding here.
#[test]
fn a_person_who_was_made_or_moved_elsewhere_after_a_rotation_opens_here() {
    let world = World::of_default_engine();
    let process = || world.process().domain(DOMAIN).unwrap();
    let (here, cold, there) = (process(), process(), process());
    let ada = here.subject_or_create("ada").unwrap();
    let sealed = ada.seal("ada's", &what()).unwrap();
    there.rotate().unwrap();
    there.rewrap_subjects().unwrap();
    there.subject_or_create("eve").unwrap();
    assert_eq!(open(&cold.subject("ada").unwrap(), &sealed).unwrap(), "ada's", "moved");
    assert_eq!(kind(here.subject("eve")), None, "made");
    for second in 0..LEASE.as_secs() {
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(kind(open(&ada, &sealed)), None, "after {second} s");
    }
}

/// What a process seals for a new person within its lease must not be lost.
#[test]
fn no_person_is_made_under_a_version_that_was_destroyed_elsewhere() {
    let world = World::of_default_engine();
    let (here, custodian) = (world.process().domain(DOMAIN).unwrap(), world.process());
    let keyset = custodian.domain(DOMAIN).unwrap().rotate().unwrap();
    block_on(custodian.key_store().set_state(&keyset, 1, KeyState::Destroyed)).unwrap();
    let sealed = here.subject_or_create("eve").unwrap().seal("eve's", &what()).unwrap();
    let fresh = world.process().domain(DOMAIN).unwrap();
    assert_eq!(open(&fresh.subject("eve").unwrap(), &sealed).unwrap(), "eve's");
}

/// A cipher that was handed out, of a person who was let go; `again` has the person read once more since.
#[test]
fn ciphers_of_persons_who_were_let_go_end_with_what_wraps_the_key() {
    for again in [false, true] {
        let world = World::of_default_engine();
        let domain = world.process_with(|options| options.subjects = 1).domain(DOMAIN).unwrap();
        let ada = domain.subject_or_create("ada").unwrap();
        let let_go = ada.ready().unwrap();
        domain.subject_or_create("bob").unwrap();
        if again {
            ada.ready().unwrap();
        }
        let there = world.process();
        let keyset = there.domain(DOMAIN).unwrap().rotate().unwrap();
        block_on(there.key_store().set_state(&keyset, 1, KeyState::Compromised)).unwrap();
        assert_eq!(kind(let_go.seal("x", &what())), None, "the control: no look yet");
        domain.rewrap().unwrap();
        assert_eq!(kind(let_go.seal("x", &what())), Some(ErrorKind::Stale), "again: {again}");
    }
}

#[test]
fn ciphers_of_persons_who_were_let_go_end_with_a_withdrawn_kek() {
    let world = World::of_default_engine();
    let domain = world.process_with(|options| options.subjects = 1).domain(DOMAIN).unwrap();
    let ada = domain.subject_or_create("ada").unwrap();
    let sealed = ada.seal("x", &what()).unwrap();
    world.clock.advance(Duration::from_secs(2699));
    let let_go = ada.ready().unwrap();
    domain.subject_or_create("bob").unwrap();
    world.kek.fail_next(1000, ErrorKind::Denied);
    world.clock.advance(Duration::from_secs(452));
    assert_eq!(kind(let_go.open::<String>(&sealed, &what())), None, "the control: no look yet");
    assert_eq!(kind(domain.ready()), Some(ErrorKind::Denied));
    assert_eq!(kind(let_go.open::<String>(&sealed, &what())), Some(ErrorKind::Stale));
}

/// The cipher of a person who is kept, when this process has looked.
#[test]
fn a_cipher_of_a_person_ends_with_the_version_that_wraps_the_key() {
    for (state, seals, opens) in [
        (KeyState::Suspended, Some(ErrorKind::Stale), Some(ErrorKind::Stale)),
        (KeyState::Compromised, Some(ErrorKind::Stale), None),
        (KeyState::Deactivated, None, None),
    ] {
        let world = World::of_default_engine();
        let (domain, there) = (world.process().domain(DOMAIN).unwrap(), world.process());
        let cipher = domain.subject_or_create("ada").unwrap().ready().unwrap();
        let sealed = cipher.seal("x", &what()).unwrap();
        let keyset = block_on(there.key_store().keyset(DOMAIN)).unwrap();
        let keyset = block_on(there.key_store().add_version(&keyset)).unwrap();
        let keyset = block_on(there.key_store().set_primary(&keyset, 2)).unwrap();
        block_on(there.key_store().set_state(&keyset, 1, state)).unwrap();
        domain.rewrap().unwrap();
        assert_eq!(kind(cipher.seal("x", &what())), seals, "{state:?}");
        assert_eq!(kind(cipher.open::<String>(&sealed, &what())), opens, "{state:?}");
    }
}

/// The lease that counts is that of the domain's look: a person who is looked up late in it does not stretch it.
#[test]
fn a_person_s_cipher_seals_no_longer_than_the_domain_s_lease() {
    let world = World::of_default_engine();
    let (domain, there) = (world.process().domain(DOMAIN).unwrap(), world.process());
    domain.subject_or_create("ada").unwrap();
    let cold = world.process().domain(DOMAIN).unwrap();
    let keyset = there.domain(DOMAIN).unwrap().rotate().unwrap();
    block_on(there.key_store().set_state(&keyset, 1, KeyState::Compromised)).unwrap();
    // Before the domain's next look, which is not before three quarters of the lease.
    world.clock.advance(Duration::from_secs(449));
    let cipher = cold.subject("ada").unwrap().ready().unwrap();
    assert_eq!(kind(cipher.seal("x", &what())), None, "the control");
    world.clock.advance(Duration::from_secs(151));
    assert_eq!(kind(cipher.seal("x", &what())), Some(ErrorKind::Stale));
}

/// Nor does it open for longer than the key that wraps it.
#[test]
fn a_person_s_cipher_opens_no_longer_than_the_domain_s_key() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let ada = domain.subject_or_create("ada").unwrap();
    let sealed = ada.seal("x", &what()).unwrap();
    world.kek.set_unavailable(true);
    world.clock.advance(Duration::from_secs(3500));
    let cipher = domain.subject("ada").unwrap().ready().unwrap();
    assert_eq!(kind(cipher.open::<String>(&sealed, &what())), None, "the control");
    world.clock.advance(Duration::from_secs(100));
    assert_eq!(kind(cipher.open::<String>(&sealed, &what())), Some(ErrorKind::Stale));
}

/// Two looks at one person at once, one of them from before somebody else was shredded.
#[test]
fn a_look_that_comes_too_late_does_not_end_the_keys_of_the_one_that_was_in_time() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    domain.subject_or_create("bob").unwrap();
    let ada = domain.subject_or_create("ada").unwrap();
    world.clock.advance(LEASE * 4 / 5);
    domain.ready().unwrap();
    let (there, ada_there) = (domain.clone(), ada.clone());
    world.store.after_next_read(move || {
        there.shred_subject("bob").unwrap();
        assert_eq!(kind(ada_there.ready().unwrap().seal("in time", &what())), None);
    });
    assert_eq!(kind(ada.ready().unwrap().seal("too late", &what())), None);
    assert_eq!(kind(ada.ready().unwrap().seal("afterwards", &what())), None);
}

/// Who looks for somebody who is not there takes nothing from anybody.
#[test]
fn a_person_who_is_not_there_costs_the_others_no_look() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let ada = domain.subject_or_create("ada").unwrap();
    world.clock.advance(LEASE * 4 / 5);
    domain.ready().unwrap();
    let (there, before) = (domain.clone(), world.store.reads());
    world.store.after_next_read(move || {
        assert_eq!(kind(there.subject("nobody")), Some(ErrorKind::NotFound));
    });
    ada.ready().unwrap();
    assert_eq!(world.store.reads() - before, 2, "one for each of them");
}

/// Somebody rotates after the look and makes a person whose version that look does not know.
#[test]
fn persons_are_moved_though_somebody_rotates_and_makes_another_meanwhile() {
    let world = World::of_default_engine();
    let process = || world.process().domain(DOMAIN).unwrap();
    let (here, there) = (process(), process());
    here.subject_or_create("ada").unwrap();
    world.store.after_next_read(move || {
        there.rotate().unwrap();
        there.subject_or_create("eve").unwrap();
    });
    let moved = here.rewrap_subjects().unwrap();
    assert_eq!((moved.rewrapped, moved.current), (1, 1));
}

/// The last look fell into the middle of a rotation: the new version was there, and not in use yet.
#[test]
fn a_person_who_was_made_after_half_a_rotation_opens_here() {
    let world = World::of_default_engine();
    let there = world.process();
    let keyset = there.domain(DOMAIN).unwrap().keyset().unwrap();
    let keyset = block_on(there.key_store().add_version(&keyset)).unwrap();
    let here = world.process().domain(DOMAIN).unwrap();
    assert_eq!(here.keyset().unwrap().versions().len(), 2, "the control");
    block_on(there.key_store().set_primary(&keyset, 2)).unwrap();
    let eve = world.process().domain(DOMAIN).unwrap().subject_or_create("eve").unwrap();
    let sealed = eve.seal("eve's", &what()).unwrap();
    assert_eq!(open(&here.subject("eve").unwrap(), &sealed).unwrap(), "eve's");
}

/// A version that was suspended is in use again: at most one look a second finds that out.
#[test]
fn a_person_under_a_version_that_was_suspended_opens_soon_after_it_is_in_use_again() {
    let world = World::of_default_engine();
    let custodian = world.process();
    let domain = custodian.domain(DOMAIN).unwrap();
    let ada = domain.subject_or_create("ada").unwrap();
    let sealed = ada.seal("ada's", &what()).unwrap();
    let store = custodian.key_store();
    let keyset = block_on(store.add_version(&domain.keyset().unwrap())).unwrap();
    let keyset = block_on(store.set_primary(&keyset, 2)).unwrap();
    let keyset = block_on(store.set_state(&keyset, 1, KeyState::Suspended)).unwrap();
    let here = world.process().domain(DOMAIN).unwrap();
    assert_eq!(kind(here.subject("ada")), Some(ErrorKind::State), "the control");
    let before = world.store.reads();
    (0..100).for_each(|_| assert_eq!(kind(here.subject("ada")), Some(ErrorKind::State)));
    assert_eq!(world.store.reads() - before, 100, "no look at the keyset");
    block_on(store.set_state(&keyset, 1, KeyState::Active)).unwrap();
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(open(&here.subject("ada").unwrap(), &sealed).unwrap(), "ada's");
}

/// What is at hand serves out its lease, also where only the domain's keys cannot be looked up.
#[test]
fn a_person_who_was_moved_elsewhere_opens_here_while_the_store_is_down() {
    let world = World::of_default_engine();
    let process = || world.process().domain(DOMAIN).unwrap();
    let (here, there) = (process(), process());
    let ada = here.subject_or_create("ada").unwrap();
    let sealed = ada.seal("ada's", &what()).unwrap();
    world.clock.advance(LEASE * 4 / 5);
    here.ready().unwrap();
    there.rotate().unwrap();
    there.rewrap_subjects().unwrap();
    let store = world.store.clone();
    world.store.after_next_read(move || store.set_unavailable(true));
    assert_eq!(open(&ada, &sealed).unwrap(), "ada's");
    world.clock.advance(LEASE / 5);
    assert_eq!(kind(open(&ada, &sealed)), Some(ErrorKind::Unavailable), "the lease is over");
}

/// A KEK that, once `left` is set, does not answer for six seconds, for so many calls.
fn tired(world: &World, left: Arc<AtomicU64>) -> Arc<Faults<MemoryKek>> {
    let kek = Arc::new(Faults::new(MemoryKek::new(world.engine).unwrap()));
    let clock = world.clock.clone();
    kek.before(move |call| {
        if call.operation != KekOperation::Unwrap || left.load(Ordering::SeqCst) == 0 {
            return Before::GoOn;
        }
        left.fetch_sub(1, Ordering::SeqCst);
        clock.advance(Duration::from_secs(6));
        Before::Fail(ErrorKind::Unavailable)
    });
    kek
}

const FEW: u64 = 20;

/// One of two KEKs is down and takes its time to say so, and a person was made elsewhere after a rotation.
#[test]
fn a_person_made_elsewhere_is_found_while_an_earlier_kek_does_not_answer() {
    let world = World::of_default_engine();
    let calls = Arc::new(AtomicU64::new(0));
    let earlier = tired(&world, calls.clone());
    Phiseal::open_with(world.builder(), world.store.clone(), earlier.clone())
        .unwrap()
        .domain(DOMAIN)
        .unwrap();
    let process = || {
        let builder = world.builder().also_unwrap_with(earlier.clone());
        Phiseal::open_with(builder, world.store.clone(), world.kek.clone()).unwrap()
    };
    let (here, there) = (process().domain(DOMAIN).unwrap(), process().domain(DOMAIN).unwrap());
    here.seal("plain", &what()).unwrap();
    there.rotate().unwrap();
    there.subject_or_create("eve").unwrap();
    calls.store(FEW, Ordering::SeqCst);
    assert_eq!(kind(here.subject("eve")), None);
    assert!(
        FEW - calls.load(Ordering::SeqCst) <= 2,
        "{} calls",
        FEW - calls.load(Ordering::SeqCst)
    );
}

/// Each new person costs a look at the keyset, before and after, and no call of the KEK.
#[test]
fn a_thousand_persons_are_made_and_used_without_a_call_of_the_kek() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let before = world.kek.calls();
    for person in 0..1000 {
        let person = domain.subject_or_create(&person.to_string()).unwrap();
        let sealed = person.seal("plain", &what()).unwrap();
        assert_eq!(open(&person, &sealed).unwrap(), "plain");
    }
    assert_eq!(world.kek.calls(), before);
    world.process().domain(DOMAIN).unwrap();
    assert!(world.kek.calls() > before, "the control");
}
