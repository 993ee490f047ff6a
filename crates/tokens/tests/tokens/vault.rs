use crate::World;
use core::time::Duration;
use phiseal_envelope::{Domain, Phi};
use phiseal_keys::{
    BoxFuture, Erasure, Error, ErrorKind, KeyState, Page, Record, RecordKind, RecordWrite, Store,
};
use phiseal_stores::{MemoryStore, SqliteStore};
use phiseal_tokens::{
    Cardinality, EntryStanding, Vault, VaultPart, VaultRecord, VaultWrite, Vaulted, VaultedForm,
};
use pollster::block_on;
use proptest::prelude::*;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

const ENTRY: RecordKind = RecordKind::TokenEntry;
const TOKEN: RecordKind = RecordKind::Token;

fn kind() -> Vaulted {
    Vaulted::new(VaultedForm::text(), &Cardinality::of(1_000_000)).unwrap()
}

fn vault(store: &Arc<impl Store>, domain: &Domain, kind: Vaulted) -> Vault {
    block_on(Vault::open(store.clone(), domain, "mrn", kind)).unwrap()
}

fn reveal(vault: &Vault, token: &str) -> Result<String, ErrorKind> {
    let value: Result<Phi<String>, Error> = block_on(vault.reveal(token));
    value.map(|value| value.expose_secret().clone()).map_err(|error| error.kind())
}

/// The records of one kind that are not empty.
fn records(store: &impl Store, kind: RecordKind) -> Page {
    let mut records = block_on(store.scan(kind, None, usize::MAX)).unwrap();
    records.retain(|(_, record)| !record.bytes.is_empty());
    records
}

#[test]
fn equal_values_have_one_token_and_it_leads_back() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let domain = world.domain("d");
    for form in [
        VaultedForm::number(12).unwrap(),
        VaultedForm::text(),
        VaultedForm::email("tokens.example").unwrap(),
        VaultedForm::uuid(),
    ] {
        let kind = Vaulted::new(form.clone(), &Cardinality::of(1_000_000)).unwrap();
        let vault =
            block_on(Vault::open(store.clone(), &domain, &format!("{form:?}"), kind)).unwrap();
        let token = block_on(vault.tokenize("Jane Doe")).unwrap();
        assert_eq!(block_on(vault.tokenize("Jane Doe")).unwrap(), token);
        assert_ne!(block_on(vault.tokenize("Jane Roe")).unwrap(), token);
        assert_eq!(reveal(&vault, &token), Ok("Jane Doe".to_owned()));
    }
    // Nothing of the values is in the store.
    for (id, record) in records(&*store, TOKEN).into_iter().chain(records(&*store, ENTRY)) {
        let bytes = [id, record.bytes].concat();
        assert!(!bytes.windows(4).any(|window| window == b"Jane"));
    }
}

#[test]
fn columns_tenants_and_domains_have_tokens_of_their_own() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let (domain, other) = (world.domain("d"), world.domain("e"));
    let tenant = |tenant| {
        block_on(Vault::open_of_tenant(store.clone(), &domain, tenant, "mrn", kind())).unwrap()
    };
    let vaults = [
        vault(&store, &domain, kind()),
        block_on(Vault::open(store.clone(), &domain, "other", kind())).unwrap(),
        tenant("north"),
        tenant("south"),
        vault(&store, &other, kind()),
    ];
    let tokens: Vec<String> =
        vaults.iter().map(|vault| block_on(vault.tokenize("x")).unwrap()).collect();
    assert_eq!(tokens.iter().collect::<HashSet<_>>().len(), 5);
    for (place, vault) in vaults.iter().enumerate() {
        for (of, token) in tokens.iter().enumerate() {
            let expected = if of == place { Ok("x".to_owned()) } else { Err(ErrorKind::NotFound) };
            assert_eq!(reveal(vault, token), expected);
        }
    }
}

#[test]
fn a_fresh_token_each_time_tells_nothing_of_equal_values() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let vault = vault(&store, &world.domain("d"), Vaulted::fresh(VaultedForm::text()));
    let tokens: HashSet<String> =
        (0..100).map(|_| block_on(vault.tokenize("F")).unwrap()).collect();
    assert_eq!(tokens.len(), 100);
    assert!(tokens.iter().all(|token| reveal(&vault, token) == Ok("F".to_owned())));
    assert!(records(&*store, ENTRY).is_empty());
    let few = Vaulted::new(VaultedForm::text(), &Cardinality::of(2)).unwrap_err();
    assert_eq!(few.kind(), ErrorKind::Unsupported);
}

#[test]
fn what_is_no_token_is_not_found() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let vault = vault(&store, &world.domain("d"), kind());
    for text in ["", "Jane Doe", "tok_", "123-45-6789", "phi1.AQ"] {
        assert_eq!(reveal(&vault, text), Err(ErrorKind::Invalid), "{text}");
    }
    assert_eq!(reveal(&vault, "tok_00000000000000000000000000"), Err(ErrorKind::NotFound));
    let long = block_on(vault.tokenize(vec![0; 65_537])).unwrap_err();
    assert_eq!(long.kind(), ErrorKind::Invalid);
    assert!(block_on(vault.tokenize(vec![0; 65_536])).is_ok());
}

#[test]
fn a_vault_is_not_where_the_keys_are() {
    let world = World::new();
    let keys = Arc::new(MemoryStore::new());
    block_on(keys.write(RecordKind::StoreKey, b"store", 0, b"wraps")).unwrap();
    let refused = block_on(Vault::open(keys, &world.domain("d"), "mrn", kind())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
}

#[test]
fn sixteen_writers_give_each_value_one_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.db");
    let world = World::new();
    let rounds = 12;
    let tokens: Vec<Vec<String>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let (world, path) = (&world, &path);
                scope.spawn(move || {
                    let store = Arc::new(SqliteStore::open(path).unwrap());
                    let vault = vault(&store, &world.domain("d"), kind());
                    let values: Vec<String> = (0..rounds).map(|n| format!("value {n}")).collect();
                    if writer % 4 == 0 {
                        return block_on(vault.tokenize_all(&values)).unwrap();
                    }
                    values.iter().map(|value| block_on(vault.tokenize(value)).unwrap()).collect()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert!(tokens.iter().all(|of_writer| *of_writer == tokens[0]));
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!((records(&store, TOKEN).len(), records(&store, ENTRY).len()), (rounds, rounds));
}

#[test]
fn many_values_are_tokenized_together() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let vault = vault(&store, &world.domain("d"), kind());
    let known = block_on(vault.tokenize("b")).unwrap();
    let tokens = block_on(vault.tokenize_all(&["a", "b", "a", "c", "b"])).unwrap();
    assert_eq!((&tokens[0], &tokens[1], &tokens[4]), (&tokens[2], &known, &known));
    assert_eq!(tokens.iter().collect::<HashSet<_>>().len(), 3);
    assert_eq!(records(&*store, TOKEN).len(), 3);
    for (token, value) in tokens.iter().zip(["a", "b", "a", "c", "b"]) {
        assert_eq!(reveal(&vault, token), Ok(value.to_owned()));
    }
    assert!(block_on(vault.tokenize_all(&[""; 0])).unwrap().is_empty());
}

#[test]
fn a_disabled_token_is_held_back() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let vault = vault(&store, &world.domain("d"), kind());
    let token = block_on(vault.tokenize("x")).unwrap();
    block_on(vault.disable(&token)).unwrap();
    block_on(vault.disable(&token)).unwrap();
    assert_eq!(reveal(&vault, &token), Err(ErrorKind::State));
    assert_eq!(block_on(vault.tokenize("x")).unwrap_err().kind(), ErrorKind::State);
    block_on(vault.enable(&token)).unwrap();
    assert_eq!(reveal(&vault, &token), Ok("x".to_owned()));
    assert_eq!(block_on(vault.tokenize("x")).unwrap(), token);
    let unknown = block_on(vault.disable("tok_00000000000000000000000000")).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
}

#[test]
fn a_token_ends_and_another_takes_its_place() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let vault = vault(&store, &world.domain("d"), kind().ending_after(Duration::from_secs(60)));
    let first = block_on(vault.tokenize("x")).unwrap();
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(block_on(vault.tokenize("x")).unwrap(), first);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(reveal(&vault, &first), Err(ErrorKind::State));
    assert_eq!(block_on(vault.disable(&first)).unwrap_err().kind(), ErrorKind::State);
    let second = block_on(vault.tokenize("x")).unwrap();
    assert_ne!(first, second);
    assert_eq!(reveal(&vault, &second), Ok("x".to_owned()));
    assert_eq!(records(&*store, TOKEN).len(), 1, "the first one is forgotten");
    block_on(vault.tokenize("y")).unwrap();
    assert_eq!(block_on(vault.purge_ended()).unwrap(), 0);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(block_on(vault.purge_ended()).unwrap(), 2);
    assert_eq!((records(&*store, TOKEN).len(), records(&*store, ENTRY).len()), (0, 0));
    assert_eq!(reveal(&vault, &second), Err(ErrorKind::State));
}

#[test]
fn a_purged_token_is_forgotten() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let vault = vault(&store, &world.domain("d"), kind());
    let (kept, token) =
        (block_on(vault.tokenize("kept")).unwrap(), block_on(vault.tokenize("x")).unwrap());
    block_on(vault.purge(&token)).unwrap();
    block_on(vault.purge(&token)).unwrap();
    assert_eq!(reveal(&vault, &token), Err(ErrorKind::State));
    assert_eq!((records(&*store, TOKEN).len(), records(&*store, ENTRY).len()), (1, 1));
    let again = block_on(vault.tokenize_all(&["new", "x", "kept"])).unwrap();
    assert_ne!(again[1], token);
    assert_eq!(again[2], kept);
    assert_eq!(block_on(vault.tokenize("x")).unwrap(), again[1]);
    assert_eq!(reveal(&vault, &kept), Ok("kept".to_owned()));
}

/// Of a record every byte matters, and it is of its token only.
#[test]
fn a_changed_or_moved_record_is_refused() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let vault = vault(&store, &world.domain("d"), kind());
    let (one, other) =
        (block_on(vault.tokenize("one")).unwrap(), block_on(vault.tokenize("other")).unwrap());
    let record = |token: &str| {
        let found =
            records(&*store, TOKEN).into_iter().find(|(id, _)| id.ends_with(token.as_bytes()));
        found.unwrap()
    };
    let (id, Record { mut revision, bytes }) = record(&one);
    let mut put = |bytes: &[u8]| {
        block_on(store.write(TOKEN, &id, revision, bytes)).unwrap();
        revision += 1;
    };
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        put(&changed);
        let refused = reveal(&vault, &one).unwrap_err();
        let expected = [
            ErrorKind::Malformed,
            ErrorKind::Unauthenticated,
            ErrorKind::State,
            ErrorKind::Foreign,
        ];
        assert!(expected.contains(&refused), "{place}: {refused:?}");
    }
    put(&record(&other).1.bytes);
    assert_eq!(reveal(&vault, &one), Err(ErrorKind::Unauthenticated));
    put(&bytes);
    assert_eq!(reveal(&vault, &one), Ok("one".to_owned()));
}

#[test]
fn an_entry_that_names_another_value_s_token_is_noticed() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let vault = vault(&store, &world.domain("d"), kind());
    let one = block_on(vault.tokenize("one")).unwrap();
    let (entry, _) = records(&*store, ENTRY).remove(0);
    let other = block_on(vault.tokenize("other")).unwrap();
    block_on(store.write(ENTRY, &entry, 1, other.as_bytes())).unwrap();
    assert_eq!(block_on(vault.tokenize("one")).unwrap_err().kind(), ErrorKind::Tampered);
    block_on(store.write(ENTRY, &entry, 2, one.as_bytes())).unwrap();
    assert_eq!(block_on(vault.tokenize("one")).unwrap(), one);
}

#[test]
fn a_lost_index_is_made_anew_from_the_sealed_rows() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let domain = world.domain("d");
    let before = vault(&store, &domain, kind());
    let values: Vec<String> = (0..300).map(|n| format!("value {n}")).collect();
    let tokens = block_on(before.tokenize_all(&values)).unwrap();
    let restored = Arc::new(MemoryStore::new());
    for (id, record) in records(&*store, TOKEN) {
        block_on(restored.write(TOKEN, &id, 0, &record.bytes)).unwrap();
    }
    let after = vault(&restored, &domain, kind());
    let renewed = block_on(after.renew()).unwrap();
    assert_eq!((renewed.entries_written, renewed.resealed, renewed.closed), (300, 0, 0));
    assert_eq!(block_on(after.tokenize_all(&values)).unwrap(), tokens);
    assert_eq!(block_on(after.renew()).unwrap(), Default::default(), "nothing is left to do");
}

#[test]
fn rotation_ends_with_nothing_under_the_old_key() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let domain = world.domain("d");
    let vault = vault(&store, &domain, kind());
    let tokens = block_on(vault.tokenize_all(&["a", "b", "c"])).unwrap();
    let purged = block_on(vault.tokenize("purged")).unwrap();
    block_on(vault.purge(&purged)).unwrap();
    let old = block_on(domain.ready()).unwrap().sealing_key_id().unwrap();
    let keyset = block_on(domain.rotate()).unwrap();
    let new = block_on(domain.ready()).unwrap().sealing_key_id().unwrap();

    assert_eq!(block_on(vault.tokenize("a")).unwrap(), tokens[0], "found by the old entry");
    let census = block_on(vault.census()).unwrap();
    assert_eq!((census.tokens[&old], census.entries[&old], census.entries[&new]), (3, 3, 1));
    let renewed = block_on(vault.renew()).unwrap();
    assert_eq!((renewed.resealed, renewed.entries_written, renewed.entries_erased), (3, 2, 3));
    let census = block_on(vault.census()).unwrap();
    assert_eq!((census.tokens.len(), census.tokens[&new]), (1, 3));
    assert_eq!((census.entries.len(), census.entries[&new]), (1, 3));
    assert_eq!((census.lost_entries, census.malformed), (0, 0));

    block_on(world.store.set_state(&keyset, 1, KeyState::Destroyed)).unwrap();
    block_on(domain.refresh()).unwrap();
    assert_eq!(block_on(vault.tokenize_all(&["a", "b", "c"])).unwrap(), tokens);
    assert_eq!(reveal(&vault, &tokens[2]), Ok("c".to_owned()));
}

/// Entries whose key was destroyed before they were brought under the new one are lost, and made anew.
#[test]
fn entries_under_a_destroyed_key_are_lost_and_made_anew() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let domain = world.domain("d");
    let vault = vault(&store, &domain, kind());
    let keyset = block_on(domain.rotate()).unwrap();
    let token = block_on(vault.tokenize("a")).unwrap();
    let (id, _) = records(&*store, ENTRY).remove(0);
    let mut lost = id.clone();
    lost[20] ^= 1;
    block_on(store.write(ENTRY, &lost, 0, token.as_bytes())).unwrap();
    block_on(store.write(ENTRY, &id, 1, b"")).unwrap();
    block_on(world.store.set_state(&keyset, 1, KeyState::Destroyed)).unwrap();
    assert_eq!(block_on(vault.census()).unwrap().lost_entries, 1);
    assert_eq!(block_on(vault.renew()).unwrap().entries_written, 1);
    assert_eq!(block_on(vault.tokenize("a")).unwrap(), token);
}

#[test]
fn shredding_a_person_takes_tokens_and_entries_along() {
    for kind in [kind(), Vaulted::fresh(VaultedForm::number(12).unwrap())] {
        let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
        let domain = world.domain("d");
        let vault =
            block_on(Vault::open(store.clone(), &domain, &format!("{kind:?}"), kind)).unwrap();
        let person = |name: &str| block_on(domain.subject_or_create(name)).unwrap();
        let (ada, bob) = (person("ada"), person("bob"));
        let of_ada = block_on(vault.tokenize_of(&ada, "206-555-0123")).unwrap();
        let of_bob = block_on(vault.tokenize_of(&bob, "206-555-0123")).unwrap();
        let of_nobody = block_on(vault.tokenize("206-555-0123")).unwrap();
        assert_eq!(HashSet::from([&of_ada, &of_bob, &of_nobody]).len(), 3);
        assert_eq!(reveal(&vault, &of_ada), Ok("206-555-0123".to_owned()));
        block_on(vault.disable(&of_ada)).unwrap();
        block_on(vault.enable(&of_ada)).unwrap();
        let (tokens, entries) = (records(&*store, TOKEN).len(), records(&*store, ENTRY).len());
        let of_one = if format!("{:?}", vault).contains("repeats: true") { 2 } else { 1 };

        block_on(domain.shred_subject("ada")).unwrap();
        assert_eq!(reveal(&vault, &of_ada), Err(ErrorKind::State));
        assert_eq!(block_on(vault.tokenize_of(&ada, "x")).unwrap_err().kind(), ErrorKind::State);
        if of_one == 2 {
            assert_eq!(block_on(vault.purge_person(ada.tag())).unwrap(), 1);
        } else {
            assert_eq!(block_on(vault.renew()).unwrap().shredded, 1);
        }
        assert_eq!(block_on(vault.purge_person(ada.tag())).unwrap(), 0);
        assert_eq!(
            (records(&*store, TOKEN).len(), records(&*store, ENTRY).len()),
            (tokens - 1, entries - of_one)
        );
        assert_eq!(reveal(&vault, &of_bob), Ok("206-555-0123".to_owned()));
        assert_eq!(reveal(&vault, &of_nobody), Ok("206-555-0123".to_owned()));

        // One token of somebody whose key is gone.
        block_on(domain.shred_subject("bob")).unwrap();
        block_on(vault.purge(&of_bob)).unwrap();
        assert_eq!(
            (records(&*store, TOKEN).len(), records(&*store, ENTRY).len()),
            (tokens - 2, entries - 2 * of_one)
        );
        for name in ["ada", "bob"] {
            assert_eq!(block_on(domain.subject(name)).unwrap_err().kind(), ErrorKind::State);
        }
    }
}

/// A store that does something before its next write.
#[derive(Debug)]
struct Hooked {
    store: MemoryStore,
    before: Mutex<Option<Hook>>,
    after: Mutex<Option<Hook>>,
    fails: AtomicBool,
}

struct Hook(Box<dyn FnOnce() + Send>);

impl core::fmt::Debug for Hook {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Hook")
    }
}

impl Hooked {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            store: MemoryStore::new(),
            before: Mutex::new(None),
            after: Mutex::new(None),
            fails: AtomicBool::new(false),
        })
    }

    fn before_next_write(&self, act: impl FnOnce() + Send + 'static) {
        *self.before.lock().unwrap() = Some(Hook(Box::new(act)));
    }

    fn after_next_write(&self, act: impl FnOnce() + Send + 'static) {
        *self.after.lock().unwrap() = Some(Hook(Box::new(act)));
    }

    fn fail_writes(&self) {
        self.fails.store(true, Ordering::Relaxed);
    }

    fn act(hook: &Mutex<Option<Hook>>) {
        let hook = hook.lock().unwrap().take();
        if let Some(Hook(act)) = hook {
            act();
        }
    }
}

impl Store for Hooked {
    fn read<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Record>, Error>> {
        self.store.read(kind, id)
    }

    fn write<'a>(
        &'a self,
        kind: RecordKind,
        id: &'a [u8],
        expected: u64,
        bytes: &'a [u8],
    ) -> BoxFuture<'a, Result<(), Error>> {
        Self::act(&self.before);
        self.store.write(kind, id, expected, bytes)
    }

    fn write_all<'a>(&'a self, writes: &'a [RecordWrite<'a>]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            if self.fails.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Unavailable, "as a test asked for"));
            }
            Self::act(&self.before);
            self.store.write_all(writes).await?;
            Self::act(&self.after);
            Ok(())
        })
    }

    fn scan<'a>(
        &'a self,
        kind: RecordKind,
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        self.store.scan(kind, after, limit)
    }

    fn erase(&self) -> BoxFuture<'_, Result<Erasure, Error>> {
        self.store.erase()
    }
}

/// Somebody with a lease from before a rotation and somebody after it, at the same moment: one token all the same.
#[test]
fn a_rotation_in_the_middle_makes_no_second_token() {
    for together in [false, true] {
        for the_other_is_quicker in [false, true] {
            let (world, store) = (World::new(), Hooked::new());
            let (slow, quick) = (world.domain("d"), world.domain("d"));
            let (stale, fresh) = (vault(&store, &slow, kind()), vault(&store, &quick, kind()));
            let known = block_on(stale.tokenize("known")).unwrap();
            let others = Arc::new(Mutex::new(None));
            store.before_next_write({
                let (quick, fresh, others) = (quick.clone(), fresh.clone(), others.clone());
                move || {
                    block_on(quick.rotate()).unwrap();
                    if the_other_is_quicker {
                        *others.lock().unwrap() = Some(block_on(fresh.tokenize("x")).unwrap());
                    }
                }
            });
            let token = if together {
                let tokens = block_on(stale.tokenize_all(&["known", "x", "x"])).unwrap();
                assert_eq!((&tokens[0], &tokens[1]), (&known, &tokens[2]));
                tokens[1].clone()
            } else {
                block_on(stale.tokenize("x")).unwrap()
            };
            if the_other_is_quicker {
                assert_eq!(Some(&token), others.lock().unwrap().as_ref());
            }
            for vault in [&stale, &fresh] {
                assert_eq!(block_on(vault.tokenize("x")).unwrap(), token);
                assert_eq!(reveal(vault, &token), Ok("x".to_owned()));
                assert_eq!(reveal(vault, &known), Ok("known".to_owned()));
            }
            assert_eq!(records(&*store, TOKEN).len(), 2);
            assert_eq!(block_on(fresh.renew()).unwrap().duplicates, 0);
        }
    }
}

/// Nor do those who look between the write of somebody with a lease from before a rotation and what is then settled: whoever was
/// given a token keeps it.
#[test]
fn a_token_that_somebody_was_given_is_not_taken_back() {
    for the_other_is_quicker in [false, true] {
        let (world, store) = (World::new(), Hooked::new());
        let stale = || vault(&store, &world.domain("d"), kind());
        let (slow, as_slow, fresh) = (stale(), stale(), stale());
        for vault in [&slow, &as_slow, &fresh] {
            block_on(vault.domain().ready()).unwrap();
        }
        let seen = Arc::new(Mutex::new(Vec::new()));
        store.before_next_write({
            let (fresh, store, seen, as_slow) =
                (fresh.clone(), store.clone(), seen.clone(), as_slow.clone());
            move || {
                block_on(fresh.domain().rotate()).unwrap();
                if the_other_is_quicker {
                    seen.lock().unwrap().push(block_on(fresh.tokenize("x")).unwrap());
                }
                store.after_next_write(move || {
                    for vault in [&as_slow, &fresh] {
                        seen.lock().unwrap().push(block_on(vault.tokenize("x")).unwrap());
                    }
                });
            }
        });
        let token = block_on(slow.tokenize("x")).unwrap();
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), if the_other_is_quicker { 3 } else { 2 });
        assert!(seen.iter().all(|seen| *seen == token), "{seen:?} {token}");
        assert_eq!(reveal(&slow, &token), Ok("x".to_owned()));
        assert_eq!(records(&*store, TOKEN).len(), 1);
    }
}

/// What somebody with keys from before a rotation finds under the newer key is looked at as whatever else is found.
#[test]
fn whoever_settles_takes_no_token_that_may_not_be_given_out() {
    for case in ["ended", "disabled", "purged", "planted"] {
        let (world, store) = (World::new(), Hooked::new());
        let lifetime = Duration::from_secs(300);
        let open = || vault(&store, &world.domain("d"), kind().ending_after(lifetime));
        let (slow, fresh) = (open(), open());
        let before = block_on(fresh.tokenize("x")).unwrap();
        let other = block_on(fresh.tokenize("other")).unwrap();
        if case == "ended" {
            world.clock.advance(lifetime);
        }
        block_on(slow.domain().ready()).unwrap();
        // The value is unknown to those who know the old key only.
        let (_, old_entry) = entry_of(&store, &before);
        block_on(store.store.write(ENTRY, &old_entry, 1, b"")).unwrap();
        store.before_next_write({
            let (fresh, store, before, other) =
                (fresh.clone(), store.clone(), before.clone(), other.clone());
            move || {
                block_on(fresh.domain().rotate()).unwrap();
                block_on(fresh.renew()).unwrap();
                match case {
                    "disabled" => block_on(fresh.disable(&before)).unwrap(),
                    "purged" => {
                        let (_, id) = entry_of(&store, &before);
                        block_on(fresh.purge(&before)).unwrap();
                        block_on(store.store.write(ENTRY, &id, 2, before.as_bytes())).unwrap();
                    }
                    "planted" => {
                        let (revision, id) = entry_of(&store, &before);
                        block_on(store.store.write(ENTRY, &id, revision, other.as_bytes()))
                            .unwrap();
                    }
                    _ => {}
                }
            }
        });
        let given = block_on(slow.tokenize("x")).map_err(|error| error.kind());
        match case {
            "disabled" => assert_eq!(given, Err(ErrorKind::State)),
            "planted" => assert_eq!(given, Err(ErrorKind::Tampered)),
            _ => {
                let given = given.unwrap();
                assert_ne!(given, before);
                assert_eq!(reveal(&slow, &given), Ok("x".to_owned()), "{case}");
                assert_eq!(block_on(fresh.tokenize("x")).unwrap(), given, "{case}");
            }
        }
    }
}

/// The entry that names a token: revision and id.
fn entry_of(store: &Hooked, token: &str) -> (u64, Vec<u8>) {
    let named = records(&store.store, ENTRY)
        .into_iter()
        .find(|(_, record)| record.bytes == token.as_bytes());
    named.map(|(id, record)| (record.revision, id)).unwrap()
}

#[test]
fn a_person_of_another_domain_is_refused() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let (domain, other) = (world.domain("d"), world.domain("e"));
    let stranger = block_on(other.subject_or_create("ada")).unwrap();
    let vault = vault(&store, &domain, kind());
    let refused = block_on(vault.tokenize_of(&stranger, "x")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Foreign);
    assert!(records(&*store, TOKEN).is_empty());
}

/// One record that is none, or is of a form that the column had before, stops nobody.
#[test]
fn a_bad_record_stops_no_renewal_and_no_purge() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let domain = world.domain("d");
    let of = |digits| {
        let form = VaultedForm::number(digits).unwrap();
        Vaulted::new(form, &Cardinality::of(1_000_000))
            .unwrap()
            .ending_after(Duration::from_secs(60))
    };
    let before = vault(&store, &domain, of(12));
    let token = block_on(before.tokenize("a")).unwrap();
    let (id, _) = records(&*store, TOKEN).remove(0);
    let mut bad = id.clone();
    *bad.last_mut().unwrap() ^= 1;
    for bytes in [&b"bad"[..], &[2; 200]] {
        bad[20] ^= 1;
        block_on(store.write(TOKEN, &bad, 0, bytes)).unwrap();
    }
    // What is no record can be forgotten, by what its token was.
    let last = String::from_utf8(bad[16..].to_vec()).unwrap();
    assert_eq!(block_on(before.census()).unwrap().malformed, 2);
    block_on(before.purge(&last)).unwrap();
    assert_eq!(block_on(before.census()).unwrap().malformed, 1);
    block_on(store.write(TOKEN, &bad, 2, b"bad")).unwrap();
    block_on(domain.rotate()).unwrap();
    let after = vault(&store, &domain, of(14));
    assert_eq!(block_on(after.tokenize("a")).unwrap(), token, "of the old form");
    let renewed = block_on(after.renew()).unwrap();
    assert_eq!((renewed.resealed, renewed.malformed), (1, 2));
    assert_eq!(block_on(after.census()).unwrap().malformed, 2);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(block_on(after.purge_ended()).unwrap(), 1);
}

#[test]
fn a_purge_forgets_entries_under_a_key_that_another_process_made() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let (here, there) = (world.domain("d"), world.domain("d"));
    let (here, there) = (vault(&store, &here, kind()), vault(&store, &there, kind()));
    let token = block_on(here.tokenize("x")).unwrap();
    block_on(there.domain().rotate()).unwrap();
    assert_eq!(block_on(there.tokenize("x")).unwrap(), token);
    assert_eq!(records(&*store, ENTRY).len(), 2);
    block_on(here.purge(&token)).unwrap();
    assert_eq!((records(&*store, TOKEN).len(), records(&*store, ENTRY).len()), (0, 0));
}

#[test]
fn entries_that_name_no_token_are_erased() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let vault = vault(&store, &world.domain("d"), kind());
    let token = block_on(vault.tokenize("x")).unwrap();
    let (id, record) = records(&*store, TOKEN).remove(0);
    block_on(store.write(TOKEN, &id, record.revision, b"")).unwrap();
    assert_eq!(block_on(vault.renew()).unwrap().entries_erased, 1);
    assert!(records(&*store, ENTRY).is_empty());
    assert_ne!(block_on(vault.tokenize("x")).unwrap(), token);
}

/// The entries of a vault, as whoever goes through it sees them.
fn entries(vault: &Vault) -> Vec<VaultRecord> {
    block_on(vault.scan(VaultPart::Entries, None, None, 100)).unwrap()
}

/// Whoever goes through a vault may know less of the keys than it does by now: no value loses the token that it has.
#[test]
fn an_entry_under_the_newest_key_is_not_taken_away() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let vault = vault(&store, &world.domain("d"), kind());
    let token = block_on(vault.tokenize("x")).unwrap();
    let older = block_on(vault.key_id()).unwrap();
    let [entry] = entries(&vault).try_into().unwrap();
    assert_eq!(block_on(vault.renew_entry(&entry)).unwrap(), VaultWrite::Changed);
    assert_eq!(entries(&vault), core::slice::from_ref(&entry));
    block_on(vault.domain().rotate()).unwrap();
    let newest = block_on(vault.key_id()).unwrap();
    let standing = |entry: &VaultRecord| block_on(vault.entry_standing(entry, &newest)).unwrap();
    assert_eq!(standing(&entry), EntryStanding::Under(older));
    assert_eq!(block_on(vault.renew_entry(&entry)).unwrap(), VaultWrite::Written);
    let [moved] = entries(&vault).try_into().unwrap();
    assert_eq!((standing(&moved), &moved.bytes), (EntryStanding::Under(newest), &entry.bytes));
    assert_eq!(block_on(vault.renew_entry(&moved)).unwrap(), VaultWrite::Changed);
    assert_eq!(block_on(vault.renew_entry(&entry)).unwrap(), VaultWrite::Gone);
    assert_eq!(block_on(vault.tokenize("x")).unwrap(), token);
}

/// A handle that was told that each value has a token of its own takes away no entry by which others find one.
#[test]
fn whatever_a_handle_was_told_an_entry_is_moved_and_not_lost() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let domain = world.domain("d");
    let repeating = vault(&store, &domain, kind());
    let token = block_on(repeating.tokenize("x")).unwrap();
    block_on(domain.rotate()).unwrap();
    let fresh = vault(&store, &domain, Vaulted::fresh(VaultedForm::text()));
    let [entry] = entries(&fresh).try_into().unwrap();
    assert_eq!(block_on(fresh.renew_entry(&entry)).unwrap(), VaultWrite::Written);
    assert_eq!(entries(&fresh).len(), 1);
    assert_eq!(block_on(repeating.tokenize("x")).unwrap(), token);
}

/// After a value that was new, the next one is written without a look: a known one is found where nothing can be written.
#[test]
fn a_known_value_is_found_where_nothing_new_can_be_made() {
    let (world, store) = (World::new(), Hooked::new());
    let vault = vault(&store, &world.domain("d"), kind());
    let token = block_on(vault.tokenize("known")).unwrap();
    block_on(vault.tokenize("new")).unwrap();
    store.fail_writes();
    assert_eq!(block_on(vault.tokenize("known")).unwrap(), token);
    assert_eq!(block_on(vault.tokenize("known")).unwrap(), token);
    assert_eq!(block_on(vault.tokenize("not known")).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[test]
fn what_is_in_a_store_beside_known_columns_is_noticed() {
    let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
    let domain = world.domain("d");
    let open = |tenant: &str| {
        block_on(Vault::open_of_tenant(store.clone(), &domain, tenant, "mrn", kind())).unwrap()
    };
    let all = ["north", "south", "west"].map(open);
    let [north, south, west] = &all;
    let others = |known: &[&Vault]| block_on(Vault::others_in(&*store, known)).unwrap();
    assert_eq!(others(&[]), 0, "nothing is there");
    for vault in &all {
        for value in 0..5 {
            block_on(vault.tokenize(format!("{value}"))).unwrap();
        }
    }
    assert_eq!(others(&[north, south, west]), 0);
    assert_eq!((others(&[north, west]), others(&[south]), others(&[])), (1, 2, 3));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_value_leads_back(values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..10)) {
        let (world, store) = (World::new(), Arc::new(MemoryStore::new()));
        let vault = vault(&store, &world.domain("d"), kind());
        let tokens = block_on(vault.tokenize_all(&values)).unwrap();
        for (token, value) in tokens.iter().zip(&values) {
            let revealed: Phi<Vec<u8>> = block_on(vault.reveal(token)).unwrap();
            prop_assert_eq!(revealed.expose_secret(), value);
        }
        let distinct = |all: &[Vec<u8>]| all.iter().collect::<HashSet<_>>().len();
        prop_assert_eq!(tokens.iter().collect::<HashSet<_>>().len(), distinct(&values));
    }
}
