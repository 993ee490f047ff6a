//! A module of our own in front of SoftHSM that does one thing wrong at a time: see `hostile.c`.

use crate::alone;
use crate::support::{Soft, context, engine, kind, new_kek};
use phiseal_backends::layer::Timeout;
use phiseal_backends::pkcs11::{Pkcs11Kek, Pkcs11Token, Quirk, WrapMechanism};
use phiseal_keys::{Error, ErrorKind, Kek, KekBackend};
use pollster::block_on;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// What the module does wrong, as it numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
enum Wrong {
    Nothing,
    SaysTooLittle,
    SaysTooMuch,
    SaysMoreThanThereIs,
    SealsShort,
    SaysItSealedMore,
    Opens31,
    Opens33,
    OpensZeros,
    OpensAnother,
    OpensNothing,
    FindsMoreThanAsked,
    HasNoSessions,
    OverwritesNonces,
    RefusesNonces,
    LeavesNoncesZero,
    StaysActive,
    IgnoresAad,
    AnswersUnknown,
    CannotLock,
    IsSlow,
}

/// The module, built and loaded in this process.
struct Hostile {
    path: PathBuf,
    library: libloading::Library,
    _folder: tempfile::TempDir,
}

impl Hostile {
    /// None when there is no token to put it in front of.
    fn new(missing: Option<u32>) -> Option<Self> {
        let base = Soft::Hsm.module().ok()?;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libhostile.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pkcs11_alone/hostile.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&path).arg(source);
        cc.arg(format!("-DBASE=\"{}\"", base.display())).arg("-ldl");
        cc.args(missing.map(|index| format!("-DMISSING={index}")));
        assert!(cc.status().unwrap().success());
        // SAFETY: the module runs no code when it is loaded.
        #[expect(unsafe_code, reason = "there is no other way to load a library")]
        let library = unsafe { libloading::Library::new(&path) }.unwrap();
        Some(Self { path, library, _folder: folder })
    }

    fn set(&self, wrong: Wrong) {
        // SAFETY: the function takes a number and sets a variable.
        #[expect(unsafe_code, reason = "a function of the module in C")]
        unsafe {
            self.library.get::<unsafe extern "C" fn(i32)>(b"hostile\0").unwrap()(wrong as i32);
        }
    }

    fn logins(&self) -> i32 {
        // SAFETY: the function reads a variable.
        #[expect(unsafe_code, reason = "a function of the module in C")]
        unsafe {
            self.library.get::<unsafe extern "C" fn() -> i32>(b"hostile_count\0").unwrap()()
        }
    }

    fn open(&self) -> Result<Pkcs11Token, Error> {
        let builder = Pkcs11Token::builder(&self.path).label(&Soft::Hsm.label());
        builder.pin(Soft::Hsm.pin()).workers(2).open(engine())
    }

    /// A KEK that wraps in this way, while nothing is wrong.
    fn kek(&self, mechanism: WrapMechanism) -> Pkcs11Kek {
        let builder = Pkcs11Token::builder(&self.path).label(&Soft::Hsm.label());
        let token = builder.pin(Soft::Hsm.pin()).workers(2).allow(&[mechanism]);
        new_kek(&token.open(engine()).unwrap())
    }
}

#[test]
fn a_module_that_lies_about_what_it_seals_is_met_with_an_error_or_does_no_harm() {
    let _alone = alone();
    let Some(module) = Hostile::new(None) else { return };
    let kek = module.kek(WrapMechanism::AesGcm);
    for (wrong, expected) in [
        (Wrong::SaysTooLittle, Some(ErrorKind::Unavailable)),
        (Wrong::SaysTooMuch, None),
        (Wrong::SaysMoreThanThereIs, Some(ErrorKind::Faulty)),
        (Wrong::SealsShort, Some(ErrorKind::Faulty)),
        (Wrong::SaysItSealedMore, None),
        (Wrong::AnswersUnknown, Some(ErrorKind::Unavailable)),
    ] {
        module.set(wrong);
        let made = block_on(kek.generate_key(&context(1)));
        let outcome = kind(&made);
        module.set(Wrong::Nothing);
        assert_eq!(outcome, expected, "{wrong:?}: {made:?}");
        if let Ok(made) = made {
            let opened = block_on(kek.unwrap_key(&made.wrapped, &context(1))).unwrap();
            assert_eq!(opened.key.expose_secret(), made.key.expose_secret(), "{wrong:?}");
        }
        assert!(block_on(kek.generate_key(&context(1))).is_ok(), "after {wrong:?}");
    }
}

#[test]
fn a_module_that_lies_about_what_it_opens_yields_no_key() {
    let _alone = alone();
    let Some(module) = Hostile::new(None) else { return };
    let backend = Arc::new(module.kek(WrapMechanism::AesGcm));
    let kek = block_on(Kek::connect(backend, engine())).unwrap();
    let (made, id) = block_on(kek.generate_key(&context(1))).unwrap();
    for (wrong, expected) in [
        (Wrong::Opens31, ErrorKind::Faulty),
        (Wrong::Opens33, ErrorKind::Faulty),
        (Wrong::OpensZeros, ErrorKind::Faulty),
        (Wrong::OpensAnother, ErrorKind::Unauthenticated),
        // It does not open what it made itself either: it has failed, and the wrap may be good.
        (Wrong::OpensNothing, ErrorKind::Unavailable),
    ] {
        module.set(wrong);
        let opened = block_on(kek.unwrap_key(&made.wrapped, &context(1), &id));
        module.set(Wrong::Nothing);
        assert_eq!(kind(&opened), Some(expected), "{wrong:?}");
        assert!(block_on(kek.unwrap_key(&made.wrapped, &context(1), &id)).is_ok(), "{wrong:?}");
    }
}

#[test]
fn a_module_that_finds_more_than_it_was_asked_for_is_met_with_an_error() {
    let _alone = alone();
    let Some(module) = Hostile::new(None) else { return };
    let kek = module.kek(WrapMechanism::AesGcm);
    module.set(Wrong::FindsMoreThanAsked);
    let described = block_on(kek.describe());
    module.set(Wrong::Nothing);
    assert!(described.is_err(), "{described:?}");
    assert!(block_on(kek.describe()).is_ok());
}

#[test]
fn a_token_that_makes_its_own_nonces_is_found_out_and_used() {
    let _alone = alone();
    let Some(module) = Hostile::new(None) else { return };
    for (wrong, quirk) in [
        (Wrong::OverwritesNonces, Quirk::OverwritesNonces),
        (Wrong::RefusesNonces, Quirk::RefusesNonces),
    ] {
        module.set(wrong);
        let token = module.open().unwrap();
        let report = token.report().unwrap();
        let quirks = report.mechanisms[0].works.as_ref().unwrap();
        assert!(quirks.contains(&quirk), "{report}");
        let kek = new_kek(&token);
        let made = block_on(kek.generate_key(&context(1))).unwrap();
        assert_eq!(made.wrapped.wrapped()[..11], [0x5a; 11], "{wrong:?}: the token's nonce");
        let opened = block_on(kek.unwrap_key(&made.wrapped, &context(1))).unwrap();
        assert_eq!(opened.key.expose_secret(), made.key.expose_secret());
        module.set(Wrong::Nothing);
    }
}

#[test]
fn a_mechanism_that_does_not_do_its_work_is_not_chosen_and_the_report_says_why() {
    let _alone = alone();
    let Some(module) = Hostile::new(None) else { return };
    for (wrong, reason) in [
        (Wrong::LeavesNoncesZero, "does not offer this mechanism"),
        (Wrong::IgnoresAad, "does not bind a wrap to its context"),
        (Wrong::SealsShort, "a wrap of another length"),
    ] {
        module.set(wrong);
        let token = module.open().unwrap();
        let report = token.report().unwrap();
        assert_eq!(report.chosen(), Some(WrapMechanism::AesKeyWrap), "{report}");
        let why = report.mechanisms[0].works.clone().unwrap_err();
        assert!(why.contains(reason), "{wrong:?}: {why}");
        assert_eq!(new_kek(&token).mechanism().unwrap(), WrapMechanism::AesKeyWrap);
        module.set(Wrong::Nothing);
    }
}

#[test]
fn a_session_that_stays_active_after_a_refusal_is_not_used_again() {
    let _alone = alone();
    let Some(module) = Hostile::new(None) else { return };
    module.set(Wrong::StaysActive);
    let token = module.open().unwrap();
    let report = token.report().unwrap();
    assert!(report.mechanisms[0].works.as_ref().unwrap().contains(&Quirk::StaysActive), "{report}");
    let kek = new_kek(&token);
    let made = block_on(kek.generate_key(&context(1))).unwrap();
    for _ in 0..4 {
        let moved = block_on(kek.unwrap_key(&made.wrapped, &context(2)));
        assert_eq!(kind(&moved), Some(ErrorKind::Unauthenticated));
        assert!(block_on(kek.unwrap_key(&made.wrapped, &context(1))).is_ok());
    }
}

#[test]
fn a_module_that_threads_cannot_share_is_refused() {
    let _alone = alone();
    let Some(module) = Hostile::new(None) else { return };
    module.set(Wrong::CannotLock);
    assert_eq!(kind(&module.open()), Some(ErrorKind::Unsupported));
    module.set(Wrong::Nothing);
    assert!(module.open().is_ok());
}

#[test]
fn a_token_without_sessions_says_so() {
    let _alone = alone();
    let Some(module) = Hostile::new(None) else { return };
    module.set(Wrong::HasNoSessions);
    assert_eq!(kind(&module.open()), Some(ErrorKind::Throttled));
}

#[test]
fn a_wrong_pin_is_shown_to_the_token_once() {
    let _alone = alone();
    let Some(module) = Hostile::new(None) else { return };
    let builder = Pkcs11Token::builder(&module.path).label(&Soft::Hsm.label()).workers(8);
    let pin = phiseal_backends::pkcs11::Pin::from_callback(|| Ok(b"not it".to_vec().into()));
    assert_eq!(kind(&builder.pin(pin).open(engine())), Some(ErrorKind::Denied));
    assert_eq!(module.logins(), 1);
}

#[test]
fn a_call_that_does_not_return_is_given_up_by_a_timeout_and_the_rest_goes_on() {
    let _alone = alone();
    let Some(module) = Hostile::new(None) else { return };
    let kek = Arc::new(module.kek(WrapMechanism::AesGcm));
    let made = block_on(kek.generate_key(&context(1))).unwrap();
    let bounded = Timeout::new(kek.clone(), Duration::from_millis(50));
    module.set(Wrong::IsSlow);
    let slow = block_on(bounded.unwrap_key(&made.wrapped, &context(1)));
    assert_eq!(kind(&slow), Some(ErrorKind::Unavailable));
    module.set(Wrong::Nothing);
    assert!(block_on(kek.unwrap_key(&made.wrapped, &context(1))).is_ok(), "the other thread");
}

#[test]
fn a_function_that_is_left_out_is_named() {
    let _alone = alone();
    const GENERATE_KEY: u32 = 58;
    const ENCRYPT_INIT: u32 = 29;
    const INITIALIZE: u32 = 0;
    const LOGIN: u32 = 18;
    for (index, fails_at_open) in
        [(INITIALIZE, true), (LOGIN, true), (GENERATE_KEY, false), (ENCRYPT_INIT, false)]
    {
        let Some(module) = Hostile::new(Some(index)) else { return };
        match module.open() {
            Err(error) => {
                assert!(fails_at_open, "{index}: {error}");
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{index}: {error}");
                assert!(error.to_string().contains("lacks a function"), "{error}");
            }
            Ok(token) => {
                assert!(!fails_at_open, "{index}");
                let report = token.report().unwrap();
                let why = report.mechanisms[0].works.clone().unwrap_err();
                assert!(why.contains("lacks a function"), "{index}: {why}");
            }
        }
    }
}
