use super::arn::KeyArn;
use aws_sdk_kms::types::{KeyMetadata, KeySpec, KeyState, KeyUsageType};
use phiseal_format::{KekVersion, MAX_WRAPPED};
use phiseal_keys::{Error, ErrorKind, KekInfo};

/// What the service says of a key, when it is one that wraps and does so now.
///
/// # Errors
///
/// [`ErrorKind::Faulty`] when another key was described; [`ErrorKind::Invalid`] when the key cannot wrap, ever;
/// [`ErrorKind::State`] or [`ErrorKind::Unavailable`] when it does not now.
pub(super) fn info(arn: &KeyArn, key: Option<KeyMetadata>, fips: bool) -> Result<KekInfo, Error> {
    let key = key.filter(|key| key.arn().is_some_and(|described| arn.is(described)));
    let key = key.ok_or_else(|| {
        Error::new(ErrorKind::Faulty, "AWS KMS described another key than the one asked for")
    })?;
    if key.key_usage() != Some(&KeyUsageType::EncryptDecrypt) {
        return Err(Error::new(
            ErrorKind::Invalid,
            "the key is not one that wraps: its usage is another",
        ));
    }
    if key.key_spec() != Some(&KeySpec::SymmetricDefault) {
        return Err(Error::new(
            ErrorKind::Invalid,
            "the key is not symmetric, and would bind no wrap to its context",
        ));
    }
    usable(&key)?;
    // The service shows no versions.
    let mut info = KekInfo::new(arn.id().clone(), KekVersion::UNSEEN);
    info.fips = fips.then_some(true);
    // The API allows as much as this; what it returns for a data key is far shorter.
    info.max_wrapped = MAX_WRAPPED;
    Ok(info)
}

fn usable(key: &KeyMetadata) -> Result<(), Error> {
    let (kind, message) = match key.key_state() {
        Some(KeyState::Enabled) if key.enabled() => return Ok(()),
        // A multi-region key whose primary is being changed works meanwhile.
        Some(KeyState::Updating) => return Ok(()),
        Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => {
            (ErrorKind::State, "the key is pending deletion: cancel that, or its wraps are lost")
        }
        Some(KeyState::PendingImport) => {
            (ErrorKind::State, "the key has no key material: import it")
        }
        Some(KeyState::Creating) => (ErrorKind::Unavailable, "the key is still being made"),
        Some(KeyState::Unavailable) => {
            (ErrorKind::Unavailable, "the key's custom key store is disconnected")
        }
        _ => (ErrorKind::State, "the key is disabled"),
    };
    Err(Error::new(kind, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str =
        "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn described(change: impl FnOnce(&mut KeyMetadata)) -> Result<KekInfo, Error> {
        let mut key = KeyMetadata::builder()
            .key_id("1234abcd-12ab-34cd-56ef-1234567890ab")
            .arn(ARN)
            .enabled(true)
            .key_usage(KeyUsageType::EncryptDecrypt)
            .key_spec(KeySpec::SymmetricDefault)
            .key_state(KeyState::Enabled)
            .build()
            .unwrap();
        change(&mut key);
        info(&KeyArn::parse(ARN).unwrap(), Some(key), false)
    }

    #[test]
    fn an_enabled_key_is_described() {
        let info = described(|_| ()).unwrap();
        assert_eq!(info.id.as_str(), format!("aws-kms:{ARN}"));
        assert_eq!((info.current, info.fips), (KekVersion::UNSEEN, None));
        assert!(info.binds_context && !info.public_wraps);
    }

    #[test]
    fn every_state_has_its_kind() {
        let states = [
            (KeyState::Enabled, None),
            (KeyState::Updating, None),
            (KeyState::Disabled, Some(ErrorKind::State)),
            (KeyState::PendingDeletion, Some(ErrorKind::State)),
            (KeyState::PendingReplicaDeletion, Some(ErrorKind::State)),
            (KeyState::PendingImport, Some(ErrorKind::State)),
            (KeyState::Creating, Some(ErrorKind::Unavailable)),
            (KeyState::Unavailable, Some(ErrorKind::Unavailable)),
            (KeyState::from("SomethingNew"), Some(ErrorKind::State)),
        ];
        for (state, expected) in states {
            let said = described(|key| key.key_state = Some(state.clone()));
            assert_eq!(said.err().map(|error| error.kind()), expected, "{state:?}");
        }
        let kind = |change: fn(&mut KeyMetadata)| described(change).unwrap_err().kind();
        assert_eq!(kind(|key| key.enabled = false), ErrorKind::State);
        assert_eq!(kind(|key| key.key_state = None), ErrorKind::State);
    }

    #[test]
    fn a_key_that_cannot_wrap_or_is_another_is_refused() {
        let kind = |change: fn(&mut KeyMetadata)| described(change).unwrap_err().kind();
        let hmac = |key: &mut KeyMetadata| key.key_usage = Some(KeyUsageType::GenerateVerifyMac);
        assert_eq!(kind(hmac), ErrorKind::Invalid);
        assert_eq!(kind(|key| key.key_usage = None), ErrorKind::Invalid);
        assert_eq!(kind(|key| key.key_spec = Some(KeySpec::Rsa4096)), ErrorKind::Invalid);
        assert_eq!(kind(|key| key.key_spec = None), ErrorKind::Invalid);
        assert_eq!(kind(|key| key.arn = None), ErrorKind::Faulty);
        let other = |key: &mut KeyMetadata| key.arn = Some(ARN.replace("1234abcd-", "1234abce-"));
        assert_eq!(kind(other), ErrorKind::Faulty);
        let arn = KeyArn::parse(ARN).unwrap();
        assert_eq!(info(&arn, None, false).unwrap_err().kind(), ErrorKind::Faulty);
    }
}
