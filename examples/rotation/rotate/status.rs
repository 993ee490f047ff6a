//! `status`: how the keys are.

use super::arguments::Arguments;
use super::failure::{ANOMALY, Failure};
use super::office::Office;
use super::output::{Output, count, span, time};
use phiseal::rotation::Due;
use phiseal::rotation::run::{self, Journal, Lost, Phase, Revived};
use phiseal::{KeyState, Keyset};
use pollster::block_on;
use serde_json::json;
use std::fs::File;
use std::io::BufReader;

pub(crate) fn show(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let office = Office::open(&arguments.manifest)?;
    custodians(&office, output);
    for name in office.domains() {
        domain(&office, &office.keyset(&name)?, output)?;
    }
    for (id, journal) in block_on(Journal::open(office.store()))? {
        let (request, totals) = (journal.request()?, journal.totals());
        let domain = request.keyset.as_ref().map_or("", |keyset| keyset.name.as_str());
        let far = match journal.phase {
            Phase::Begun => "the keys are as they were".to_owned(),
            _ => format!("{} resealed so far", count(totals.values, "value", "values")),
        };
        let text = format!(
            "\nBegun and not finished: {} of {domain}, on {}; {far}.\n  Go on: rotate resume {} --key FILE",
            request.operation,
            time(journal.began),
            &id.to_string()[..12],
        );
        let facts = json!({
            "id": id.to_string(), "operation": request.operation.to_string(), "domain": domain,
            "began": journal.began, "values": totals.values,
        });
        output.tell(&text, "unfinished", facts);
    }
    revived(&office, output)
}

/// What was destroyed, and is there again.
fn revived(office: &Office, output: &Output) -> Result<(), Failure> {
    let Some(audit) = office.manifest.audit() else { return Ok(()) };
    let Ok(log) = File::open(&audit.log) else { return Ok(()) };
    let revived = block_on(run::revived(office.store(), BufReader::new(log)))?;
    for Revived { domain, what, since, .. } in &revived {
        let (what, of) = match what {
            Lost::Version(number) => (format!("version {number}"), "version"),
            Lost::Person(tag) => (format!("the keys of person {tag}"), "person"),
            _ => ("something".to_owned(), "other"),
        };
        let text = format!(
            "\n{domain}: {what} was destroyed on {since}, and is there again: destroy it again"
        );
        output.tell(
            &text,
            "revived",
            json!({ "domain": domain, "what": of, "since": since.to_string() }),
        );
    }
    if revived.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        ANOMALY,
        "a backup of the key store was put back: what was destroyed after it was made is there again",
    ))
}

fn custodians(office: &Office, output: &Output) {
    let Some(custodians) = &office.custodians else {
        let text = "There are no custodians: whoever holds the key store changes keys alone. See `rotate roster --help`.";
        output.tell(text, "custodians", json!({ "custodians": [], "threshold": 0 }));
        return;
    };
    let roster = custodians.in_force();
    let names: Vec<_> = roster.custodians().iter().map(|key| key.name()).collect();
    let text = format!(
        "Custodians: {}. One of them requests, {} agree{}. Roster {}; the first one's SHA-256 is\n  {}",
        names.join(", "),
        count(u64::try_from(roster.threshold()).unwrap_or(u64::MAX), "other", "others"),
        if roster.threshold() == 1 { "s" } else { "" },
        roster.number(),
        custodians.first(),
    );
    let facts = json!({
        "custodians": names, "threshold": roster.threshold(), "number": roster.number(),
        "first": custodians.first().to_string(), "roster": custodians.digest().to_string(),
    });
    output.tell(&text, "custodians", facts);
    if office.manifest.roster().is_none() {
        output.say("  It is not in the manifest yet: put  roster = \"…\"  under [keys], so that nobody can put others in their place.");
    }
}

fn domain(office: &Office, keyset: &Keyset, output: &Output) -> Result<(), Failure> {
    let now = office.now();
    output.say(&format!("\n{}", keyset.name()));
    for version in keyset.versions() {
        let uses = block_on(office.store().uses(version.key_id()))?;
        let is_primary = version.number() == keyset.primary();
        let since = match (is_primary, version.activated(), version.replaced()) {
            (true, Some(at), _) => format!("primary for {}", span(now.saturating_sub(at))),
            (_, _, Some(at)) => format!("replaced {}", time(at)),
            _ => format!("made {}", time(version.created())),
        };
        let id = version.key_id().to_string();
        let text = format!(
            "  version {:<4} {:<12} {since:<32} key {}…",
            version.number(),
            version.state().to_string(),
            &id[..12],
        );
        let facts = json!({
            "domain": keyset.name(), "version": version.number(), "state": version.state().to_string(),
            "primary": is_primary, "created": version.created(), "activated": version.activated(),
            "replaced": version.replaced(), "key": id, "reserved_uses": uses,
        });
        output.tell(&text, "version", facts);
    }
    let policy = office.manifest.policy();
    let due = block_on(policy.due_in(office.store(), keyset))?;
    for due in &due {
        let why = match due {
            Due::Age(over) => format!("overdue for {} by its age", span(over.as_secs())),
            Due::Uses(uses) => {
                format!("overdue: it may have been used {}", count(*uses, "time", "times"))
            }
            Due::Date(date) => format!("overdue since {}", time(date.as_millis() / 1_000)),
            Due::State(KeyState::Compromised) => {
                "its primary is compromised and seals nothing".to_owned()
            }
            Due::State(state) => format!("its primary is {state} and seals nothing"),
            _ => "overdue".to_owned(),
        };
        let text = format!("  {why}: rotate plan rotate --domain {}", keyset.name());
        output.tell(&text, "due", json!({ "domain": keyset.name(), "why": why }));
    }
    if due.is_empty()
        && let Some(next) = policy.next(keyset)
    {
        output.tell(
            &format!("  next rotation by {}", time(next)),
            "next",
            json!({ "domain": keyset.name(), "by": next }),
        );
    }
    if keyset.was_single() {
        output.tell(
            "  was changed by a single custodian, alone",
            "single-custodian",
            json!({ "domain": keyset.name() }),
        );
    }
    Ok(())
}
