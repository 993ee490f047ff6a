//! Clauses 1, 2 and 7: what is read.

use super::Fixture;
use super::world::{Handle, NAME, Sample, ensure, many, sample, table, text};
use crate::source::{Change, Row, RowKey, Scalar, Swap};
use core::error::Error as StdError;
use phiseal_conformance::Stop;
use phiseal_keys::{Error, ErrorKind};

pub(super) fn each_row_comes_once_and_in_order(fixture: &Fixture) -> Result<(), Stop> {
    let rows = many();
    rows.iter().rev().for_each(|row| fixture.world().put(row));
    let handle = fixture.open()?;
    let (theirs, ours) = (handle.source.table(), table());
    let is_same = theirs.key() == ours.key()
        && theirs.sealed() == ours.sealed()
        && theirs.others() == ours.others();
    ensure!(is_same, "the source has another table");
    let all = keys(&handle.scan(1_000)?);
    ensure!(all.len() == rows.len(), "{} rows are read of {}", all.len(), rows.len());
    for row in &rows {
        let key = fixture.key(row.clinic, &row.id)?;
        ensure!(all.contains(&key), "the row {:?} of {} is not read", row.id, row.clinic);
    }
    for limit in [1, 2, 3, 7, rows.len() - 1, rows.len(), rows.len() + 1] {
        let paged = keys(&handle.scan(limit)?);
        ensure!(paged == all, "pages of {limit} bring other rows, or in another order");
    }
    ensure!(handle.page(None, 0)?.is_empty(), "a page of no rows has some");
    parts_end_where_they_say(&handle, &all)?;
    if fixture.world().is_shared() {
        ends_need_not_be_there(fixture, &handle, [&rows[12], &rows[31]], &all)?;
        drop(handle);
        rows_that_come_and_go_hide_no_other(fixture)?;
    }
    Ok(())
}

fn keys(rows: &[Row]) -> Vec<RowKey> {
    rows.iter().map(|row| row.key.clone()).collect()
}

fn parts_end_where_they_say(handle: &Handle<'_>, all: &[RowKey]) -> Result<(), Stop> {
    for (end, until) in all.iter().enumerate() {
        for limit in [3, 1_000] {
            let first = keys(&handle.part(None, Some(until), limit)?);
            let expected = all.iter().take(limit.min(end + 1));
            ensure!(expected.eq(&first), "a part from the beginning ends elsewhere than it should");
        }
        for begin in [0, end / 2, end.saturating_sub(1), end, all.len() - 1] {
            let part = keys(&handle.part(all.get(begin), Some(until), 1_000)?);
            let expected = all.get(begin + 1..=end).unwrap_or_default();
            ensure!(part == expected, "a part is from elsewhere or to elsewhere than it should be");
        }
    }
    Ok(())
}

/// The rows at both ends of a part are deleted, and what is between stays.
fn ends_need_not_be_there(
    fixture: &Fixture,
    handle: &Handle<'_>,
    ends: [&Sample; 2],
    all: &[RowKey],
) -> Result<(), Stop> {
    let place = |row: &Sample| -> Result<usize, Stop> {
        let key = fixture.key(row.clinic, &row.id)?;
        let place = all.iter().position(|other| *other == key);
        place.ok_or_else(|| Stop::Failed("a row is not read".to_owned()))
    };
    let [one, other] = [place(ends[0])?, place(ends[1])?];
    let (begin, end) = (one.min(other), one.max(other));
    ends.iter().for_each(|row| fixture.world().delete(row.clinic, &row.id));
    let part = keys(&handle.part(all.get(begin), all.get(end), 1_000)?);
    let expected = all.get(begin + 1..end).unwrap_or_default();
    ensure!(part == expected, "a part whose ends are not there any more has other rows");
    ends.iter().for_each(|row| fixture.world().put(row));
    Ok(())
}

fn rows_that_come_and_go_hide_no_other(fixture: &Fixture) -> Result<(), Stop> {
    let rows = many();
    let handle = fixture.open()?;
    let mut seen: Vec<RowKey> = Vec::new();
    for round in 0.. {
        ensure!(round < 1_000, "a series of scans does not end");
        let page = handle.page(seen.last(), 3)?;
        let Some(last) = page.last() else { break };
        seen.extend(keys(&page));
        // The row that a series of scans goes on from need not be there any more.
        let [clinic, Scalar::Text(id)] = last.key.parts() else {
            return Err(Stop::Failed("a key has other parts than the table".to_owned()));
        };
        let clinic = match clinic {
            Scalar::Integer(number) => Some(*number),
            Scalar::Text(text) => text.parse().ok(),
            Scalar::Nothing | Scalar::Bytes(_) => None,
        };
        let clinic = clinic.ok_or_else(|| Stop::Failed("a clinic is no number".to_owned()))?;
        fixture.world().delete(clinic, id);
        if round < 10 {
            fixture.world().put(&sample(clinic, &format!("{id} again")));
        }
    }
    for row in &rows {
        let key = fixture.key(row.clinic, &row.id)?;
        ensure!(seen.contains(&key), "other rows hide the row {:?} of {}", row.id, row.clinic);
    }
    Ok(())
}

pub(super) fn values_come_as_they_are_stored(fixture: &Fixture) -> Result<(), Stop> {
    let holds = fixture.world().holds();
    let every: Vec<u8> =
        if holds.bytes { (0..=255).collect() } else { "\u{1}\t\"'\\,;é\u{1F600} ".into() };
    let odd = "a \"name\", with\\ '; 1\u{301} \u{1F600}\t ";
    let full = Sample { ssn: Some(every), name: Some(odd.to_owned()), ..sample(1, "full") };
    let number = Sample { version: i64::MIN, ..sample(1, "number") };
    let nothing = Sample { ssn: None, name: None, note: None, ..sample(1, "nothing") };
    let mut rows = vec![full, number, nothing];
    if holds.nothing {
        let (ssn, name, note) = (Some(vec![]), Some(String::new()), Some(String::new()));
        rows.push(Sample { ssn, name, note, ..sample(1, "empty") });
    }
    rows.iter().for_each(|row| fixture.world().put(row));
    let found = fixture.open()?.scan(10)?;
    for row in &rows {
        let stored = fixture.stored(row)?;
        let found = found.iter().find(|found| found.key == stored.key);
        ensure!(found == Some(&stored), "the row {:?} comes as {found:?}", row.id);
    }
    Ok(())
}

pub(super) fn errors_and_debug_hold_no_value(fixture: &Fixture) -> Result<(), Stop> {
    const MARK: &str = "canary";
    let row = Sample {
        id: format!("{MARK} id"),
        ssn: Some(format!("{MARK} ssn").into_bytes()),
        name: Some(format!("{MARK} name")),
        note: Some(format!("{MARK} note")),
        ..sample(1, "")
    };
    fixture.world().put(&row);
    let handle = fixture.open()?;
    let hides = |handle: &Handle<'_>, when: &str| {
        let shown = format!("{:?} {:#?}", handle.source, handle.source);
        if shown.contains(MARK) {
            Err(Stop::Failed(format!("its Debug holds a value {when}")))
        } else {
            Ok(())
        }
    };
    hides(&handle, "before it was read")?;
    let read = handle.scan(10)?;
    ensure!(read.len() == 1, "the row is not read");
    let swap =
        |new: &str| Swap { column: NAME, old: text(&format!("{MARK} name")), new: text(new) };
    let key = fixture.key(1, &row.id)?;
    let short = RowKey::new(vec![Scalar::Text(format!("{MARK} short"))]);
    let short = short.ok_or_else(|| Stop::Failed("a key has no part".to_owned()))?;
    let twice = Change { key, swaps: vec![swap("one"), swap("two")] };
    let other = Change { key: short.clone(), swaps: vec![swap("one")] };
    let mut errors = vec![handle.refused("a column twice", &[twice])?];
    errors.push(handle.refused("another table's key", &[other])?);
    for (after, until) in [(Some(&short), None), (None, Some(&short))] {
        match handle.try_scan(after, until)? {
            Err(error) if error.kind() == ErrorKind::Invalid => errors.push(error),
            _ => return Err(Stop::Failed("a key of another table is not refused".to_owned())),
        }
    }
    for error in errors {
        ensure!(!said(&error).contains(MARK), "an error holds a value or a part of a key");
    }
    handle.replace(&[fixture.new_ssn(&row, &format!("{MARK} new"))?])?;
    hides(&handle, "after it was written")
}

/// All that an error says.
fn said(error: &Error) -> String {
    let mut said = format!("{error} {error:?} {error:#?}");
    let mut next = error.source();
    while let Some(error) = next {
        said.push_str(&format!(" {error} {error:?}"));
        next = error.source();
    }
    said
}
