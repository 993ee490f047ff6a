//! Many envelopes from many threads.

use crate::{Nonce, nonce, repeats, runs};
use phiseal::blocking::Domain;
use phiseal::{Engine, NoncePolicy, Suite};
use phiseal_primitives::{Error, OsRandom, Random};
use phiseal_tests::numbers::figure;
use phiseal_tests::world::{DOMAIN, World, what};
use std::sync::Arc;

const THREADS: usize = 8;

fn domain(
    engine: &'static dyn Engine,
    suite: Suite,
    nonces: NoncePolicy,
    random: Arc<dyn Random>,
) -> Domain {
    let world = World::new(engine);
    let change = move |options: &mut phiseal::Options| {
        options.suite = suite;
        options.nonces = nonces;
        options.random = random;
    };
    world.process_with(change).domain(DOMAIN).unwrap()
}

/// The nonces of `each` envelopes from each of eight threads.
fn sealed(domain: &Domain, each: usize) -> Vec<Nonce> {
    let cipher = domain.ready().unwrap();
    let bound = cipher.bind(&what()).unwrap();
    let key = cipher.sealing_key_id().unwrap();
    let nonces: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let mut buffer = [0; 57 + 8];
                    let mut nonces = Vec::with_capacity(each);
                    for _ in 0..each {
                        cipher.seal_in_place(&bound, &mut buffer).unwrap();
                        nonces.push(nonce(&buffer));
                        assert_eq!(&buffer[1..17], key.as_bytes());
                    }
                    nonces
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(nonces.len(), THREADS * each);
    nonces
}

#[test]
fn a_million_envelopes_of_eight_threads_have_a_million_nonces() {
    let each = figure(1_000_000, 10_000_000) / THREADS;
    let engine = phiseal::default_engine();
    let suite = phiseal::Options::new(engine).suite;
    let domain = domain(engine, suite, NoncePolicy::PerBlock, Arc::new(OsRandom));
    let nonces = sealed(&domain, each);
    let mut epochs: Vec<_> = nonces.iter().map(|nonce| nonce[..12].to_vec()).collect();
    epochs.sort_unstable();
    epochs.dedup();
    assert_eq!(epochs.len(), 1, "an epoch is 2^24 messages long");
    let (blocks, longest) = runs(nonces.clone());
    assert!(blocks >= THREADS * each / 256, "{blocks} blocks of 256");
    assert!(longest <= 256, "a block of {longest}, or two that touch");
    assert_eq!(repeats(nonces), 0);
}

#[test]
fn every_engine_suite_and_policy_repeats_no_nonce() {
    let each = figure(1_250, 25_000);
    let mut checked = 0;
    for engine in phiseal::engines() {
        for suite in Suite::ALL {
            for policy in [NoncePolicy::PerBlock, NoncePolicy::PerMessage] {
                let domain = domain(*engine, suite, policy, Arc::new(OsRandom));
                let nonces = sealed(&domain, each);
                let (blocks, _) = runs(nonces.clone());
                let expected = if policy == NoncePolicy::PerMessage {
                    each * THREADS
                } else {
                    each * THREADS / 256
                };
                assert!(blocks >= expected, "{blocks} blocks");
                assert_eq!(repeats(nonces), 0, "{} {suite:?} {policy:?}", engine.name());
                checked += 1;
            }
        }
    }
    assert_eq!(checked, phiseal::engines().len() * 4);
}

/// A generator without a check that always says the same: every block begins where the others did.
#[derive(Debug)]
struct Same;

impl Random for Same {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(4);
        Ok(())
    }
}

#[test]
fn repeated_nonces_control() {
    let domain =
        domain(phiseal::default_engine(), Suite::Xaes256Gcm, NoncePolicy::PerBlock, Arc::new(Same));
    let nonces = sealed(&domain, 1_000);
    assert_eq!(repeats(nonces), THREADS * 1_000 - 256);
}

/// Many domains on one thread: a block that is put aside for another's is never taken up twice.
#[test]
fn two_hundred_domains_in_turn_repeat_no_nonce() {
    let world = World::of_default_engine();
    let process = world.process();
    let ciphers: Vec<_> = (0..200)
        .map(|number| process.domain(&format!("domain-{number}")).unwrap().ready().unwrap())
        .collect();
    let mut nonces = Vec::new();
    for _ in 0..50 {
        for cipher in &ciphers {
            nonces.push(nonce(cipher.seal("plain", &what()).unwrap().as_bytes()));
        }
    }
    assert_eq!(nonces.len(), 10_000);
    assert_eq!(repeats(nonces), 0);
}
