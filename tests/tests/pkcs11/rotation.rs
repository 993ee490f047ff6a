//! A new version of the KEK: everything is rewrapped, the old version is destroyed on the token, everything still opens.

use crate::{BOTH, Setting, kind, open, seal};
use phiseal::backends::pkcs11::{Pkcs11Kek, WrapMechanism};
use phiseal::{ErrorKind, KekAdminBackend, KekVersion, KeyState, Sealed};
use phiseal_tests::world::{DOMAIN, what};
use pollster::block_on;
use std::sync::PoisonError;

const FIRST: KekVersion = KekVersion(1);
const OTHER: &str = "clinic/other";

fn destroy_the_first(custodian: &Pkcs11Kek) {
    assert_eq!(kind(block_on(custodian.destroy(FIRST))), Some(ErrorKind::State), "it is active");
    block_on(custodian.set_state(FIRST, KeyState::Deactivated)).unwrap();
    block_on(custodian.destroy(FIRST)).unwrap();
}

#[test]
fn a_rotated_kek_rewraps_everything_and_its_old_version_is_destroyed() {
    for soft in BOTH {
        for mechanism in [WrapMechanism::AesGcm, WrapMechanism::AesKeyWrap] {
            let turn = crate::TOKENS.read().unwrap_or_else(PoisonError::into_inner);
            let Some(setting) = Setting::with(soft, mechanism, Box::new(turn)) else { return };
            let process = setting.process();
            let domain = process.domain(DOMAIN).unwrap();
            let before = domain.seal("plain", &what()).unwrap();
            domain.rotate().unwrap();
            let sealed = domain.seal("plain", &what()).unwrap();
            let ada = domain.subject_or_create("ada").unwrap();
            let of_ada = ada.seal("plain", &what()).unwrap();
            let other: Sealed = process.domain(OTHER).unwrap().seal("plain", &what()).unwrap();

            // By another handle on the token, as another process has; this one learns it from the token.
            let custodian = setting.custodian();
            assert_eq!(block_on(custodian.create_version()).unwrap(), KekVersion(2));
            assert!(block_on(process.key_store().rewrap_store_key()).unwrap());
            assert!(!block_on(process.key_store().rewrap_store_key()).unwrap(), "once is enough");
            let rewrapped = domain.rewrap().unwrap();
            assert_eq!((rewrapped.rewrapped, rewrapped.current), (2, 0), "{soft:?} {mechanism:?}");
            assert_eq!(process.domain(OTHER).unwrap().rewrap().unwrap().rewrapped, 1);
            let wraps = domain.keyset().unwrap();
            let versions = wraps.versions().iter().flat_map(|version| version.wraps());
            assert!(versions.into_iter().all(|wrap| wrap.kek_version() == KekVersion(2)));
            destroy_the_first(&custodian);

            assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None));
            let later = setting.process();
            let domain = later.domain(DOMAIN).unwrap();
            for sealed in [&before, &sealed] {
                assert_eq!(open(&domain, sealed), None, "{soft:?} {mechanism:?}");
            }
            assert!(domain.subject("ada").unwrap().open::<String>(&of_ada, &what()).is_ok());
            assert_eq!(open(&later.domain(OTHER).unwrap(), &other), None);
        }
    }
}

/// What was not rewrapped is lost with the version, which is told as such.
#[test]
fn a_version_that_is_destroyed_before_the_rewrap_takes_its_keys_with_it() {
    for soft in BOTH {
        let Some(setting) = Setting::new(soft) else { return };
        let process = setting.process();
        process.domain(DOMAIN).unwrap().seal("plain", &what()).unwrap();
        let custodian = setting.custodian();
        block_on(custodian.create_version()).unwrap();
        // The store's own key alone is rewrapped: the store opens, and the domain does not.
        assert!(block_on(process.key_store().rewrap_store_key()).unwrap());
        block_on(custodian.set_state(FIRST, KeyState::Deactivated)).unwrap();
        assert!(setting.process().domain(DOMAIN).is_ok(), "the control: deactivated, it opens");
        block_on(custodian.destroy(FIRST)).unwrap();
        let later = setting.process();
        assert_eq!(kind(later.domain(DOMAIN)), Some(ErrorKind::NotFound), "{soft:?}");
        assert!(later.domain(OTHER).is_ok(), "{soft:?}: new keys are made with the new version");
        let lost = kind(process.domain(DOMAIN).unwrap().rewrap());
        assert_eq!(lost, Some(ErrorKind::NotFound), "{soft:?}: rewrapping comes too late");
    }
}
