//! A KEK whose wraps anybody can make: RSA-OAEP, on kryoptic. The store's own key has to be pinned.

use crate::support::Soft;
use crate::{Setting, kind, open};
use phiseal::backends::pkcs11::{Pkcs11Kek, WrapMechanism};
use phiseal::{
    DataKey, DomainId, EncryptionContext, ErrorKind, FullKeyId, KekBackend, Keyset, Record,
    RecordKind,
};
use phiseal_format::write;
use phiseal_tests::world::{DOMAIN, authenticated, parse_store_key, what};
use pollster::block_on;
use std::sync::PoisonError;

fn setting() -> Option<Setting> {
    let turn = crate::TOKENS.read().unwrap_or_else(PoisonError::into_inner);
    Setting::with(Soft::Kryoptic, WrapMechanism::RsaOaep, Box::new(turn))
}

/// Replaces the store's key and the domain's keyset by ones whose keys the attacker has, all wrapped by the public half.
fn attack(setting: &Setting, kek: &Pkcs11Kek) -> FullKeyId {
    let engine = phiseal::default_engine();
    let (id, record) = setting.store.only(RecordKind::StoreKey);
    let (environment, ..) = parse_store_key(&record.bytes);
    let made = DataKey::generate(engine).unwrap();
    let context = EncryptionContext::store_key(&environment);
    let wrapped = block_on(kek.wrap_key(&made, &context)).unwrap();
    let mut bytes = vec![1];
    bytes.extend_from_slice(environment.as_bytes());
    bytes.extend_from_slice(made.id(engine).unwrap().as_bytes());
    write::push_prefixed_u16(&mut bytes, &wrapped.to_bytes()).unwrap();
    setting.store.put_bytes(RecordKind::StoreKey, &id, bytes);

    let known = DataKey::generate(engine).unwrap();
    let domain = DomainId::from_bytes([0xad; 16]);
    let context = EncryptionContext::data_key(&environment, &domain, 1);
    let wrapped = block_on(kek.wrap_key(&known, &context)).unwrap();
    let key_id = known.id(engine).unwrap();
    let keyset = Keyset::first(environment, domain, DOMAIN, key_id, vec![wrapped], 0).unwrap();
    let (name, body) = (DOMAIN.as_bytes(), keyset.to_bytes().unwrap());
    let bytes = authenticated(engine, &made, RecordKind::Keyset, name, 1, &body);
    setting.store.put(RecordKind::Keyset, name, Record { revision: 1, bytes });
    made.id(engine).unwrap()
}

#[test]
fn a_store_key_of_the_attacker_s_own_is_refused_where_it_is_pinned() {
    let Some(setting) = setting() else { return };
    let process = setting.process();
    let pin = process.key_store().store_key();
    let domain = process.domain(DOMAIN).unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    let of = |pin: FullKeyId| setting.open(setting.builder().store_key(pin));
    let unsupported = Some(ErrorKind::Unsupported);
    assert_eq!(kind(setting.open(setting.builder())), unsupported, "nothing pinned");
    let honest = of(pin).unwrap();
    assert_eq!(open(&honest.domain(DOMAIN).unwrap(), &sealed), None, "the control: untouched");

    let rows = setting.store.rows();
    let theirs = attack(&setting, setting.kek.inner());
    assert_eq!(kind(setting.open(setting.builder())), unsupported, "nothing pinned");
    assert_eq!(kind(of(pin)), Some(ErrorKind::Tampered), "pinned");
    let open_already = block_on(honest.key_store().keyset(DOMAIN));
    assert_eq!(kind(open_already), Some(ErrorKind::Tampered), "open already");

    // The control: the attack is a good one, as whoever pins the attacker's key seals under his.
    let fooled = of(theirs).unwrap().domain(DOMAIN).unwrap();
    assert_ne!(fooled.seal("plain", &what()).unwrap().key_id(), sealed.key_id());

    for ((kind, id), record) in rows {
        setting.store.put(kind, &id, record);
    }
    assert_eq!(open(&of(pin).unwrap().domain(DOMAIN).unwrap(), &sealed), None, "given back");
}
