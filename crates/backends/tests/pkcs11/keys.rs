//! Which keys of a token are KEKs, what they are made like, and which are refused.

use crate::support::{Soft, context, engine, kind, new_kek, new_label};
use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType};
use cryptoki::session::Session;
use phiseal_backends::pkcs11::{Pkcs11Kek, Pkcs11Token, WrapMechanism};
use phiseal_format::KekVersion;
use phiseal_keys::{Error, ErrorKind, KekAdminBackend, KekBackend, KeyState};
use pollster::block_on;
use std::sync::atomic::{AtomicUsize, Ordering};

const BOTH: [Soft; 2] = [Soft::Hsm, Soft::Kryoptic];

/// A session of the user's, past the library; the token's handle has logged in.
fn session(soft: Soft) -> Session {
    let module = Pkcs11::new(soft.module().unwrap()).unwrap();
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    module.open_rw_session(slot).unwrap()
}

/// An AES key as another tool makes it: `uses` of encrypt, decrypt, wrap, unwrap.
fn make(session: &Session, label: &str, id: &[u8], uses: [bool; 4], own: &[Attribute]) {
    let [encrypt, decrypt, wrap, unwrap] = uses;
    let mut template = vec![
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(id.to_vec()),
        Attribute::Encrypt(encrypt),
        Attribute::Decrypt(decrypt),
        Attribute::Wrap(wrap),
        Attribute::Unwrap(unwrap),
    ];
    for default in
        [Attribute::ValueLen(32.into()), Attribute::Sensitive(true), Attribute::Extractable(false)]
    {
        let given = own.iter().find(|own| own.attribute_type() == default.attribute_type());
        template.push(given.cloned().unwrap_or(default));
    }
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
}

const ENCRYPTS: [bool; 4] = [true, true, false, false];
const WRAPS: [bool; 4] = [false, false, true, true];

#[test]
fn a_kek_cannot_leave_the_token_and_does_one_thing() {
    for soft in BOTH {
        for mechanism in WrapMechanism::ALL {
            let Ok(builder) = soft.builder() else { return };
            let token = builder.allow(&[mechanism]).open(engine()).unwrap();
            let label = new_label();
            match token.create_kek(&label) {
                Err(error) => {
                    assert_eq!((soft, mechanism), (Soft::Hsm, WrapMechanism::RsaOaep), "{error}");
                    continue;
                }
                Ok(kek) => assert_eq!(kek.mechanism().unwrap(), mechanism),
            }
            let session = session(soft);
            let found = session
                .find_objects(&[Attribute::Label(label.into_bytes()), Attribute::Private(true)])
                .unwrap();
            assert_eq!(found.len(), 1);
            let look = |kind| session.get_attributes(found[0], &[kind]).unwrap();
            for (kind, expected) in [
                (AttributeType::Sensitive, Attribute::Sensitive(true)),
                (AttributeType::Extractable, Attribute::Extractable(false)),
                (AttributeType::AlwaysSensitive, Attribute::AlwaysSensitive(true)),
                (AttributeType::NeverExtractable, Attribute::NeverExtractable(true)),
                (AttributeType::Local, Attribute::Local(true)),
                (
                    AttributeType::Decrypt,
                    Attribute::Decrypt(mechanism != WrapMechanism::AesKeyWrap),
                ),
                (AttributeType::Unwrap, Attribute::Unwrap(mechanism == WrapMechanism::AesKeyWrap)),
            ] {
                assert_eq!(look(kind), [expected], "{soft:?} {mechanism:?}");
            }
            let value = session.get_attributes(found[0], &[AttributeType::Value]);
            assert!(value.is_err() || value.unwrap().is_empty());
            assert!(session.update_attributes(found[0], &[Attribute::Extractable(true)]).is_err());
        }
    }
}

#[test]
fn the_reasons_are_told_when_no_mechanism_will_do() {
    let Ok(builder) = Soft::Hsm.builder() else { return };
    let token = builder.allow(&[WrapMechanism::RsaOaep]).open(engine()).unwrap();
    let error = token.create_kek(&new_label()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let reasons = std::error::Error::source(&error).unwrap().to_string();
    for part in ["CKM_AES_GCM: not allowed here", "CKM_RSA_PKCS_OAEP (SHA-256): ", "ArgumentsBad"] {
        assert!(reasons.contains(part), "{reasons}");
    }
}

#[test]
fn a_kek_is_found_again_by_its_label_and_has_the_same_id() {
    for soft in BOTH {
        let Ok(token) = soft.open() else { return };
        let label = new_label();
        let made = token.create_kek(&label).unwrap();
        let wrap = block_on(made.generate_key(&context(1))).unwrap();
        assert_eq!(kind(&token.create_kek(&label)), Some(ErrorKind::Conflict));
        let again = soft.open().unwrap().kek(&label).unwrap();
        assert_eq!(
            block_on(again.describe()).unwrap().id,
            block_on(made.describe()).unwrap().id,
            "{soft:?}"
        );
        let opened = block_on(again.unwrap_key(&wrap.wrapped, &context(1))).unwrap();
        assert_eq!(opened.key.expose_secret(), wrap.key.expose_secret());
        assert_eq!(kind(&token.kek(&new_label())), Some(ErrorKind::NotFound));
        for label in [String::new(), "x".repeat(129)] {
            assert_eq!(kind(&token.create_kek(&label)), Some(ErrorKind::Invalid));
        }
    }
}

#[test]
fn keys_that_another_tool_made_are_keks_of_one_version() {
    for soft in BOTH {
        let Ok(token) = soft.open() else { return };
        let session = session(soft);
        for (uses, mechanism) in
            [(ENCRYPTS, WrapMechanism::AesGcm), (WRAPS, WrapMechanism::AesKeyWrap)]
        {
            let label = new_label();
            make(&session, &label, &[1], uses, &[]);
            let kek = token.kek(&label).unwrap();
            assert_eq!(kek.mechanism().unwrap(), mechanism);
            let info = block_on(kek.describe()).unwrap();
            let expected = format!("pkcs11:object={};id=01", label.replace(' ', "%20"));
            assert_eq!((info.id.as_str(), info.current), (expected.as_str(), KekVersion(1)));
            let made = block_on(kek.generate_key(&context(1))).unwrap();
            assert!(block_on(kek.unwrap_key(&made.wrapped, &context(1))).is_ok());
            assert_eq!(kind(&block_on(kek.create_version())), Some(ErrorKind::Unsupported));
            // A second one of the label: which is meant has to be said.
            make(&session, &label, &[2], uses, &[]);
            assert_eq!(kind(&token.kek(&label)), Some(ErrorKind::Invalid));
            let second = token.kek_with_id(&label, &[2]).unwrap();
            assert_ne!(block_on(second.describe()).unwrap().id, info.id);
            // The handle that was opened before knows which one it means.
            assert!(block_on(kek.unwrap_key(&made.wrapped, &context(1))).is_ok());
            // Two of one label and id cannot be told apart.
            make(&session, &label, &[2], uses, &[]);
            assert_eq!(kind(&token.kek_with_id(&label, &[2])), Some(ErrorKind::Invalid));
        }
    }
}

#[test]
fn keys_that_could_be_had_or_do_two_things_are_refused() {
    for soft in BOTH {
        let Ok(token) = soft.open() else { return };
        let session = session(soft);
        let cases: [([bool; 4], &[Attribute], &str); 6] = [
            ([true; 4], &[], "both encrypt and wrap"),
            ([true, true, false, true], &[], "both encrypt and wrap"),
            ([false; 4], &[], "neither encrypt and decrypt nor"),
            (ENCRYPTS, &[Attribute::Extractable(true)], "can leave the token"),
            (ENCRYPTS, &[Attribute::Sensitive(false)], "can leave the token"),
            (ENCRYPTS, &[Attribute::ValueLen(ulong(16))], "256 bits"),
        ];
        for (uses, own, why) in cases {
            let label = new_label();
            make(&session, &label, &[1], uses, own);
            let error = token.kek(&label).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{soft:?} {uses:?} {own:?}");
            assert!(error.to_string().contains(why), "{error}");
        }
        // The control: the same key without the fault.
        let label = new_label();
        make(&session, &label, &[1], ENCRYPTS, &[]);
        assert!(token.kek(&label).is_ok());
    }
}

fn ulong(number: u64) -> cryptoki::types::Ulong {
    number.into()
}

#[test]
fn a_key_for_a_mechanism_that_is_not_allowed_is_refused() {
    let Ok(token) = Soft::Kryoptic.open() else { return };
    let label = new_label();
    token.create_kek(&label).unwrap();
    let builder = Soft::Kryoptic.builder().unwrap().allow(&[WrapMechanism::AesKeyWrap]);
    let error = builder.open(engine()).unwrap().kek(&label).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn the_token_itself_refuses_what_a_state_forbids() {
    for soft in BOTH {
        let Ok(token) = soft.open() else { return };
        let label = new_label();
        let kek = token.create_kek(&label).unwrap();
        let first = block_on(kek.describe()).unwrap().current;
        let session = session(soft);
        let usage = || {
            let found = session.find_objects(&[Attribute::Label(label.clone().into_bytes())]);
            let kinds = [AttributeType::Encrypt, AttributeType::Decrypt];
            session.get_attributes(found.unwrap()[0], &kinds).unwrap()
        };
        for (state, encrypt, decrypt) in [
            (KeyState::Suspended, true, false),
            (KeyState::Active, true, true),
            (KeyState::Deactivated, false, true),
            (KeyState::Compromised, false, true),
        ] {
            block_on(kek.set_state(first, state)).unwrap();
            assert_eq!(
                usage(),
                [Attribute::Encrypt(encrypt), Attribute::Decrypt(decrypt)],
                "{soft:?}: {state}"
            );
        }
        for back in [KeyState::Active, KeyState::Suspended] {
            assert_eq!(kind(&block_on(kek.set_state(first, back))), Some(ErrorKind::State));
        }
        for never in [KeyState::PreActive, KeyState::Destroyed] {
            assert_eq!(kind(&block_on(kek.set_state(first, never))), Some(ErrorKind::Invalid));
        }
    }
}

#[test]
fn a_suspended_version_neither_wraps_nor_opens_until_it_is_active_again() {
    for soft in BOTH {
        let Ok(token) = soft.open() else { return };
        let kek = new_kek(&token);
        let made = block_on(kek.generate_key(&context(1))).unwrap();
        let version = made.wrapped.kek_version();
        block_on(kek.set_state(version, KeyState::Suspended)).unwrap();
        let opened = || kind(&block_on(kek.unwrap_key(&made.wrapped, &context(1))));
        assert_eq!(opened(), Some(ErrorKind::State));
        assert_eq!(kind(&block_on(kek.generate_key(&context(1)))), Some(ErrorKind::State));
        block_on(kek.set_state(version, KeyState::Active)).unwrap();
        assert_eq!(opened(), None);
    }
}

#[test]
fn the_newest_version_is_not_destroyed_so_no_number_comes_twice() {
    for soft in BOTH {
        let Ok(token) = soft.open() else { return };
        let kek = new_kek(&token);
        let made = block_on(kek.generate_key(&context(1))).unwrap();
        let first = made.wrapped.kek_version();
        block_on(kek.set_state(first, KeyState::Deactivated)).unwrap();
        let error = block_on(kek.destroy(first)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::State);
        assert!(block_on(kek.unwrap_key(&made.wrapped, &context(1))).is_ok());
        let second = block_on(kek.create_version()).unwrap();
        block_on(kek.destroy(first)).unwrap();
        let gone = block_on(kek.unwrap_key(&made.wrapped, &context(1)));
        assert_eq!(kind(&gone), Some(ErrorKind::NotFound));
        assert_eq!(second, KekVersion(2));
        assert_eq!(block_on(kek.create_version()).unwrap(), KekVersion(3), "{soft:?}");
    }
}

#[test]
fn custodians_who_rotate_at_once_make_no_version_twice() {
    const CUSTODIANS: usize = 4;
    for soft in BOTH {
        let Ok(token) = soft.open() else { return };
        let label = new_label();
        token.create_kek(&label).unwrap();
        let rotate = || -> Result<KekVersion, Error> {
            let own: Pkcs11Token = soft.open().unwrap();
            let kek: Pkcs11Kek = own.kek(&label)?;
            block_on(kek.create_version())
        };
        let answers: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CUSTODIANS).map(|_| scope.spawn(rotate)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut made: Vec<_> = answers.iter().flatten().collect();
        let count = made.len();
        made.sort();
        made.dedup();
        assert_eq!(made.len(), count, "{soft:?}: {answers:?}");
        let refused = answers.iter().filter_map(kind);
        assert!(
            refused
                .into_iter()
                .all(|kind| kind == ErrorKind::Conflict || kind == ErrorKind::Invalid),
            "{answers:?}"
        );
        // Whatever became of it, the KEK is whole.
        let kek = token.kek(&label).unwrap();
        assert!(block_on(kek.create_version()).is_ok(), "{soft:?}: {answers:?}");
        assert!(block_on(kek.generate_key(&context(1))).is_ok());
    }
}

/// Counts down when its thread ends, however it ends.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// While custodians rotate against each other, no wrap is refused, and none is of a version that is taken back.
#[test]
fn what_is_wrapped_while_custodians_rotate_at_once_opens_afterwards() {
    const CUSTODIANS: usize = 3;
    for soft in BOTH {
        let Ok(token) = soft.open() else { return };
        let label = new_label();
        let kek = token.create_kek(&label).unwrap();
        let rotating = AtomicUsize::new(CUSTODIANS);
        let rotate = || {
            let _done = Done(&rotating);
            let kek = soft.open().unwrap().kek(&label).unwrap();
            let made = (0..10).filter(|_| match block_on(kek.create_version()) {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Conflict, "{soft:?}: {error:?}");
                    false
                }
            });
            made.count()
        };
        let (wrapped, made) = std::thread::scope(|scope| {
            let custodians: Vec<_> = (0..CUSTODIANS).map(|_| scope.spawn(rotate)).collect();
            let mut wrapped = Vec::new();
            while rotating.load(Ordering::SeqCst) > 0 {
                block_on(kek.describe()).unwrap();
                wrapped.push(block_on(kek.generate_key(&context(1))).unwrap());
            }
            let made = custodians.into_iter().map(|custodian| custodian.join().unwrap());
            (wrapped, made.sum::<usize>())
        });
        let kek = soft.open().unwrap().kek(&label).unwrap();
        let mut versions: Vec<_> = wrapped.iter().map(|key| key.wrapped.kek_version()).collect();
        versions.dedup();
        assert!(made > 1 && versions.len() > 1, "the control: {made} made, {versions:?} used");
        for key in wrapped {
            let opened = block_on(kek.unwrap_key(&key.wrapped, &context(1))).unwrap();
            assert!(opened.key.expose_secret() == key.key.expose_secret(), "{soft:?}");
        }
    }
}

#[test]
fn custodians_who_make_a_kek_of_one_label_at_once_make_one_or_none() {
    for soft in BOTH {
        let Ok(token) = soft.open() else { return };
        let label = new_label();
        let make = || soft.open().unwrap().create_kek(&label).map(drop);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let made = answers.iter().filter(|answer| answer.is_ok()).count();
        assert!(made <= 1, "{soft:?}: {answers:?}");
        let conflicts = answers.iter().filter(|answer| kind(answer) == Some(ErrorKind::Conflict));
        assert_eq!(conflicts.count() + made, 4, "{soft:?}: {answers:?}");
        let expected = (made == 0).then_some(ErrorKind::NotFound);
        assert_eq!(kind(&token.kek(&label)), expected, "{soft:?}: {answers:?}");
    }
}

#[test]
fn a_token_is_found_by_label_or_serial_and_what_is_there_instead_is_told() {
    for soft in BOTH {
        let Ok(module) = soft.module() else { return };
        let open = || Pkcs11Token::builder(&module).pin(soft.pin());
        let serial = open().label(&soft.label()).open(engine()).unwrap().report().unwrap().serial;
        let report = open().serial(&serial).open(engine()).unwrap().report().unwrap();
        assert_eq!(report.label, soft.label());
        let error = open().label("another").open(engine()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let instead = std::error::Error::source(&error).unwrap().to_string();
        assert!(instead.contains(&soft.label()) && instead.contains(&serial), "{instead}");
        assert_eq!(kind(&open().open(engine())), Some(ErrorKind::Invalid), "no token named");
        let nameless = Pkcs11Token::builder(&module).label(&soft.label()).open(engine());
        assert_eq!(kind(&nameless), Some(ErrorKind::Invalid), "no PIN");
    }
}

#[test]
fn what_is_no_module_is_refused() {
    let engine = engine();
    let pin = || phiseal_backends::pkcs11::Pin::from_env("PATH");
    let open = |path: &str| Pkcs11Token::builder(path).label("x").pin(pin()).open(engine);
    assert_eq!(kind(&open("/nowhere/libhsm.so")), Some(ErrorKind::NotFound));
    assert_eq!(kind(&open("libhsm.so")), Some(ErrorKind::NotFound));
    assert_eq!(kind(&open("/etc/passwd")), Some(ErrorKind::Unsupported));
    assert_eq!(kind(&open("/usr")), Some(ErrorKind::Unsupported));
}
