//! Which module the newest release brings: one that is submitted, and on no certificate yet.

use phiseal_primitives::{Validation, default_engine};

#[test]
fn the_module_is_branch_4_and_uncertified() {
    let module = default_engine().module();
    println!("{module:?}");
    assert_eq!(module.name, "AWS-LC FIPS");
    assert!(module.version.starts_with("4."), "{}", module.version);
    assert_eq!(module.validation, Validation::Uncertified);
}
