//! `custodian`: a new signing key.

use super::arguments::Custodian;
use super::failure::Failure;
use super::output::Output;
use super::signer::new_passphrase;
use phiseal::audit::note::{KeyName, VerifierKey};
use phiseal::backends::custodian::{Cost, CustodianKey};
use phiseal::default_engine;
use serde_json::json;

pub(crate) fn make(of: &Custodian, output: &Output) -> Result<(), Failure> {
    let name = KeyName::new(&of.name)?;
    let chosen = new_passphrase(&of.key)?;
    let file = &of.key.key;
    let key = CustodianKey::generate(file, &of.name, &chosen, Cost::default(), default_engine())?;
    let key = VerifierKey::of(name, &key, default_engine())?;
    let text = format!(
        "{} holds the signing key of {}, under its passphrase: keep both.\nThe public half, for the roster:\n{key}",
        file.display(),
        of.name,
    );
    output.tell(
        &text,
        "custodian",
        json!({ "name": of.name, "file": file, "key": key.to_string() }),
    );
    Ok(())
}
