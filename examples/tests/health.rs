//! What a key store tells of itself, fact by fact, each with the state that brings it about.

#![expect(clippy::unwrap_used, reason = "a test's helper fails the test")]

use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::stores::MemoryStore;
use phiseal::{
    Builder, ErrorKind, Finding, FindingKind, Health, KekAdminBackend, KekBackend, KekOperation,
    KekVersion, KeyState, ManualClock, Store, default_engine, memory_is_locked,
};
use phiseal_conformance::Faults;
use pollster::block_on;
use std::sync::Arc;
use std::time::Duration;

const DOMAIN: &str = "clinic/patients";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A store of one domain, under the first of three KEKs.
struct World {
    store: Arc<MemoryStore>,
    keks: [Arc<MemoryKek>; 3],
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        let kek = || Arc::new(MemoryKek::new(default_engine()).unwrap());
        let store = Arc::new(MemoryStore::new());
        let world =
            Self { store, keks: [kek(), kek(), kek()], clock: ManualClock::at(1_800_000_000) };
        world.open(&[0], &[]).domain(DOMAIN).unwrap();
        world
    }

    fn kek(&self, number: usize) -> Arc<MemoryKek> {
        Arc::clone(&self.keks[number])
    }

    fn open(&self, wrapping: &[usize], unwrapping: &[usize]) -> Phiseal {
        let builder = Builder::new().clock(self.clock.clone());
        let builder = wrapping[1..].iter().fold(builder, |b, kek| b.also_wrap_with(self.kek(*kek)));
        let builder = unwrapping.iter().fold(builder, |b, kek| b.also_unwrap_with(self.kek(*kek)));
        Phiseal::open_with(builder, Arc::clone(&self.store), self.kek(wrapping[0])).unwrap()
    }
}

fn health(phi: &Phiseal) -> Health {
    block_on(phi.key_store().health(Some(30 * DAY))).unwrap()
}

/// Those of the store; how much memory may be locked is the machine's.
fn findings(health: &Health) -> Vec<Finding> {
    let found = health.findings().into_iter();
    found.filter(|finding| finding.kind != FindingKind::MemoryNotLocked).collect()
}

fn kinds(health: &Health) -> Vec<FindingKind> {
    findings(health).iter().map(|finding| finding.kind).collect()
}

/// The state of version 1 of the domain goes through these.
fn through(phi: &Phiseal, states: &[KeyState]) {
    for state in states {
        let keyset = block_on(phi.key_store().keyset(DOMAIN)).unwrap();
        block_on(phi.key_store().set_state(&keyset, 1, *state)).unwrap();
    }
}

#[test]
fn a_store_that_is_well() {
    let world = World::new();
    let phi = world.open(&[0], &[]);
    let health = health(&phi);
    assert_eq!(kinds(&health), []);
    assert_eq!(health.memory_is_locked, memory_is_locked());
    assert_eq!(health.environment, phi.key_store().environment());
    assert_eq!(
        (health.engine, &health.module),
        (default_engine().name(), &default_engine().module())
    );
    let [kek] = &health.keks[..] else { panic!("one KEK") };
    let answer = kek.answer.as_ref().unwrap();
    assert!(kek.wraps && answer.trial.as_ref().unwrap().is_ok());
    assert_eq!(answer.info, block_on(world.keks[0].describe()).unwrap());
    assert_eq!(answer.info.versions, [(KekVersion(1), KeyState::Active)]);
    let [domain] = &health.domains[..] else { panic!("one domain") };
    assert_eq!((domain.name.as_str(), domain.primary, domain.wraps().total), (DOMAIN, 1, 1));
    assert!(domain.versions[0].reserved_uses > 0, "a handle was made ready to seal");
    assert_eq!(health.store_key.total, 1);
    assert!(health.to_string().ends_with("Nothing needs attention.\n") || !memory_is_locked());
}

#[test]
fn a_look_can_be_taken_on_any_thread() {
    const fn sends<T: Send>(_: &T) {}
    let world = World::new();
    let phi = world.open(&[0], &[]);
    let look = phi.key_store().health(None);
    sends(&look);
    assert_eq!(
        kinds(&std::thread::scope(|s| s.spawn(|| block_on(look)).join()).unwrap().unwrap()),
        []
    );
}

#[test]
fn a_look_changes_nothing() {
    let world = World::new();
    let phi = world.open(&[0], &[]);
    let records = || {
        let kinds = phiseal::RecordKind::ALL.into_iter();
        kinds.map(|kind| block_on(world.store.scan(kind, None, 100)).unwrap()).collect::<Vec<_>>()
    };
    let before = records();
    health(&phi);
    assert!(before == records() && before.iter().any(|records| !records.is_empty()));
    assert_eq!(world.keks[0].calls_of(KekOperation::Generate), 2, "the store key and the domain's");
}

#[test]
fn a_kek_that_was_rotated_and_everything_rewrapped() {
    let world = World::new();
    let phi = world.open(&[0], &[]);
    block_on(world.keks[0].create_version()).unwrap();
    let rotated = health(&phi);
    assert_eq!(kinds(&rotated), [FindingKind::ToBeRewrapped; 2]);
    assert_eq!((rotated.store_key.outdated, rotated.domains[0].wraps().outdated), (1, 1));
    phi.domain(DOMAIN).unwrap().rewrap().unwrap();
    assert_eq!(kinds(&health(&phi)), [FindingKind::ToBeRewrapped]);
    block_on(phi.key_store().rewrap_store_key()).unwrap();
    assert_eq!(kinds(&health(&phi)), []);
}

#[test]
fn a_kek_version_that_is_destroyed_takes_its_wraps_with_it() {
    let world = World::new();
    let phi = world.open(&[0], &[]);
    block_on(world.keks[0].create_version()).unwrap();
    let first = KekVersion(1);
    block_on(world.keks[0].set_state(first, KeyState::Deactivated)).unwrap();
    assert_eq!(kinds(&health(&phi)), [FindingKind::ToBeRewrapped; 2], "it still opens");
    block_on(world.keks[0].destroy(first)).unwrap();
    let lost = health(&phi);
    assert_eq!(kinds(&lost), [FindingKind::WrapsLost; 2]);
    assert_eq!((lost.store_key.lost, lost.store_key.outdated), (1, 0));
}

#[test]
fn a_kek_whose_current_version_cannot_wrap() {
    let world = World::new();
    let phi = world.open(&[0], &[]);
    block_on(world.keks[0].set_state(KekVersion(1), KeyState::Deactivated)).unwrap();
    let found = findings(&health(&phi));
    assert_eq!(found[0].kind, FindingKind::KekVersionNotActive);
    assert!(
        found[0].to_string().contains("has a current version, 1, that is deactivated: make a new")
    );
    assert_eq!(found.len(), 1);
}

#[test]
fn a_kek_that_does_not_answer_is_a_finding_and_no_error() {
    let world = World::new();
    let phi = world.open(&[0], &[]);
    world.keks[0].set_unavailable(true);
    let silent = health(&phi);
    assert_eq!(kinds(&silent), [FindingKind::KekUnreachable]);
    let kind = silent.keks[0].answer.as_ref().unwrap_err().kind();
    assert_eq!((kind, silent.store_key.unchecked), (ErrorKind::Unavailable, 1));
    assert!(silent.keks[0].id.is_some(), "it was known from before");
    world.keks[0].set_unavailable(false);
    assert_eq!(kinds(&health(&phi)), []);
    // The description is answered, the trial is not: calls are counted, and every second one fails.
    if world.keks[0].calls() % 2 == 1 {
        block_on(world.keks[0].describe()).unwrap();
    }
    world.keks[0].fail_every(2, ErrorKind::Denied);
    let found = findings(&health(&phi));
    assert_eq!(found.iter().map(|it| it.kind).collect::<Vec<_>>(), [FindingKind::KekTrialFailed]);
}

#[test]
fn a_kek_that_never_answered_has_no_id_and_is_not_called_unconfigured() {
    let world = World::new();
    let both = world.open(&[0, 1], &[]);
    both.domain(DOMAIN).unwrap().rewrap().unwrap();
    block_on(both.key_store().rewrap_store_key()).unwrap();
    world.keks[1].set_unavailable(true);
    let without = health(&world.open(&[0, 1], &[]));
    assert_eq!(kinds(&without), [FindingKind::KekUnreachable]);
    assert_eq!(without.keks[1].id, None);
    assert_eq!((without.store_key.unknown, without.store_key.missing), (1, 0));
    // Whereas of one that nobody configured, it is said.
    let alone = health(&world.open(&[0], &[]));
    assert_eq!(kinds(&alone), [FindingKind::KekNotConfigured; 2]);
}

#[test]
fn keks_that_are_added_and_taken_out() {
    let world = World::new();
    let added = health(&world.open(&[0, 1], &[2]));
    assert_eq!(kinds(&added), [FindingKind::WrapsMissing; 2]);
    assert_eq!((added.store_key.missing, added.domains[0].wraps().missing), (1, 1));
    let trial = |number: usize| added.keks[number].answer.as_ref().unwrap().trial.clone();
    assert!(trial(1).unwrap().is_ok());
    assert!(trial(2).is_none(), "one that only unwraps, and has nothing to unwrap");
    assert_eq!(world.keks[2].calls_of(KekOperation::Wrap), 0);

    let turned = health(&world.open(&[1], &[0]));
    use FindingKind::{KekLeaving, WrapsMissing};
    assert_eq!(kinds(&turned), [KekLeaving, WrapsMissing, KekLeaving, WrapsMissing]);
    let wraps = world.keks[0].calls_of(KekOperation::Wrap);
    assert!(turned.keks[1].answer.as_ref().unwrap().trial.as_ref().unwrap().is_ok());
    health(&world.open(&[1], &[0]));
    assert_eq!(world.keks[0].calls_of(KekOperation::Wrap), wraps, "it is not asked to wrap");
}

#[test]
fn a_primary_that_is_overdue_until_it_is_rotated() {
    let world = World::new();
    let phi = world.open(&[0], &[]);
    world.clock.advance(30 * DAY);
    assert_eq!(kinds(&health(&phi)), [], "to the second");
    world.clock.advance(Duration::from_secs(1));
    let found = findings(&health(&phi));
    assert_eq!(
        found[0].to_string(),
        "Domain clinic/patients has a primary, version 1, that is 30 days old: rotate it (Domain::rotate)."
    );
    assert_eq!(found.len(), 1);
    assert!(findings(&block_on(phi.key_store().health(None)).unwrap()).is_empty());
    phi.domain(DOMAIN).unwrap().rotate().unwrap();
    let rotated = health(&phi);
    assert_eq!(kinds(&rotated), []);
    let ages: Vec<_> = rotated.domains[0].versions.iter().map(|it| it.age.as_secs()).collect();
    assert_eq!(ages, [30 * 24 * 3600 + 1, 0]);
}

#[test]
fn states_of_a_domains_versions() {
    let world = World::new();
    let phi = world.open(&[0], &[]);
    through(&phi, &[KeyState::Suspended]);
    assert_eq!(kinds(&health(&phi)), [FindingKind::PrimaryCannotSeal]);
    through(&phi, &[KeyState::Compromised]);
    let compromised = health(&phi);
    assert_eq!(kinds(&compromised), [FindingKind::PrimaryCannotSeal, FindingKind::Compromised]);
    phi.domain(DOMAIN).unwrap().rotate().unwrap();
    assert_eq!(kinds(&health(&phi)), [FindingKind::Compromised]);
    through(&phi, &[KeyState::Destroyed]);
    let destroyed = health(&phi);
    assert_eq!(kinds(&destroyed), []);
    assert_eq!(destroyed.domains[0].versions[0].wraps.missing, 0, "it has none, and needs none");
}

/// A KEK that shows no versions, as a service may.
fn versionless(kek: Arc<MemoryKek>) -> Faults<Arc<MemoryKek>> {
    let kek = Faults::new(kek);
    kek.after_describe(|_, answer| {
        let mut info = answer?;
        info.current = KekVersion::UNSEEN;
        info.versions.clear();
        Ok(info)
    });
    kek
}

#[test]
fn of_a_kek_that_shows_no_versions_nothing_is_said_about_them() {
    let world = World::new();
    let phi = Phiseal::open(Arc::clone(&world.store), versionless(world.kek(0))).unwrap();
    let health = block_on(phi.key_store().health(None)).unwrap();
    assert_eq!(kinds(&health), []);
    assert!(health.to_string().contains("shows no versions"));
}

#[test]
fn a_store_that_was_tampered_with_is_an_error() {
    let world = World::new();
    let phi = world.open(&[0], &[]);
    health(&phi);
    let kind = phiseal::RecordKind::Keyset;
    let (id, record) = block_on(world.store.scan(kind, None, 1)).unwrap().remove(0);
    let mut bytes = record.bytes;
    bytes[0] ^= 1;
    block_on(world.store.write(kind, &id, record.revision, &bytes)).unwrap();
    let refused = block_on(phi.key_store().health(None)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Tampered);
}

#[test]
fn no_key_is_in_the_report() {
    let world = World::new();
    let phi = world.open(&[0], &[]);
    let keyset = block_on(phi.key_store().keyset(DOMAIN)).unwrap();
    let version = &keyset.versions()[0];
    let key = block_on(phi.key_store().unwrap(&keyset, version)).unwrap();
    let hex: String = key.expose_secret().iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{:?}", key.expose_secret());
    let list = list.trim_matches(['[', ']']);
    let health = health(&phi);
    for text in [health.to_string(), format!("{health:?}")] {
        assert!(!text.contains(&hex) && !text.contains(list), "{text}");
        assert!(text.contains(DOMAIN), "the control: {text}");
    }
}
