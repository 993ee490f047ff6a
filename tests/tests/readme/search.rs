use phiseal::blocking::{Domain, wait};
use phiseal::tokens::{BlindIndex, Cardinality, Column, Normaliser, Part};

pub(crate) fn search(patients: &Domain) -> Result<(), phiseal::Error> {
    let name = Part::new(Normaliser::Text, Cardinality::of(162_253));
    let by_name = Column::new(patients.as_async(), "last name", BlindIndex::new([name])?);

    let stored = wait(by_name.entry(&["Müller"]))?; // beside the sealed row, in a column with an index
    let wanted = wait(by_name.terms(&[" MULLER"]))?; // SELECT … WHERE entry IN (…)
    assert!(wanted.contains(&stored));
    Ok(())
}
