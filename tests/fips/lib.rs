//! Nothing but a place for the tests of the FIPS combination.
