//! Policies, right and wrong.

use super::Inputs;

const REVEALS: &str = r#"version = 1
kinds.name = { fields = ["name", "by name"], mask = "name" }
kinds.ssn = { fields = ["ssn"], mask = "last-4" }
roles.nurse = { actors = ["nurse/*", "nobody@nowhere"] }
roles.privacy = { actors = ["privacy-officer"] }
alert = { more-than = 100, within = "10m" }
break-glass = { roles = ["nurse"], kinds = ["ssn"], longest = "1h", reviewers = ["privacy"] }

[[grants]]
role = "nurse"
uses = ["treatment", "no-use"]
kinds = ["name"]
form = "full"

[[grants]]
role = "nurse"
uses = ["treatment"]
kinds = ["ssn"]
"#;

const SAFE_HARBOR: &str = include_str!("../../../../crates/tokens/src/safe_harbor/policy.toml");

pub(super) fn policies() -> Inputs {
    let with = |from: &str, to: &str| {
        assert!(REVEALS.contains(from));
        REVEALS.replacen(from, to, 1).into_bytes()
    };
    vec![
        ("valid-reveals", REVEALS.as_bytes().to_vec()),
        ("valid-without-grants", b"version = 1\nkinds = {}\nroles = {}\n".to_vec()),
        ("valid-safe-harbor", SAFE_HARBOR.as_bytes().to_vec()),
        ("refused-nothing", Vec::new()),
        ("refused-version", with("version = 1", "version = 2")),
        ("refused-field-twice", with("\"by name\"", "\"ssn\"")),
        ("refused-no-role", with("role = \"nurse\"", "role = \"doctor\"")),
        ("refused-everybody", with("\"nurse/*\"", "\"*\"")),
        ("refused-duration", with("\"10m\"", "\"10 parsecs\"")),
        ("refused-mask", with("last-4", "last-\u{661}")),
        ("refused-accents", "version = 1\nkinds.\u{e9} = 1".as_bytes().to_vec()),
        ("refused-not-utf-8", vec![0xff]),
    ]
}
