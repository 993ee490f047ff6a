//! KEKs on tokens that are opened by URIs.

use crate::{BOTH, Setting, kind, session};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::Session;
use phiseal::ErrorKind;
use phiseal_tests::addresses::{are_one, kek};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// `text` as it stands in a URI.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// A key as another tool makes it, which encrypts and decrypts.
fn make(session: &Session, label: &str, id: &[u8]) {
    let template = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(id.to_vec()),
        Attribute::ValueLen(32.into()),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Wrap(false),
        Attribute::Unwrap(false),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
}

#[test]
fn a_uri_opens_the_kek_that_its_parts_name() {
    for soft in BOTH {
        let Some(setting) = Setting::new(soft) else { return };
        let folder = tempfile::tempdir().unwrap();
        let pin = folder.path().join("pin of the token");
        fs::write(&pin, format!("{}\n", soft.pin_text())).unwrap();
        fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).unwrap();

        let serial = setting.token.report().unwrap().serial;
        let tokens = [format!("token={}", encoded(&soft.label())), format!("serial={serial}")];
        let pins = [
            format!("env:{}", soft.pin_variable()),
            "file:pin%20of%20the%20token".to_owned(),
            format!("file://{}", encoded(pin.to_str().unwrap())),
        ];
        let module = soft.module().unwrap();
        let object = encoded(&setting.label);
        let uri = |token: &str, object: &str, pin: &str| {
            let module = module.display();
            format!("pkcs11:{token};object={object}?module-path={module}&pin-source={pin}")
        };
        for token in &tokens {
            for pin in &pins {
                let opened = kek(&uri(token, &object, pin), folder.path()).unwrap();
                are_one(opened, Arc::new(setting.custodian()));
            }
        }

        let opens = |uri: &str| kind(kek(uri, folder.path()));
        for (uri, expected) in [
            (uri(&tokens[0], &object, &pins[0]), None),
            (uri(&tokens[0], "other", &pins[0]), Some(ErrorKind::NotFound)),
            (uri("token=other", &object, &pins[0]), Some(ErrorKind::NotFound)),
            (uri("serial=other", &object, &pins[0]), Some(ErrorKind::NotFound)),
            (uri(&tokens[0], &object, "file:other"), Some(ErrorKind::NotFound)),
        ] {
            assert_eq!(opens(&uri), expected, "{uri}");
        }
    }
}

#[test]
fn an_id_tells_keys_of_one_label_apart() {
    for soft in BOTH {
        let Some(setting) = Setting::new(soft) else { return };
        let (label, session) = (crate::new_label(), session(soft));
        for id in [[0, 0xfe], [0, 0xff]] {
            make(&session, &label, &id);
        }
        let uri = |id: &str| {
            let (module, pin) = (soft.module().unwrap(), soft.pin_variable());
            let (token, object) = (encoded(&soft.label()), encoded(&label));
            format!(
                "pkcs11:object={object};token={token}{id}?pin-source=env:{pin}&module-path={}",
                module.display()
            )
        };
        let opened = |id: &str| kek(&uri(id), Path::new("/nonexistent"));
        for (text, id) in [(";id=%00%fe", [0, 0xfe]), (";id=%00%FF", [0, 0xff])] {
            are_one(
                opened(text).unwrap(),
                Arc::new(setting.token.kek_with_id(&label, &id).unwrap()),
            );
        }
        assert_eq!(kind(opened("")), Some(ErrorKind::Invalid), "which of the two");
        assert_eq!(kind(opened(";id=%00")), Some(ErrorKind::NotFound));
    }
}
