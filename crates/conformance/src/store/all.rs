//! Clause 11: several writes together.

use super::writes::{ROUNDS, WRITERS, winner};
use super::{Fixture, Handle};
use crate::report::{Stop, ensure};
use phiseal_keys::{RecordKind, RecordWrite};

const KINDS: [RecordKind; 2] = [RecordKind::Token, RecordKind::TokenEntry];

pub(super) fn all_writes_are_done_or_none(fixture: &Fixture) -> Result<(), Stop> {
    let store = fixture.open();
    ensure!(store.try_write_all(&[])?, "no writes at all were refused");
    done_together(&store)?;
    one_refused_refuses_all(&store)?;
    one_of_many_writers_wins(fixture)
}

fn write<'a>(id: &'a [u8], expected: u64, bytes: &'a [u8]) -> RecordWrite<'a> {
    let [kind, _] = KINDS;
    RecordWrite { kind, id, expected, bytes }
}

/// Of two kinds, new and replaced, in one call and with other ids than the alphabet's order.
fn done_together(store: &Handle<'_>) -> Result<(), Stop> {
    let [one, other] = KINDS;
    store.write(one, b"old", 0, b"1")?;
    let writes = [
        write(b"z", 0, b"z 1"),
        RecordWrite { kind: other, id: b"z", expected: 0, bytes: b"other z 1" },
        write(b"old", 1, b"2"),
        write(b"a", 0, b""),
    ];
    ensure!(store.try_write_all(&writes)?, "writes that fit were refused");
    store.holds(one, b"z", 1, b"z 1")?;
    store.holds(other, b"z", 1, b"other z 1")?;
    store.holds(one, b"old", 2, b"2")?;
    store.holds(one, b"a", 1, b"")
}

/// At whatever place the refused one stands, and for whatever reason it is.
fn one_refused_refuses_all(store: &Handle<'_>) -> Result<(), Stop> {
    let [kind, _] = KINDS;
    let faults: [(&str, RecordWrite<'_>); 6] = [
        ("creates what is there", write(b"old", 0, b"x")),
        ("expects an older revision", write(b"old", 1, b"x")),
        ("expects a later revision", write(b"old", 3, b"x")),
        ("expects what is not there", write(b"absent", 1, b"x")),
        ("has no id", write(b"", 0, b"x")),
        ("is of a record that is written too", write(b"new 1", 0, b"x")),
    ];
    for (fault, refused) in faults {
        for place in 0..3 {
            let mut writes =
                vec![write(b"new 1", 0, b"n"), write(b"new 2", 0, b"n"), write(b"a", 1, b"n")];
            writes.insert(place, refused);
            ensure!(
                !store.try_write_all(&writes)?,
                "one write that {fault} was done with the others"
            );
            for absent in [&b"new 1"[..], b"new 2", b"absent"] {
                ensure!(
                    store.read(kind, absent)?.is_none(),
                    "beside one write that {fault}, another was done"
                );
            }
            store.holds(kind, b"a", 1, b"")?;
            store.holds(kind, b"old", 2, b"2")?;
        }
    }
    Ok(())
}

/// Two records, written together by each, in either order: both are always of one writer.
fn one_of_many_writers_wins(fixture: &Fixture) -> Result<(), Stop> {
    let store = fixture.open();
    let [kind, _] = KINDS;
    let handles: Vec<_> = (0..WRITERS).map(|_| fixture.open()).collect();
    for expected in 0..ROUNDS {
        let winner = winner(&handles, expected, |handle, writer| {
            let bytes = [writer];
            let mut writes = [write(b"left", expected, &bytes), write(b"right", expected, &bytes)];
            if writer % 2 == 1 {
                writes.reverse();
            }
            handle.try_write_all(&writes)
        })?;
        for id in [&b"left"[..], b"right"] {
            store.holds(kind, id, expected.saturating_add(1), &[winner])?;
        }
    }
    Ok(())
}
