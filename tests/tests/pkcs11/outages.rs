//! OUT: a token that is gone, and comes back.

use crate::support::Soft;
use crate::{BOTH, KEY_TIME, SECOND, Setting, elsewhere, kind, open, seal};
use phiseal::backends::pkcs11::Pkcs11Token;
use phiseal::{ErrorKind, RecordKind};
use phiseal_tests::world::{DOMAIN, what};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Where a token keeps its keys, and where they are meanwhile.
fn place(soft: Soft) -> (PathBuf, PathBuf) {
    let folder = soft.token_folder();
    let name = if soft == Soft::Hsm { "tokens" } else { "token.sql" };
    (folder.join(name), folder.join("away"))
}

/// Takes the token away, as from a process that is started now.
pub(crate) fn take_away(soft: Soft) {
    let (here, away) = place(soft);
    fs::rename(here, away).unwrap();
    let _ = elsewhere(soft).finalize();
}

pub(crate) fn give_back(soft: Soft) {
    let (here, away) = place(soft);
    // kryoptic makes a new, empty token where there is none.
    let _ = fs::remove_file(&here);
    fs::rename(away, here).unwrap();
    let _ = elsewhere(soft).finalize();
}

/// Half an hour passes without an answer, and then the rest of the key's time.
fn nothing_ends_before_the_key_s_time(
    setting: &Setting,
    take_away: impl Fn(),
    give_back: impl Fn(),
) {
    let soft = setting.soft;
    let domain = setting.process().domain(DOMAIN).unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    let stored = setting.store.row(RecordKind::Keyset, DOMAIN.as_bytes());
    let (asked, made) = (setting.kek.unwrapped(), setting.kek.generated());
    take_away();
    for minute in 0..30 {
        assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "{soft:?}: {minute}");
        setting.clock.advance(SECOND * 60);
    }
    setting.clock.advance(KEY_TIME - SECOND * 1801);
    assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "{soft:?}: the last second");
    setting.clock.advance(SECOND * 2);
    let told = Some(ErrorKind::Unavailable);
    for minute in 0..30 {
        assert_eq!((open(&domain, &sealed), seal(&domain)), (told, told), "{soft:?}: {minute}");
        setting.clock.advance(SECOND * 60);
    }
    assert_eq!(kind(setting.open(setting.builder())), told, "{soft:?}: a new process");
    assert!(setting.kek.unwrapped() > asked, "{soft:?}: it was asked");
    assert_eq!(setting.kek.generated(), made, "{soft:?}: no key was made");
    assert!(setting.store.row(RecordKind::Keyset, DOMAIN.as_bytes()) == stored, "{soft:?}");
    give_back();
    setting.clock.advance(SECOND * 60);
    assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "{soft:?}: it is back");
}

#[test]
fn an_outage_ends_nothing_before_the_key_s_time() {
    for soft in BOTH {
        let Some(setting) = Setting::new(soft) else { return };
        let fail_every = |calls| setting.kek.trouble(Duration::ZERO, calls);
        nothing_ends_before_the_key_s_time(&setting, || fail_every(1), || fail_every(0));
    }
}

#[test]
fn a_token_that_is_taken_away_ends_nothing_before_the_key_s_time() {
    for soft in BOTH {
        let Some(setting) = Setting::alone(soft) else { return };
        nothing_ends_before_the_key_s_time(&setting, || take_away(soft), || give_back(soft));
    }
}

/// A token's keys are gone while the module goes on: that is an outage as well, and not keys that were destroyed.
#[test]
fn a_token_whose_storage_is_gone_is_not_one_whose_keys_were_destroyed() {
    let soft = Soft::Hsm;
    let Some(setting) = Setting::alone(soft) else { return };
    let (here, away) = place(soft);
    nothing_ends_before_the_key_s_time(
        &setting,
        || fs::rename(&here, &away).unwrap(),
        || give_back(soft),
    );
}

/// A token that was never there is another matter: nothing has begun that could go on.
#[test]
fn a_token_that_was_never_there_is_not_found() {
    for soft in BOTH {
        let Some(_setting) = Setting::new(soft) else { return };
        let builder = Pkcs11Token::builder(soft.module().unwrap()).label("no such token");
        let opened = builder.pin(soft.pin()).open(crate::engine());
        assert_eq!(kind(opened), Some(ErrorKind::NotFound), "{soft:?}");
    }
}
