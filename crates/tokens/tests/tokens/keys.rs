//! What the keys' states and times mean for tokens.

use crate::World;
use core::time::Duration;
use phiseal_keys::{ErrorKind, KeyState};
use phiseal_tokens::{
    BlindIndex, Cardinality, Column, Deterministic, Normaliser, Part, Token, TokenScheme,
};
use pollster::block_on;

fn tokens(domain: &phiseal_envelope::Domain) -> Column<Deterministic> {
    Column::new(domain, "name", Deterministic::new(Cardinality::of(1_000_000)).unwrap())
}

fn index(domain: &phiseal_envelope::Domain) -> Column<BlindIndex> {
    let part = Part::new(Normaliser::Text, Cardinality::of(160_000));
    Column::new(domain, "name", BlindIndex::new([part]).unwrap())
}

#[test]
fn old_tokens_open_while_their_version_is_deactivated_and_no_longer() {
    let world = World::new();
    let domain = world.domain("d");
    let column = tokens(&domain);
    let old = block_on(column.token("Jane Doe")).unwrap();
    let keyset = block_on(domain.rotate()).unwrap();
    let new = block_on(column.token("Jane Doe")).unwrap();
    assert_ne!(old.key_id(), new.key_id());
    let tokens = || block_on(column.tokens("Jane Doe")).unwrap();
    let of_siv = |tokens: Vec<Token>| -> Vec<Token> {
        tokens.into_iter().filter(|token| token.scheme() == TokenScheme::Siv).collect()
    };
    assert_eq!(tokens().len(), 4, "both schemes of both versions");
    assert_eq!(of_siv(tokens()), [old.clone(), new.clone()]);
    for token in [&old, &new] {
        assert_eq!(block_on(column.open::<String>(token)).unwrap().expose_secret(), "Jane Doe");
    }
    let keyset = block_on(world.store.set_state(&keyset, 1, KeyState::Destroyed)).unwrap();
    assert_eq!(keyset.version(1).unwrap().state(), KeyState::Destroyed);
    block_on(domain.refresh()).unwrap();
    assert_eq!(block_on(column.open::<String>(&old)).unwrap_err().kind(), ErrorKind::State);
    assert_eq!(block_on(column.open::<String>(&new)).unwrap().expose_secret(), "Jane Doe");
    assert_eq!(of_siv(tokens()), [new]);
}

/// A search that could not see some rows says so.
#[test]
fn a_suspended_version_stops_searches() {
    let world = World::new();
    let domain = world.domain("d");
    let index = index(&domain);
    let keyset = block_on(world.store.keyset("d")).unwrap();
    let keyset = block_on(world.store.add_version(&keyset)).unwrap();
    let keyset = block_on(world.store.set_primary(&keyset, 2)).unwrap();
    block_on(domain.refresh()).unwrap();
    assert_eq!(block_on(index.terms(&["Doe"])).unwrap().len(), 2);
    let keyset = block_on(world.store.set_state(&keyset, 1, KeyState::Suspended)).unwrap();
    block_on(domain.refresh()).unwrap();
    assert_eq!(block_on(index.terms(&["Doe"])).unwrap_err().kind(), ErrorKind::State);
    block_on(index.entry(&["Doe"])).expect("what is new is under the other version");
    block_on(world.store.set_state(&keyset, 1, KeyState::Active)).unwrap();
    block_on(domain.refresh()).unwrap();
    assert_eq!(block_on(index.terms(&["Doe"])).unwrap().len(), 2);
}

#[test]
fn a_version_that_is_not_in_use_yet_is_not_looked_for() {
    let world = World::new();
    let domain = world.domain("d");
    let index = index(&domain);
    let keyset = block_on(world.store.keyset("d")).unwrap();
    block_on(world.store.add_version(&keyset)).unwrap();
    block_on(domain.refresh()).unwrap();
    assert_eq!(block_on(index.terms(&["Doe"])).unwrap().len(), 1);
}

#[test]
fn a_handle_that_only_reads_searches_and_opens_but_makes_nothing() {
    let world = World::new();
    let writer = world.domain("d");
    let (token, entry) = (
        block_on(tokens(&writer).token("Jane Doe")).unwrap(),
        block_on(index(&writer).entry(&["Doe"])).unwrap(),
    );
    let reader = world.domain_with("d", |options| options.read_only = true);
    assert_eq!(block_on(index(&reader).terms(&["doe"])).unwrap(), [entry]);
    assert_eq!(
        block_on(tokens(&reader).open::<String>(&token)).unwrap().expose_secret(),
        "Jane Doe"
    );
    assert!(block_on(tokens(&reader).tokens("Jane Doe")).unwrap().contains(&token));
    assert_eq!(block_on(tokens(&reader).token("Jane Doe")).unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(block_on(index(&reader).entry(&["Doe"])).unwrap_err().kind(), ErrorKind::Denied);
}

#[test]
fn keys_that_are_kept_end_with_the_lease_and_with_their_time() {
    let world = World::new();
    let domain = world.domain("d");
    let column = tokens(&domain);
    let keyed = block_on(column.ready()).unwrap();
    let token = keyed.token("Jane Doe").unwrap();
    world.clock.advance(Duration::from_secs(601));
    assert_eq!(keyed.token("Jane Doe").unwrap_err().kind(), ErrorKind::Stale, "the lease is over");
    assert!(keyed.open::<String>(&token).is_ok(), "the key's time is not");
    let searched = keyed.tokens("Jane Doe").unwrap_err();
    assert_eq!(searched.kind(), ErrorKind::Stale, "there may be another key by now");
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(keyed.open::<String>(&token).unwrap_err().kind(), ErrorKind::Stale);
    assert_eq!(keyed.tokens("Jane Doe").unwrap_err().kind(), ErrorKind::Stale);
    assert_eq!(block_on(column.token("Jane Doe")).unwrap(), token, "the column looks");
}

/// Another process rotated: its tokens open here as soon as they come.
#[test]
fn a_key_that_another_process_made_is_looked_for() {
    let world = World::new();
    let (here, there) = (tokens(&world.domain("d")), tokens(&world.domain("d")));
    block_on(here.token("Jane Doe")).unwrap();
    block_on(there.domain().rotate()).unwrap();
    let token = block_on(there.token("Jane Doe")).unwrap();
    assert_eq!(block_on(here.open::<String>(&token)).unwrap().expose_secret(), "Jane Doe");
    let mut foreign = token.as_bytes().to_vec();
    foreign[1..17].fill(7);
    let foreign = Token::try_from(foreign).unwrap();
    assert_eq!(block_on(here.open::<String>(&foreign)).unwrap_err().kind(), ErrorKind::Foreign);
}

/// Another process rotated and wrote: a search sees it, a second later at most.
#[test]
fn a_search_sees_what_another_process_wrote_under_a_new_key() {
    let world = World::new();
    let (here, there) = (index(&world.domain("d")), index(&world.domain("d")));
    let old = block_on(here.entry(&["Doe"])).unwrap();
    assert_eq!(block_on(here.terms(&["doe"])).unwrap(), [old]);
    block_on(there.domain().rotate()).unwrap();
    let new = block_on(there.entry(&["Doe"])).unwrap();
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(block_on(here.terms(&["doe"])).unwrap(), [new, old]);
}

#[test]
fn a_name_that_is_too_long_is_refused() {
    let domain = World::new().domain("d");
    let kind = Deterministic::new(Cardinality::of(1_000_000)).unwrap();
    let column = Column::new(&domain, &"x".repeat(2_000), kind);
    assert_eq!(block_on(column.token("Jane Doe")).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn nothing_of_a_value_is_in_what_is_printed() {
    let domain = World::new().domain("d");
    let column = tokens(&domain);
    let token = block_on(column.token("Jane Doe")).unwrap();
    let printed = format!("{column:?} {:?} {token:?}", block_on(column.ready()).unwrap());
    assert!(!printed.contains("Jane") && !printed.contains("name"), "{printed}");
    assert!(printed.contains("Token(Siv under "), "{printed}");
}
