//! Keys of AWS KMS that are opened by their addresses. Credentials come from the environment, so each test runs in a process
//! with an environment of its own.

use crate::fake::{Fake, arn};
use crate::{Account, kind};
use phiseal::backends::aws_kms::sdk::config::{BehaviorVersion, Credentials, Region};
use phiseal::backends::aws_kms::{AwsKmsKek, sdk};
use phiseal::{ErrorKind, KekBackend};
use phiseal_keys::runtime;
use phiseal_tests::addresses::{are_one, kek};
use pollster::block_on;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Set in the process that a test runs itself in.
const AGAIN: &str = "PHISEAL_TEST_AGAIN";

/// Where nothing says who this is.
const NOBODY: [(&str, &str); 3] = [
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("AWS_CONFIG_FILE", "/dev/null"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
];

/// Whether this is the process for a test; if not, runs the test in one with this environment.
fn is_alone(test: &str, environment: &[(&str, &str)]) -> bool {
    if std::env::var_os(AGAIN).is_some() {
        return true;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("addresses::{test}"), "--test-threads=1"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_PROFILE").env(AGAIN, "1");
    let output = command.envs(NOBODY).envs(environment.iter().copied()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    false
}

fn opened(address: &str) -> Arc<dyn KekBackend> {
    kek(address, Path::new("/nonexistent")).unwrap()
}

/// Whether every call that was made since the first `from` ones was made by whoever has this key.
fn are_by(fake: &Fake, from: usize, id: &str) -> bool {
    let calls = fake.calls();
    assert!(calls.len() > from, "no call was made");
    calls[from..].iter().all(|call| call.head.contains(&format!("Credential={id}/")))
}

#[test]
fn an_arn_alone_takes_the_credentials_of_the_environment() {
    let somebody = [("AWS_ACCESS_KEY_ID", "AKIDENV"), ("AWS_SECRET_ACCESS_KEY", "s")];
    if !is_alone("an_arn_alone_takes_the_credentials_of_the_environment", &somebody) {
        return;
    }
    let account = Account::new();
    let backend = opened(&format!("aws-kms:{}?endpoint={}", arn(3), account.fake.url()));
    block_on(backend.describe()).unwrap();
    assert!(are_by(&account.fake, 0, "AKIDENV"));
    are_one(backend, Arc::new(account.kek(3)));
}

#[test]
fn a_profile_is_of_the_shared_files() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    let keys = |id: &str| format!("aws_access_key_id = {id}\naws_secret_access_key = s\n");
    let profiles = format!("[default]\n{}[profile clinic]\n{}", keys("AKIDDEF"), keys("AKIDCLI"));
    std::fs::write(&config, profiles).unwrap();
    let files = [("AWS_CONFIG_FILE", config.to_str().unwrap())];
    if !is_alone("a_profile_is_of_the_shared_files", &files) {
        return;
    }
    let fake = Fake::start();
    let address = |more: &str| format!("aws-kms:{}?endpoint={}{more}", arn(0), fake.url());
    for (more, id) in [("&profile=clinic", "AKIDCLI"), ("", "AKIDDEF")] {
        let from = fake.count();
        block_on(opened(&address(more)).describe()).unwrap();
        assert!(are_by(&fake, from, id), "{id}");
    }
    let nobody = block_on(opened(&address("&profile=none")).describe());
    assert_eq!(kind(nobody), Some(ErrorKind::Denied));
}

#[test]
fn a_key_of_an_emulator_wraps_and_unwraps() {
    let given = ["PHISEAL_MOTO", "PHISEAL_LOCALSTACK"].map(|name| (name, std::env::var(name).ok()));
    for (name, _) in given.iter().filter(|(_, url)| url.is_none()) {
        let is_local = std::env::var("PHISEAL_LOCAL").as_deref() == Ok("1");
        assert!(is_local, "{name} is not set: run cargo xtask test, or set PHISEAL_LOCAL=1");
        println!("left out under PHISEAL_LOCAL=1: what needs {name}");
    }
    let somebody = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    if !is_alone("a_key_of_an_emulator_wraps_and_unwraps", &somebody) {
        return;
    }
    for url in given.into_iter().filter_map(|(_, url)| url) {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let config = sdk::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(&url)
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials.clone());
        let client = sdk::Client::from_conf(config.build());
        // The emulator's default is another usage than that of AWS.
        let usage = sdk::types::KeyUsageType::EncryptDecrypt;
        let made = client.create_key().key_usage(usage).send();
        let made = runtime::run(made);
        let made = block_on(made).unwrap().unwrap().key_metadata.unwrap().arn.unwrap();
        let by_hand = AwsKmsKek::builder(&made).endpoint(&url).credentials(credentials);
        let by_hand = Arc::new(block_on(by_hand.connect()).unwrap());
        are_one(opened(&format!("aws-kms:{made}?endpoint={url}")), by_hand);
    }
}
