//! HERD and FOREIGN: many callers, few calls; and for what is somebody else's, none.

use crate::{BOTH, Setting, open};
use phiseal::{Builder, Error, ErrorKind, FieldCipher, Phi, Sealed};
use phiseal_tests::numbers::Dice;
use phiseal_tests::world::{DOMAIN, what};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

const THREADS: usize = 1_000;
const LATENCY: Duration = Duration::from_millis(50);

fn crowd<T: Send>(act: impl Fn() -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let body = || {
                    barrier.wait();
                    act()
                };
                thread::Builder::new().stack_size(256 * 1024).spawn_scoped(scope, body).unwrap()
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Does `act` again for as long as it may be done again, as an application would.
fn insistently<T>(act: impl Fn() -> Result<T, Error>) -> T {
    for _ in 0..1_000 {
        match act() {
            Ok(done) => return done,
            Err(error) if error.is_retryable() => thread::sleep(Duration::from_millis(20)),
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("a thousand attempts failed");
}

#[test]
fn a_thousand_cold_threads_make_ten_calls_at_most() {
    for soft in BOTH {
        let Some(setting) = Setting::new(soft) else { return };
        let sealed = setting.process().domain(DOMAIN).unwrap().seal("plain", &what()).unwrap();
        // The machine's own clock: threads wait in real time here.
        let process = setting.open(Builder::new()).unwrap();
        setting.kek.trouble(LATENCY, 5);
        let before = setting.kek.calls();
        let opened = crowd(|| {
            insistently(|| {
                let opened: Phi<String> = process.domain(DOMAIN)?.open(&sealed, &what())?;
                Ok(opened.expose_secret().len())
            })
        });
        assert_eq!(opened, vec![5; THREADS]);
        let asked = setting.kek.calls() - before;
        assert!(
            (2..=10).contains(&asked),
            "{soft:?}: {asked} calls for one key, one of which failed"
        );

        setting.kek.trouble(LATENCY, 5);
        let before = setting.kek.calls();
        let ids = crowd(|| {
            insistently(|| Ok(process.domain("another")?.seal("plain", &what())?.key_id()))
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "one key");
        let asked = setting.kek.calls() - before;
        assert!((3..=10).contains(&asked), "{soft:?}: {asked} calls for one new key");
    }
}

#[test]
fn a_thousand_foreign_envelopes_make_no_call() {
    for soft in BOTH {
        let Some(setting) = Setting::new(soft) else { return };
        let domain = setting.process().domain(DOMAIN).unwrap();
        let own = domain.seal("plain", &what()).unwrap();
        let mut dice = Dice::new(47);
        let before = setting.kek.calls();
        for _ in 0..1_000 {
            let mut bytes = dice.bytes(FieldCipher::OVERHEAD + 11);
            bytes[0] = 1 + u8::from(dice.coin());
            let foreign = Sealed::try_from(bytes).unwrap();
            assert_eq!(open(&domain, &foreign), Some(ErrorKind::Foreign));
        }
        assert_eq!(setting.kek.calls() - before, 0, "{soft:?}");

        // The control: a process that does not hold the key yet asks for it.
        let cold = setting.process().domain(DOMAIN).unwrap();
        assert_eq!(open(&cold, &own), None);
        assert!(setting.kek.calls() > before, "{soft:?}");
    }
}
