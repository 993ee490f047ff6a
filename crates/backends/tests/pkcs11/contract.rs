//! The contract, on every token and with every mechanism that it offers.

use crate::support::{Soft, engine, new_kek};
use phiseal_backends::pkcs11::{Nonces, WrapMechanism};
use phiseal_conformance::Absent;
use phiseal_conformance::kek::Fixture;
use std::sync::Arc;

fn fixture(soft: Soft, mechanism: WrapMechanism, nonces: Nonces) -> Result<Fixture, Absent> {
    let token = soft.builder()?.allow(&[mechanism]).nonces(nonces).open(engine()).unwrap();
    let (kek, other) = (new_kek(&token), new_kek(&token));
    assert_eq!(kek.mechanism().unwrap(), mechanism);
    let kek = Arc::new(kek);
    Ok(Fixture::new(engine(), kek.clone(), Arc::new(other)).with_admin(kek))
}

/// A module of tests for one token and one mechanism.
macro_rules! on {
    ($name:ident, $report:literal, $soft:ident, $mechanism:ident, $nonces:ident) => {
        mod $name {
            use super::*;

            fn fixture() -> Result<Fixture, Absent> {
                super::fixture(Soft::$soft, WrapMechanism::$mechanism, Nonces::$nonces)
            }

            phiseal_conformance::kek_backend_tests!($report, fixture);
        }
    };
}

on!(softhsm_gcm, "pkcs11-softhsm-aes-gcm", Hsm, AesGcm, Ours);
on!(softhsm_key_wrap, "pkcs11-softhsm-aes-key-wrap", Hsm, AesKeyWrap, Ours);
on!(kryoptic_gcm, "pkcs11-kryoptic-aes-gcm", Kryoptic, AesGcm, Ours);
on!(kryoptic_own_nonces, "pkcs11-kryoptic-aes-gcm-own-nonces", Kryoptic, AesGcm, Token);
on!(kryoptic_key_wrap, "pkcs11-kryoptic-aes-key-wrap", Kryoptic, AesKeyWrap, Ours);
on!(kryoptic_oaep, "pkcs11-kryoptic-rsa-oaep", Kryoptic, RsaOaep, Ours);

#[test]
fn the_report_says_what_works_and_why_the_rest_does_not() {
    for soft in [Soft::Hsm, Soft::Kryoptic] {
        let Ok(token) = soft.open() else { return };
        let report = token.report().unwrap();
        println!("{report}");
        assert_eq!(report.chosen(), Some(WrapMechanism::AesGcm));
    }
}
