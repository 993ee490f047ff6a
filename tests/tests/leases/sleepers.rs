//! STALE: a process that slept.

use crate::{LEASE, NANO, kind, open, seal};
use phiseal::ErrorKind;
use phiseal_keys::RecordKind;
use phiseal_tests::world::{DOMAIN, World, what};

#[test]
fn a_cipher_that_slept_past_its_lease_seals_nothing_and_its_domain_recovers_by_itself() {
    for engine in phiseal::engines() {
        let world = World::new(*engine);
        let domain = world.process().domain(DOMAIN).unwrap();
        let cipher = domain.ready().unwrap();
        let bound = cipher.bind(&what()).unwrap();
        let sealed = cipher.seal("plain", &what()).unwrap();
        world.clock.advance(LEASE - NANO);
        assert_eq!(kind(cipher.seal("plain", &what())), None, "the last moment of the lease");
        world.clock.advance(NANO);
        let mut buffer = [0xa5; 100];
        assert_eq!(kind(cipher.seal("plain", &what())), Some(ErrorKind::Stale));
        assert_eq!(kind(cipher.seal_into(b"plain", &bound, &mut buffer)), Some(ErrorKind::Stale));
        assert_eq!(kind(cipher.seal_in_place(&bound, &mut buffer)), Some(ErrorKind::Stale));
        assert_eq!(
            buffer, [0xa5; 100],
            "the caller's plaintext is still there, to be sealed later"
        );
        assert_eq!(kind(cipher.seal_all([("plain", &what())])), Some(ErrorKind::Stale));
        assert_eq!(kind(cipher.open::<String>(&sealed, &what())), None, "opening goes on");

        let mut envelope = buffer;
        assert_eq!(seal(&domain), None, "the domain looks at the store by itself");
        cipher.seal_in_place(&bound, &mut envelope).unwrap();
        assert_eq!(cipher.open_in_place(&bound, &mut envelope).unwrap(), [0xa5; 43]);
        assert_eq!(
            kind(cipher.seal("plain", &what())),
            None,
            "and that renews what was handed out"
        );
    }
}

#[test]
fn a_process_that_slept_through_a_rotation_seals_nothing_under_the_retired_key() {
    let world = World::of_default_engine();
    let sleeper = world.process().domain(DOMAIN).unwrap();
    let cipher = sleeper.ready().unwrap();
    let retired = cipher.seal("plain", &what()).unwrap().key_id();
    let other = world.process().domain(DOMAIN).unwrap();
    let keyset = other.rotate().unwrap();
    let newest = keyset.sealing_version().unwrap().key_id().short();
    assert_ne!(newest, retired);
    assert_eq!(other.seal("plain", &what()).unwrap().key_id(), newest, "the rotator at once");
    assert_eq!(
        cipher.seal("plain", &what()).unwrap().key_id(),
        retired,
        "the control: in its lease"
    );

    world.clock.advance(LEASE);
    assert_eq!(kind(cipher.seal("plain", &what())), Some(ErrorKind::Stale), "before any look");
    let sealed = sleeper.seal("plain", &what()).unwrap();
    assert_eq!(sealed.key_id(), newest);
    for _ in 0..10 {
        assert_eq!(kind(cipher.seal("plain", &what())), Some(ErrorKind::Stale), "after the look");
        world.clock.advance(LEASE / 4);
        assert_eq!(sleeper.seal("plain", &what()).unwrap().key_id(), newest);
    }
    assert_eq!(open(&sleeper, &sealed), None);
}

/// A process that is awake moves over well before its lease ends.
#[test]
fn a_process_that_is_awake_moves_to_the_new_key_within_seven_eighths_of_the_lease() {
    let world = World::of_default_engine();
    let awake = world.process().domain(DOMAIN).unwrap();
    let retired = awake.seal("plain", &what()).unwrap().key_id();
    world.process().domain(DOMAIN).unwrap().rotate().unwrap();
    world.clock.advance(LEASE * 3 / 4 - NANO);
    assert_eq!(awake.seal("plain", &what()).unwrap().key_id(), retired, "no look is due");
    world.clock.advance(LEASE / 8 + NANO);
    assert_ne!(awake.seal("plain", &what()).unwrap().key_id(), retired);
}

#[test]
fn a_store_that_does_not_answer_ends_sealing_with_the_lease_and_opening_with_the_key_s_time() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    world.store.set_unavailable(true);
    world.clock.advance(LEASE - NANO);
    assert_eq!(seal(&domain), None);
    world.clock.advance(NANO);
    assert_eq!(seal(&domain), Some(ErrorKind::Unavailable));
    for _ in 0..49 {
        world.clock.advance(crate::SECOND * 60);
        assert_eq!(open(&domain, &sealed), None);
        assert_eq!(seal(&domain), Some(ErrorKind::Unavailable));
    }
    world.clock.advance(crate::SECOND * 60);
    assert_eq!(open(&domain, &sealed), Some(ErrorKind::Unavailable));
    world.store.set_unavailable(false);
    world.clock.advance(crate::SECOND);
    assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "the store is back");
}

/// What a rotation returns binds the process that made it, also when a look was under way that still saw the old primary.
#[test]
fn a_look_that_began_before_a_rotation_does_not_undo_it() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let before = world.store.row(RecordKind::Keyset, DOMAIN.as_bytes()).revision;
    let (tell, told) = std::sync::mpsc::channel();
    let (store, rotator) = (world.store.clone(), domain.clone());
    world.store.after_next_read(move || {
        let rotation = std::thread::spawn(move || rotator.rotate().unwrap());
        // The look goes on when the rotation has written all that it writes: version, primary, state.
        while store.row(RecordKind::Keyset, DOMAIN.as_bytes()).revision < before + 3 {
            std::thread::yield_now();
        }
        tell.send(rotation).unwrap();
    });
    world.clock.advance(LEASE - NANO);
    assert_eq!(seal(&domain), None, "the look");
    let keyset = told.recv().unwrap().join().unwrap();
    let newest = keyset.sealing_version().unwrap().key_id().short();
    assert_eq!(domain.seal("plain", &what()).unwrap().key_id(), newest);
}

/// Whoever holds a cipher and is awake: what this process knows ends sealing at once, not with the lease.
#[test]
fn a_cipher_seals_nothing_under_a_key_that_its_process_knows_to_be_retired() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let cipher = domain.ready().unwrap();
    let sealed = cipher.seal("plain", &what()).unwrap();
    domain.rotate().unwrap();
    assert_eq!(kind(cipher.seal("plain", &what())), Some(ErrorKind::Stale));
    assert_eq!(kind(cipher.open::<String>(&sealed, &what())), None, "it still opens");
}
