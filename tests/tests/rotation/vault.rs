//! A vault goes along with a rotation: its tokens stay, what is sealed in it and the entries by which they are found follow the
//! key, and a version is kept until they have.

use crate::ends::{WAIT, end, refusal};
use crate::gone_for_good::shredded;
use crate::{ROTATE, pace, to_the_end};
use phiseal::rotation::certificate::Counted;
use phiseal::rotation::custody::{Operation, Refusal};
use phiseal::rotation::run::{Event, Phase, Step};
use phiseal::rotation::{Class, ColumnCensus};
use phiseal::tokens::{Vault, VaultCensus};
use phiseal::{Domain, ErrorKind, Phi, RecordKind};
use phiseal_tests::clinic::{Clinic, DOMAIN, Made, Where};
use phiseal_tests::in_each_place;
use pollster::block_on;

in_each_place! {
    tokens_stay_and_what_they_stand_for_follows_the_key
    one_token_under_a_version_keeps_it
    what_is_left_in_a_vault_is_named
    who_is_shredded_takes_tokens_along
}

fn domain(clinic: &Clinic) -> Domain {
    block_on(clinic.open().domain(DOMAIN)).unwrap()
}

/// Of a value and of a person's each: as many tokens.
fn filled(vault: &Vault, count: u32) -> Vec<(String, String)> {
    let person = block_on(vault.domain().subject_or_create("ada")).unwrap();
    let of = |number| {
        let value = format!("MRN-{number:06}");
        let token = match number % 4 {
            0 => block_on(vault.tokenize_of(&person, &value)).unwrap(),
            _ => block_on(vault.tokenize(&value)).unwrap(),
        };
        (value, token)
    };
    (0..count).map(of).collect()
}

fn revealed(vault: &Vault, token: &str) -> Result<String, ErrorKind> {
    let value: Result<Phi<String>, _> = block_on(vault.reveal(token));
    value.map(|value| value.expose_secret().clone()).map_err(|error| error.kind())
}

/// The columns `value` and `entry` of the vault.
fn counts(counted: &[Counted]) -> [Vec<(Class, u64)>; 2] {
    let column = |place: usize, name: &str| {
        let [column]: [ColumnCensus; 1] =
            counted[place].census().columns.clone().try_into().unwrap();
        assert_eq!(column.column, name);
        column.counts.into_iter().collect()
    };
    [column(1, "value"), column(2, "entry")]
}

fn tokens_stay_and_what_they_stand_for_follows_the_key(place: Where) {
    let Some(clinic) = Made::new(place, 20) else { return };
    let known = filled(&clinic.vault(&domain(&clinic)), 200);
    for round in 1..3 {
        let _ = clinic.approve(ROTATE);
        let (journal, found) = to_the_end(&clinic, 30);
        assert_eq!((journal.phase, found), (Phase::Done, vec![]), "round {round}");
        let values = vec![(Class::Current, 150), (Class::Person, 50)];
        let entries = vec![(Class::Current, 200)];
        assert_eq!(counts(&journal.before), [values.clone(), entries.clone()]);
        assert_eq!(counts(&journal.after), [values, entries]);
        // Three columns of the table, the sealed values, and an entry each.
        assert_eq!(journal.totals().values - journal.totals().entries, 3 * 20 + 150);
        assert_eq!(journal.totals().entries, 200);

        let vault = clinic.vault(&domain(&clinic));
        let newest = clinic.keyset().version(round + 1).unwrap().key_id().short();
        let VaultCensus { tokens, entries, lost_entries, .. } = block_on(vault.census()).unwrap();
        assert_eq!((tokens[&newest], entries[&newest], lost_entries), (150, 200, 0));
        assert_eq!((tokens.len(), entries.len()), (2, 1), "the person's key, and no older one");
        for (value, token) in &known {
            assert_eq!(revealed(&vault, token).as_ref(), Ok(value));
        }
        assert_eq!(filled(&vault, 200), known);
    }
    for version in [1, 2] {
        end(&clinic, Operation::Retire(version), 2 * WAIT).unwrap();
        end(&clinic, Operation::Destroy(version), 2 * WAIT).unwrap();
    }
    let vault = clinic.vault(&domain(&clinic));
    assert!(known.iter().all(|(value, token)| revealed(&vault, token).as_ref() == Ok(value)));
    assert_eq!(filled(&vault, 200), known);
}

/// All else has followed, and one token, or one entry, has not.
fn one_token_under_a_version_keeps_it(place: Where) {
    let Some(clinic) = Made::new(place, 20) else { return };
    let vault = clinic.vault(&domain(&clinic));
    let [(_, token), ..] = &filled(&vault, 5)[1..] else { unreachable!() };
    let store = clinic.vault_store();
    let of = |kind| {
        let records = block_on(store.scan(kind, None, 100)).unwrap();
        let is_it = |(id, record): &(Vec<u8>, phiseal::Record)| match kind {
            RecordKind::Token => id.ends_with(token.as_bytes()),
            _ => record.bytes == token.as_bytes(),
        };
        records.into_iter().find(is_it).unwrap()
    };
    let (before, entry) = (of(RecordKind::Token), of(RecordKind::TokenEntry));
    let _ = clinic.approve(ROTATE);
    let (journal, _) = to_the_end(&clinic, 2);
    assert_eq!(journal.phase, Phase::Done);
    let retire = || end(&clinic, Operation::Retire(1), WAIT + 1);

    let after = of(RecordKind::Token);
    let write = |kind, id: &[u8], expected, bytes: &[u8]| {
        block_on(store.write(kind, id, expected, bytes)).unwrap();
    };
    write(RecordKind::Token, &before.0, after.1.revision, &before.1.bytes);
    assert_eq!(refusal(retire()), Refusal::InUse { values: 1 });
    write(RecordKind::Token, &before.0, after.1.revision + 1, &after.1.bytes);

    let erased = block_on(store.read(RecordKind::TokenEntry, &entry.0)).unwrap().unwrap();
    assert!(erased.bytes.is_empty());
    write(RecordKind::TokenEntry, &entry.0, erased.revision, &entry.1.bytes);
    assert_eq!(refusal(retire()), Refusal::InUse { values: 1 });
    write(RecordKind::TokenEntry, &entry.0, erased.revision + 1, b"");
    retire().unwrap();
}

/// A record that was changed, an entry that names no token, and entries under keys that nobody has any more.
fn what_is_left_in_a_vault_is_named(place: Where) {
    let Some(clinic) = Made::new(place, 20) else { return };
    let vault = clinic.vault(&domain(&clinic));
    let known = filled(&vault, 8);
    let store = clinic.vault_store();
    let records = |kind| {
        let mut records = block_on(store.scan(kind, None, 100)).unwrap();
        records.retain(|(_, record)| !record.bytes.is_empty());
        records
    };
    let at = |token: &str| {
        let is_it = |(id, _): &(Vec<u8>, _)| id.ends_with(token.as_bytes());
        records(RecordKind::Token).into_iter().find(is_it).unwrap()
    };
    // One whose sealed value was changed, one that is no record any more, one that is gone.
    for (number, change) in [(1, "changed"), (2, "none"), (3, "gone")] {
        let (id, record) = at(&known[number].1);
        let mut bytes = record.bytes.clone();
        match change {
            "changed" => *bytes.last_mut().unwrap() ^= 1,
            "none" => bytes[0] = 77,
            _ => bytes.clear(),
        }
        block_on(store.write(RecordKind::Token, &id, record.revision, &bytes)).unwrap();
    }
    // One more entry of a token, under a key that was never there.
    let (mut stray, record) = {
        let named = |(_, record): &(_, phiseal::Record)| record.bytes == known[5].1.as_bytes();
        records(RecordKind::TokenEntry).into_iter().find(named).unwrap()
    };
    stray[20] ^= 1;
    block_on(store.write(RecordKind::TokenEntry, &stray, 0, &record.bytes)).unwrap();

    let _ = clinic.approve(ROTATE);
    let (journal, found) = to_the_end(&clinic, 3);
    assert_eq!(
        counts(&journal.before),
        [
            vec![(Class::Current, 3), (Class::Person, 2), (Class::Damaged, 2)],
            vec![(Class::Current, 8), (Class::Stray, 1)]
        ]
    );
    // What names damaged tokens is under the older key, and stays there: what they stand for is not known.
    let [values, entries] = counts(&journal.after);
    assert_eq!(values, [(Class::Current, 3), (Class::Person, 2), (Class::Damaged, 2)]);
    assert_eq!(entries, [(Class::Current, 5), (Class::Older(1), 2)]);
    assert_eq!(journal.phase, Phase::Switched, "the version is in use");
    let named = |class| found.iter().any(|it| *it == ("value".to_owned(), class));
    assert!(named(Class::Damaged), "{found:?}");
    let vault = clinic.vault(&domain(&clinic));
    for number in [0, 4, 5, 6, 7] {
        let (value, token) = &known[number];
        assert_eq!(revealed(&vault, token).as_ref(), Ok(value));
    }
    assert_ne!(block_on(vault.tokenize(&known[3].0)).unwrap(), known[3].1, "it was gone");
}

/// Of a person who is shredded as custodians agreed, neither tokens nor entries are left.
fn who_is_shredded_takes_tokens_along(place: Where) {
    let Some(clinic) = Made::new(place, 20) else { return };
    let (phi, keyset) = (clinic.open(), clinic.keyset());
    let vault = clinic.vault(&domain(&clinic));
    let known = filled(&vault, 8);
    let tag = phi.key_store().subject_tag(&keyset, "ada").unwrap();
    let ended = shredded(&clinic, &clinic.approve(Operation::Shred(tag)));
    assert_eq!(ended.unwrap().forgotten, 2);
    let vault = clinic.vault(&domain(&clinic));
    for (number, (value, token)) in known.iter().enumerate() {
        let expected = if number % 4 == 0 { Err(ErrorKind::State) } else { Ok(value.clone()) };
        assert_eq!(revealed(&vault, token), expected);
    }
    let census = block_on(vault.census()).unwrap();
    assert_eq!((census.tokens.values().sum::<u64>(), census.entries.values().sum()), (6, 6));
    // Killed before that was done, it is asked for again.
    let again = shredded(&clinic, &clinic.approve(Operation::Shred(tag)));
    assert_eq!(again.unwrap().forgotten, 0);
}

/// Those who tokenize while the vault is gone through get the tokens that there are, and what they add follows as well.
#[test]
fn who_tokenizes_meanwhile_gets_what_there_is() {
    let clinic = Made::new(Where::Sqlite, 20).unwrap();
    let vault = clinic.vault(&domain(&clinic));
    let known = filled(&vault, 60);
    let _ = clinic.approve(ROTATE);
    let mut added = Vec::new();
    let journal = clinic.rotate(pace(7), &mut |event| {
        if let Event::Step(Step::Write | Step::CountAgain) = event {
            assert_eq!(filled(&vault, 60), known);
            let value = format!("new {}", added.len());
            added.push((block_on(vault.tokenize(&value)).unwrap(), value));
        }
    });
    assert_eq!(journal.unwrap().phase, Phase::Done);
    assert!(added.len() > 10);
    let vault = clinic.vault(&domain(&clinic));
    assert_eq!(filled(&vault, 60), known);
    for (token, value) in &added {
        assert_eq!(revealed(&vault, token).as_ref(), Ok(value));
        assert_eq!(&block_on(vault.tokenize(value)).unwrap(), token);
    }
    let newest = clinic.keyset().version(2).unwrap().key_id().short();
    let entries = block_on(vault.census()).unwrap().entries;
    assert_eq!(entries.keys().collect::<Vec<_>>(), [&newest]);
}
