//! The store's own key, changed or replaced.

use crate::assert_kind;
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::{Builder, ErrorKind};
use phiseal_conformance::Faults;
use phiseal_format::{EncryptionContext, write};
use phiseal_keys::{DataKey, FullKeyId, KekBackend, Keyset, Record, RecordKind};
use phiseal_tests::editable::EditableStore;
use phiseal_tests::world::{DOMAIN, World, authenticated, parse_store_key, what};
use pollster::block_on;
use std::sync::Arc;

const STORE_KEY: RecordKind = RecordKind::StoreKey;

#[test]
fn every_byte_of_the_store_s_own_key_is_refused_when_flipped() {
    let world = World::of_default_engine();
    let process = world.process();
    process.domain(DOMAIN).unwrap();
    let pin = process.key_store().store_key();
    let (id, honest) = world.store.only(STORE_KEY);
    let mut refused = 0;
    for at in 0..honest.bytes.len() {
        for bit in [0x01, 0x80] {
            let mut bytes = honest.bytes.clone();
            bytes[at] ^= bit;
            world.store.put_bytes(STORE_KEY, &id, bytes);
            let kind = world.open(world.builder()).map(drop).unwrap_err().kind();
            let expected = [
                ErrorKind::Malformed,
                ErrorKind::Unauthenticated,
                ErrorKind::Foreign,
                ErrorKind::NotFound,
            ];
            assert!(expected.contains(&kind), "byte {at}: {kind:?}");
            if (17..49).contains(&at) {
                assert_eq!(kind, ErrorKind::Unauthenticated, "byte {at} of the key's id");
                assert_kind(
                    world.open(world.builder().store_key(pin)),
                    ErrorKind::Tampered,
                    "the pinned id",
                );
            }
            refused += 1;
        }
    }
    assert_eq!(refused, 2 * honest.bytes.len());
    world.store.put(STORE_KEY, &id, honest);
    assert!(world.open(world.builder().store_key(pin)).is_ok(), "the control");
}

#[test]
fn an_emptied_store_is_not_set_up_again_over_a_pinned_key() {
    let world = World::of_default_engine();
    let pin = world.process().key_store().store_key();
    for ((kind, id), _) in world.store.rows() {
        world.store.remove(kind, &id);
    }
    assert_kind(world.open(world.builder().store_key(pin)), ErrorKind::Tampered, "emptied");
    assert_kind(world.open(world.builder().existing()), ErrorKind::NotFound, "emptied");
    assert!(world.open(world.builder()).is_ok(), "the control: nothing pinned");
}

/// A KEK whose wraps anybody can make, as with the public half of an RSA key; `wrap_key` is the public operation.
type PublicKek = Arc<Faults<Arc<MemoryKek>>>;

/// The KEK of this secret half, which says that its wraps are public, or does not.
fn public_kek(secret_half: &Arc<MemoryKek>, admits: bool) -> PublicKek {
    let kek = Arc::new(Faults::new(secret_half.clone()));
    kek.after_describe(move |_, info| {
        let mut info = info?;
        info.public_wraps = admits;
        Ok(info)
    });
    kek
}

/// Replaces the store's key and the domain's keyset by ones whose keys the attacker has, all wrapped by the public half.
fn attack(store: &EditableStore, kek: &PublicKek) -> DataKey {
    let engine = phiseal::default_engine();
    let (id, record) = store.only(STORE_KEY);
    let (environment, _, _) = parse_store_key(&record.bytes);
    let made = DataKey::generate(engine).unwrap();
    let context = EncryptionContext::store_key(&environment);
    let wrapped = block_on(kek.wrap_key(&made, &context)).unwrap();
    let mut bytes = vec![1];
    bytes.extend_from_slice(environment.as_bytes());
    bytes.extend_from_slice(made.id(engine).unwrap().as_bytes());
    write::push_prefixed_u16(&mut bytes, &wrapped.to_bytes()).unwrap();
    store.put_bytes(STORE_KEY, &id, bytes);

    let known = DataKey::generate(engine).unwrap();
    let domain = phiseal::DomainId::from_bytes([0xad; 16]);
    let context = EncryptionContext::data_key(&environment, &domain, 1);
    let wrapped = block_on(kek.wrap_key(&known, &context)).unwrap();
    let key_id = known.id(engine).unwrap();
    let keyset = Keyset::first(environment, domain, DOMAIN, key_id, vec![wrapped], 0).unwrap();
    let body = keyset.to_bytes().unwrap();
    let name = DOMAIN.as_bytes();
    let bytes = authenticated(engine, &made, RecordKind::Keyset, name, 1, &body);
    store.put(RecordKind::Keyset, name, Record { revision: 1, bytes });
    known
}

struct Public {
    store: EditableStore,
    kek: PublicKek,
    pin: FullKeyId,
}

/// A store that was set up while its KEK still was a secret one.
fn set_up() -> Public {
    let secret_half = Arc::new(MemoryKek::new(phiseal::default_engine()).unwrap());
    let (store, kek) = (EditableStore::default(), public_kek(&secret_half, false));
    let process = Phiseal::open(store.clone(), kek.clone()).unwrap();
    process.domain(DOMAIN).unwrap();
    Public { store, kek, pin: process.key_store().store_key() }
}

#[test]
fn a_store_key_of_the_attacker_s_own_is_refused_where_wraps_are_public() {
    let Public { store, kek, pin } = set_up();
    let kek = public_kek(kek.backend(), true);
    let open = |pin: Option<FullKeyId>| {
        let builder = pin.into_iter().fold(Builder::new(), Builder::store_key);
        Phiseal::open_with(builder, store.clone(), kek.clone())
    };
    assert_kind(open(None), ErrorKind::Unsupported, "nothing pinned");
    let honest = open(Some(pin)).unwrap();
    assert!(honest.domain(DOMAIN).is_ok(), "the control: pinned and untouched");

    attack(&store, &kek);
    assert_kind(open(None), ErrorKind::Unsupported, "nothing pinned");
    assert_kind(open(Some(pin)), ErrorKind::Tampered, "pinned");
    assert_kind(block_on(honest.key_store().keyset(DOMAIN)), ErrorKind::Tampered, "already open");

    // Only the row of the domain replaced: the MAC under the true key is missing.
    let Public { store, kek, pin } = set_up();
    let row = store.only(STORE_KEY);
    attack(&store, &kek);
    store.put(STORE_KEY, &row.0, row.1);
    let kek = public_kek(kek.backend(), true);
    let process = Phiseal::open_with(Builder::new().store_key(pin), store, kek).unwrap();
    assert_kind(process.domain(DOMAIN), ErrorKind::Tampered, "the domain's row");
}

/// The attack itself works against a KEK that does not admit to public wraps.
#[test]
fn a_store_key_of_the_attacker_s_own_control() {
    let Public { store, kek, .. } = set_up();
    let known = attack(&store, &kek);
    let process = Phiseal::open(store, kek).unwrap();
    let sealed = process.domain(DOMAIN).unwrap().seal("123-45-6789", &what()).unwrap();
    let id = known.id(phiseal::default_engine()).unwrap();
    assert_eq!(sealed.key_id(), id.short(), "sealed under the attacker's key");
}

/// A store whose own key alone is gone is not empty: a new key would make what is there, and comes back, unreadable.
#[test]
fn a_store_without_its_own_key_is_not_set_up_again() {
    let world = World::of_default_engine();
    world.process().domain(DOMAIN).unwrap();
    let (id, row) = world.store.only(STORE_KEY);
    world.store.remove(STORE_KEY, &id);
    assert_kind(world.open(world.builder()), ErrorKind::Tampered, "set up again");
    world.store.put(STORE_KEY, &id, row);
    assert!(world.process().domain(DOMAIN).is_ok(), "the control");
}

/// Two processes that set up one empty store at once have one key for it.
#[test]
fn two_processes_set_up_one_store() {
    for _ in 0..20 {
        let world = World::of_default_engine();
        let barrier = std::sync::Barrier::new(4);
        let ids: Vec<_> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        world.process().key_store().store_key()
                    })
                })
                .collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]));
        assert_eq!(world.store.only(STORE_KEY).1.revision, 1);
    }
}
