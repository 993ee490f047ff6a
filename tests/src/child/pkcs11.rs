//! Processes with a token: one that forks, one whose memory is looked at, and one that logs all it can.

use crate::{careless, os, say, wait};
use core::hint::black_box;
use phiseal::backends::pkcs11::{Pin, Pkcs11Kek, Pkcs11Token};
use phiseal::blocking::Phiseal;
use phiseal::stores::SqliteStore;
use phiseal::{EncryptionContext, EnvironmentId, Error, ErrorKind, KekBackend, Phi};
use phiseal_tests::world::{DOMAIN, what};
use pollster::block_on;
use std::thread;
use std::time::Duration;

/// Where the token is, and the environment variable with its PIN.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) module: &'a str,
    pub(crate) token: &'a str,
    pub(crate) kek: &'a str,
    pub(crate) pin: &'a str,
}

impl Place<'_> {
    fn token(&self) -> Result<Pkcs11Token, Error> {
        let builder = Pkcs11Token::builder(self.module).label(self.token).workers(2);
        builder.pin(Pin::from_env(self.pin)).open(phiseal::default_engine())
    }

    fn kek(&self) -> Pkcs11Kek {
        self.token().unwrap().kek(self.kek).unwrap()
    }
}

fn context() -> EncryptionContext {
    EncryptionContext::store_key(&EnvironmentId::from_bytes([7; 16]))
}

const CHILDREN: usize = 4;

/// Uses a KEK in a process, and in children of it that were made between: there the parent's handle is refused, and one of
/// their own works.
pub(crate) fn fork(place: Place<'_>) {
    let token = place.token().unwrap();
    let kek = token.kek(place.kek).unwrap();
    let made = block_on(kek.generate_key(&context())).unwrap();
    let works = |kek: &Pkcs11Kek| {
        let opened = block_on(kek.unwrap_key(&made.wrapped, &context())).unwrap();
        assert!(opened.key.expose_secret() == made.key.expose_secret());
        let own = block_on(kek.generate_key(&context())).unwrap();
        assert!(block_on(kek.unwrap_key(&own.wrapped, &context())).is_ok());
    };
    let refused = |outcome: Result<(), Error>| {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        let told = "a token that was opened before this process was forked: open it in the child";
        assert_eq!(error.to_string(), told);
    };
    works(&kek);
    let mut children = Vec::new();
    for _ in 0..CHILDREN {
        match os::fork_among_threads() {
            Some(child) => children.push(child),
            None => {
                refused(block_on(kek.unwrap_key(&made.wrapped, &context())).map(drop));
                refused(block_on(kek.generate_key(&context())).map(drop));
                refused(block_on(kek.describe()).map(drop));
                refused(token.kek(place.kek).map(drop));
                refused(token.report().map(drop));
                let own = place.kek();
                works(&own);
                drop(own);
                // Dropping what was the parent's waits for no thread and ends nothing.
                drop((kek, token));
                works(&place.kek());
                os::end_at_once();
            }
        }
        works(&kek);
    }
    children.into_iter().for_each(os::wait_for);
    works(&kek);
}

/// Keys that are made and opened, beside those of the store.
const WRAPS: usize = 50;

/// Opens `keys.db` under the KEK, makes, seals, opens and rotates, says `alive`, waits, drops everything (`then` is
/// `drop`), or all but the token (`keep`), or nothing (`forget`), says `gone`, and waits.
pub(crate) fn hold(place: Place<'_>, then: &str) {
    let token = place.token().unwrap();
    let kek = token.kek(place.kek).unwrap();
    let phiseal = Phiseal::open(SqliteStore::open("keys.db").unwrap(), kek.clone()).unwrap();
    let domain = phiseal.domain(DOMAIN).unwrap();
    domain.rotate().unwrap();
    let keyset = domain.keyset().unwrap();
    for version in keyset.versions() {
        let context = keyset.wrap_context(version.number());
        for _ in 0..WRAPS {
            let opened = block_on(kek.unwrap_key(&version.wraps()[0], &context)).unwrap();
            let wrapped = block_on(kek.wrap_key(&opened.key, &context)).unwrap();
            assert!(block_on(kek.unwrap_key(&wrapped, &context)).is_ok());
        }
    }
    let sealed = domain.seal("123-45-6789", &what()).unwrap();
    let opened: Phi<String> = domain.open(&sealed, &what()).unwrap();
    assert_eq!(opened.expose_secret(), "123-45-6789");
    say("alive");
    wait();
    black_box((&phiseal, &domain, &kek));
    match then {
        "forget" => core::mem::forget((phiseal, domain, kek, token)),
        "keep" => {
            drop((phiseal, domain, kek));
            core::mem::forget(token);
        }
        _ => drop((phiseal, domain, kek, token)),
    }
    drop((sealed, opened));
    say("gone");
    wait();
}

/// Prints an error and all that is behind it, as a careless program would.
fn print(error: &(dyn core::error::Error + 'static)) {
    say(&format!("error {error:?} {error:#?} {error}"));
    log::trace!("{error:?}");
    if let Some(source) = error.source() {
        print(source);
    }
}

/// Uses a token rightly and wrongly, prints everything that it is given, and with `leak` also the PIN, as the control.
pub(crate) fn tell(place: Place<'_>, wrong_pin: &str, leak: bool) {
    careless::log_everything();
    let wrong = Place { pin: wrong_pin, ..place };
    print(&wrong.token().unwrap_err());
    print(&Place { token: "no such token", ..place }.token().unwrap_err());
    print(&Place { module: "/etc/passwd", ..place }.token().unwrap_err());
    print(&Place { pin: "PHISEAL_NO_SUCH_PIN", ..place }.token().unwrap_err());
    let token = place.token().unwrap();
    print(&token.kek("no such key").unwrap_err());
    print(&token.create_kek(place.kek).unwrap_err());
    let kek = token.kek(place.kek).unwrap();
    say(&format!("{token:?} {kek:#?} {:?} {:?}", token.report(), block_on(kek.describe())));
    say(&format!("{:?}", Pin::from_env(place.pin)));
    let phiseal = Phiseal::open(SqliteStore::open("keys.db").unwrap(), kek.clone()).unwrap();
    let domain = phiseal.domain(DOMAIN).unwrap();
    domain.rotate().unwrap();
    let keyset = domain.keyset().unwrap();
    say(&format!("{phiseal:?} {domain:?} {keyset:?}"));
    let wrap = &keyset.versions()[0].wraps()[0];
    let opened = block_on(kek.unwrap_key(wrap, &keyset.wrap_context(1))).unwrap();
    say(&format!("{opened:?}"));
    print(&block_on(kek.unwrap_key(wrap, &keyset.wrap_context(2))).unwrap_err());
    // The module is finalised with the last handle, which logs as well.
    drop((phiseal, domain, kek, token, opened));
    thread::sleep(Duration::from_millis(50));
    if leak {
        log::trace!("{}", std::env::var(place.pin).unwrap());
    }
    say("told");
}
