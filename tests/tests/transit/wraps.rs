//! SWAP, and a rotation of the KEK: where wraps may be put, and how they are renewed.

use crate::{Setting, kind, open};
use phiseal::backends::transit::{Token, TransitAdmin};
use phiseal::{
    DomainId, EncryptionContext, EnvironmentId, ErrorKind, Kek, KekAdmin, KekVersion, KeyState,
};
use phiseal_tests::numbers::figure;
use phiseal_tests::transit::Server;
use phiseal_tests::world::{DOMAIN, what};
use pollster::block_on;
use std::sync::Arc;

/// Each wrapped key in the place of every other one: under the contexts of their domains, and all under one.
#[test]
fn no_wrapped_key_opens_in_the_place_of_another() {
    let Some(setting) = Setting::new() else { return };
    let backend = Server::builder_at(&setting.server.address, &setting.name, &setting.token);
    let engine = phiseal::default_engine();
    let kek = block_on(Kek::connect(Arc::new(backend.build().unwrap()), engine)).unwrap();
    let domains: u8 = figure(20, 100);
    let context = |domain: u8| {
        let environment = EnvironmentId::from_bytes([0xe1; 16]);
        EncryptionContext::data_key(&environment, &DomainId::from_bytes([domain; 16]), 1)
    };
    for one_context in [false, true] {
        let all: Vec<_> = (0..domains)
            .map(|domain| {
                let context = context(if one_context { 0 } else { domain });
                let (made, id) = block_on(kek.generate_key(&context)).unwrap();
                (context, made.wrapped, id)
            })
            .collect();
        let (mut opened, mut refused) = (0, 0);
        for (at, (context, _, id)) in all.iter().enumerate() {
            for (from, (_, moved, _)) in all.iter().enumerate() {
                let outcome = kind(block_on(kek.unwrap_key(moved, context, id)));
                if at == from {
                    assert_eq!(outcome, None);
                    opened += 1;
                } else {
                    assert_eq!(outcome, Some(ErrorKind::Unauthenticated));
                    refused += 1;
                }
            }
        }
        let domains = usize::from(domains);
        assert_eq!((opened, refused), (domains, domains * (domains - 1)));
    }
}

/// The custodian rotates, everything is rewrapped by the server, and the old version is destroyed.
#[test]
fn a_rotated_kek_rewraps_everything_and_its_old_version_is_destroyed() {
    let Some(setting) = Setting::new() else { return };
    let process = setting.process();
    let domain = process.domain(DOMAIN).unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    let token = setting.server.token.clone();
    let admin = TransitAdmin::builder(&setting.server.address, &setting.name)
        .token_from(move || Token::new(token.clone()));
    let admin = KekAdmin::new(Arc::new(admin.build().unwrap()));
    assert_eq!(block_on(admin.create_version()).unwrap(), KekVersion(2));
    assert!(block_on(process.key_store().rewrap_store_key()).unwrap());
    let before = setting.proxy.asked("/rewrap/");
    assert_eq!(domain.rewrap().unwrap().rewrapped, 1);
    assert_eq!(setting.proxy.asked("/rewrap/"), before + 1, "the server did it");

    assert_eq!(
        kind(block_on(admin.destroy(KekVersion(1)))),
        Some(ErrorKind::State),
        "it is active"
    );
    block_on(admin.set_state(KekVersion(1), KeyState::Deactivated)).unwrap();
    block_on(admin.destroy(KekVersion(1))).unwrap();
    let later = setting.process().domain(DOMAIN).unwrap();
    assert_eq!(open(&later, &sealed), None);
}
