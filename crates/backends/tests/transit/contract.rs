//! The seventeen clauses, on a real server: with the root token, and with the tokens that the policies of the documentation
//! give.

use crate::support::{engine, found};
use phiseal_backends::transit::{TransitAdmin, TransitKek};
use phiseal_conformance::Absent;
use phiseal_conformance::kek::Fixture;
use serde_json::json;
use std::sync::Arc;

/// The policies of the documentation, as they are there.
const APPLICATION: &str = include_str!("../../src/transit/application.hcl");
const CUSTODIAN: &str = include_str!("../../src/transit/custodian.hcl");

/// The policy of an application that uses the key of this name.
pub(crate) fn application(name: &str) -> String {
    about(APPLICATION, name)
}

/// The policy of the custodian of the key of this name.
pub(crate) fn custodian(name: &str) -> String {
    about(CUSTODIAN, name)
}

/// A policy, about another key than `phi`.
fn about(policy: &str, name: &str) -> String {
    policy.replace("phi\"", &format!("{name}\"")).replace("phi/", &format!("{name}/"))
}

fn fixture(backend: TransitKek, other: TransitKek, admin: TransitAdmin) -> Fixture {
    Fixture::new(engine(), Arc::new(backend), Arc::new(other)).with_admin(Arc::new(admin))
}

mod as_root {
    use super::*;

    fn fixture() -> Result<Fixture, Absent> {
        let server = found()?;
        let (name, other) = (server.new_key(), server.new_key());
        Ok(super::fixture(server.kek(&name), server.kek(&other), server.admin(&name)))
    }

    phiseal_conformance::kek_backend_tests!("transit-openbao-root", fixture);
}

mod with_the_documented_policies {
    use super::*;

    fn fixture() -> Result<Fixture, Absent> {
        let server = found()?;
        let (name, other) = (server.new_key(), server.new_key());
        let token = |policy: String| server.token(&policy, &json!({}));
        Ok(super::fixture(
            server.kek_of(&name, &token(application(&name))),
            server.kek_of(&other, &token(application(&other))),
            server.admin_of(&name, &token(custodian(&name))),
        ))
    }

    phiseal_conformance::kek_backend_tests!("transit-openbao-policies", fixture);
}
