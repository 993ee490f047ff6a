//! Where PINs come from, and what becomes of wrong ones.

use crate::alone;
use crate::support::{Soft, context, engine, kind, new_kek};
use phiseal_backends::pkcs11::{Pin, Pkcs11Token};
use phiseal_keys::{Error, ErrorKind, KekBackend};
use pollster::block_on;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const SOFTHSM_PIN: &str = "PHISEAL_SOFTHSM_PIN";

fn open(pin: Pin) -> Result<Pkcs11Token, Error> {
    let builder = Pkcs11Token::builder(Soft::Hsm.module().unwrap()).label(&Soft::Hsm.label());
    builder.pin(pin).open(engine())
}

fn is_here() -> bool {
    Soft::Hsm.module().is_ok()
}

fn file_with(path: &Path, contents: &str, mode: u32) {
    fs::write(path, contents).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_pin_comes_from_the_environment_a_file_a_descriptor_or_a_callback() {
    let _alone = alone();
    if !is_here() {
        return;
    }
    let pin = std::env::var(SOFTHSM_PIN).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pin");
    open(Pin::from_env(SOFTHSM_PIN)).unwrap();
    for end in ["", "\n", "\r\n"] {
        file_with(&path, &format!("{pin}{end}"), 0o640);
        open(Pin::from_file(&path)).unwrap();
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(format!("{pin}{end}").as_bytes()).unwrap();
        drop(writer);
        let from_pipe = Pin::from_fd(File::from(std::os::fd::OwnedFd::from(reader))).unwrap();
        open(from_pipe.clone()).unwrap();
        open(from_pipe).unwrap();
    }
    open(Pin::from_callback(move || Ok(pin.clone().into_bytes().into()))).unwrap();
}

#[test]
fn sources_without_a_pin_say_what_is_wrong() {
    let _alone = alone();
    if !is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pin");
    assert_eq!(kind(&open(Pin::from_env("PHISEAL_NO_SUCH_PIN"))), Some(ErrorKind::NotFound));
    assert_eq!(kind(&open(Pin::from_env(""))), Some(ErrorKind::Invalid));
    assert_eq!(kind(&open(Pin::from_file(&path))), Some(ErrorKind::NotFound));
    for (contents, mode, expected) in [
        ("1234", 0o644, ErrorKind::Denied),
        ("1234", 0o620, ErrorKind::Denied),
        ("", 0o600, ErrorKind::Invalid),
        ("\n", 0o600, ErrorKind::Invalid),
        (&"1".repeat(256), 0o600, ErrorKind::Invalid),
        (&"1".repeat(100_000), 0o600, ErrorKind::Invalid),
    ] {
        file_with(&path, contents, mode);
        assert_eq!(kind(&open(Pin::from_file(&path))), Some(expected), "{mode:o}");
    }
    let failing = Pin::from_callback(|| Err(Error::new(ErrorKind::Unavailable, "not now")));
    assert_eq!(kind(&open(failing)), Some(ErrorKind::Unavailable));
    assert_eq!(kind(&open(Pin::from_pin_pad())), Some(ErrorKind::Invalid), "it has no keypad");
}

#[test]
fn a_wrong_pin_is_denied_named_nowhere_and_does_not_lock_the_token() {
    let _alone = alone();
    for soft in [Soft::Hsm, Soft::Kryoptic] {
        let Ok(module) = soft.module() else { return };
        // kryoptic locks after ten.
        for _ in 0..3 {
            let builder = Pkcs11Token::builder(&module).label(&soft.label()).workers(8);
            let pin = Pin::from_callback(|| Ok(b"Wr0ng-pin-98765".to_vec().into()));
            let error = builder.pin(pin).open(engine()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Denied, "{soft:?}");
            assert!(!format!("{error:?}").contains("98765"), "{error:?}");
        }
        assert!(soft.open().is_ok(), "{soft:?}: the right one");
    }
}

#[test]
fn the_pin_is_asked_for_when_somebody_has_logged_out_and_a_new_one_that_is_wrong_not_twice() {
    let _alone = alone();
    if !is_here() {
        return;
    }
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let right = std::env::var(SOFTHSM_PIN).unwrap();
    let pin = Pin::from_callback(move || {
        let pin = if count.fetch_add(1, Ordering::SeqCst) < 2 { &right } else { "not it any more" };
        Ok(pin.as_bytes().to_vec().into())
    });
    let builder = Pkcs11Token::builder(Soft::Hsm.module().unwrap()).label(&Soft::Hsm.label());
    let token = builder.workers(1).pin(pin).open(engine()).unwrap();
    let kek = new_kek(&token);
    let made = block_on(kek.generate_key(&context(1))).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let log_out = || {
        let module = cryptoki::context::Pkcs11::new(Soft::Hsm.module().unwrap()).unwrap();
        let slot = module.get_slots_with_initialized_token().unwrap()[0];
        module.open_ro_session(slot).unwrap().logout().unwrap();
    };
    log_out();
    assert!(block_on(kek.unwrap_key(&made.wrapped, &context(1))).is_ok());
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    log_out();
    for _ in 0..5 {
        let refused = block_on(kek.unwrap_key(&made.wrapped, &context(1)));
        assert_eq!(kind(&refused), Some(ErrorKind::Denied), "{refused:?}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 3, "shown once");
}

#[test]
fn the_pin_is_asked_for_once_however_many_threads_there_are() {
    let _alone = alone();
    for soft in [Soft::Hsm, Soft::Kryoptic] {
        let Ok(module) = soft.module() else { return };
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let right = soft.pin_text();
        let pin = Pin::from_callback(move || {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(right.clone().into_bytes().into())
        });
        let builder = Pkcs11Token::builder(module).label(&soft.label()).workers(8).pin(pin);
        let kek = new_kek(&builder.open(engine()).unwrap());
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| block_on(kek.generate_key(&context(1))).unwrap());
            }
        });
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{soft:?}");
    }
}

#[test]
fn debug_shows_no_pin() {
    let _alone = alone();
    let callback = Pin::from_callback(|| Ok(b"98765".to_vec().into()));
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"98765").unwrap();
    drop(writer);
    let kept = Pin::from_fd(File::from(std::os::fd::OwnedFd::from(reader))).unwrap();
    for pin in [callback, kept, Pin::from_env("HSM_PIN_98765"), Pin::from_file("/98765")] {
        assert!(!format!("{pin:?}").contains("98765"), "{pin:?}");
    }
}
