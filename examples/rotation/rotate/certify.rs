//! The certificate of what was done: for programs, for people, and signed.

use super::failure::{Failure, of_file};
use super::output::Output;
use super::signer::Custodian;
use phiseal::default_engine;
use phiseal::rotation::certificate::{self, Certificate, Status};
use pollster::block_on;
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Writes `NAME.json`, `NAME.json.sig` and `NAME.html` into `folder`, over nothing.
pub(crate) fn certify(
    certificate: &Certificate,
    by: &Custodian,
    folder: &Path,
    output: &Output,
) -> Result<(), Failure> {
    let json = certificate.to_json(default_engine())?;
    let note = block_on(certificate::sign(&json, None, &by.key, &by.signer, default_engine()))?;
    let first = format!(
        "{}-{}-{}",
        certificate.operation.to_string().replace([' ', '\''], "-"),
        certificate.domain.replace(|symbol: char| !symbol.is_ascii_alphanumeric(), "-"),
        certificate.times.ended,
    );
    // Another one may have ended in the same second.
    let mut name = first.clone();
    for number in 2..100 {
        if !folder.join(format!("{name}.json")).exists() {
            break;
        }
        name = format!("{first}-{number}");
    }
    std::fs::create_dir_all(folder).map_err(|error| of_file(folder, &error))?;
    let html = certificate.to_html(default_engine())?;
    for (ending, bytes) in [
        ("json", json.as_slice()),
        ("json.sig", note.to_string().as_bytes()),
        ("html", html.as_bytes()),
    ] {
        let file = folder.join(format!("{name}.{ending}"));
        let made = File::create_new(&file).and_then(|mut file| file.write_all(bytes));
        made.map_err(|error| of_file(&file, &error))?;
    }
    let what = match certificate.status() {
        Status::Finished => "The certificate",
        Status::ErasurePending => "The certificate, which says that copies may be left,",
        Status::NotFinished => "The certificate, which says what is not finished,",
    };
    let file = folder.join(&name);
    let text = format!(
        "{what} is {0}.html; {0}.json and its signature are for programs:\n  rotate verify {0}.json --signer {1}",
        file.display(),
        by.key,
    );
    let facts = json!({ "json": format!("{}.json", file.display()), "html": format!("{}.html", file.display()),
        "status": format!("{:?}", certificate.status()), "signer": by.key.to_string() });
    output.tell(&text, "certificate", facts);
    Ok(())
}
