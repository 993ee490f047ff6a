//! The names of keys: `arn:PARTITION:kms:REGION:ACCOUNT:key/ID`.

use phiseal_format::KekId;
use phiseal_keys::{Error, ErrorKind};

/// The ARN of a key, checked, and the id that its wraps carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyArn {
    text: String,
    region: String,
    id: KekId,
}

/// The ARN of an alias, checked. An alias can be pointed at another key, so none wraps anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AliasArn {
    pub(super) text: String,
    pub(super) region: String,
}

impl KeyArn {
    /// Reads the ARN of a key, and nothing else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`], with a sentence that says what to give instead.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        if !text.starts_with("arn:") {
            return Err(invalid(if text.starts_with("alias/") {
                ALIAS
            } else {
                "give the full ARN of the key: a bare id is another key in another account or region"
            }));
        }
        let parts = Parts::of(text)?;
        let key = match parts.resource.split_once('/') {
            Some(("key", key)) => key,
            Some(("alias", _)) => return Err(invalid(ALIAS)),
            _ => return Err(invalid("the ARN names no key of AWS KMS")),
        };
        let multi_region = match key.strip_prefix("mrk-") {
            Some(rest) if is_hex(rest, 32) => true,
            None if is_uuid(key) => false,
            _ => return Err(invalid("the ARN names no key of AWS KMS")),
        };
        // Every replica of a multi-region key opens what any of them wrapped.
        let region = if multi_region { "*" } else { parts.region };
        let Parts { partition, account, .. } = parts;
        let id = format!("aws-kms:arn:{partition}:kms:{region}:{account}:key/{key}");
        let id = KekId::try_from(id).map_err(|_| invalid("the ARN is too long"))?;
        Ok(Self { text: text.to_owned(), region: parts.region.to_owned(), id })
    }

    /// As it was given.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Where the key is, and its endpoint.
    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// What wraps name: the same for all replicas of a multi-region key.
    pub(super) const fn id(&self) -> &KekId {
        &self.id
    }

    /// Whether `answered` is this key, or another replica of it.
    pub(super) fn is(&self, answered: &str) -> bool {
        Self::parse(answered).is_ok_and(|answered| answered.id == self.id)
    }
}

impl AliasArn {
    /// Reads the ARN of an alias, and nothing else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`].
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let parts = Parts::of(text)?;
        let name = parts.resource.strip_prefix("alias/").unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte);
        if !(1..=250).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(invalid("the ARN names no alias of AWS KMS"));
        }
        Ok(Self { text: text.to_owned(), region: parts.region.to_owned() })
    }

    /// Whether the key with this ARN is in the same partition, region and account, as the key of an alias is.
    pub(super) fn is_beside(&self, key: &str) -> bool {
        let place = |arn: &str| arn.rsplit_once(':').map(|(place, _)| place.to_owned());
        place(key) == place(&self.text)
    }
}

const ALIAS: &str = "give the ARN of the key, not an alias, which can be pointed at another key";

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// What every ARN of AWS KMS consists of.
struct Parts<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, Error> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().unwrap_or_default();
        if next() != "arn" {
            return Err(invalid("not an ARN"));
        }
        let (partition, service) = (next(), next());
        let (region, account, resource) = (next(), next(), next());
        let is_name = |name: &str| {
            let allowed =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=32).contains(&name.len()) && name.bytes().all(allowed)
        };
        let is_aws = partition == "aws" || partition.starts_with("aws-");
        if !is_aws || !is_name(partition) {
            return Err(invalid("the ARN names no partition of AWS"));
        }
        if service != "kms" {
            return Err(invalid("the ARN is of another service than AWS KMS"));
        }
        if !is_name(region) {
            return Err(invalid("the ARN names no region"));
        }
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid("the ARN names no account"));
        }
        Ok(Self { partition, region, account, resource })
    }
}

/// `8-4-4-4-12` lower hex digits.
fn is_uuid(text: &str) -> bool {
    let mut groups = text.split('-');
    [8, 4, 4, 4, 12].into_iter().all(|length| groups.next().is_some_and(|g| is_hex(g, length)))
        && groups.next().is_none()
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
    const MULTI_REGION: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";

    fn key(region: &str, key: &str) -> String {
        format!("arn:aws:kms:{region}:111122223333:key/{key}")
    }

    #[test]
    fn a_key_has_its_region_in_its_id_and_a_multi_region_key_has_none() {
        let one = KeyArn::parse(&key("eu-central-1", KEY)).unwrap();
        assert_eq!(one.id().as_str(), format!("aws-kms:{}", key("eu-central-1", KEY)));
        assert_eq!((one.as_str(), one.region()), (&*key("eu-central-1", KEY), "eu-central-1"));
        assert!(one.is(&key("eu-central-1", KEY)) && !one.is(&key("eu-west-1", KEY)));

        let primary = KeyArn::parse(&key("us-east-1", MULTI_REGION)).unwrap();
        assert_eq!(primary.id().as_str(), format!("aws-kms:{}", key("*", MULTI_REGION)));
        assert!(primary.is(&key("eu-west-1", MULTI_REGION)));
        assert!(!primary.is(&key("*", MULTI_REGION)), "no service answers with that");
        let other = format!("arn:aws:kms:us-east-1:111122223334:key/{MULTI_REGION}");
        assert!(!primary.is(&other), "another account");
    }

    #[test]
    fn every_partition_is_allowed() {
        for partition in ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-eusc"] {
            let arn = format!("arn:{partition}:kms:xx-test-1:111122223333:key/{KEY}");
            assert_eq!(KeyArn::parse(&arn).unwrap().region(), "xx-test-1");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let good = key("eu-central-1", KEY);
        assert!(KeyArn::parse(&good).is_ok());
        let changed = [
            ("arn", "arm"),
            ("aws", "gcp"),
            ("aws:", "awsome:"),
            ("aws:", ":"),
            (":kms:", ":s3:"),
            ("eu-central-1", ""),
            ("eu-central-1", "EU"),
            ("eu-central-1", "*"),
            ("111122223333", ""),
            ("111122223333", "11112222333"),
            ("111122223333", "11112222333x"),
            ("key/", "keys/"),
            ("key/", "alias/"),
            ("key/", ""),
            ("1234abcd-", "1234ABCD-"),
            ("1234abcd-", "1234abcg-"),
            ("1234abcd-", "mrk-1234abcd-"),
            ("0ab", "0ab-"),
            ("0ab", "0ab "),
            ("0ab", "0ab\n"),
        ];
        for (from, to) in changed {
            let error = KeyArn::parse(&good.replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{from:?} to {to:?}");
        }
        for text in ["", KEY, MULTI_REGION, "alias/clinic", "arn:", "arn:::::"] {
            assert_eq!(KeyArn::parse(text).unwrap_err().kind(), ErrorKind::Invalid, "{text:?}");
        }
    }

    #[test]
    fn an_alias_is_refused_with_the_reason() {
        let alias = "arn:aws:kms:eu-central-1:111122223333:alias/clinic";
        for text in ["alias/clinic", alias] {
            assert_eq!(KeyArn::parse(text).unwrap_err().to_string(), ALIAS);
        }
        assert_eq!(AliasArn::parse(alias).unwrap().region, "eu-central-1");
        let long = format!("{alias}{}", "x".repeat(250));
        for text in ["alias/clinic", &key("eu-central-1", KEY), &alias[..44], &long, "arn:aws:x"] {
            assert_eq!(AliasArn::parse(text).unwrap_err().kind(), ErrorKind::Invalid, "{text:?}");
        }
    }
}
