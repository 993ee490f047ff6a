//! An escrow key among the KEKs of a store.

use crate::{DOMAIN, World, kind, memory_kek, opened, what};
use phiseal::backends::memory::MemoryKek;
use phiseal::backends::recovery::{RecoveryKek, RecoveryKey};
use phiseal::blocking::Phiseal;
use phiseal::{
    Builder, ErrorKind, FindingKind, KekBackend, KekOperation, Module, RecordKind, Validation,
    WrapAlgorithm, WrappedKey,
};
use phiseal_format::Cursor;
use phiseal_tests::forwarding::{Forwarding, Otherwise};
use pollster::block_on;
use std::sync::Arc;

/// How each version of the domain's key is wrapped.
fn algorithms(phi: &Phiseal) -> Vec<Vec<WrapAlgorithm>> {
    let keyset = phi.domain(DOMAIN).unwrap().keyset().unwrap();
    let of = |wraps: &[WrappedKey]| wraps.iter().map(WrappedKey::algorithm).collect();
    keyset.versions().iter().map(|version| of(version.wraps())).collect()
}

/// The wraps of the store's own key.
fn of_the_store(world: &World) -> Vec<WrappedKey> {
    let bytes = world.store.only(RecordKind::StoreKey).1.bytes;
    let mut cursor = Cursor::new(&bytes[1 + 16 + 32..]);
    let mut wraps = Vec::new();
    while !cursor.is_empty() {
        wraps.push(WrappedKey::parse(cursor.prefixed_u16(7000).unwrap()).unwrap());
    }
    wraps
}

const BOTH: [WrapAlgorithm; 2] = [WrapAlgorithm::Xaes256Gcm, WrapAlgorithm::Hpke];

#[test]
fn every_new_key_has_a_wrap_by_the_escrow_key() {
    let world = World::new();
    let phi = world.process();
    phi.domain(DOMAIN).unwrap().rotate().unwrap();
    assert_eq!(algorithms(&phi), [BOTH, BOTH]);
    assert_eq!(of_the_store(&world).iter().map(WrappedKey::algorithm).collect::<Vec<_>>(), BOTH);
    let without = World::new();
    let phi = without.open(Builder::new()).unwrap();
    assert_eq!(algorithms(&phi), [[WrapAlgorithm::Xaes256Gcm]], "the control");
}

/// Everything that a store does, with this KEK joined to its own.
fn do_everything(world: &World, join: impl Fn(Builder) -> Builder) {
    let phi = world.open(join(Builder::new())).unwrap();
    let domain = phi.domain(DOMAIN).unwrap();
    domain.seal("123-45-6789", &what()).unwrap();
    domain.rotate().unwrap();
    block_on(world_version(&world.kek)).unwrap();
    domain.rewrap().unwrap();
    block_on(phi.key_store().rewrap_store_key()).unwrap();
    let health = block_on(phi.key_store().health(None)).unwrap();
    assert!(health.keks.iter().all(|kek| kek.answer.is_ok()));
    drop((phi, domain));
    world.open(join(Builder::new())).unwrap().domain(DOMAIN).unwrap();
}

async fn world_version(kek: &Arc<MemoryKek>) -> Result<(), phiseal::Error> {
    phiseal::KekAdminBackend::create_version(kek.as_ref()).await.map(drop)
}

#[test]
fn an_escrow_key_is_never_asked_to_unwrap() {
    let opens = |kek: &MemoryKek| {
        [KekOperation::Unwrap, KekOperation::Rewrap, KekOperation::Generate]
            .map(|it| kek.calls_of(it))
    };
    let (world, escrow) = (World::new(), memory_kek());
    do_everything(&world, |builder| builder.also_escrow_to(escrow.clone()));
    assert_eq!(opens(&escrow), [0; 3]);
    assert!(escrow.calls_of(KekOperation::Wrap) >= 4);

    let (world, other) = (World::new(), memory_kek());
    do_everything(&world, |builder| builder.also_wrap_with(other.clone()));
    assert!(opens(&other)[0] >= 4, "the control: a KEK that wraps is asked");

    // Nor where no other answers.
    let world = World::new();
    let open = || world.open(Builder::new().also_escrow_to(escrow.clone()));
    open().unwrap().domain(DOMAIN).unwrap();
    world.kek.set_unavailable(true);
    assert_eq!(kind(open()), Some(ErrorKind::Unavailable));
    assert_eq!(opens(&escrow), [0; 3]);
}

#[test]
fn an_escrow_key_that_does_not_answer_keeps_nobody_from_opening() {
    let (world, escrow) = (World::new(), memory_kek());
    let open = || world.open(Builder::new().also_escrow_to(escrow.clone()));
    let sealed = open().unwrap().domain(DOMAIN).unwrap().seal("123-45-6789", &what()).unwrap();
    escrow.set_unavailable(true);
    let phi = open().unwrap();
    assert_eq!(opened(&phi, &sealed).unwrap(), "123-45-6789");
    let domain = phi.domain(DOMAIN).unwrap();
    assert_eq!(kind(domain.rotate()), Some(ErrorKind::Unavailable), "no key without its wrap");
    escrow.set_unavailable(false);
    assert_eq!(domain.rotate().unwrap().primary(), 2);
}

/// Whose wraps anybody can make is asked for the pinned id where it opens, and not where it only wraps.
#[test]
fn only_a_recovered_key_that_opens_needs_the_pinned_id() {
    let world = World::new();
    let phi = world.process();
    let sealed = phi.domain(DOMAIN).unwrap().seal("123-45-6789", &what()).unwrap();
    let pin = phi.key_store().store_key();
    drop(phi);
    assert!(world.open(world.builder()).is_ok());
    let recover = |builder| Phiseal::open_with(builder, world.store.clone(), world.recovered());
    assert_eq!(kind(recover(Builder::new())), Some(ErrorKind::Unsupported));
    let also = Builder::new().also_unwrap_with(world.recovered());
    assert_eq!(kind(world.open(also)), Some(ErrorKind::Unsupported));
    let phi = recover(Builder::new().store_key(pin)).unwrap();
    assert_eq!(opened(&phi, &sealed).unwrap(), "123-45-6789");
}

#[test]
fn rewrapping_adds_it_and_rewrapping_without_it_takes_it_away() {
    let world = World::new();
    world.open(Builder::new()).unwrap().domain(DOMAIN).unwrap().rotate().unwrap();
    let rewrap = |builder| {
        let phi = world.open(builder).unwrap();
        let done = phi.domain(DOMAIN).unwrap().rewrap().unwrap();
        let store = block_on(phi.key_store().rewrap_store_key()).unwrap();
        (done.rewrapped, done.current, store, algorithms(&phi), of_the_store(&world).len())
    };
    let (own, both) = (vec![WrapAlgorithm::Xaes256Gcm], BOTH.to_vec());
    assert_eq!(rewrap(world.builder()), (2, 0, true, vec![both.clone(); 2], 2));
    assert_eq!(rewrap(world.builder()), (0, 2, true, vec![both; 2], 2), "the store's is made anew");
    assert_eq!(rewrap(Builder::new()), (2, 0, true, vec![own.clone(); 2], 1));
    assert_eq!(rewrap(Builder::new()), (0, 2, false, vec![own; 2], 1));
}

/// The wraps of the store's own key are under no MAC: one that was put in the place of the escrow key's is noticed by
/// nobody but a drill, and goes with the next rewrapping.
#[test]
fn a_planted_wrap_of_the_store_s_key_is_replaced() {
    let world = World::new();
    let phi = world.process();
    let (id, record) = world.store.only(RecordKind::StoreKey);
    let planted = record.bytes.len() - 1;
    let mut bytes = record.bytes;
    bytes[planted] ^= 1;
    world.store.put_bytes(RecordKind::StoreKey, &id, bytes);
    let drilled = || block_on(phi.key_store().drill(&world.recovered_kek())).unwrap();
    assert!(!drilled().store_key.opens());
    assert!(block_on(phi.key_store().rewrap_store_key()).unwrap());
    assert!(drilled().store_key.opens());
}

#[test]
fn one_key_cannot_be_both() {
    let world = World::new();
    let open = || Phiseal::open_with(world.builder(), world.store.clone(), world.recovered());
    assert_eq!(kind(open()), Some(ErrorKind::Invalid));
    let builder = world.builder().also_escrow_to(world.escrow());
    assert_eq!(kind(world.open(builder)), Some(ErrorKind::Invalid));
    assert!(world.open(world.builder()).is_ok(), "the control");
}

/// The public half cannot be the KEK of a store: what it made, nobody would open.
#[test]
fn the_public_half_alone_makes_no_store() {
    let world = World::new();
    let outcome = Phiseal::open(world.store.clone(), world.escrow());
    assert_eq!(kind(outcome), Some(ErrorKind::Denied));
    assert!(world.store.rows().is_empty(), "nothing was written");
}

#[test]
fn health_knows_it() {
    let world = World::new();
    world.open(Builder::new()).unwrap().domain(DOMAIN).unwrap();
    let phi = world.process();
    let health = || block_on(phi.key_store().health(None)).unwrap();
    let found = |kind| health().findings().iter().any(|finding| finding.kind == kind);
    assert!(found(FindingKind::WrapsMissing));
    phi.domain(DOMAIN).unwrap().rewrap().unwrap();
    block_on(phi.key_store().rewrap_store_key()).unwrap();
    assert!(!found(FindingKind::WrapsMissing));

    let health = health();
    let [kek, escrow] = &health.keks[..] else { panic!("two KEKs") };
    assert!(kek.wraps && !kek.escrow && escrow.wraps && escrow.escrow);
    let answer = escrow.answer.as_ref().unwrap();
    assert!(answer.info.public_wraps && matches!(answer.trial, Some(Ok(_))));
    assert_eq!((health.store_key.total, health.domains[0].wraps().total), (2, 2));
    assert!(health.to_string().contains("escrow: wraps new keys and opens nothing here"));
    let id = block_on(world.escrow().describe()).unwrap().id;
    assert_eq!(escrow.id.as_ref(), Some(&id));

    // Without it, its wraps are somebody's that nobody knows.
    let phi = world.open(Builder::new()).unwrap();
    let health = block_on(phi.key_store().health(None)).unwrap();
    let unknown = |finding: &phiseal::Finding| finding.kind == FindingKind::KekNotConfigured;
    assert!(health.findings().iter().any(unknown));
}

/// As the default engine would be in FIPS mode.
#[derive(Clone, Copy, Debug)]
struct Fips;

impl Otherwise for Fips {
    const NAME: &'static str = "fips";

    fn module(self) -> Module {
        let mut module = phiseal::default_engine().module();
        module.validation = Validation::Uncertified;
        module
    }
}

#[test]
fn a_fips_module_does_not_wrap_for_a_recovery_key() {
    static ENGINE: Forwarding<Fips> = Forwarding(Fips);
    let world = World::new();
    assert_eq!(kind(RecoveryKek::parse(&world.line, &ENGINE)), Some(ErrorKind::Unsupported));
    assert_eq!(kind(RecoveryKey::generate(&ENGINE)), Some(ErrorKind::Unsupported));
    assert!(RecoveryKek::parse(&world.line, phiseal::default_engine()).is_ok(), "the control");
}
