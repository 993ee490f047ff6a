//! A second process on the same store.

use crate::say;
use phiseal::backends::local::LocalKek;
use phiseal::blocking::Phiseal;
use phiseal::stores::SqliteStore;
use phiseal::{Error, Phi, Sealed};
use phiseal_tests::world::{DOMAIN, what};

/// Opens a field of the person `ada` and says what came of it.
pub(crate) fn open_person(sealed: &str) {
    let outcome = || -> Result<String, Error> {
        let sealed: Sealed = sealed.parse()?;
        let kek = LocalKek::open("kek.json", phiseal::default_engine())?;
        let domain = Phiseal::open(SqliteStore::open("keys.db")?, kek)?.domain(DOMAIN)?;
        let opened: Phi<String> = domain.subject("ada")?.open(&sealed, &what())?;
        Ok(opened.expose_secret().clone())
    };
    match outcome() {
        Ok(plain) => say(&format!("opened {plain}")),
        Err(error) => say(&format!("refused {:?}", error.kind())),
    }
}
