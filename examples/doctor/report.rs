//! What the program says: for a person, or one JSON object for each look.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program's voice")]

use crate::places::{Nearness, Place};
use phiseal::{DomainHealth, Health, KekHealth, KekInfo, Wraps};
use serde_json::{Value, json};
use std::error::Error;
use std::time::Duration;

/// A line on standard output.
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// A line on standard error.
pub(crate) fn complaint(text: &str) {
    eprintln!("{text}");
}

pub(crate) fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

pub(crate) struct Report {
    json: bool,
}

impl Report {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// One look at a store.
    pub(crate) fn show(&self, title: &str, health: &Health, places: &[Place]) {
        if self.json {
            println!("{}", object(title, health, places));
            return;
        }
        if !title.is_empty() {
            println!("\n=== {title}\n");
        }
        print!("{health}");
        println!("\nWhere things are");
        if places.is_empty() {
            println!("  Not looked at.");
        }
        for place in places {
            let mark = if place.needs_attention() { "- needs attention: " } else { "" };
            println!("  {mark}{}", place.sentence());
        }
    }
}

fn object(title: &str, health: &Health, places: &[Place]) -> Value {
    let findings = health.findings();
    let well = findings.is_empty() && !places.iter().any(Place::needs_attention);
    json!({
        "title": title,
        "well": well,
        "environment": health.environment.to_string(),
        "engine": health.engine,
        "module": {
            "name": health.module.name, "version": health.module.version,
            "validation": format!("{:?}", health.module.validation),
        },
        "memory_is_locked": health.memory_is_locked,
        "store_key": wraps(&health.store_key),
        "keks": health.keks.iter().map(kek).collect::<Vec<_>>(),
        "domains": health.domains.iter().map(domain).collect::<Vec<_>>(),
        "places": places.iter().map(place).collect::<Vec<_>>(),
        "findings": findings.iter().map(|finding| json!({
            "kind": format!("{:?}", finding.kind), "subject": finding.subject, "what": finding.what,
            "remedy": finding.remedy,
        })).collect::<Vec<_>>(),
    })
}

fn kek(kek: &KekHealth) -> Value {
    let mut object = json!({
        "id": kek.id.as_ref().map(ToString::to_string), "wraps": kek.wraps,
        "escrow": kek.escrow, "reachable": kek.answer.is_ok(),
    });
    let more = match &kek.answer {
        Err(error) => {
            json!({"error": error.to_string(), "error_kind": format!("{:?}", error.kind())})
        }
        Ok(answer) => {
            let KekInfo { current, versions, fips, public_wraps, .. } = &answer.info;
            let versions: Vec<_> = versions
                .iter()
                .map(|(number, state)| json!({"version": number.0, "state": state.to_string()}))
                .collect();
            let (trial, failed) = match &answer.trial {
                None => (None, None),
                Some(Ok(time)) => (Some(micros(*time)), None),
                Some(Err(error)) => (None, Some(error.to_string())),
            };
            json!({
                "current": current.0, "versions": versions, "fips": fips, "public_wraps": public_wraps,
                "describe_microseconds": micros(answer.described_in), "trial_microseconds": trial,
                "trial_error": failed,
            })
        }
    };
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}

fn domain(domain: &DomainHealth) -> Value {
    json!({
        "name": domain.name,
        "primary": domain.primary,
        "versions": domain.versions.iter().map(|version| json!({
            "version": version.number, "state": version.state.to_string(), "age_seconds": version.age.as_secs(),
            "reserved_uses": version.reserved_uses, "wraps": wraps(&version.wraps),
        })).collect::<Vec<_>>(),
    })
}

fn wraps(wraps: &Wraps) -> Value {
    json!({
        "total": wraps.total, "outdated": wraps.outdated, "lost": wraps.lost, "leaving": wraps.leaving,
        "unknown": wraps.unknown, "unchecked": wraps.unchecked, "missing": wraps.missing,
    })
}

fn place(place: &Place) -> Value {
    let nearness = match place.nearness {
        Nearness::SameFile => "same file",
        Nearness::SameFolder => "same folder",
        Nearness::SameDevice => "same device",
        Nearness::Apart => "apart",
    };
    json!({
        "what": place.what, "file": place.file.display().to_string(), "nearness": nearness,
        "needs_attention": place.needs_attention(), "sentence": place.sentence(),
    })
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
