//! What phiseal's examples share: patients to seal.
//!
//! * [`fhir`] reads patients from a FHIR R4 file and names the cells of each that identify a person.
//! * [`generator`] writes such a file: made-up patients, the same for the same seed.
//!
//! Nothing here seals anything; the example programs do.

pub mod fhir;
pub mod generator;
