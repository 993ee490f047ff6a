//! Key files, and the passphrases that open them.

use super::arguments::Key;
use super::failure::{ERROR, Failure};
use phiseal::audit::note::{KeyName, VerifierKey};
use phiseal::backends::custodian::{CustodianKey, Passphrase};
use phiseal::default_engine;

/// One who signs.
pub(crate) struct Custodian {
    pub(crate) key: VerifierKey,
    pub(crate) signer: CustodianKey,
}

/// Opens a key file.
pub(crate) fn open(from: &Key) -> Result<Custodian, Failure> {
    let passphrase = passphrase(from, "Passphrase")?;
    let signer = CustodianKey::open(&from.key, &passphrase, default_engine())?;
    let key = VerifierKey::of(KeyName::new(signer.name())?, &signer, default_engine())?;
    Ok(Custodian { key, signer })
}

/// The passphrase of a key file: from the environment, or from whoever sits at the terminal.
fn passphrase(from: &Key, prompt: &str) -> Result<Passphrase, Failure> {
    match &from.passphrase_env {
        Some(name) => Ok(Passphrase::from_env(name)?),
        None => Ok(Passphrase::from_bytes(typed(prompt, from)?.into_bytes())?),
    }
}

/// The passphrase of a key file that is to be made: typed twice.
pub(crate) fn new_passphrase(of: &Key) -> Result<Passphrase, Failure> {
    if of.passphrase_env.is_some() {
        return passphrase(of, "");
    }
    let once = typed("New passphrase (15 characters or more)", of)?;
    if typed("The same again", of)? != once {
        return Err(Failure::new(ERROR, "the two are not the same: nothing was made"));
    }
    Ok(Passphrase::from_bytes(once.into_bytes())?)
}

fn typed(prompt: &str, of: &Key) -> Result<String, Failure> {
    rpassword::prompt_password(format!("{prompt} of {}: ", of.key.display())).map_err(|error| {
        let why = format!("no terminal to ask for a passphrase ({error})");
        Failure::new(ERROR, why + ": --passphrase-env names an environment variable")
    })
}
