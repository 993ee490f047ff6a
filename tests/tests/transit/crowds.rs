//! HERD and FOREIGN: many callers, few requests; and for what is somebody else's, none.

use crate::{Setting, open};
use phiseal::{Builder, ErrorKind, FieldCipher, Phi, Sealed};
use phiseal_tests::crowd::{THREADS, crowd, insistently};
use phiseal_tests::numbers::Dice;
use phiseal_tests::world::{DOMAIN, what};
use std::time::Duration;

#[test]
fn a_thousand_cold_threads_make_ten_requests_at_most() {
    let Some(setting) = Setting::new() else { return };
    let sealed = setting.process().domain(DOMAIN).unwrap().seal("plain", &what()).unwrap();
    // The machine's own clock: threads wait in real time here.
    let process = setting.open(Builder::new()).unwrap();
    setting.proxy.latency(Duration::from_millis(50));
    setting.proxy.fail_every(5);
    let before = setting.proxy.asked("");
    let opened = crowd(|_| {
        insistently(|| {
            let opened: Phi<String> = process.domain(DOMAIN)?.open(&sealed, &what())?;
            Ok(opened.expose_secret().len())
        })
    });
    assert_eq!(opened, vec![5; THREADS]);
    let asked = setting.proxy.asked("") - before;
    assert!((1..=10).contains(&asked), "{asked} requests for one key");

    // A new key is two requests, the look at the transit key included.
    let before = setting.proxy.asked("");
    let ids =
        crowd(|_| insistently(|| Ok(process.domain("another")?.seal("plain", &what())?.key_id())));
    assert!(ids.iter().all(|id| *id == ids[0]), "one key");
    let asked = setting.proxy.asked("") - before;
    assert!((2..=10).contains(&asked), "{asked} requests for one new key");
}

#[test]
fn a_thousand_foreign_envelopes_make_no_request() {
    let Some(setting) = Setting::new() else { return };
    let process = setting.process();
    let domain = process.domain(DOMAIN).unwrap();
    let own = domain.seal("plain", &what()).unwrap();
    let mut dice = Dice::new(47);
    let before = setting.proxy.asked("");
    for _ in 0..1_000 {
        let mut bytes = dice.bytes(FieldCipher::OVERHEAD + 11);
        bytes[0] = 1 + u8::from(dice.coin());
        let foreign = Sealed::try_from(bytes).unwrap();
        assert_eq!(open(&domain, &foreign), Some(ErrorKind::Foreign));
    }
    assert_eq!(setting.proxy.asked("") - before, 0);

    // The control: a process that does not hold the key yet asks for it.
    let cold = setting.process().domain(DOMAIN).unwrap();
    assert_eq!(open(&cold, &own), None);
    assert!(setting.proxy.asked("") > before);
}
