use phiseal::{Phi, backends::local::LocalKek, blocking::Phiseal, context, default_engine, stores::SqliteStore};

pub(crate) fn main() -> Result<(), phiseal::Error> {
    let kek = LocalKek::open_or_create("kek.json", default_engine())?;
    let phi = Phiseal::open(SqliteStore::open("phi-keys.db")?, kek)?;
    let patients = phi.domain("clinic/patients")?;

    let what = context!(record = "mrn-1029", field = "ssn");
    let ssn = patients.seal("123-45-6789", &what)?;
    let plain: Phi<String> = patients.open(&ssn, &what)?;
    assert_eq!(plain.expose_secret(), "123-45-6789");
    Ok(())
}
