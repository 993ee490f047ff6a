//! Encryption contexts of wraps.

use std::str::FromStr;

use phiseal_format::{DomainId, EncryptionContext, EnvironmentId, SubjectTag};

/// Parses an encryption context, and makes it anew from the strings that a key service would be given.
pub fn encryption_context(data: &[u8]) -> bool {
    let Ok(parsed) = EncryptionContext::parse(data) else { return false };
    assert_eq!(parsed.as_bytes(), data);

    let strings: Vec<(&str, String)> = parsed.components().collect();
    assert_eq!(strings.first().unwrap().0, "phiseal");
    let environment: EnvironmentId = value(&strings, "environment");
    let made = match strings.first().unwrap().1.as_str() {
        "v1 data key" => {
            let domain: DomainId = value(&strings, "domain");
            EncryptionContext::data_key(&environment, &domain, value(&strings, "version"))
        }
        "v1 store key" => EncryptionContext::store_key(&environment),
        "v1 subject key" => {
            let domain: DomainId = value(&strings, "domain");
            let subject: SubjectTag = value(&strings, "subject");
            let key_id = bytes(&value::<String>(&strings, "key"));
            EncryptionContext::subject_key(
                &environment,
                &domain,
                value(&strings, "version"),
                &subject,
                &key_id,
            )
        }
        other => panic!("a purpose that nothing makes: {other}"),
    };
    assert_eq!(made, parsed);
    true
}

fn value<T: FromStr<Err: std::fmt::Debug>>(strings: &[(&str, String)], name: &str) -> T {
    let (_, text) = strings.iter().find(|(present, _)| *present == name).unwrap();
    text.parse().unwrap()
}

fn bytes(hex: &str) -> [u8; 32] {
    assert_eq!(hex.len(), 64);
    std::array::from_fn(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap())
}
