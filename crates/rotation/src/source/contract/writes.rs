//! Clauses 3 to 6 and 8: what is written.

use super::Fixture;
use super::world::{NAME, SSN, Sample, ensure, many, sample, text};
use crate::source::{Change, Outcome, RowKey, Scalar, Stored, Swap};
use core::future::poll_fn;
use core::task::Poll;
use phiseal_conformance::Stop;
use phiseal_keys::ErrorKind;
use pollster::block_on;

pub(super) fn only_the_old_value_is_replaced(fixture: &Fixture) -> Result<(), Stop> {
    let row = sample(1, "a");
    fixture.world().put(&row);
    fixture.world().put(&sample(1, "b"));
    let handle = fixture.open()?;
    let key = fixture.key(1, "a")?;
    let change =
        |column, old, new| Change { key: key.clone(), swaps: vec![Swap { column, old, new }] };
    // To the byte.
    let names =
        ["NAME a OF 1", "name a of 1 ", " name a of 1", "name \u{430} of 1", "name a of ", ""];
    let others = names.map(|old| change(NAME, text(old), text("new")));
    let ssns = ["SSN of 1 a", "ssn of 1 a\0", "ssn of 1 ", ""];
    let others = others
        .into_iter()
        .chain(ssns.map(|old| change(SSN, fixture.ssn(old.as_bytes()), fixture.ssn(b"new"))));
    let mut others: Vec<Change> = others.collect();
    // And in its type.
    others.push(change(NAME, Stored::Bytes(b"name a of 1".to_vec()), Stored::Bytes(vec![1])));
    if fixture.world().holds().bytes {
        others.push(change(SSN, text("ssn of 1 a"), text("new")));
    }
    for other in others {
        let old = other.swaps.first().map(|swap| swap.old.clone());
        let outcome = handle.replace(&[other])?;
        ensure!(outcome == [Outcome::Changed], "another value, {old:?}, is {outcome:?}");
        let sealed = handle.sealed(&row)?;
        ensure!(sealed == Some(fixture.stored(&row)?.sealed), "another value was written over");
    }
    let absent = fixture.new_ssn(&sample(4, "nobody"), "new")?;
    let outcome = handle.replace(&[absent])?;
    ensure!(outcome == [Outcome::Gone], "a row that is not there is {outcome:?}");

    let new = change(NAME, text("name a of 1"), text("new"));
    let outcome = handle.replace(core::slice::from_ref(&new))?;
    ensure!(outcome == [Outcome::Written], "the old value is {outcome:?}");
    let sealed = handle.sealed(&row)?.unwrap_or_default();
    ensure!(sealed.get(NAME) == Some(&text("new")), "what was written is not there");
    let outcome = handle.replace(&[new])?;
    ensure!(outcome == [Outcome::Changed], "what was replaced is still {outcome:?}");
    handle.finish()?;
    drop(handle);
    nothing_is_a_value_like_others(fixture)?;
    others_win(fixture)
}

/// It is replaced where it is there, and stands where it is written.
fn nothing_is_a_value_like_others(fixture: &Fixture) -> Result<(), Stop> {
    let (full, empty) = (sample(3, "full"), Sample { ssn: None, name: None, ..sample(3, "empty") });
    fixture.world().put(&full);
    fixture.world().put(&empty);
    let handle = fixture.open()?;
    let change = |of: &Sample, column, old, new| -> Result<Change, Stop> {
        Ok(Change { key: fixture.key(of.clinic, &of.id)?, swaps: vec![Swap { column, old, new }] })
    };
    let new_ssn = fixture.ssn(b"new");
    for (of, column, old, new, expected) in [
        (&full, SSN, Stored::Nothing, new_ssn.clone(), Outcome::Changed),
        (&full, NAME, Stored::Nothing, text("new"), Outcome::Changed),
        (&empty, SSN, fixture.ssn(b"ssn of 3 empty"), Stored::Nothing, Outcome::Changed),
        (&empty, SSN, Stored::Nothing, new_ssn.clone(), Outcome::Written),
        (&empty, SSN, Stored::Nothing, new_ssn.clone(), Outcome::Changed),
        (&empty, NAME, Stored::Nothing, text("new"), Outcome::Written),
        (&full, SSN, fixture.ssn(b"ssn of 3 full"), Stored::Nothing, Outcome::Written),
        (&full, NAME, text("name full of 3"), Stored::Nothing, Outcome::Written),
        (&full, NAME, text("name full of 3"), Stored::Nothing, Outcome::Changed),
    ] {
        let what = format!("{old:?} for {new:?} in {:?}", of.id);
        let outcome = handle.replace(&[change(of, column, old, new)?])?;
        ensure!(outcome == [expected], "{what} is {outcome:?}");
    }
    let nobody = change(&sample(4, "nobody"), SSN, Stored::Nothing, new_ssn.clone())?;
    let outcome = handle.replace(&[nobody])?;
    ensure!(outcome == [Outcome::Gone], "nothing in a row that is not there is {outcome:?}");
    handle.finish()?;
    let (found, lost) = (handle.sealed(&empty)?, handle.sealed(&full)?);
    ensure!(found == Some(vec![new_ssn, text("new")]), "what was nothing is {found:?}");
    ensure!(lost == Some(vec![Stored::Nothing; 2]), "what is to be nothing is {lost:?}");
    Ok(())
}

/// Whoever writes meanwhile, wins.
fn others_win(fixture: &Fixture) -> Result<(), Stop> {
    let row = sample(2, "a");
    fixture.world().put(&row);
    let handle = fixture.open()?;
    handle.scan(10)?;
    for theirs in [Some(b"theirs".to_vec()), None] {
        let theirs = Sample { ssn: theirs, ..row.clone() };
        fixture.world().put(&theirs);
        let change = fixture.new_ssn(&row, "ours")?;
        if fixture.world().is_shared() {
            let outcome = handle.replace(&[change])?;
            ensure!(outcome == [Outcome::Changed], "what others wrote meanwhile is {outcome:?}");
        } else {
            let refused = match handle.try_replace(&[change])? {
                Ok(_) => handle.try_finish()?.err(),
                Err(error) => Some(error),
            };
            let kind = refused.map(|error| error.kind());
            ensure!(kind == Some(ErrorKind::Conflict), "what others wrote meanwhile is {kind:?}");
        }
        ensure!(fixture.row(&row) == Some(theirs), "what others wrote meanwhile is lost");
    }
    Ok(())
}

pub(super) fn a_change_is_all_or_nothing(fixture: &Fixture) -> Result<(), Stop> {
    let rows = many();
    rows.iter().for_each(|row| fixture.world().put(row));
    let handle = fixture.open()?;
    // In the order in which the source has them; of every third row somebody else has written one of two values.
    let mut changes = Vec::new();
    let order = handle.scan(1_000)?;
    for (at, read) in order.iter().enumerate() {
        let (Some(Stored::Text(name)), Some(ssn)) = (read.sealed.get(NAME), read.sealed.get(SSN))
        else {
            return Err(Stop::Failed("a row has not the values that were put there".to_owned()));
        };
        let (ssn, name) = match at % 6 {
            0 => (ssn.clone(), text("somebody else wrote this")),
            3 => (fixture.ssn(b"somebody else wrote this"), text(name)),
            _ => (ssn.clone(), text(name)),
        };
        let mut swaps = vec![
            Swap { column: SSN, old: ssn, new: fixture.ssn(b"new ssn") },
            Swap { column: NAME, old: name, new: text("new name") },
        ];
        if at % 2 == 1 {
            swaps.reverse();
        }
        changes.push(Change { key: read.key.clone(), swaps });
    }
    let outcomes = handle.replace(&changes)?;
    let new = [fixture.ssn(b"new ssn"), text("new name")];
    for ((at, before), after) in order.iter().enumerate().zip(handle.scan(1_000)?) {
        ensure!(before.key == after.key, "a row changed its place");
        let (is_old, is_new) = (after.sealed == before.sealed, after.sealed == new);
        ensure!(is_old || is_new, "half of a change was written");
        let said = outcomes.get(at);
        ensure!(
            (said == Some(&Outcome::Written)) == is_new,
            "a change is said to be {said:?}, and is not"
        );
        ensure!(at % 3 == 0 || is_new, "a change was not written because of another one");
    }
    drop(handle);
    a_change_that_means_nothing_is_refused(fixture)
}

fn a_change_that_means_nothing_is_refused(fixture: &Fixture) -> Result<(), Stop> {
    let (row, other) = (sample(-5, "again"), sample(-5, "other"));
    fixture.world().put(&row);
    fixture.world().put(&other);
    let handle = fixture.open()?;
    let good = fixture.new_ssn(&row, "new")?;
    let new = fixture.new_ssn(&other, "new")?;
    let Some(swap) = new.swaps.first() else { return Ok(()) };
    let with = |swaps: Vec<Swap>| Change { key: new.key.clone(), swaps };
    let another =
        if matches!(swap.old, Stored::Text(_)) { Stored::Bytes(vec![1]) } else { text("new") };
    let short = RowKey::new(new.key.parts().iter().take(1).cloned().collect());
    let long = RowKey::new([new.key.parts(), &[Scalar::Integer(1)]].concat());
    let (Some(short), Some(long)) = (short, long) else { return Ok(()) };
    for (what, bad) in [
        ("no swap", with(vec![])),
        ("a column twice", with(vec![swap.clone(), swap.clone()])),
        ("a column that is not there", with(vec![Swap { column: 2, ..swap.clone() }])),
        ("another type", with(vec![Swap { new: another, ..swap.clone() }])),
        (
            "nothing for nothing",
            with(vec![Swap { column: SSN, old: Stored::Nothing, new: Stored::Nothing }]),
        ),
        ("a number before", with(vec![Swap { old: Stored::Other, ..swap.clone() }])),
        ("a number after", with(vec![Swap { new: Stored::Other, ..swap.clone() }])),
        ("half a key", Change { key: short, swaps: vec![swap.clone()] }),
        ("more than a key", Change { key: long, swaps: vec![swap.clone()] }),
    ] {
        handle.refused(what, &[good.clone(), bad])?;
        let sealed = handle.sealed(&row)?;
        ensure!(
            sealed == Some(fixture.stored(&row)?.sealed),
            "a part of a batch with {what} was written"
        );
    }
    let outcome = handle.replace(&[good])?;
    ensure!(outcome == [Outcome::Written], "after refused batches, a good one is {outcome:?}");
    ensure!(handle.replace(&[])?.is_empty(), "no changes have outcomes");
    Ok(())
}

pub(super) fn what_was_written_outlives_a_crash(fixture: &Fixture) -> Result<(), Stop> {
    let rows = many();
    rows.iter().for_each(|row| fixture.world().put(row));
    let handle = fixture.open()?;
    let mut written = Vec::new();
    let order = handle.scan(1_000)?;
    let of = |row: &Sample| -> Result<usize, Stop> {
        let key = fixture.key(row.clinic, &row.id)?;
        let place = order.iter().position(|read| read.key == key);
        place.ok_or_else(|| Stop::Failed("a row is not read".to_owned()))
    };
    let mut sorted: Vec<(usize, &Sample)> =
        rows.iter().map(|row| Ok((of(row)?, row))).collect::<Result<_, Stop>>()?;
    sorted.sort_by_key(|(place, _)| *place);
    for batch in sorted.chunks(7) {
        let changes = batch.iter().map(|(_, row)| fixture.new_ssn(row, "new"));
        let outcomes = handle.replace(&changes.collect::<Result<Vec<_>, Stop>>()?)?;
        let said = batch.iter().zip(outcomes);
        written.extend(said.filter(|(_, it)| *it == Outcome::Written).map(|((_, row), _)| *row));
    }
    ensure!(!written.is_empty(), "nothing was written");
    if !handle.source.keeps_each_batch() {
        handle.finish()?;
    }
    // As a process that ends here: nothing of the handle is closed in order.
    core::mem::forget(handle.source);
    for row in written {
        let ssn = fixture.row(row).and_then(|row| row.ssn);
        ensure!(ssn.as_deref() == Some(b"new"), "what is said to be written is not there");
    }
    Ok(())
}

pub(super) fn nothing_else_is_changed(fixture: &Fixture) -> Result<(), Stop> {
    let rows = many();
    rows.iter().for_each(|row| fixture.world().put(row));
    let mut expected = fixture.world().rows();
    let handle = fixture.open()?;
    let targets = [&rows[3], &rows[17], &rows[40]];
    for target in targets {
        handle.replace(&[fixture.new_ssn(target, "new")?])?;
    }
    let key = fixture.key(rows[18].clinic, &rows[18].id)?;
    let name = rows[18].name.as_deref().unwrap_or_default();
    let swaps = vec![Swap { column: NAME, old: text(name), new: text("new") }];
    handle.replace(&[Change { key, swaps }])?;
    handle.finish()?;
    let mut found = fixture.world().rows();
    // The cells that were named are another clause's.
    let is = |row: &Sample, of: &Sample| (row.clinic, &row.id) == (of.clinic, &of.id);
    for row in expected.iter_mut().chain(&mut found) {
        if targets.into_iter().any(|target| is(row, target)) {
            row.ssn = None;
        }
        if is(row, &rows[18]) {
            row.name = None;
        }
    }
    let by_key = |row: &Sample| (row.clinic, row.id.clone());
    expected.sort_by_key(by_key);
    found.sort_by_key(by_key);
    ensure!(expected.len() == found.len(), "rows came or went");
    for (before, after) in expected.iter().zip(&found) {
        ensure!(before == after, "the row {:?} of {} was changed", before.id, before.clinic);
    }
    Ok(())
}

pub(super) fn a_scan_that_has_begun_holds_nobody_up(fixture: &Fixture) -> Result<(), Stop> {
    let rows = many();
    rows.iter().for_each(|row| fixture.world().put(row));
    let handle = fixture.open()?;
    let mut scan = handle.source.scan(None, None, 1_000);
    let begun = block_on(poll_fn(|context| Poll::Ready(scan.as_mut().poll(context))));
    let change = fixture.new_ssn(&rows[0], "new")?;
    let outcome = handle.replace(core::slice::from_ref(&change))?;
    ensure!(outcome == [Outcome::Written], "a change beside a scan is {outcome:?}");
    let others = handle.scan(1_000)?;
    ensure!(others.len() == rows.len(), "a scan beside a scan reads {} rows", others.len());
    let read = match begun {
        Poll::Ready(read) => read,
        Poll::Pending => block_on(scan),
    };
    let read = read.map_err(|error| format!("a scan beside a change: {error}"))?;
    ensure!(read.len() == rows.len(), "a scan beside a change reads {} rows", read.len());
    let sealed = handle.sealed(&rows[0])?.unwrap_or_default();
    let new = change.swaps.first().map(|swap| &swap.new);
    ensure!(sealed.get(SSN) == new, "what was written beside a scan is not there");
    handle.finish()?;
    Ok(())
}
