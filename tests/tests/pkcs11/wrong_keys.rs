//! WRONGKEY and SWAP: a token that answers with another key, and wraps in the place of others.

use crate::{BOTH, KEY_TIME, SECOND, Setting, kind, open, seal};
use phiseal::{DataKey, ErrorKind, Kek};
use phiseal_tests::numbers::figure;
use phiseal_tests::world::{DOMAIN, what};
use pollster::block_on;
use std::sync::Arc;

#[test]
fn a_wrong_answer_to_an_unwrap_is_refused_and_nothing_is_sealed_or_stored() {
    for soft in BOTH {
        let other = DataKey::generate(phiseal::default_engine()).unwrap();
        let mut wrong: Vec<_> =
            [0, 16, 31, 33, 64].map(|length| (vec![7; length], ErrorKind::Faulty)).to_vec();
        wrong.push((vec![0; 32], ErrorKind::Faulty));
        wrong.push((other.expose_secret().to_vec(), ErrorKind::Unauthenticated));
        let Some(setting) = Setting::new(soft) else { return };
        for (answer, told) in wrong {
            let bytes = answer.len();
            let domain = setting.process().domain(DOMAIN).unwrap();
            let sealed = domain.seal("plain", &what()).unwrap();
            let cold = setting.process();
            let rows = setting.store.rows();
            setting.kek.answer_with(Some(answer));
            assert_eq!(kind(setting.open(setting.builder())), Some(told), "the store's own key");
            assert_eq!(kind(cold.domain(DOMAIN)), Some(told), "{bytes} bytes: a key");
            assert_eq!(kind(cold.domain("clinic/new")), Some(told), "{bytes} bytes: a new key");
            setting.clock.advance(KEY_TIME);
            let warm = (open(&domain, &sealed), seal(&domain));
            assert_eq!(warm, (Some(told), Some(told)), "{bytes} bytes: a key's renewal");
            assert!(setting.store.rows() == rows, "{bytes} bytes: something was stored");
            setting.kek.answer_with(None);
            setting.clock.advance(SECOND * 10);
            assert_eq!((open(&domain, &sealed), seal(&domain)), (None, None), "the control");
        }
    }
}

/// Everybody's wrap in everybody else's place: 100 domains with `PHISEAL_FULL=1`, else 20.
#[test]
fn no_wrap_opens_in_the_place_of_another() {
    for soft in BOTH {
        let domains = figure(20, 100);
        let Some(setting) = Setting::new(soft) else { return };
        let process = setting.process();
        let backend = Arc::new(setting.kek.inner().clone());
        let kek = block_on(Kek::connect(backend, phiseal::default_engine())).unwrap();
        let keysets: Vec<_> = (0..domains)
            .map(|number| process.domain(&format!("clinic/{number}")).unwrap().keyset().unwrap())
            .collect();
        let (mut opened, mut refused) = (0, 0);
        for (at, place) in keysets.iter().enumerate() {
            let (context, id) = (place.wrap_context(1), place.versions()[0].key_id());
            for (from, moved) in keysets.iter().enumerate() {
                let wrapped = &moved.versions()[0].wraps()[0];
                match kind(block_on(kek.unwrap_key(wrapped, &context, id))) {
                    None => {
                        assert_eq!(at, from);
                        opened += 1;
                    }
                    Some(told) => {
                        assert_eq!(told, ErrorKind::Unauthenticated, "{soft:?}");
                        refused += 1;
                    }
                }
            }
        }
        assert_eq!((opened, refused), (domains, domains * (domains - 1)), "{soft:?}");
    }
}
