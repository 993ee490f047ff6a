//! The contract, on a service of our own and on both emulators.

use crate::fake::{Fake, arn};
use crate::support::{Custodian, engine, kek, server};
use phiseal_backends::aws_kms::AwsKmsKek;
use phiseal_conformance::kek::Fixture;
use phiseal_conformance::{Absent, Faults};
use phiseal_keys::{Error, ErrorKind};
use std::sync::Arc;

const NO_ADMIN: &str = "AWS KMS shows no versions";

mod own {
    use super::*;

    fn fixture() -> Fixture {
        let fake = Fake::start();
        let (backend, other) = (kek(&fake.url(), &arn(0)), kek(&fake.url(), &arn(1)));
        Fixture::new(engine(), backend, other).without_admin(NO_ADMIN)
    }

    phiseal_conformance::kek_backend_tests!("aws-kms-fake", fixture);
}

mod localstack {
    use super::*;

    fn fixture() -> Result<Fixture, Absent> {
        let custodian = custodian("PHISEAL_LOCALSTACK")?;
        let (backend, other) = (custodian.kek(), custodian.kek());
        Ok(Fixture::new(engine(), backend, other).without_admin(NO_ADMIN))
    }

    phiseal_conformance::kek_backend_tests!("aws-kms-localstack", fixture);
}

mod moto {
    use super::*;

    fn fixture() -> Result<Fixture, Absent> {
        let custodian = custodian("PHISEAL_MOTO")?;
        let (backend, other) = (on_moto(custodian.kek()), custodian.kek());
        Ok(Fixture::new(engine(), backend, other).without_admin(NO_ADMIN))
    }

    phiseal_conformance::kek_backend_tests!("aws-kms-moto", fixture);
}

fn custodian(variable: &str) -> Result<Custodian, Absent> {
    let url = server(variable);
    let url = url.ok_or_else(|| Absent::new("aws-kms", format!("{variable} is not set")))?;
    Ok(Custodian::of(&url, "eu-central-1"))
}

/// moto says `AccessDenied` of a wrap that names another key, where AWS says `IncorrectKey` or `InvalidCiphertext`.
fn on_moto(kek: Arc<AwsKmsKek>) -> Arc<Faults<Arc<AwsKmsKek>>> {
    let kek = Arc::new(Faults::new(kek));
    kek.after_unwrap(|_, answer| as_aws_says(answer));
    kek.after_rewrap(|_, answer| as_aws_says(answer));
    kek
}

fn as_aws_says<T>(answer: Result<T, Error>) -> Result<T, Error> {
    answer.map_err(|error| match error.kind() {
        ErrorKind::Denied => Error::new(ErrorKind::Unauthenticated, "the wrap is of another key"),
        _ => error,
    })
}
