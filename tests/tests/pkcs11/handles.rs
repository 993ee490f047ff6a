//! Handles that promise more: `strict`, and `read_only`.

use crate::{BOTH, Setting, kind, open, seal};
use phiseal::backends::pkcs11::WrapMechanism;
use phiseal::{ErrorKind, Phi};
use phiseal_tests::world::{DOMAIN, what};
use std::sync::PoisonError;

#[test]
fn a_read_only_handle_opens_and_has_no_key_made() {
    for soft in BOTH {
        let Some(setting) = Setting::new(soft) else { return };
        let sealed = setting.process().domain(DOMAIN).unwrap().seal("plain", &what()).unwrap();
        let (rows, made) = (setting.store.rows(), setting.kek.generated());
        let reader = setting.open(setting.builder().read_only()).unwrap();
        let domain = reader.domain(DOMAIN).unwrap();
        assert_eq!(open(&domain, &sealed), None, "the control: it opens");
        assert_eq!(seal(&domain), Some(ErrorKind::Denied), "{soft:?}");
        assert_eq!(kind(domain.rotate()), Some(ErrorKind::Denied), "{soft:?}");
        assert_eq!(kind(reader.domain("clinic/new")), Some(ErrorKind::NotFound), "{soft:?}");
        assert_eq!(kind(domain.subject_or_create("ada")), Some(ErrorKind::Denied), "{soft:?}");
        assert!(setting.store.rows() == rows && setting.kek.generated() == made, "{soft:?}");
    }
}

#[test]
fn a_strict_handle_works_with_every_mechanism() {
    for soft in BOTH {
        for mechanism in [WrapMechanism::AesGcm, WrapMechanism::AesKeyWrap] {
            let turn = crate::TOKENS.read().unwrap_or_else(PoisonError::into_inner);
            let Some(setting) = Setting::with(soft, mechanism, Box::new(turn)) else { return };
            let process = setting.open(setting.builder().strict()).unwrap();
            let domain = process.domain(DOMAIN).unwrap();
            let ada = domain.subject_or_create("ada").unwrap();
            let sealed =
                [domain.seal("plain", &what()).unwrap(), ada.seal("plain", &what()).unwrap()];
            domain.rotate().unwrap();
            let later = setting.open(setting.builder().strict().read_only()).unwrap();
            let later = later.domain(DOMAIN).unwrap();
            let opened: [Phi<String>; 2] = [
                later.open(&sealed[0], &what()).unwrap(),
                later.subject("ada").unwrap().open(&sealed[1], &what()).unwrap(),
            ];
            assert!(opened.iter().all(|opened| opened.expose_secret() == "plain"));
            assert_eq!(
                open(&later, &sealed[1]),
                Some(ErrorKind::Foreign),
                "the control: a person's"
            );
        }
    }
}
