//! The tables of the page.

use super::super::{Approval, Certificate, Counted, Keys, Version, Wrap};
use super::escape::{code, name, text};
use super::words::{date, number};
use crate::{Class, Holds};
use std::collections::{BTreeMap, BTreeSet};

/// Who asked, and who approved.
pub(super) fn people(approval: &Approval) -> String {
    let requester = core::iter::once(("requested", &approval.requester));
    let all = requester.chain(approval.approvers.iter().map(|approver| ("approved", approver)));
    let rows: String = all
        .map(|(role, person)| {
            format!(
                "<tr><th scope=\"row\">{}</th><td>{role}</td><td>{}</td><td>{}</td></tr>\n",
                name(person.name()),
                code(person.key_id()),
                code(person.key_line())
            )
        })
        .collect();
    let rule = match &approval.roster {
        None => "No second person had to approve.".to_owned(),
        Some(roster) => format!(
            "Of {} custodians, {} beside the one who asked had to approve; {} did.",
            roster.custodians,
            roster.threshold,
            approval.approvers.len()
        ),
    };
    format!(
        "<h2>Who asked, and who approved</h2>\n<table>\n<caption>{rule}</caption>\n<thead><tr><th scope=\"col\">Name</th>\
         <th scope=\"col\">Role</th><th scope=\"col\">Key id</th><th scope=\"col\">Verifier key</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n"
    )
}

/// The versions of the key.
pub(super) fn keys(keys: &Keys) -> String {
    let day = |at: Option<u64>| at.map_or_else(|| "\u{2013}".to_owned(), date);
    let rows: String = keys
        .versions
        .iter()
        .map(|version| {
            let before = version.state_before.map_or_else(|| "not there".to_owned(), text);
            format!(
                "<tr><th scope=\"row\">{}</th><td>{before}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
                 <td>{}</td></tr>\n",
                version.number,
                text(version.state_after),
                code(version.key_id),
                date(version.created),
                day(version.activated),
                day(version.replaced),
                wraps(version)
            )
        })
        .collect();
    let (before, after) = (keys.primary_before, keys.primary_after);
    format!(
        "<h2>Keys</h2>\n<table>\n<caption>New data is encrypted under the primary version: {before} before, {after} \
         after.</caption>\n<thead><tr><th scope=\"col\">Version</th><th scope=\"col\">State before</th>\
         <th scope=\"col\">State after</th><th scope=\"col\">Key id</th><th scope=\"col\">Made</th>\
         <th scope=\"col\">In use from</th><th scope=\"col\">Replaced</th><th scope=\"col\">Wrapped by</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )
}

/// What wraps it, and what did before where that is something else.
fn wraps(version: &Version) -> String {
    let list = |wraps: &[Wrap]| {
        let texts: Vec<_> =
            wraps.iter().map(|it| format!("{} version {}", code(&it.kek), it.version)).collect();
        if texts.is_empty() { "nothing".to_owned() } else { texts.join("<br>") }
    };
    let after = list(&version.wraps_after);
    if version.state_before.is_none() || version.wraps_before == version.wraps_after {
        return after;
    }
    format!("{after}<br>before: {}", list(&version.wraps_before))
}

/// What was counted before and after, class by class, and what was done in between.
pub(super) fn counts(certificate: &Certificate) -> String {
    let counts = &certificate.counts;
    if counts.before.is_empty() && counts.after.is_empty() && counts.resealed.is_empty() {
        return "<h2>What was counted</h2>\n<p>Nothing was counted.</p>\n".to_owned();
    }
    let (before, after) = (Cells::of(&counts.before), Cells::of(&counts.after));
    let cells: BTreeSet<_> = before.values.keys().chain(after.values.keys()).collect();
    let rows: String = cells
        .into_iter()
        .map(|cell| {
            let (table, column, domain, holds, class) = cell;
            let mark = if after.findings.contains(cell) { " class=\"finding\"" } else { "" };
            format!(
                "<tr{mark}><th scope=\"row\">{}.{}{}</th><td>{}</td><td class=\"number\">{}</td>\
                 <td class=\"number\">{}</td></tr>\n",
                name(table),
                name(column),
                of_another(domain, &certificate.domain),
                meaning(*holds, *class),
                said(before.values.get(cell), is_counted(&counts.before, table)),
                said(after.values.get(cell), is_counted(&counts.after, table))
            )
        })
        .collect();
    let table = format!(
        "<table>\n<caption>Values by what they are. What can be opened was opened, and its plaintext wiped at once.</caption>\n\
         <thead><tr><th scope=\"col\">Column</th><th scope=\"col\">Values that are</th>\
         <th scope=\"col\" class=\"number\">Before</th><th scope=\"col\" class=\"number\">After</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n"
    );
    let censuses = [("before", &counts.before), ("after", &counts.after)];
    let censuses: String = censuses
        .into_iter()
        .flat_map(|(when, counts)| counts.iter().map(move |counted| (when, counted)))
        .map(|(when, counted)| census(when, counted))
        .collect();
    let done: String = counts
        .resealed
        .iter()
        .map(|done| {
            format!(
                "<li>{}: {} rows read; {} values{} in {} rows encrypted anew; {} rows that others changed meanwhile \
                 read again</li>\n",
                done.table.as_ref().map_or_else(|| "all tables".to_owned(), name),
                number(done.rows),
                number(done.values.saturating_sub(done.entries)),
                match done.entries {
                    0 => String::new(),
                    entries => format!(", and {} index entries and tokens made anew or erased,", number(entries)),
                },
                number(done.written),
                number(done.overtaken)
            )
        })
        .collect();
    format!("<h2>What was counted</h2>\n{table}<ul class=\"small\">\n{done}{censuses}</ul>\n")
}

fn census(when: &str, counted: &Counted) -> String {
    let census = counted.census();
    format!(
        "<li>count {when} of {}: {} rows, {} to {}, SHA-256 {}</li>\n",
        name(&census.table),
        number(census.rows),
        super::words::moment(census.began),
        super::words::moment(census.ended),
        code(counted.sha256())
    )
}

/// Table, column, domain, what the column holds, and class.
type Cell<'a> = (&'a str, &'a str, &'a str, Holds, Class);

/// How many values there are of each sort.
#[derive(Default)]
struct Cells<'a> {
    values: BTreeMap<Cell<'a>, u64>,
    /// Those of them that are not in order.
    findings: BTreeSet<Cell<'a>>,
}

impl<'a> Cells<'a> {
    fn of(counted: &'a [Counted]) -> Self {
        let mut cells = Self::default();
        for census in counted.iter().map(Counted::census) {
            for column in &census.columns {
                for (class, values) in &column.counts {
                    // The primary version before is another one than the primary after: each version is named by its number.
                    let sort = match class {
                        Class::Current => Class::Older(column.primary),
                        Class::Newer(version) => Class::Older(*version),
                        other => *other,
                    };
                    let (table, name, domain) = (&*census.table, &*column.column, &*column.domain);
                    let cell = (table, name, domain, column.holds, sort);
                    let sum = cells.values.entry(cell).or_default();
                    *sum = sum.saturating_add(*values);
                    if !class.is_in_order() && *values > 0 {
                        cells.findings.insert(cell);
                    }
                }
            }
        }
        cells
    }
}

fn is_counted(counted: &[Counted], table: &str) -> bool {
    counted.iter().any(|counted| counted.census().table == table)
}

fn said(values: Option<&u64>, is_counted: bool) -> String {
    match values {
        Some(values) => number(*values),
        None if is_counted => "0".to_owned(),
        None => "not counted".to_owned(),
    }
}

/// Which domain a column is of, when it is not the certificate's.
fn of_another(domain: &str, own: &str) -> String {
    if domain == own { String::new() } else { format!(" ({})", name(domain)) }
}

fn meaning(holds: Holds, class: Class) -> String {
    match (holds, class) {
        (Holds::Sealed, Class::Older(version)) => format!("encrypted under version {version}"),
        (Holds::Entries, Class::Older(version)) => format!("index entries under version {version}"),
        (Holds::Tokens, Class::Older(version)) => format!("tokens under version {version}"),
        (_, other) => text(other),
    }
}
