//! HERD: many callers, few questions.

use crate::{KEY_TIME, LEASE, SECOND, kind, open};
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use phiseal::KekOperation;
use phiseal::backends::memory::MemoryKek;
use phiseal::{Error, ErrorKind, Phiseal};
use phiseal_conformance::{Before, Faults};
use phiseal_keys::RecordKind;
use phiseal_tests::crowd::{THREADS, crowd, insistently};
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::Wake;
use std::time::Duration;

/// The machine's own clock: threads wait in real time here.
fn cold(world: &World) -> phiseal::blocking::Phiseal {
    world.open(phiseal::Builder::new().engine(world.engine)).unwrap()
}

#[test]
fn a_thousand_cold_threads_ask_for_a_key_ten_times_at_most() {
    let world = World::of_default_engine();
    let sealed = world.process().domain(DOMAIN).unwrap().seal("plain", &what()).unwrap();
    let process = cold(&world);
    world.kek.latency(Duration::from_millis(50));
    world.kek.fail_every(5, ErrorKind::Unavailable);
    let before = world.kek.calls();
    let opened = crowd(|_| {
        insistently(|| {
            let opened: phiseal::Phi<String> = process.domain(DOMAIN)?.open(&sealed, &what())?;
            Ok(opened.expose_secret().len())
        })
    });
    assert_eq!(opened, vec![5; THREADS]);
    let asked = world.kek.calls() - before;
    assert!((1..=10).contains(&asked), "{asked} calls for one key");

    // Again with one handle, whose key's time is over for all of them at once.
    world.kek.fail_every(0, ErrorKind::Unavailable);
    let process = world.process();
    let domain = process.domain(DOMAIN).unwrap();
    world.kek.fail_every(5, ErrorKind::Unavailable);
    world.clock.advance(KEY_TIME + SECOND);
    let before = world.kek.calls();
    crowd(|_| {
        insistently(|| {
            let opened = domain.open::<String>(&sealed, &what());
            // This clock moves only when somebody moves it, and a failure is remembered for a while.
            world.clock.advance(Duration::from_millis(1));
            opened.map(drop)
        });
    });
    let asked = world.kek.calls() - before;
    assert!((1..=10).contains(&asked), "{asked} calls for one key");
}

#[test]
fn a_thousand_cold_threads_make_a_domain_once() {
    let world = World::of_default_engine();
    let process = cold(&world);
    world.kek.latency(Duration::from_millis(50));
    world.kek.fail_every(5, ErrorKind::Unavailable);
    let before = world.kek.calls();
    let ids =
        crowd(|_| insistently(|| Ok(process.domain(DOMAIN)?.seal("plain", &what())?.key_id())));
    assert!(ids.iter().all(|id| *id == ids[0]), "one key");
    assert_eq!(world.store.row(RecordKind::Keyset, DOMAIN.as_bytes()).revision, 1);
    let asked = world.kek.calls() - before;
    assert!((1..=10).contains(&asked), "{asked} calls for one key");
}

/// The crowd is one: as many handles as threads do make as many calls.
#[test]
fn a_thousand_cold_threads_control() {
    let world = World::of_default_engine();
    let sealed = world.process().domain(DOMAIN).unwrap().seal("plain", &what()).unwrap();
    let handles: Vec<_> = (0..THREADS).map(|_| cold(&world)).collect();
    let before = world.kek.calls_of(KekOperation::Unwrap);
    crowd(|number| {
        handles[number].domain(DOMAIN).unwrap().open::<String>(&sealed, &what()).map(drop).unwrap()
    });
    assert_eq!(world.kek.calls_of(KekOperation::Unwrap) - before, THREADS as u64);
}

#[test]
fn two_processes_that_make_one_domain_at_once_have_one_keyset() {
    for round in 0..50 {
        let world = World::new(phiseal::engines()[round % phiseal::engines().len()]);
        let processes: Vec<_> = (0..4).map(|_| world.process()).collect();
        let barrier = Barrier::new(processes.len());
        let sealed: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = processes
                .iter()
                .map(|process| {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        process.domain(DOMAIN).unwrap().seal("plain", &what()).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for process in &processes {
            let domain = process.domain(DOMAIN).unwrap();
            assert!(sealed.iter().all(|sealed| open(&domain, sealed).is_none()));
        }
        assert_eq!(world.store.row(RecordKind::Keyset, DOMAIN.as_bytes()).revision, 1);
    }
}

/// A KEK that opens keys only while `gate` is open; until then who asks waits.
fn gated(engine: &'static dyn phiseal::Engine, gate: Arc<AtomicBool>) -> Arc<Faults<MemoryKek>> {
    let kek = Arc::new(Faults::new(MemoryKek::new(engine).unwrap()));
    kek.before(move |call| {
        if call.operation != KekOperation::Unwrap {
            return Before::GoOn;
        }
        let gate = gate.clone();
        Before::wait(core::future::poll_fn(move |_| match gate.load(Ordering::SeqCst) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }))
    });
    kek
}

#[derive(Default)]
struct CountedWake(AtomicU64);

impl Wake for CountedWake {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_leader_that_is_cancelled_passes_on() {
    let world = World::of_default_engine();
    let gate = Arc::new(AtomicBool::new(true));
    let kek = gated(world.engine, gate.clone());
    let asked = || kek.calls_of(KekOperation::Unwrap);
    let store = world.store.clone();
    let builder = world.builder();
    let phiseal: Phiseal = block_on(builder.open(store, kek.clone())).unwrap();
    let domain = block_on(phiseal.domain(DOMAIN)).unwrap();
    world.clock.advance(KEY_TIME + SECOND);
    gate.store(false, Ordering::SeqCst);
    let before = asked();

    let wakes: Vec<_> = (0..4).map(|_| Arc::new(CountedWake::default())).collect();
    let wakers: Vec<_> = wakes.iter().map(|wake| Waker::from(wake.clone())).collect();
    let poll = |future: core::pin::Pin<&mut dyn Future<Output = Result<(), Error>>>,
                number: usize| {
        future.poll(&mut Context::from_waker(&wakers[number]))
    };
    let ready = || {
        let domain = domain.clone();
        async move { domain.ready().await.map(drop) }
    };
    let (mut leader, mut second) = (Box::pin(ready()), Box::pin(ready()));
    let mut third = pin!(ready());
    assert!(poll(leader.as_mut(), 0).is_pending());
    assert!(poll(second.as_mut(), 1).is_pending());
    assert!(poll(third.as_mut(), 2).is_pending());
    assert_eq!(asked(), before + 1, "one asks");
    assert_eq!(wakes[1].0.load(Ordering::SeqCst), 0, "the control: nobody was woken yet");

    drop(leader);
    assert_eq!(wakes[1].0.load(Ordering::SeqCst), 1, "those that wait are told");
    assert_eq!(wakes[2].0.load(Ordering::SeqCst), 1, "those that wait are told");
    assert!(poll(second.as_mut(), 1).is_pending());
    assert_eq!(asked(), before + 2, "another asks");
    assert!(poll(third.as_mut(), 2).is_pending());
    assert_eq!(asked(), before + 2, "and only one");
    drop(second);
    assert!(poll(third.as_mut(), 2).is_pending());
    assert_eq!(asked(), before + 3);

    gate.store(true, Ordering::SeqCst);
    assert!(matches!(poll(third.as_mut(), 2), Poll::Ready(Ok(()))));
    assert!(block_on(domain.ready()).is_ok());
    assert_eq!(asked(), before + 3);
}

#[test]
fn what_another_process_sealed_after_a_rotation_opens_here_at_once() {
    let world = World::of_default_engine();
    let here = world.process().domain(DOMAIN).unwrap();
    let there = world.process().domain(DOMAIN).unwrap();
    there.rotate().unwrap();
    let sealed = there.seal("plain", &what()).unwrap();
    assert_eq!(open(&here, &sealed), None, "at once");

    // At most one look a second: the next unknown key has to wait for it.
    there.rotate().unwrap();
    let next = there.seal("plain", &what()).unwrap();
    assert_eq!(open(&here, &next), Some(ErrorKind::Foreign), "within the same second");
    world.clock.advance(SECOND);
    assert_eq!(open(&here, &next), None);
    assert_eq!(open(&here, &sealed), None);
}

#[test]
fn envelopes_that_name_unknown_keys_cause_one_look_a_second_and_no_call() {
    let world = World::of_default_engine();
    let domain = world.process().domain(DOMAIN).unwrap();
    let honest = domain.seal("plain", &what()).unwrap();
    let (asked, read) = (world.kek.calls(), world.store.reads());
    for number in 0..1_000_u32 {
        let mut bytes = honest.as_bytes().to_vec();
        bytes[1..5].copy_from_slice(&number.to_be_bytes());
        let foreign = phiseal::Sealed::try_from(bytes).unwrap();
        assert_eq!(open(&domain, &foreign), Some(ErrorKind::Foreign));
        world.clock.advance(Duration::from_millis(10));
    }
    assert_eq!(world.kek.calls(), asked, "no call");
    let looks = world.store.reads() - read;
    assert!((5..=11).contains(&looks), "{looks} looks in ten seconds");
    let cipher = domain.ready().unwrap();
    let mut bytes = honest.into_bytes();
    bytes[1] ^= 1;
    let foreign = phiseal::Sealed::try_from(bytes).unwrap();
    assert_eq!(kind(cipher.open::<String>(&foreign, &what())), Some(ErrorKind::Foreign));
    assert!(LEASE > SECOND * 10, "the control: no look was due for another reason");
}

/// The look that is under way read the keyset before the rotation: it is not the answer for what was sealed after it.
#[test]
fn what_another_process_sealed_opens_though_a_look_from_before_is_under_way() {
    let world = World::of_default_engine();
    let here = world.process().domain(DOMAIN).unwrap();
    let there = world.process().domain(DOMAIN).unwrap();
    let (asked, opened) = (here.clone(), Arc::new(Mutex::new(None)));
    let (thread, outcome) = (Arc::new(Mutex::new(None)), opened.clone());
    let kept = thread.clone();
    world.clock.advance(LEASE * 9 / 10);
    world.store.after_next_read(move || {
        there.rotate().unwrap();
        let sealed = there.seal("plain", &what()).unwrap();
        let opening = std::thread::spawn(move || {
            *outcome.lock().unwrap() = Some(open(&asked, &sealed));
        });
        // Long enough for it to join the look.
        std::thread::sleep(Duration::from_millis(300));
        *kept.lock().unwrap() = Some(opening);
    });
    here.ready().unwrap();
    thread.lock().unwrap().take().unwrap().join().unwrap();
    assert_eq!(opened.lock().unwrap().take(), Some(None));
}
