//! A verdict in sentences, or as JSON.

use phiseal::audit::verify::Verdict;
use serde_json::json;
use std::io::Write;
use std::path::Path;

pub(crate) fn as_json(verdict: &Verdict) -> String {
    json!({
        "sound": verdict.is_sound(),
        "lines": verdict.lines,
        "covered": verdict.covered,
        "checkpoints": verdict.checkpoints,
        "first": verdict.first.map(|time| time.to_string()),
        "last": verdict.last.map(|time| time.to_string()),
        "unfinished": verdict.unfinished,
        "fault": verdict.fault.as_ref().map(|fault| json!({
            "what": format!("{:?}", fault.what),
            "line": fault.line,
            "through": fault.through,
            "by": fault.by,
            "sentence": fault.to_string(),
        })),
    })
    .to_string()
}

pub(crate) fn in_words(log: &Path, verdict: &Verdict) -> String {
    let mut text = format!("Audit log {}\n\n", log.display());
    match &verdict.fault {
        Some(fault) => {
            text += &format!("NOT SOUND: {fault}.\n");
            if verdict.covered > 0 {
                let proved = lines(verdict.covered);
                text += &format!("What stands before is proved: {proved}, as they were written.\n");
            }
        }
        None if verdict.covered == 0 && verdict.lines > 0 => {
            text +=
                &format!("NOT PROVED: no checkpoint covers any of its {}.\n", lines(verdict.lines));
        }
        None => {
            text += &format!(
                "Sound: {} as they were written and in their order, none missing; {} signed by the log's key {}.\n",
                lines(verdict.covered),
                count(verdict.checkpoints, "checkpoint"),
                if verdict.checkpoints == 1 { "fits" } else { "fit" },
            );
            let after = verdict.lines.saturating_sub(verdict.covered);
            if after > 0 {
                text += &format!(
                    "The last {} came after the last checkpoint: no proof that they are unchanged or complete.\n",
                    lines(after)
                );
            }
        }
    }
    if let (Some(first), Some(last)) = (verdict.first, verdict.last) {
        text += &format!("The lines that were read are from {first} to {last}.\n");
    }
    if verdict.unfinished > 0 {
        text += &format!(
            "It ends in {} of a line without its end: it is being written, or its writer was stopped.\n",
            count(verdict.unfinished, "byte")
        );
    }
    if verdict.unfinished_notes > 0 {
        text += "A file of checkpoints ends in the middle of one, which was left out.\n";
    }
    text + "What is proved is what was written down, not that all was written down.\n"
}

fn lines(number: u64) -> String {
    count(number, "line")
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

pub(crate) fn complaint(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
