//! `roster`: the first custodians; and rosters from lines.

use super::arguments::{Arguments, Found};
use super::failure::Failure;
use super::office::{Act, Book, Office};
use super::output::Output;
use phiseal::audit::note::VerifierKey;
use phiseal::default_engine;
use phiseal::rotation::custody::{Custodians, Roster};
use pollster::block_on;
use serde_json::json;

pub(crate) fn found(arguments: &Arguments, of: &Found, output: &Output) -> Result<(), Failure> {
    let office = Office::open(&arguments.manifest)?;
    if office.custodians.is_some() {
        return Err(Failure::new(
            super::failure::REFUSED,
            "there are custodians already: rotate plan roster",
        ));
    }
    let environment = office.store().environment();
    let roster = Roster::first(environment, of.threshold, keys(&of.custodians)?)?;
    let mut book = Book::open(&office)?;
    let founded = block_on(Custodians::found(office.store(), roster));
    let act = Act {
        action: "roster",
        actor: "founder",
        request: None,
        domain: None,
        count: None,
        to: None,
    };
    book.write(&act, founded.as_ref().map(drop).map_err(phiseal::Error::kind))?;
    let custodians = founded?;
    let first = custodians.first();
    let text = format!(
        "From now on nobody changes these keys alone.\nPut this under [keys] of the manifest, and keep a copy elsewhere:\nroster = \"{first}\""
    );
    output.tell(
        &text,
        "roster",
        json!({ "roster": first.to_string(), "environment": environment.to_string() }),
    );
    Ok(())
}

pub(crate) fn keys(lines: &[String]) -> Result<Vec<VerifierKey>, Failure> {
    let key = |line: &String| Ok(VerifierKey::parse(line.trim(), default_engine())?);
    lines.iter().map(key).collect()
}
