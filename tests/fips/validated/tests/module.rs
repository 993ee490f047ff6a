//! Which module the pinned release brings: a later version of the one that is on a CMVP certificate.

use phiseal_primitives::{Validation, default_engine};

#[test]
fn the_module_is_of_the_branch_that_has_certificates() {
    let module = default_engine().module();
    println!("{module:?}");
    assert_eq!(module.name, "AWS-LC FIPS");
    assert!(module.version.starts_with("3."), "{}", module.version);
    let certificates = "5314 (static library), 5298 (dynamic library)";
    assert_eq!(module.validation, Validation::CertifiedBranch(certificates));
}
