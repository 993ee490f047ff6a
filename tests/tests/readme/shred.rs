use phiseal::{ErrorKind, blocking::Domain, context};

pub(crate) fn shred(patients: &Domain) -> Result<(), phiseal::Error> {
    let jane = patients.subject_or_create("mrn-1029")?;
    let what = context!(record = "mrn-1029", field = "name");
    let name = jane.seal("Jane Doe", &what)?;

    patients.shred_subject("mrn-1029")?;
    assert_eq!(jane.open::<String>(&name, &what).unwrap_err().kind(), ErrorKind::State);
    Ok(())
}
