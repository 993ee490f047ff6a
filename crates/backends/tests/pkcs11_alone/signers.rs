//! Keys that sign: SoftHSM has them; kryoptic, as it is built here, does not, and says so. In a process of their own, as tokens
//! in software lose sight of objects while others of the process are made and destroyed past this library.

use crate::alone;
use crate::support::{Soft, kind, new_label};
use cryptoki::context::Pkcs11;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};
use cryptoki::session::Session;
use phiseal_keys::{ErrorKind, Signer};
use phiseal_primitives::ed25519::{SigningKey, VerifyingKey};
use pollster::block_on;

const TEXT: &[u8] = b"\x13\x0cedwards25519";
const OID: &[u8] = &[0x06, 3, 0x2b, 0x65, 0x70];
const OF_ED448: &[u8] = &[0x06, 3, 0x2b, 0x65, 0x71];

/// A session of the user's, past the library; a handle of the token has logged in.
fn session(soft: Soft) -> Session {
    let module = Pkcs11::new(soft.module().unwrap()).unwrap();
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    module.open_rw_session(slot).unwrap()
}

/// An Edwards key as another tool makes it; `own` in place of the private half's usual attributes.
fn make(session: &Session, label: &str, id: &[u8], curve: &[u8], own: &[Attribute]) {
    let common = [
        Attribute::Token(true),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(id.to_vec()),
    ];
    let public = [&common[..], &[Attribute::EcParams(curve.to_vec()), Attribute::Verify(true)]];
    let mut private = common.to_vec();
    for default in [
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ] {
        let given = own.iter().find(|own| own.attribute_type() == default.attribute_type());
        private.push(given.cloned().unwrap_or(default));
    }
    session
        .generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public.concat(), &private)
        .unwrap();
}

fn plant_public_half(session: &Session, label: &str, id: &[u8], public: &VerifyingKey) {
    let point = [&[0x04, 32], &public.as_bytes()[..]].concat();
    session
        .create_object(&[
            Attribute::Class(ObjectClass::PUBLIC_KEY),
            Attribute::KeyType(KeyType::EC_EDWARDS),
            Attribute::Token(true),
            Attribute::Label(label.as_bytes().to_vec()),
            Attribute::Id(id.to_vec()),
            Attribute::EcParams(TEXT.to_vec()),
            Attribute::EcPoint(point),
            Attribute::Verify(true),
        ])
        .unwrap();
}

fn verifies(signer: &impl Signer, message: &[u8]) -> bool {
    let public = VerifyingKey::from_bytes(&signer.verifying_key()).unwrap();
    public.verify(message, &block_on(signer.sign(message)).unwrap()).is_ok()
}

#[test]
fn a_key_signs_on_the_token_and_cannot_leave_it() {
    let _alone = alone();
    let Ok(token) = Soft::Hsm.open() else { return };
    let label = new_label();
    let signer = token.create_signer(&label).unwrap();
    for message in [&b""[..], b"a message", &[0xa5; 100_000]] {
        assert!(verifies(&signer, message));
    }
    // Deterministic (RFC 8032): the same bytes on the token as anywhere.
    let twice = [0, 1].map(|_| block_on(signer.sign(b"twice")).unwrap());
    assert_eq!(twice[0], twice[1]);

    let session = session(Soft::Hsm);
    let private =
        [Attribute::Label(label.clone().into_bytes()), Attribute::Class(ObjectClass::PRIVATE_KEY)];
    let found = session.find_objects(&private).unwrap();
    assert_eq!(found.len(), 1);
    for (kind, expected) in [
        (AttributeType::Private, Attribute::Private(true)),
        (AttributeType::Sensitive, Attribute::Sensitive(true)),
        (AttributeType::Extractable, Attribute::Extractable(false)),
        (AttributeType::AlwaysSensitive, Attribute::AlwaysSensitive(true)),
        (AttributeType::NeverExtractable, Attribute::NeverExtractable(true)),
        (AttributeType::Local, Attribute::Local(true)),
        (AttributeType::Sign, Attribute::Sign(true)),
    ] {
        assert_eq!(session.get_attributes(found[0], &[kind]).unwrap(), [expected]);
    }
    let value = session.get_attributes(found[0], &[AttributeType::Value]);
    assert!(value.is_err() || value.unwrap().is_empty());
    assert!(session.update_attributes(found[0], &[Attribute::Extractable(true)]).is_err());
}

#[test]
fn a_key_is_found_again_by_its_label_and_made_once() {
    let _alone = alone();
    let Ok(token) = Soft::Hsm.open() else { return };
    let label = new_label();
    let made = token.create_signer(&label).unwrap();
    let again = Soft::Hsm.open().unwrap().signer(&label).unwrap();
    assert_eq!(again.verifying_key(), made.verifying_key());
    assert!(verifies(&again, b"again"));
    assert_eq!(kind(&token.create_signer(&label)), Some(ErrorKind::Conflict));
    // Labels are of keys of every sort.
    assert_eq!(kind(&token.create_kek(&label)), Some(ErrorKind::Conflict));
    let of_kek = new_label();
    token.create_kek(&of_kek).unwrap();
    assert_eq!(kind(&token.create_signer(&of_kek)), Some(ErrorKind::Conflict));
    assert_eq!(kind(&token.signer(&of_kek)), Some(ErrorKind::NotFound));
    assert_eq!(kind(&token.signer(&new_label())), Some(ErrorKind::NotFound));
    for label in [String::new(), "x".repeat(129)] {
        assert_eq!(kind(&token.create_signer(&label)), Some(ErrorKind::Invalid));
    }
    assert_eq!(format!("{made:?}"), "Pkcs11Signer");
}

#[test]
fn keys_that_another_tool_made_sign_when_they_stay_inside() {
    let _alone = alone();
    let Ok(token) = Soft::Hsm.open() else { return };
    let session = session(Soft::Hsm);
    for curve in [TEXT, OID] {
        let label = new_label();
        make(&session, &label, &[1], curve, &[]);
        assert!(verifies(&token.signer(&label).unwrap(), b"made elsewhere"), "{curve:02x?}");
        // A second one of the label: which is meant has to be said.
        make(&session, &label, &[2], curve, &[]);
        assert_eq!(kind(&token.signer(&label)), Some(ErrorKind::Invalid));
        let both = [1, 2].map(|id| token.signer_with_id(&label, &[id]).unwrap());
        assert_ne!(both[0].verifying_key(), both[1].verifying_key());
        assert!(both.iter().all(|signer| verifies(signer, b"each")));
    }
    let cases: [(&[u8], &[Attribute], &str); 5] = [
        (TEXT, &[Attribute::Extractable(true)], "can leave the token"),
        (TEXT, &[Attribute::Sensitive(false)], "can leave the token"),
        (TEXT, &[Attribute::Sign(false)], "may not sign"),
        (TEXT, &[Attribute::Private(false)], "without the PIN"),
        (OF_ED448, &[], "not one for Ed25519"),
    ];
    for (curve, own, why) in cases {
        let label = new_label();
        make(&session, &label, &[1], curve, own);
        let error = token.signer(&label).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{own:?}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

/// Whoever reaches a token without its PIN can put public halves on it.
#[test]
fn only_the_public_half_that_verifies_counts() {
    let _alone = alone();
    let Ok(token) = Soft::Hsm.open() else { return };
    let session = session(Soft::Hsm);
    let (label, planted) = (new_label(), SigningKey::from_seed(&[7; 32]).verifying_key());
    let made = token.create_signer(&label).unwrap();
    let of = |class| [Attribute::Label(label.clone().into_bytes()), Attribute::Class(class)];
    let halves = session.find_objects(&of(ObjectClass::PUBLIC_KEY)).unwrap();
    let id = session.get_attributes(halves[0], &[AttributeType::Id]).unwrap();
    let [Attribute::Id(id)] = &id[..] else { unreachable!() };

    plant_public_half(&session, &label, id, &planted);
    let found = token.signer(&label).unwrap();
    assert_eq!(found.verifying_key(), made.verifying_key());
    assert_ne!(found.verifying_key(), *planted.as_bytes());

    session.destroy_object(halves[0]).unwrap();
    let error = token.signer(&label).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "the planted half alone");
    // Whoever has the key already needs no public half.
    assert!(verifies(&made, b"still"));

    let private = session.find_objects(&of(ObjectClass::PRIVATE_KEY)).unwrap();
    session.destroy_object(private[0]).unwrap();
    assert_eq!(kind(&block_on(made.sign(b"gone"))), Some(ErrorKind::NotFound));
}

/// A handle goes by the id; under it lies another key now.
#[test]
fn a_key_that_took_the_place_of_another_signs_nothing() {
    let _alone = alone();
    let Ok(token) = Soft::Hsm.open() else { return };
    let session = session(Soft::Hsm);
    let label = new_label();
    make(&session, &label, &[1], TEXT, &[]);
    let signer = token.signer(&label).unwrap();
    let found = session.find_objects(&[Attribute::Label(label.clone().into_bytes())]).unwrap();
    found.into_iter().for_each(|half| session.destroy_object(half).unwrap());
    make(&session, &label, &[1], TEXT, &[]);
    assert_eq!(kind(&block_on(signer.sign(b"in its place"))), Some(ErrorKind::Faulty));
    assert!(verifies(&token.signer(&label).unwrap(), b"the control"));
}

#[test]
fn eight_threads_sign_with_one_key_at_once() {
    let _alone = alone();
    let Ok(token) = Soft::Hsm.open() else { return };
    let signer = token.create_signer(&new_label()).unwrap();
    let good: usize = std::thread::scope(|scope| {
        let sign = |thread: usize| {
            let signer = signer.clone();
            scope.spawn(move || {
                (0..20)
                    .filter(|round| verifies(&signer, format!("{thread} {round}").as_bytes()))
                    .count()
            })
        };
        let threads: Vec<_> = (0..8).map(sign).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(good, 160);
}

/// kryoptic's own EdDSA asks for an OpenSSL (3.2) that the module of these tests is not linked to.
#[test]
fn a_token_without_eddsa_says_so() {
    let _alone = alone();
    let Ok(token) = Soft::Kryoptic.open() else { return };
    let mechanisms = |soft: Soft| {
        let module = Pkcs11::new(soft.module().unwrap()).unwrap();
        let slot = module.get_slots_with_initialized_token().unwrap()[0];
        module.get_mechanism_list(slot).unwrap()
    };
    if mechanisms(Soft::Kryoptic).contains(&MechanismType::EDDSA) {
        // Built over a newer OpenSSL: then it signs.
        assert!(verifies(&token.create_signer(&new_label()).unwrap(), b"by kryoptic"));
        return;
    }
    let label = new_label();
    let error = token.create_signer(&label).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("CKM_EDDSA"), "{error}");
    assert_eq!(kind(&token.signer(&label)), Some(ErrorKind::NotFound));
    // The control: the list of a token that has it names it, and the session is good for other things.
    let _hsm = Soft::Hsm.open().unwrap();
    assert!(mechanisms(Soft::Hsm).contains(&MechanismType::EDDSA));
    assert!(token.create_kek(&new_label()).is_ok());
}
