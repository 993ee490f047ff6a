//! `plan`: what an act would do, and a request for it.

use super::arguments::{Arguments, NewRequest, On, Operation as Asked, Plan};
use super::failure::{Failure, of_file};
use super::office::Office;
use super::output::{Output, count, number, time};
use super::{census, roster, signer};
use core::time::Duration;
use phiseal::audit::note::KeyName;
use phiseal::default_engine;
use phiseal::rotation::Class;
use phiseal::rotation::certificate::Ground;
use phiseal::rotation::custody::{Operation, Refusal, Request};
use phiseal::rotation::run::may_end_from;
use phiseal::{ErrorKind, KeyState, KeyVersion, Keyset};
use pollster::block_on;
use serde_json::json;
use std::io::Write;

pub(crate) fn plan(arguments: &Arguments, of: &Plan, output: &Output) -> Result<(), Failure> {
    let office = Office::open(&arguments.manifest)?;
    match &of.operation {
        Asked::Rotate { compromised, on } => {
            let operation = Operation::Rotate { compromised: *compromised };
            on_keyset(&office, on, |_| Ok(operation), &[], output)
        }
        Asked::Rewrap { on } => on_keyset(&office, on, |_| Ok(Operation::Rewrap), &[], output),
        Asked::Retire { version, on } => on_keyset(
            &office,
            on,
            |keyset| version_of(keyset, *version).map(|_| Operation::Retire(*version)),
            &[],
            output,
        ),
        Asked::Destroy { version, gone, on } => on_keyset(
            &office,
            on,
            |keyset| {
                let state = version_of(keyset, *version)?.state();
                check_gone(&gone.grounds, state != KeyState::Destroyed)?;
                Ok(Operation::Destroy(*version))
            },
            &gone.grounds,
            output,
        ),
        Asked::Shred { person, gone, on } => on_keyset(
            &office,
            on,
            |keyset| {
                let store = office.store();
                let tag = store.subject_tag(keyset, person)?;
                let none =
                    || phiseal::Error::new(ErrorKind::NotFound, "there is no key for this person");
                let record = block_on(store.find_subject(keyset, tag))?.ok_or_else(none)?;
                check_gone(&gone.grounds, record.current().is_ok())?;
                Ok(Operation::Shred(tag))
            },
            &gone.grounds,
            output,
        ),
        Asked::Roster { threshold, custodians, request } => {
            let Some(now) = &office.custodians else {
                return Err(Failure::usage("there are no custodians yet: rotate roster"));
            };
            let next =
                now.in_force().next(default_engine(), *threshold, roster::keys(custodians)?)?;
            let (requester, holds) = (signer::open(&request.key)?, holds(request));
            let name = KeyName::new(requester.key.name())?;
            let asked = now.request_roster(&next, name, office.now(), holds)?;
            // Whoever approves, and whoever does it, needs the roster itself: its SHA-256 alone is in the request.
            let file = request.out.with_extension("roster");
            create(&file, &next.to_string())?;
            output.say(&format!(
                "The roster that is proposed is in {}: send it along.",
                file.display()
            ));
            write(&office, request, &asked, &requester, output)
        }
    }
}

fn version_of(keyset: &Keyset, version: u32) -> Result<&KeyVersion, Failure> {
    let none = || Failure::usage(format!("{} has no version {version}", keyset.name()));
    keyset.version(version).ok_or_else(none)
}

/// Nobody is asked to state what is not so.
fn check_gone(grounds: &[Ground], is_there: bool) -> Result<(), Failure> {
    if is_there && !grounds.is_empty() { Err(Refusal::NotDestroyed.into()) } else { Ok(()) }
}

fn on_keyset(
    office: &Office,
    on: &On,
    operation: impl FnOnce(&Keyset) -> Result<Operation, Failure>,
    grounds: &[Ground],
    output: &Output,
) -> Result<(), Failure> {
    let domain = office.domain(on.domain.as_deref())?;
    let keyset = office.keyset(domain.name())?;
    let operation = operation(&keyset)?;
    let requester = signer::open(&on.request.key)?;
    let name = KeyName::new(requester.key.name())?;
    let (engine, now) = (default_engine(), office.now());
    let mut request = Request::new(engine, operation, &keyset, name, now, holds(&on.request))?;
    request.roster = office.custodians.as_ref().map(|custodians| custodians.digest());
    request.manifest = Some(office.manifest_digest());
    request.grounds = grounds.to_vec();
    request.grounds.sort();
    request.grounds.dedup();
    if !matches!(operation, Operation::Rewrap | Operation::Shred(_)) {
        dry_run(office, &keyset, &request, output)?;
    }
    if operation.wraps() {
        request.keks = block_on(office.store().wrapping_keks())?;
    }
    write(office, &on.request, &request, &requester, output)
}

/// Counts what there is, and says what would become of it.
fn dry_run(
    office: &Office,
    keyset: &Keyset,
    request: &Request,
    output: &Output,
) -> Result<(), Failure> {
    let (operation, meaning) = (request.operation, request.meaning());
    let counted = census::count(&office.holdings()?, output, |_, _| {})?;
    let (mut rows, mut values, mut tables) = (0_u64, 0_u64, Vec::new());
    for census in &counted {
        let of_domain = census.columns.iter().filter(|column| column.domain_id == keyset.domain());
        let counts = of_domain.flat_map(|column| column.counts.iter());
        let here: u64 = counts
            .filter(|(class, _)| is_resealed(**class, operation))
            .map(|(_, count)| count)
            .sum();
        if here > 0 {
            rows = rows.saturating_add(census.rows);
            values = values.saturating_add(here);
            tables.push(census.table.clone());
        }
    }
    census::table(&counted, output);
    let under =
        |version| counted.iter().map(|census| census.under(&keyset.domain(), version)).sum::<u64>();
    let text = match operation {
        Operation::Rotate { .. } => format!(
            "This {meaning}: {} in {} of {}.",
            count(values, "value", "values"),
            count(rows, "row", "rows"),
            tables.join(", "),
        ),
        Operation::Retire(version) | Operation::Destroy(version) => format!(
            "This {meaning}. {} under version {version} now{}.",
            count(under(version), "value is", "values are"),
            if under(version) > 0 { ": it would be refused" } else { "" },
        ),
        _ => format!("This {meaning}."),
    };
    let free = match operation {
        Operation::Retire(version) | Operation::Destroy(version) => may_end_from(keyset, version),
        _ => None,
    };
    let text = match free {
        Some(free) if free > office.now() => {
            text + &format!("\nNot before {}: until then a process may seal under it.", time(free))
        }
        _ => text,
    };
    output.tell(&text, "plan", json!({
        "operation": operation.to_string(), "domain": keyset.name(), "tables": tables, "rows": rows, "values": values,
    }));
    Ok(())
}

/// Whether a rotation makes values of this class anew: those under a person's own key only when that may be known to others.
const fn is_resealed(class: Class, operation: Operation) -> bool {
    match class {
        Class::Current | Class::Older(_) | Class::Newer(_) | Class::PersonOlder => true,
        Class::Unindexed | Class::Stray | Class::Leftover => true,
        Class::Person => matches!(operation, Operation::Rotate { compromised: true }),
        _ => false,
    }
}

fn holds(request: &NewRequest) -> Duration {
    Duration::from_secs(u64::from(request.holds) * 86_400)
}

fn write(
    office: &Office,
    of: &NewRequest,
    request: &Request,
    requester: &signer::Custodian,
    output: &Output,
) -> Result<(), Failure> {
    let note = block_on(request.sign(&requester.key, &requester.signer))?;
    create(&of.out, &note.to_string())?;
    let needed =
        office.custodians.as_ref().map_or(0, |custodians| custodians.in_force().threshold());
    let (file, digest) = (of.out.display(), request.digest(default_engine()));
    let next = if needed == 0 {
        "Nobody has to approve it: there are no custodians.".to_owned()
    } else {
        format!(
            "{} custodian{} beside {} approve{} it: rotate approve {file} --key FILE",
            number(u64::try_from(needed).unwrap_or(u64::MAX)),
            if needed == 1 { "" } else { "s" },
            request.requester,
            if needed == 1 { "s" } else { "" }
        )
    };
    let text = format!(
        "Nothing was changed. The request is in {file}, signed by {}.\n{next}",
        request.requester
    );
    output.tell(
        &text,
        "request",
        json!({ "file": of.out, "request": digest.to_string(), "approvals_needed": needed }),
    );
    Ok(())
}

/// A new file, never over another one.
fn create(file: &std::path::Path, text: &str) -> Result<(), Failure> {
    let made = std::fs::File::create_new(file).and_then(|mut file| file.write_all(text.as_bytes()));
    made.map_err(|error| of_file(file, &error))
}
