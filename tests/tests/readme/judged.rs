use phiseal::access::{Access, Policy};
use phiseal::audit::Log;
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::stores::MemoryStore;
use phiseal::{ErrorKind, Reader, context};
use std::sync::Arc;

pub(crate) fn judged(policy: &str, log: Log) -> Result<(), Box<dyn std::error::Error>> {
    let access = Arc::new(Access::new(Policy::parse(policy)?, log)); // wrong policies say where, by line and column
    let builder = phiseal::Builder::new().reveals(access);
    let phi = Phiseal::open_with(builder, MemoryStore::new(), MemoryKek::new(phiseal::default_engine())?)?;
    let patients = phi.domain("clinic/patients")?;

    let what = context!(record = "mrn-1029", field = "ssn");
    let ssn = patients.seal("123-45-6789", &what)?; // whoever writes needs no grant

    let clerk = patients.read_by(Reader::new("billing/7", "payment")?); // a cheap handle, for one request
    assert_eq!(clerk.open_masked(&ssn, &what)?, "***-**-6789");
    assert_eq!(clerk.open::<String>(&ssn, &what).unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(patients.open::<String>(&ssn, &what).unwrap_err().kind(), ErrorKind::Denied); // nobody's
    Ok(())
}
