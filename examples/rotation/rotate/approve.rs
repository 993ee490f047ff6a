//! `approve`: what a request is, and a signature under it.

use super::arguments::Approve;
use super::failure::{ERROR, Failure, of_file};
use super::output::Output;
use super::{office, signer};
use phiseal::default_engine;
use phiseal::rotation::custody::{Operation, Request};
use pollster::block_on;
use serde_json::json;
use std::io::{BufRead, IsTerminal, stdin};

pub(crate) fn approve(of: &Approve, output: &Output) -> Result<(), Failure> {
    let mut note = office::note(&of.request)?;
    let request = Request::parse(note.text())?;
    describe(&request, output);
    if !of.yes && !agrees(output)? {
        return Err(Failure::new(super::failure::REFUSED, "not signed"));
    }
    let by = signer::open(&of.key)?;
    if note.signatures().iter().any(|it| it.name() == by.key.name() && it.key_id() == by.key.id()) {
        output.tell(
            "You have signed it already.",
            "signed",
            json!({ "by": by.key.name(), "again": true }),
        );
        return Ok(());
    }
    block_on(note.sign(&by.key, &by.signer))?;
    replace(&of.request, &note.to_string())?;
    let text = format!(
        "Signed by {}. Send {} back to {}.",
        by.key.name(),
        of.request.display(),
        request.requester
    );
    output.tell(&text, "signed", json!({ "by": by.key.name(), "file": of.request }));
    Ok(())
}

/// Everything that a custodian agrees to.
pub(crate) fn describe(request: &Request, output: &Output) {
    let mut text = format!(
        "{} asks for this: {}\n\n  It {}.\n\n",
        request.requester,
        request.operation,
        request.meaning()
    );
    let mut line = |what: &str, value: &str| text.push_str(&format!("  {what:<12} {value}\n"));
    if let Some(keyset) = &request.keyset {
        line("domain", &keyset.name);
        line("keys", &format!("as they are at revision {}", keyset.revision));
    }
    for kek in &request.keks {
        line("wrapped by", kek.as_str());
    }
    for ground in &request.grounds {
        line("final, as", &ground.to_string());
    }
    line("key store", &request.environment.to_string());
    if let Some(manifest) = &request.manifest {
        line("manifest", &manifest.to_string());
    }
    match (&request.roster, request.operation) {
        (_, Operation::Roster(next)) => {
            line("custodians", &format!("the roster of SHA-256 {next}"))
        }
        (Some(roster), _) => line("roster", &roster.to_string()),
        (None, _) => line("roster", "none: nobody has to agree"),
    }
    line("requested", &request.requested.to_string());
    line("holds until", &request.expires.to_string());
    line("SHA-256", &request.digest(default_engine()).to_string());
    let facts = json!({
        "operation": request.operation.to_string(), "requester": request.requester.as_str(),
        "domain": request.keyset.as_ref().map(|it| it.name.clone()), "expires": request.expires.to_string(),
        "final": request.grounds.iter().map(|ground| ground.name()).collect::<Vec<_>>(),
        "sha256": request.digest(default_engine()).to_string(),
    });
    output.tell(&text, "asked", facts);
}

fn agrees(output: &Output) -> Result<bool, Failure> {
    if !stdin().is_terminal() {
        return Err(Failure::usage("no terminal to ask whether you agree: --yes says so"));
    }
    output.say("Sign it? Type yes:");
    let mut typed = String::new();
    stdin().lock().read_line(&mut typed).map_err(|error| Failure::new(ERROR, error.to_string()))?;
    Ok(typed.trim() == "yes")
}

/// Puts a file in the place of another one of the same name, whole or not at all.
fn replace(file: &std::path::Path, text: &str) -> Result<(), Failure> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = file.with_file_name(name);
    std::fs::write(&new, text)
        .and_then(|()| std::fs::rename(&new, file))
        .map_err(|error| of_file(file, &error))
}
