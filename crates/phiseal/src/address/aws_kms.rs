//! Keys of AWS KMS, by their ARNs.

use super::values::Values;
use super::wrong;
use phiseal_backends::aws_kms::AwsKmsKek;
use phiseal_keys::{Error, KekBackend};
use std::sync::Arc;

/// The KEK that is meant by what stands behind `aws-kms:`.
pub(super) fn open(text: &str) -> Result<Arc<dyn KekBackend>, Error> {
    let Address { arn, profile, endpoint } = Address::parse(text)?;
    let mut builder = AwsKmsKek::builder(&arn);
    if let Some(name) = profile {
        builder = builder.profile(name);
    }
    if let Some(url) = endpoint {
        builder = builder.endpoint(url);
    }
    // Files are read, on threads of the library's own; no call is made.
    Ok(Arc::new(pollster::block_on(builder.connect())?))
}

/// What an address says. The builder checks the ARN, and that an endpoint on another machine has TLS.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    arn: String,
    profile: Option<String>,
    endpoint: Option<String>,
}

impl Address {
    fn parse(text: &str) -> Result<Self, Error> {
        let (arn, query) = text.split_once('?').unwrap_or((text, ""));
        let mut values = Values::of(query, '&')?;
        let (profile, endpoint) = (values.take("profile")?, values.take("endpoint")?);
        values
            .end("behind the ? of a key of AWS KMS are profile and endpoint, and nothing else")?;
        if endpoint.as_ref().is_some_and(|url| url.contains('@')) {
            return Err(wrong("an endpoint of AWS KMS has no user and no password"));
        }
        Ok(Self { arn: arn.to_owned(), profile, endpoint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use phiseal_keys::ErrorKind;

    const ARN: &str =
        "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn address(profile: Option<&str>, endpoint: Option<&str>) -> Address {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Address { arn: ARN.to_owned(), profile: own(profile), endpoint: own(endpoint) }
    }

    #[test]
    fn key_profile_and_endpoint_are_read() {
        for (query, expected) in [
            ("", address(None, None)),
            ("?", address(None, None)),
            ("?profile=clinic%20north", address(Some("clinic north"), None)),
            ("?endpoint=http://127.0.0.1:4566", address(None, Some("http://127.0.0.1:4566"))),
            ("?endpoint=https://k&profile=p", address(Some("p"), Some("https://k"))),
        ] {
            assert_eq!(Address::parse(&format!("{ARN}{query}")).unwrap(), expected, "{query}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let nothing_else =
            "behind the ? of a key of AWS KMS are profile and endpoint, and nothing else";
        for (query, said) in [
            ("region=eu-central-1", nothing_else),
            ("secret=AKID", nothing_else),
            ("profile=", "a value of an address is empty"),
            ("profile=a&profile=b", "a value of an address is given twice"),
            (
                "endpoint=https://user:secret@kms.example",
                "an endpoint of AWS KMS has no user and no password",
            ),
        ] {
            let parsed = Address::parse(&format!("{ARN}?{query}"));
            assert_eq!(parsed.unwrap_err().to_string(), said, "{query}");
        }
    }

    #[test]
    fn the_builder_checks_key_and_endpoint() {
        let kind = |text: &str| open(text).err().map(|error| error.kind());
        let alias = ARN.replace("key/1234abcd-12ab-34cd-56ef-1234567890ab", "alias/phi");
        for no_key in ["", "1234abcd-12ab-34cd-56ef-1234567890ab", &alias] {
            assert_eq!(kind(no_key), Some(ErrorKind::Invalid), "{no_key}");
        }
        let plain = format!("{ARN}?endpoint=http://kms.example");
        assert_eq!(kind(&plain), Some(ErrorKind::Unsupported));
        assert_eq!(kind(&format!("{ARN}?endpoint=http://127.0.0.1:1")), None, "the control");
    }
}
