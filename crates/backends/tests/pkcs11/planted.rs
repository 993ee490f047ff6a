//! Keys that somebody has put on the token who can reach it, and has no PIN: what is not private, and public halves.

use crate::support::{Soft, context, engine, kind, new_label};
use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use phiseal_backends::pkcs11::{Pkcs11Kek, Pkcs11Token, WrapMechanism};
use phiseal_format::KekVersion;
use phiseal_keys::{ErrorKind, KekAdminBackend, KekBackend};
use pollster::block_on;

/// A session of the user's, past the library; the token's handle has logged in.
fn session(soft: Soft) -> Session {
    let module = Pkcs11::new(soft.module().unwrap()).unwrap();
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    module.open_rw_session(slot).unwrap()
}

fn attribute(session: &Session, key: ObjectHandle, kind: AttributeType) -> Attribute {
    session.get_attributes(key, &[kind]).unwrap().remove(0)
}

/// The id of the version of this number.
fn id_of(session: &Session, label: &str, version: u8) -> Attribute {
    let template = [Attribute::Label(label.as_bytes().to_vec())];
    let any = session.find_objects(&template).unwrap()[0];
    let Attribute::Id(mut id) = attribute(session, any, AttributeType::Id) else {
        panic!("no id");
    };
    *id.last_mut().unwrap() = version;
    Attribute::Id(id)
}

/// A public half with this label and id; its modulus is the KEK's with one bit changed, or the KEK's own.
fn plant_half(session: &Session, label: &str, version: u8, own_modulus: bool, exponent: &[u8]) {
    let half = [Attribute::Class(ObjectClass::PUBLIC_KEY), id_of(session, label, 1)];
    let half = session.find_objects(&half).unwrap()[0];
    let Attribute::Modulus(mut modulus) = attribute(session, half, AttributeType::Modulus) else {
        panic!("no modulus");
    };
    modulus[100] ^= u8::from(!own_modulus);
    let planted = session.create_object(&[
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(KeyType::RSA),
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Encrypt(true),
        Attribute::Wrap(false),
        Attribute::Verify(false),
        Attribute::Label(label.as_bytes().to_vec()),
        id_of(session, label, version),
        Attribute::Modulus(modulus),
        Attribute::PublicExponent(exponent.to_vec()),
    ]);
    planted.unwrap();
}

/// A KEK that is a pair of RSA keys, on kryoptic.
fn pair() -> Option<(Pkcs11Token, Pkcs11Kek, String)> {
    let builder = Soft::Kryoptic.builder().ok()?.workers(2);
    let token = builder.allow(&[WrapMechanism::RsaOaep]).open(engine()).unwrap();
    let label = new_label();
    let kek = token.create_kek(&label).unwrap();
    Some((token, kek, label))
}

#[test]
fn public_halves_that_belong_to_no_private_one_do_not_count() {
    let Some((token, kek, label)) = pair() else { return };
    let made = block_on(kek.generate_key(&context(1))).unwrap();
    let session = session(Soft::Kryoptic);
    for (version, own_modulus, exponent) in
        [(1, false, &[1, 0, 1][..]), (2, false, &[1, 0, 1]), (1, true, &[1]), (2, true, &[1, 0, 1])]
    {
        plant_half(&session, &label, version, own_modulus, exponent);
        for kek in [&kek, &token.kek(&label).unwrap()] {
            assert_eq!(block_on(kek.describe()).unwrap().current, KekVersion(1), "{version}");
            let opened = block_on(kek.unwrap_key(&made.wrapped, &context(1))).unwrap();
            assert!(opened.key.expose_secret() == made.key.expose_secret());
            let next = block_on(kek.generate_key(&context(1))).unwrap();
            assert!(block_on(kek.unwrap_key(&next.wrapped, &context(1))).is_ok(), "{version}");
        }
    }
    let halves = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Label(label.into_bytes())];
    assert_eq!(session.find_objects(&halves).unwrap().len(), 5, "the control: they are there");
}

#[test]
fn nothing_is_wrapped_by_a_public_half_that_was_exchanged() {
    let Some((token, kek, label)) = pair() else { return };
    assert!(block_on(kek.generate_key(&context(1))).is_ok(), "the control");
    let session = session(Soft::Kryoptic);
    let half = [Attribute::Class(ObjectClass::PUBLIC_KEY), id_of(&session, &label, 1)];
    let half = session.find_objects(&half).unwrap()[0];
    plant_half(&session, &label, 1, false, &[1, 0, 1]);
    session.destroy_object(half).unwrap();
    assert_eq!(kind(&token.kek(&label)), Some(ErrorKind::Unsupported));
    let wrapped = kind(&block_on(kek.generate_key(&context(1))));
    assert_eq!(wrapped, Some(ErrorKind::Unsupported));
}

/// The destruction of a pair that was cut short after the private half.
#[test]
fn a_version_that_is_half_destroyed_is_as_if_it_were_not_there() {
    let Some((token, kek, label)) = pair() else { return };
    let made = block_on(kek.generate_key(&context(1))).unwrap();
    assert_eq!(block_on(kek.create_version()).unwrap(), KekVersion(2));
    let newer = block_on(kek.generate_key(&context(1))).unwrap();
    let session = session(Soft::Kryoptic);
    let half = [Attribute::Class(ObjectClass::PRIVATE_KEY), id_of(&session, &label, 1)];
    session.destroy_object(session.find_objects(&half).unwrap()[0]).unwrap();
    for kek in [&kek, &token.kek(&label).unwrap()] {
        let gone = block_on(kek.unwrap_key(&made.wrapped, &context(1)));
        assert_eq!(kind(&gone), Some(ErrorKind::NotFound));
        assert!(block_on(kek.unwrap_key(&newer.wrapped, &context(1))).is_ok(), "the control");
    }
}

#[test]
fn a_key_that_takes_no_pin_is_refused_and_hides_none_that_does() {
    for soft in [Soft::Hsm, Soft::Kryoptic] {
        let Ok(token) = soft.open() else { return };
        let (session, label) = (session(soft), new_label());
        let make = |id: u8, private: bool| {
            let template = [
                Attribute::Token(true),
                Attribute::Private(private),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::ValueLen(32.into()),
                Attribute::Encrypt(true),
                Attribute::Decrypt(true),
                Attribute::Wrap(false),
                Attribute::Unwrap(false),
                Attribute::Label(label.as_bytes().to_vec()),
                Attribute::Id(vec![id]),
            ];
            session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
        };
        make(1, false);
        let error = token.kek(&label).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{soft:?}: {error:?}");
        assert!(error.to_string().contains("without the PIN"), "{soft:?}: {error}");
        make(2, true);
        let kek = token.kek(&label).unwrap();
        assert!(block_on(kek.generate_key(&context(1))).is_ok(), "{soft:?}: the control");
        assert_eq!(kind(&token.kek_with_id(&label, &[1])), Some(ErrorKind::Unsupported));
    }
}

/// What a session knew before counts for less than what the KEK has said of itself since.
#[test]
fn wraps_are_of_the_version_that_the_kek_described() {
    for soft in [Soft::Hsm, Soft::Kryoptic] {
        let Ok(builder) = soft.builder() else { return };
        let (label, token) = (new_label(), builder.workers(3).open(engine()).unwrap());
        let kek = token.create_kek(&label).unwrap();
        let admin = soft.open().unwrap().kek(&label).unwrap();
        for _ in 0..5 {
            // Every worker has the KEK at hand.
            std::thread::scope(|scope| {
                for _ in 0..12 {
                    scope.spawn(|| block_on(kek.generate_key(&context(1))).unwrap());
                }
            });
            let next = block_on(admin.create_version()).unwrap();
            assert_eq!(block_on(kek.describe()).unwrap().current, next);
            for _ in 0..12 {
                let made = block_on(kek.generate_key(&context(1))).unwrap();
                assert_eq!(made.wrapped.kek_version(), next, "{soft:?}");
            }
        }
    }
}
