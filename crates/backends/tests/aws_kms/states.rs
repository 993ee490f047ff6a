//! Keys that are disabled, pending deletion, missing, of another sort, aliased, rotated or replicated.

use crate::support::{Custodian, builder, connect, context, generated, kek, kind, kinds, server};
use aws_sdk_kms::types::{KeySpec, KeyUsageType};
use phiseal_format::KekVersion;
use phiseal_keys::{ErrorKind, KekBackend};
use pollster::block_on;

const REGION: &str = "eu-central-1";
const STATE: [Option<ErrorKind>; 5] = [Some(ErrorKind::State); 5];

#[test]
fn a_disabled_key_does_nothing_until_it_is_enabled() {
    let Some(url) = server("PHISEAL_LOCALSTACK") else { return };
    let custodian = Custodian::of(&url, REGION);
    let arn = custodian.key();
    let backend = kek(&url, &arn);
    let (made, _) = generated(&connect(&backend), &context(1));
    assert_eq!(kinds(&backend, &made), [None; 5]);

    let key = arn.clone();
    custodian.ask(|client| client.disable_key().key_id(key).send()).unwrap();
    assert_eq!(kinds(&backend, &made), STATE);
    custodian.ask(|client| client.enable_key().key_id(arn).send()).unwrap();
    assert_eq!(kinds(&backend, &made), [None; 5]);
}

#[test]
fn a_key_that_is_pending_deletion_does_nothing_until_that_is_cancelled() {
    let Some(url) = server("PHISEAL_LOCALSTACK") else { return };
    let custodian = Custodian::of(&url, REGION);
    let arn = custodian.key();
    let backend = kek(&url, &arn);
    let (made, _) = generated(&connect(&backend), &context(1));

    let key = arn.clone();
    let delete = |client: aws_sdk_kms::Client| {
        client.schedule_key_deletion().key_id(key).pending_window_in_days(7).send()
    };
    custodian.ask(delete).unwrap();
    assert_eq!(kinds(&backend, &made), STATE);
    assert!(block_on(backend.describe()).unwrap_err().to_string().contains("pending deletion"));

    let key = arn.clone();
    custodian.ask(|client| client.cancel_key_deletion().key_id(key).send()).unwrap();
    assert_eq!(kinds(&backend, &made), STATE, "it is disabled now");
    custodian.ask(|client| client.enable_key().key_id(arn).send()).unwrap();
    assert_eq!(kinds(&backend, &made), [None; 5]);
}

#[test]
fn a_key_that_is_not_there_is_not_found_and_not_made() {
    let Some(url) = server("PHISEAL_LOCALSTACK") else { return };
    let custodian = Custodian::of(&url, REGION);
    let arn = custodian.key();
    let (made, _) = generated(&connect(&kek(&url, &arn)), &context(1));
    let (front, id) = arn.rsplit_once('/').unwrap();
    let missing = format!("{front}/00000000{}", &id[8..]);
    let backend = kek(&url, &missing);
    for _ in 0..2 {
        // The wrap is not of this key, which is noticed before any call.
        let (not_found, foreign) = (Some(ErrorKind::NotFound), Some(ErrorKind::Foreign));
        assert_eq!(kinds(&backend, &made), [not_found, not_found, not_found, foreign, foreign]);
    }
}

#[test]
fn a_key_of_another_sort_is_refused() {
    let Some(url) = server("PHISEAL_LOCALSTACK") else { return };
    let custodian = Custodian::of(&url, REGION);
    let sorts = [
        (KeyUsageType::GenerateVerifyMac, KeySpec::Hmac256),
        (KeyUsageType::EncryptDecrypt, KeySpec::Rsa2048),
        (KeyUsageType::SignVerify, KeySpec::EccNistP256),
    ];
    let invalid = Some(ErrorKind::Invalid);
    for (usage, spec) in sorts {
        let backend = kek(&url, &custodian.key_for(usage, spec.clone()));
        assert_eq!(kind(block_on(backend.describe())), invalid, "{spec}");
        // LocalStack generates under an RSA key all the same, where AWS does not.
        if spec != KeySpec::Rsa2048 {
            assert_eq!(kind(block_on(backend.generate_key(&context(1)))), invalid, "{spec}");
        }
    }
    assert_eq!(kind(block_on(custodian.kek().describe())), None);
}

#[test]
fn an_alias_names_a_key_once_and_is_no_key() {
    let Some(url) = server("PHISEAL_LOCALSTACK") else { return };
    let custodian = Custodian::of(&url, REGION);
    let (first, second) = (custodian.key(), custodian.key());
    let (front, id) = first.rsplit_once("key/").unwrap();
    let name = format!("alias/clinic-{id}");
    let alias = format!("{front}{name}");
    let resolve = || block_on(builder(&url, &alias).resolve_alias());
    assert_eq!(kind(resolve()), Some(ErrorKind::NotFound));

    let (alias_name, key) = (name.clone(), first.clone());
    let create = |client: aws_sdk_kms::Client| {
        client.create_alias().alias_name(alias_name).target_key_id(key).send()
    };
    custodian.ask(create).unwrap();
    assert_eq!(resolve().unwrap(), first);
    assert_eq!(kind(block_on(builder(&url, &alias).connect())), Some(ErrorKind::Invalid));
    assert_eq!(kind(block_on(builder(&url, &first).resolve_alias())), Some(ErrorKind::Invalid));

    // Pointed elsewhere, it changes nothing for who keeps the ARN.
    let backend = kek(&url, &first);
    let (made, _) = generated(&connect(&backend), &context(1));
    // LocalStack takes a bare id here only.
    let key = second.rsplit('/').next().unwrap().to_owned();
    let update = |client: aws_sdk_kms::Client| {
        client.update_alias().alias_name(name).target_key_id(key).send()
    };
    custodian.ask(update).unwrap();
    assert_eq!(resolve().unwrap(), second);
    assert_eq!(kinds(&backend, &made), [None; 5]);
}

#[test]
fn after_a_rotation_old_wraps_open_and_are_rewrapped() {
    for variable in ["PHISEAL_LOCALSTACK", "PHISEAL_MOTO"] {
        let Some(url) = server(variable) else { continue };
        let custodian = Custodian::of(&url, REGION);
        let arn = custodian.key();
        let kek = connect(&kek(&url, &arn));
        let (made, id) = generated(&kek, &context(1));
        assert_eq!(kek.info().current, KekVersion::UNSEEN);

        custodian.ask(|client| client.rotate_key_on_demand().key_id(arn).send()).unwrap();
        let info = block_on(kek.describe()).unwrap();
        assert_eq!(info, *kek.info(), "no version is shown");
        let rewrapped = block_on(kek.rewrap_key(&made.wrapped, &context(1))).unwrap();
        assert_ne!(rewrapped.wrapped(), made.wrapped.wrapped());
        for wrap in [&made.wrapped, &rewrapped] {
            assert!(!info.is_current(wrap), "that is never known");
            let opened = block_on(kek.unwrap_key(wrap, &context(1), &id)).unwrap();
            assert_eq!(opened.expose_secret(), made.key.expose_secret());
        }
        let moved = block_on(kek.rewrap_key(&made.wrapped, &context(2)));
        assert_eq!(kind(moved), Some(ErrorKind::Unauthenticated), "{variable}");
    }
}

#[test]
fn a_replica_opens_what_the_primary_wrapped() {
    let Some(url) = server("PHISEAL_LOCALSTACK") else { return };
    let there = Custodian::of(&url, "us-east-1");
    let multi_region = || {
        let made = there.ask(|client| client.create_key().multi_region(true).send()).unwrap();
        made.key_metadata.unwrap().arn.unwrap()
    };
    let (primary, other) = (multi_region(), multi_region());
    let replica = primary.replace("us-east-1", "eu-west-1");
    let key = primary.clone();
    let replicate = |client: aws_sdk_kms::Client| {
        client.replicate_key().key_id(key).replica_region("eu-west-1").send()
    };
    there.ask(replicate).unwrap();

    let (primary, replica) = (connect(&kek(&url, &primary)), connect(&kek(&url, &replica)));
    assert_eq!(primary.info().id, replica.info().id);
    assert!(primary.info().id.as_str().contains(":kms:*:"), "{}", primary.info().id);
    for (from, to) in [(&primary, &replica), (&replica, &primary)] {
        let (made, id) = generated(from, &context(1));
        let opened = block_on(to.unwrap_key(&made.wrapped, &context(1), &id)).unwrap();
        assert_eq!(opened.expose_secret(), made.key.expose_secret());
        let rewrapped = block_on(to.rewrap_key(&made.wrapped, &context(1))).unwrap();
        block_on(from.unwrap_key(&rewrapped, &context(1), &id)).unwrap();
        // Another multi-region key is another key.
        let other = connect(&kek(&url, &other));
        let refused = block_on(other.unwrap_key(&made.wrapped, &context(1), &id));
        assert_eq!(kind(refused), Some(ErrorKind::Foreign));
    }
}
