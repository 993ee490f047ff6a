//! HERD and FOREIGN: many callers, few calls; and for what is somebody else's, none.

use crate::{BOTH, Setting, open};
use phiseal::{Builder, ErrorKind, FieldCipher, Phi, Sealed};
use phiseal_tests::crowd::{THREADS, crowd, insistently};
use phiseal_tests::numbers::Dice;
use phiseal_tests::world::{DOMAIN, what};
use std::time::Duration;

const LATENCY: Duration = Duration::from_millis(50);

#[test]
fn a_thousand_cold_threads_make_ten_calls_at_most() {
    for soft in BOTH {
        let Some(setting) = Setting::new(soft) else { return };
        let sealed = setting.process().domain(DOMAIN).unwrap().seal("plain", &what()).unwrap();
        // The machine's own clock: threads wait in real time here.
        let process = setting.open(Builder::new()).unwrap();
        setting.kek.trouble(LATENCY, 5);
        let before = setting.kek.calls();
        let opened = crowd(|_| {
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
        let ids = crowd(|_| {
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
