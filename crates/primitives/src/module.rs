/// The cryptographic module behind an engine, as a fact that a program can report.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Module {
    /// The module's name: `AWS-LC FIPS`, `AWS-LC`, `ring`, `RustCrypto`.
    pub name: &'static str,
    /// The module's version, as far as it can be known at run time.
    pub version: String,
    /// Where the module stands.
    pub validation: Validation,
}

/// What is known about a module's FIPS 140-3 validation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Validation {
    /// Not a FIPS module, or not in FIPS mode.
    None,
    /// In FIPS mode, but this version is on no certificate that this release knows of.
    Uncertified,
    /// In FIPS mode; an earlier version from this module's branch is on the CMVP certificate of this number.
    ///
    /// What came after it are the vendor's fixes, some of them inside the module. Whether the certificate extends to
    /// this version is said by the vendor's documents and judged by an assessor, not by a program.
    CertifiedBranch(&'static str),
    /// In FIPS mode, and this very version is on the CMVP certificate of this number. A certificate can be withdrawn
    /// after this release was made; the CMVP's list is the authority.
    Certified(&'static str),
}
