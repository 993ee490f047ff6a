//! Sentences, times and numbers for people.

use super::super::text::rfc_3339;
use super::super::{Certificate, Erasure, Operation, Status};
use super::escape::name;

/// `Certificate of key rotation`, and what is not to be overlooked.
pub(super) fn title(certificate: &Certificate) -> String {
    let (what, status) = (&certificate.operation, certificate.status());
    match status {
        Status::Finished => format!("Certificate of {what}"),
        Status::ErasurePending => format!("Certificate of {what}: erasure pending"),
        Status::NotFinished => format!("Record of {what}: NOT FINISHED"),
    }
}

/// What happened, for somebody who is no cryptographer. Markup: the domain's name is escaped.
pub(super) fn lead(certificate: &Certificate) -> String {
    let (domain, day) = (name(&certificate.domain), day(certificate.times.ended));
    let on = if is_of_something_done(certificate) { "By" } else { "On" };
    let done = match &certificate.operation {
        Operation::Rotate { .. } => rotation(certificate, &domain, &day),
        Operation::Retire { version } => format!(
            "{on} {day} version {version} of the encryption key of \u{201c}{domain}\u{201d} was taken out of use: \
             nothing new is encrypted under it."
        ),
        Operation::Destroy { version } => format!(
            "{on} {day} version {version} of the encryption key of \u{201c}{domain}\u{201d} was destroyed in the key \
             store, so that this store opens nothing any more that was encrypted under it."
        ),
        Operation::Shred { .. } => format!(
            "{on} {day} the keys of one person in \u{201c}{domain}\u{201d} were destroyed in the key store, so that this \
             store opens nothing any more that was encrypted under them. Who the person is does not \
             stand here."
        ),
    };
    match certificate.status() {
        Status::NotFinished => format!(
            "The {} of \u{201c}{domain}\u{201d} that ran until {day} is not finished: see what remains, above. What is \
             below is what was found and done so far.",
            certificate.operation
        ),
        Status::ErasurePending => format!(
            "{done}{} It is not final yet: a copy of the destroyed key, in wrapped form, may be left where the key store \
             cannot erase it.",
            found(certificate)
        ),
        Status::Finished => format!("{done}{}{}", found(certificate), last(certificate)),
    }
}

/// Whether it was done before, on a day that is not told, and is certified now.
fn is_of_something_done(certificate: &Certificate) -> bool {
    let version = match certificate.operation {
        Operation::Retire { version } | Operation::Destroy { version } => {
            certificate.version(version)
        }
        _ => None,
    };
    matches!(certificate.erasure, Erasure::Final { .. })
        || version.is_some_and(|version| version.state_before == Some(version.state_after))
}

fn rotation(certificate: &Certificate, domain: &str, day: &str) -> String {
    let (before, after) = (certificate.keys.primary_before, certificate.keys.primary_after);
    format!(
        "On {day} the encryption key of \u{201c}{domain}\u{201d} was replaced: version {after} took the place of version \
         {before}, and {} {} encrypted anew.",
        number(certificate.sums().resealed),
        if certificate.sums().resealed == 1 { "value was" } else { "values were" },
    )
}

/// What the latest count found, of a finished act.
fn found(certificate: &Certificate) -> String {
    let sums = certificate.sums();
    let tables = match sums.tables {
        0 => return String::new(),
        1 => "the table".to_owned(),
        several => format!("the {} tables", number(several)),
    };
    let of = match &certificate.operation {
        Operation::Rotate { .. } => "that is not under the new key, or under a person's own",
        Operation::Retire { .. } | Operation::Destroy { .. } => "that needs this version",
        Operation::Shred { .. } => return String::new(),
    };
    format!(" A full count of {tables} listed below found no encrypted value {of}.")
}

/// What a reader must not take it to say.
fn last(certificate: &Certificate) -> &'static str {
    match (&certificate.operation, &certificate.erasure) {
        (Operation::Rotate { compromised: true }, _) => {
            " The key was replaced because it is, or may be, in wrong hands. That protects what is written from now on; \
             it does not take back what somebody who has the old key and a copy of the old data can read."
        }
        (_, Erasure::Final { .. }) => {
            " The erasure is final: no copy of the destroyed key can be brought back, as the request states, on the grounds that are \
             named below."
        }
        _ => "",
    }
}

/// `1 March 2026`
fn day(at: u64) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let text = rfc_3339(at);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let month = part(5, 7).parse::<usize>().ok().and_then(|month| month.checked_sub(1));
    let month = month.and_then(|month| MONTHS.get(month)).copied().unwrap_or_default();
    format!("{} {month} {}", part(8, 10).trim_start_matches('0'), part(0, 4))
}

/// A time as markup: `2026-03-01 09:30:00 UTC`.
pub(super) fn moment(at: u64) -> String {
    let machine = rfc_3339(at);
    let people = machine.replace('T', " ").replace('Z', " UTC");
    format!("<time datetime=\"{machine}\">{people}</time>")
}

/// The day alone, as markup.
pub(super) fn date(at: u64) -> String {
    let machine = rfc_3339(at);
    let people = machine.get(..10).unwrap_or_default();
    format!("<time datetime=\"{machine}\">{people}</time>")
}

/// `1,234,567`
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len().saturating_add(digits.len() / 3));
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_days_are_read_by_people() {
        for (of, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(number(of), text);
        }
        assert_eq!(number(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!((day(0), day(1_772_357_400)), ("1 January 1970".into(), "1 March 2026".into()));
        assert_eq!(
            moment(1_772_357_400),
            "<time datetime=\"2026-03-01T09:30:00Z\">2026-03-01 09:30:00 UTC</time>"
        );
    }
}
