//! Many callers at once.

use crate::support::{Soft, context, engine, new_kek, new_label};
use phiseal_backends::pkcs11::{Pkcs11Kek, Pkcs11Token};
use phiseal_keys::{Error, ErrorKind, KekBackend};
use pollster::block_on;
use std::task::{Context, Poll, Waker};

const THREADS: u32 = 64;

/// Wraps for each thread.
fn rounds() -> u32 {
    if std::env::var_os("PHISEAL_FULL").is_some() { 1000 } else { 50 }
}

/// Wraps and unwraps, each under a context of its own; how many came back right.
fn wraps(kek: &Pkcs11Kek, thread: u32) -> u32 {
    let right = |round: u32| {
        let context = context(thread * 1_000_000 + round + 1);
        let made = block_on(kek.generate_key(&context)).unwrap();
        let opened = block_on(kek.unwrap_key(&made.wrapped, &context)).unwrap();
        opened.key.expose_secret() == made.key.expose_secret()
    };
    (0..rounds()).filter(|round| right(*round)).count().try_into().unwrap()
}

#[test]
fn sixty_four_threads_get_their_own_keys_back() {
    for soft in [Soft::Hsm, Soft::Kryoptic] {
        let Ok(builder) = soft.builder() else { return };
        let kek = new_kek(&builder.workers(4).queue(8).open(engine()).unwrap());
        let right: u32 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let kek = kek.clone();
                    scope.spawn(move || wraps(&kek, thread))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(right, THREADS * rounds(), "{soft:?}");
    }
}

#[test]
fn callers_who_give_up_leave_nothing_behind() {
    for soft in [Soft::Hsm, Soft::Kryoptic] {
        let Ok(builder) = soft.builder() else { return };
        let kek = new_kek(&builder.workers(1).queue(1).open(engine()).unwrap());
        let context = context(1);
        let made = block_on(kek.generate_key(&context)).unwrap();
        for _ in 0..100 {
            let mut calls: Vec<_> =
                (0..10).map(|_| kek.unwrap_key(&made.wrapped, &context)).collect();
            let waker = Waker::noop();
            for call in &mut calls {
                if let Poll::Ready(answer) = call.as_mut().poll(&mut Context::from_waker(waker)) {
                    answer.unwrap();
                }
            }
        }
        let opened = block_on(kek.unwrap_key(&made.wrapped, &context)).unwrap();
        assert_eq!(opened.key.expose_secret(), made.key.expose_secret());
    }
}

/// What a thread does with one token handle: opened, used, dropped, with calls of others going on.
fn open_use_drop(soft: Soft, label: &str) -> Result<(), Error> {
    let token: Pkcs11Token = soft.builder().unwrap().workers(1).open(engine())?;
    let kek = token.kek(label)?;
    let made = block_on(kek.generate_key(&context(1)))?;
    drop(token);
    let opened = block_on(kek.unwrap_key(&made.wrapped, &context(1)))?;
    assert!(opened.key.expose_secret() == made.key.expose_secret());
    Ok(())
}

/// Sixteen handles, each with a thread and a session, two to each of eight threads, all opened and dropped at once: the
/// module is initialised and finalised over and over.
#[test]
fn handles_that_are_opened_and_dropped_at_once_end_well() {
    const TIMES: usize = 50;
    for soft in [Soft::Hsm, Soft::Kryoptic] {
        let Ok(token) = soft.open() else { return };
        let label = new_label();
        token.create_kek(&label).unwrap();
        drop(token);
        let done: usize = (0..TIMES)
            .map(|_| {
                let barrier = std::sync::Barrier::new(8);
                std::thread::scope(|scope| {
                    let threads: Vec<_> = (0..8)
                        .map(|_| {
                            scope.spawn(|| {
                                barrier.wait();
                                [0, 1].map(|_| open_use_drop(soft, &label))
                            })
                        })
                        .collect();
                    let outcomes = threads.into_iter().flat_map(|thread| thread.join().unwrap());
                    outcomes.filter(|outcome| is_well(soft, outcome)).count()
                })
            })
            .sum();
        // The control: nearly all of them worked.
        assert!(done > TIMES * 16 * 9 / 10, "{soft:?}: {done} of {}", TIMES * 16);
        assert!(open_use_drop(soft, &label).is_ok(), "{soft:?}: afterwards");
    }
}

/// Whether it worked; an error is one that may pass.
fn is_well(soft: Soft, outcome: &Result<(), Error>) -> bool {
    let error = outcome.as_ref().err();
    if let Some(error) = error {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{soft:?}: {error:?}");
    }
    error.is_none()
}
