//! A process with warm keys, whose memory others look at. It never learns what they look for.

use crate::{os, say, wait};
use core::hint::black_box;
use phiseal::backends::local::LocalKek;
use phiseal::blocking::Phiseal;
use phiseal::stores::SqliteStore;
use phiseal::{Builder, KeyState, Phi, engine};
use phiseal_tests::world::{DOMAIN, what};
use pollster::block_on;

/// How often it seals and opens.
const OPERATIONS: usize = 100;

/// Opens `keys.db` under `kek.json`, seals and opens, says `alive` with one envelope of the domain's key and one of a
/// person's, waits, and drops everything (`then` is `drop`), forgets to (`forget`), aborts with everything at hand
/// (`abort`), or goes on after the domain's first version was destroyed (`destroy`).
pub(crate) fn hold(engine_name: &str, then: &str) {
    let engine = engine(engine_name).unwrap();
    os::allow_core_dumps();
    // What a careless program would have: a secret in ordinary memory.
    let planted = engine.sha_256(&[b"planted copy"]).to_vec();
    let kek = LocalKek::open_or_create("kek.json", engine).unwrap();
    let store = SqliteStore::open("keys.db").unwrap();
    let phiseal = Phiseal::open_with(Builder::new().engine(engine), store, kek).unwrap();
    let domain = phiseal.domain(DOMAIN).unwrap();
    domain.rotate().unwrap();
    let ada = domain.subject_or_create("ada").unwrap();
    let what = what();
    let mut last = Vec::new();
    for number in 0..OPERATIONS {
        let plain = format!("{number}: 123-45-6789");
        let (of_domain, of_ada) =
            (domain.seal(&plain, &what).unwrap(), ada.seal(&plain, &what).unwrap());
        let opened: Phi<String> = domain.open(&of_domain, &what).unwrap();
        assert_eq!(*opened.expose_secret(), plain);
        let opened: Phi<String> = ada.open(&of_ada, &what).unwrap();
        assert_eq!(*opened.expose_secret(), plain);
        last = vec![of_domain, of_ada];
    }
    say(&format!("alive {} {}", last[0], last[1]));
    wait();
    black_box(&planted);
    if then == "abort" {
        black_box((&phiseal, &domain, &ada));
        std::process::abort();
    }
    if then == "destroy" {
        let store = phiseal.key_store();
        let keyset = block_on(store.keyset(DOMAIN)).unwrap();
        block_on(store.set_state(&keyset, 1, KeyState::Destroyed)).unwrap();
        domain.refresh().unwrap();
    }
    if then == "drop" {
        drop((phiseal, domain, ada, last, planted));
    } else {
        core::mem::forget((phiseal, domain, ada));
    }
    say("gone");
    wait();
}
