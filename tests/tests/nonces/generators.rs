//! Where nonces come from.

use crate::{nonce, repeats, runs};
use phiseal::{ErrorKind, NoncePolicy, Suite};
use phiseal_primitives::danger::Seeded;
use phiseal_primitives::random::HealthChecked;
use phiseal_primitives::{Error, OsRandom, Random};
use phiseal_tests::world::{DOMAIN, World, what};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A generator that is broken in the named way.
#[derive(Debug)]
enum Broken {
    Zeros,
    Repeats,
    Fails,
}

impl Random for Broken {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(if matches!(self, Self::Repeats) { 0x5a } else { 0 });
        if matches!(self, Self::Fails) { Err(Error::Random) } else { Ok(()) }
    }
}

#[test]
fn a_generator_that_is_broken_seals_nothing() {
    let mut refused = 0;
    for engine in phiseal::engines() {
        for policy in [NoncePolicy::PerBlock, NoncePolicy::PerMessage] {
            for broken in [Broken::Zeros, Broken::Repeats, Broken::Fails] {
                let named = format!("{broken:?} {policy:?}");
                let world = World::new(*engine);
                let process = world.process_with(move |options| {
                    options.nonces = policy;
                    options.random = Arc::new(HealthChecked::new(broken));
                });
                let domain = process.domain(DOMAIN).unwrap();
                let cipher = domain.ready().unwrap();
                let bound = cipher.bind(&what()).unwrap();
                for _ in 0..10 {
                    let error = domain.seal("plain", &what()).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Random, "{named}");
                    let mut buffer = [0xa5; 57 + 8];
                    let error = cipher.seal_in_place(&bound, &mut buffer).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Random, "{named}");
                    assert_eq!(buffer, [0xa5; 57 + 8], "nothing was done to it");
                }
                refused += 1;
            }
        }
    }
    assert_eq!(refused, phiseal::engines().len() * 6);
}

/// A generator that breaks later: what it gave before is not given again.
#[test]
fn a_generator_that_breaks_later_ends_sealing() {
    #[derive(Debug, Default)]
    struct Tiring(AtomicU64);

    impl Random for Tiring {
        fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
            if self.0.fetch_add(1, Ordering::SeqCst) < 20 {
                OsRandom.fill(out)
            } else {
                Broken::Repeats.fill(out)
            }
        }
    }

    let world = World::of_default_engine();
    let process = world.process_with(move |options| {
        options.nonces = NoncePolicy::PerMessage;
        options.random = Arc::new(HealthChecked::new(Tiring::default()));
    });
    let domain = process.domain(DOMAIN).unwrap();
    let outcomes: Vec<_> = (0..100).map(|_| domain.seal("plain", &what())).collect();
    let sealed: Vec<_> = outcomes.iter().flatten().map(|sealed| nonce(sealed.as_bytes())).collect();
    assert!((10..=20).contains(&sealed.len()), "{} were sealed", sealed.len());
    assert!(
        outcomes[30..]
            .iter()
            .all(|outcome| outcome.as_ref().unwrap_err().kind() == ErrorKind::Random)
    );
    assert_eq!(repeats(sealed), 0);
}

/// Counts what is drawn from the operating system.
#[derive(Clone, Debug, Default)]
struct Counted(Arc<AtomicU64>);

impl Random for Counted {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        OsRandom.fill(out)
    }
}

#[test]
fn per_message_draws_for_each_message_and_per_block_for_each_256() {
    for engine in phiseal::engines() {
        let drawn = |policy| {
            let world = World::new(*engine);
            let counted = Counted::default();
            let draws = counted.0.clone();
            let process = world.process_with(move |options| {
                options.nonces = policy;
                options.random = Arc::new(counted);
            });
            let cipher = process.domain(DOMAIN).unwrap().ready().unwrap();
            let before = draws.load(Ordering::SeqCst);
            let nonces: Vec<_> = (0..1024)
                .map(|_| nonce(cipher.seal("plain", &what()).unwrap().as_bytes()))
                .collect();
            (draws.load(Ordering::SeqCst) - before, runs(nonces))
        };
        let (draws, (blocks, longest)) = drawn(NoncePolicy::PerMessage);
        assert_eq!((blocks, longest), (1024, 1), "no count follows another");
        assert_eq!(draws, 1024 + 4 + 1, "each message, each block, the epoch");
        let (draws, (blocks, longest)) = drawn(NoncePolicy::PerBlock);
        assert_eq!((blocks, longest), (4, 256));
        assert_eq!(draws, 4 + 1, "each block, the epoch");
    }
}

#[test]
fn one_seed_makes_the_same_envelopes_on_every_engine() {
    let engine = phiseal::default_engine();
    let world = World::new(engine);
    world.process().domain(DOMAIN).unwrap();
    let mut compared = 0;
    for suite in Suite::ALL {
        for policy in [NoncePolicy::PerBlock, NoncePolicy::PerMessage] {
            let sealed = |engine, seed: u64| -> Vec<_> {
                let builder = world.builder().engine(engine).options(move |options| {
                    options.suite = suite;
                    options.nonces = policy;
                    options.random = Arc::new(Seeded::new(ChaCha20Rng::seed_from_u64(seed)));
                });
                let cipher = world.open(builder).unwrap().domain(DOMAIN).unwrap().ready().unwrap();
                (0..600_u32).map(|n| cipher.seal(n.to_be_bytes(), &what()).unwrap()).collect()
            };
            let first = sealed(engine, 1);
            for other in phiseal::engines() {
                assert!(sealed(*other, 1) == first, "{} {suite:?} {policy:?}", other.name());
                compared += 1;
            }
            assert!(sealed(engine, 2) != first, "the control: another seed");
        }
    }
    assert_eq!(compared, phiseal::engines().len() * 4);
}

/// `strict` draws for each message.
#[test]
fn a_strict_handle_draws_for_each_message() {
    let world = World::of_default_engine();
    let process = match world.open(world.builder().strict()) {
        Ok(process) => process,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Memory, "this machine locks no memory");
            return;
        }
    };
    let domain = process.domain(DOMAIN).unwrap();
    let nonces: Vec<_> =
        (0..300).map(|_| nonce(domain.seal("plain", &what()).unwrap().as_bytes())).collect();
    assert_eq!(runs(nonces), (300, 1));
}
