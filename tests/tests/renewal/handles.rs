//! What handles do that know the key before.

use crate::{LEASE, add_primary, domain, kind, open, record, set_state, states};
use phiseal::{Erasure, ErrorKind, KeyState, Renewal, SubjectKeyState};
use phiseal_tests::warm::matrix;
use phiseal_tests::world::{DOMAIN, World, what};
use std::time::Duration;

#[test]
fn after_a_renewal_the_new_key_seals_and_both_open() {
    let mut checked = 0;
    for (engine, suite) in matrix() {
        let world = World::new(engine);
        let here = world.process_with(move |options| options.suite = suite).domain(DOMAIN).unwrap();
        let (ada, bob) =
            (here.subject_or_create("ada").unwrap(), here.subject_or_create("bob").unwrap());
        let (old, of_bob) =
            (ada.seal("old", &what()).unwrap(), bob.seal("bob's", &what()).unwrap());
        assert_eq!(open(&ada, &old).unwrap(), "old", "before");
        here.renew_subject("ada", Renewal::Routine).unwrap();
        let new = ada.seal("new", &what()).unwrap();
        assert_ne!(new.key_id(), old.key_id());
        let fresh = domain(&world);
        for ada in [&ada, &here.subject("ada").unwrap(), &fresh.subject("ada").unwrap()] {
            assert_eq!(open(ada, &old).unwrap(), "old", "after");
            assert_eq!(open(ada, &new).unwrap(), "new");
            assert_eq!(ada.seal("more", &what()).unwrap().key_id(), new.key_id());
            assert_eq!(kind(open(ada, &of_bob)), Some(ErrorKind::Foreign));
        }
        assert_eq!(bob.seal("more", &what()).unwrap().key_id(), of_bob.key_id(), "somebody else");
        assert_eq!(kind(open(&bob, &new)), Some(ErrorKind::Foreign));
        let of_ada = record(&world, "ada");
        assert_eq!(states(&of_ada), [SubjectKeyState::Retired, SubjectKeyState::Active]);
        let ids: Vec<_> = of_ada.keys().iter().map(|key| key.key_id().short()).collect();
        assert_eq!(ids, [old.key_id(), new.key_id()]);
        assert_eq!(of_ada.keys().iter().map(|key| key.number()).collect::<Vec<_>>(), [1, 2]);
        checked += 1;
    }
    assert_eq!(checked, phiseal::engines().len() * 2);
}

#[test]
fn who_is_not_there_or_may_only_be_read_is_not_renewed() {
    let world = World::of_default_engine();
    let here = domain(&world);
    let renew = |name: &str| kind(here.renew_subject(name, Renewal::Routine));
    assert_eq!(renew("ada"), Some(ErrorKind::NotFound));
    assert_eq!(renew(""), Some(ErrorKind::Invalid));
    here.subject_or_create("ada").unwrap();
    let read_only = world.open(world.builder().read_only()).unwrap().domain(DOMAIN).unwrap();
    assert_eq!(kind(read_only.renew_subject("ada", Renewal::Routine)), Some(ErrorKind::Denied));
    assert_eq!(kind(read_only.renew_subjects(&[7], Renewal::Routine)), Some(ErrorKind::Denied));
    assert_eq!(kind(read_only.drop_subject_keys("ada", &[])), Some(ErrorKind::Denied));
    assert_eq!(record(&world, "ada").keys().len(), 1);
    assert_eq!(renew("ada"), None, "the control");
    here.shred_subject("ada").unwrap();
    assert_eq!(renew("ada"), Some(ErrorKind::State));
}

/// A process that is asleep, and one that seals all the time.
#[test]
fn a_warm_handle_elsewhere_seals_nothing_under_the_old_key_after_its_lease() {
    for busy in [false, true] {
        let world = World::of_default_engine();
        let (here, there) = (domain(&world), domain(&world));
        here.subject_or_create("ada").unwrap();
        let ada = there.subject("ada").unwrap();
        let cipher = ada.ready().unwrap();
        let old = cipher.seal("old", &what()).unwrap();
        here.renew_subject("ada", Renewal::Compromised).unwrap();
        let new = here.subject("ada").unwrap().seal("new", &what()).unwrap();
        let mut noticed = None;
        for second in 0..LEASE.as_secs() {
            let sealed = cipher.seal("early", &what());
            match sealed {
                Ok(sealed) => assert_eq!(sealed.key_id(), old.key_id(), "the control: not yet"),
                Err(error) => {
                    assert!(busy && noticed.is_some(), "{second} s");
                    assert_eq!(error.kind(), ErrorKind::Stale);
                }
            }
            if busy {
                let sealed = ada.seal("x", &what()).unwrap();
                let is_new = sealed.key_id() == new.key_id();
                assert!(is_new || sealed.key_id() == old.key_id());
                assert!(is_new || noticed.is_none(), "there is no way back");
                if is_new {
                    noticed.get_or_insert(second);
                }
            }
            world.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(noticed, busy.then_some(LEASE.as_secs() * 3 / 4), "at the look that was due");
        // The lease is over, however much or little was done with the handle.
        assert_eq!(kind(cipher.seal("late", &what())), Some(ErrorKind::Stale));
        assert_eq!(ada.seal("late", &what()).unwrap().key_id(), new.key_id());
        assert_eq!(ada.ready().unwrap().sealing_key_id(), Some(new.key_id()));
        for (sealed, plain) in [(&old, "old"), (&new, "new")] {
            assert_eq!(open(&ada, sealed).unwrap(), plain);
        }
    }
}

/// Also by ciphers that were handed out, of a person who is kept and of one who was let go.
#[test]
fn in_the_process_that_renews_nothing_is_sealed_under_the_old_key_from_then_on() {
    for again in [false, true] {
        let world = World::of_default_engine();
        let here = world.process_with(|options| options.subjects = 1).domain(DOMAIN).unwrap();
        let ada = here.subject_or_create("ada").unwrap();
        let let_go = ada.ready().unwrap();
        let of_bob = here.subject_or_create("bob").unwrap().ready().unwrap();
        let mut ciphers = vec![let_go];
        if again {
            ciphers.push(ada.ready().unwrap());
        }
        let old = ciphers[0].seal("old", &what()).unwrap();
        assert!(ciphers.iter().all(|cipher| cipher.seal("x", &what()).is_ok()), "the control");
        ada.renew(Renewal::Routine).unwrap();
        for cipher in &ciphers {
            assert_eq!(kind(cipher.seal("x", &what())), Some(ErrorKind::Stale), "again: {again}");
            assert_eq!(kind(cipher.open::<String>(&old, &what())), None, "it opens");
        }
        assert_eq!(kind(of_bob.seal("x", &what())), None, "the control: somebody else");
        assert_ne!(ada.seal("new", &what()).unwrap().key_id(), old.key_id());
    }
}

#[test]
fn what_was_sealed_elsewhere_under_a_new_key_opens_here_after_one_look() {
    let world = World::of_default_engine();
    let (here, there) = (domain(&world), domain(&world));
    let ada = here.subject_or_create("ada").unwrap();
    let old = ada.seal("old", &what()).unwrap();
    for round in 0..3 {
        there.renew_subject("ada", Renewal::Routine).unwrap();
        let new = there.subject("ada").unwrap().seal("new", &what()).unwrap();
        assert_eq!(
            kind(ada.ready().unwrap().open::<String>(&new, &what())),
            Some(ErrorKind::Foreign)
        );
        let before = (world.store.reads(), world.kek.calls());
        assert_eq!(open(&ada, &new).unwrap(), "new", "round {round}");
        assert_eq!((world.store.reads() - before.0, world.kek.calls() - before.1), (1, 0));
        assert_eq!(open(&ada, &old).unwrap(), "old");
        assert_eq!(ada.seal("x", &what()).unwrap().key_id(), new.key_id(), "it has noticed");
        world.clock.advance(Duration::from_secs(1));
    }
}

#[test]
fn a_renewed_person_who_is_shredded_is_gone_under_every_key() {
    for engine in phiseal::engines() {
        let world = World::new(*engine);
        let (here, there) = (domain(&world), domain(&world));
        let ada = here.subject_or_create("ada").unwrap();
        let first = ada.ready().unwrap();
        let mut sealed = vec![ada.seal("x", &what()).unwrap()];
        for _ in 0..3 {
            ada.renew(Renewal::Routine).unwrap();
            sealed.push(ada.seal("x", &what()).unwrap());
        }
        let (cipher, ada_there) = (ada.ready().unwrap(), there.subject("ada").unwrap());
        let cipher_there = ada_there.ready().unwrap();
        for value in &sealed {
            assert_eq!(kind(cipher.open::<String>(value, &what())), None, "the control");
            assert_eq!(kind(cipher_there.open::<String>(value, &what())), None, "the control");
        }
        assert_eq!(here.shred_subject("ada").unwrap(), Erasure::Done);
        assert_eq!(kind(first.open::<String>(&sealed[0], &what())), Some(ErrorKind::Stale));
        for value in &sealed {
            assert_eq!(kind(cipher.open::<String>(value, &what())), Some(ErrorKind::Stale), "warm");
            assert_eq!(kind(open(&ada, value)), Some(ErrorKind::State));
        }
        world.clock.advance(LEASE);
        for value in &sealed {
            assert_eq!(kind(cipher_there.open::<String>(value, &what())), Some(ErrorKind::Stale));
            assert_eq!(kind(open(&ada_there, value)), Some(ErrorKind::State));
        }
        let record = record(&world, "ada");
        let gone: Vec<_> = record.gone().iter().map(|id| id.short()).collect();
        assert_eq!(gone, sealed.iter().map(|value| value.key_id()).collect::<Vec<_>>());
        assert!(record.keys().is_empty() && record.current().is_err());
    }
}

/// Whoever has the version has the key, whatever wraps it now.
#[test]
fn what_a_compromised_version_has_ever_wrapped_seals_nothing_until_it_is_renewed() {
    for (state, exposed) in [(KeyState::Compromised, true), (KeyState::Deactivated, false)] {
        let world = World::of_default_engine();
        let here = domain(&world);
        let ada = here.subject_or_create("ada").unwrap();
        let old = ada.seal("old", &what()).unwrap();
        here.rotate().unwrap();
        assert_eq!(here.rewrap_subjects().unwrap().rewrapped, 1);
        if exposed {
            set_state(&world, 1, state).unwrap();
        }
        let (there, refused) = (domain(&world), exposed.then_some(ErrorKind::State));
        let ada = there.subject("ada").unwrap();
        assert_eq!(kind(ada.seal("x", &what())), refused, "{state:?}");
        assert_eq!(open(&ada, &old).unwrap(), "old");
        if exposed {
            let destroyed = set_state(&world, 1, KeyState::Destroyed);
            assert_eq!(kind(destroyed), refused, "then nothing would say so any more");
            domain(&world).renew_subjects(&[1], Renewal::Compromised).unwrap();
            // The refusals above had one look, and there is one in a second.
            world.clock.advance(Duration::from_secs(1));
            assert_eq!(kind(ada.seal("x", &what())), None, "renewed elsewhere");
            assert_ne!(ada.seal("x", &what()).unwrap().key_id(), old.key_id());
        }
        set_state(&world, 1, KeyState::Destroyed).unwrap();
        let ada = domain(&world).subject("ada").unwrap();
        assert_eq!(kind(ada.seal("x", &what())), None, "{state:?}");
        assert_eq!(open(&ada, &old).unwrap(), "old");
    }
}

/// The old key is under a version that is suspended, or the new one is.
#[test]
fn a_key_that_cannot_be_had_does_not_keep_the_others_from_their_use() {
    for suspended in [1, 2] {
        let world = World::of_default_engine();
        let here = domain(&world);
        let old = here.subject_or_create("ada").unwrap().seal("old", &what()).unwrap();
        add_primary(&world);
        here.renew_subject("ada", Renewal::Routine).unwrap();
        let new = here.subject("ada").unwrap().seal("new", &what()).unwrap();
        add_primary(&world);
        set_state(&world, suspended, KeyState::Suspended).unwrap();
        let ada = domain(&world).subject("ada").unwrap();
        let of = |number| (number == suspended).then_some(ErrorKind::State);
        assert_eq!(kind(open(&ada, &old)), of(1));
        assert_eq!(kind(open(&ada, &new)), of(2));
        assert_eq!(kind(ada.seal("x", &what())), of(2));
        // Whoever has no key that can be had is renewed all the same.
        let there = domain(&world);
        there.renew_subject("ada", Renewal::Routine).unwrap();
        let newest = there.subject("ada").unwrap().seal("newest", &what()).unwrap();
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(open(&ada, &newest).unwrap(), "newest");
    }
}
