//! `census`: every stored value, counted as what it is.

use super::arguments::{Arguments, Census as Asked};
use super::failure::{ANOMALY, Failure};
use super::office::Office;
use super::output::{Output, count as counted, number};
use super::progress::{Progress, pace};
use phiseal::rotation::run::{Event, Holding};
use phiseal::rotation::source::{RowKey, Scalar};
use phiseal::rotation::{Census, Class, Finding};
use serde_json::{Value, json};

pub(crate) fn census(arguments: &Arguments, of: &Asked, output: &Output) -> Result<(), Failure> {
    let office = Office::open(&arguments.manifest)?;
    let mut anomalies = 0_u64;
    let censuses = count(&office.holdings()?, output, |table, finding| {
        anomalies += u64::from(is_anomaly(finding.class));
        if of.rows {
            row(table, finding, output);
        }
    })?;
    table(&censuses, output);
    if of.check && anomalies > 0 {
        let what = counted(anomalies, "value is", "values are");
        return Err(Failure::new(
            ANOMALY,
            format!("{what} damaged, under an unknown key, or never sealed"),
        ));
    }
    Ok(())
}

/// What no rotation puts in order.
pub(crate) const fn is_anomaly(class: Class) -> bool {
    matches!(
        class,
        Class::Plaintext | Class::Foreign | Class::Damaged | Class::Newer(_) | Class::PersonDropped
    )
}

/// Counts all of them.
pub(crate) fn count(
    holdings: &[Holding],
    output: &Output,
    mut found: impl FnMut(&str, &Finding),
) -> Result<Vec<Census>, Failure> {
    let mut progress = Progress::new(output, "counting", None);
    let mut censuses = Vec::new();
    for holding in holdings {
        let counted = holding.census(&mut |event| match event {
            Event::Counted { rows, .. } => progress.rows(rows),
            Event::Finding { table, finding } => progress.above(|| found(table, finding)),
            _ => {}
        });
        censuses.push(counted?);
    }
    output.say(&format!("Counted {}.", pace(progress.end())));
    Ok(censuses)
}

/// The counts, a line for each column and class.
pub(crate) fn table(censuses: &[Census], output: &Output) {
    for census in censuses {
        output.say(&format!("\n{}: {}", census.table, counted(census.rows, "row", "rows")));
        for column in &census.columns {
            for (class, values) in &column.counts {
                let class = match class {
                    Class::Current => format!("version {} (current)", column.primary),
                    other => other.to_string(),
                };
                let text = format!("  {:<20} {:<36} {:>14}", column.column, class, number(*values));
                let facts = json!({
                    "table": census.table, "column": column.column, "domain": column.domain, "class": class,
                    "primary": column.primary, "values": values,
                });
                output.tell(&text, "count", facts);
            }
        }
    }
    output.say("");
}

/// A value that is not in order.
pub(crate) fn row(table: &str, finding: &Finding, output: &Output) {
    let text =
        format!("  {table} {}, column {}: {}", key(&finding.key), finding.column, finding.class);
    let parts: Vec<Value> = finding.key.parts().iter().map(part).collect();
    let facts = json!({ "table": table, "key": parts, "column": finding.column, "class": finding.class.to_string() });
    output.tell(&text, "finding", facts);
}

fn key(key: &RowKey) -> String {
    let parts: Vec<String> = key
        .parts()
        .iter()
        .map(|it| match part(it) {
            Value::String(text) => text,
            other => other.to_string(),
        })
        .collect();
    parts.join("/")
}

fn part(part: &Scalar) -> Value {
    match part {
        Scalar::Nothing => Value::Null,
        Scalar::Integer(number) => json!(number),
        Scalar::Text(text) => json!(text),
        Scalar::Bytes(bytes) => {
            json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
    }
}
