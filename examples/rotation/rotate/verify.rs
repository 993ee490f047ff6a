//! `verify`: a certificate, or an audit log. Needs no key but public ones.

use super::arguments::Verify;
use super::failure::{ANOMALY, Failure, of_file};
use super::output::{Output, count};
use super::roster::keys;
use phiseal::audit::Log;
use phiseal::audit::note::VerifierKey;
use phiseal::audit::verify::Verifier;
use phiseal::default_engine;
use phiseal::rotation::certificate::{self, Status};
use serde_json::json;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

pub(crate) fn verify(of: &Verify, output: &Output) -> Result<(), Failure> {
    let signers = keys(&of.signers)?;
    // Every certificate is one JSON object on many lines, every log one on each.
    if of.file.extension().is_some_and(|ending| ending == "json") {
        certificate(&of.file, &signers, output)
    } else {
        log(&of.file, signers, output)
    }
}

fn certificate(file: &Path, signers: &[VerifierKey], output: &Output) -> Result<(), Failure> {
    let read = |file: &Path| std::fs::read(file).map_err(|error| of_file(file, &error));
    let json = read(file)?;
    let mut beside = file.as_os_str().to_owned();
    beside.push(".sig");
    let verified =
        certificate::verify(&json, &read(Path::new(&beside))?, signers, default_engine());
    let verified = verified.map_err(|error| {
        Failure::new(
            ANOMALY,
            format!("{}: {}", file.display(), super::failure::with_sources(&error)),
        )
    })?;
    let certificate = &verified.certificate;
    let names: Vec<_> = verified.signers.iter().map(|key| key.name()).collect();
    let status = match certificate.status() {
        Status::Finished => "finished",
        Status::ErasurePending => "finished; copies of what was destroyed may be left",
        Status::NotFinished => "NOT FINISHED",
    };
    let mut text = format!(
        "Genuine: signed by {}.\n{} in {}: {status}.",
        names.join(", "),
        certificate.operation,
        certificate.domain,
    );
    for remains in certificate.remains() {
        text.push_str(&format!("\n  {remains}"));
    }
    if certificate.approval.single_custodian {
        text.push_str("\n  A single custodian did this alone.");
    }
    output.tell(&text, "verified", json!({
        "signers": names, "operation": certificate.operation.to_string(), "domain": certificate.domain,
        "status": format!("{:?}", certificate.status()), "single_custodian": certificate.approval.single_custodian,
    }));
    Ok(())
}

fn log(file: &Path, signers: Vec<VerifierKey>, output: &Output) -> Result<(), Failure> {
    let open =
        |file: &Path| File::open(file).map(BufReader::new).map_err(|error| of_file(file, &error));
    let mut verifier = Verifier::new(signers, default_engine());
    let checkpoints = Log::checkpoints_of(file);
    verifier.checkpoints(checkpoints.display().to_string(), open(&checkpoints)?);
    let verdict = verifier.verify(open(file)?)?;
    let is_sound = verdict.is_sound();
    let lines = |of: u64| count(of, "line", "lines");
    let text = match &verdict.fault {
        Some(fault) => format!("NOT SOUND: {fault}."),
        None if !is_sound => {
            format!("NOT PROVED: no checkpoint covers any of its {}.", lines(verdict.lines))
        }
        None => format!(
            "Sound: {} as they were written, none missing, by {}.",
            lines(verdict.covered),
            count(verdict.checkpoints, "signed checkpoint", "signed checkpoints"),
        ),
    };
    let facts = json!({ "sound": is_sound, "lines": verdict.lines, "covered": verdict.covered });
    output.tell(&text, "log", facts);
    if is_sound {
        Ok(())
    } else {
        Err(Failure::new(ANOMALY, "the log is not what was written, or proves nothing"))
    }
}
