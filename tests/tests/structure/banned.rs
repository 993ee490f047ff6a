//! Crates that must not be in any lock file, and where crates come from.

use std::collections::BTreeSet;

use cargo_metadata::semver::Version;

use crate::{demand_none, text_of};

/// A crate that is banned: every version, or those below one. `deny.toml` bans the same.
struct Ban {
    name: &'static str,
    below: Option<&'static str>,
    why: &'static str,
}

const fn every(name: &'static str, why: &'static str) -> Ban {
    Ban { name, below: None, why }
}

const fn below(name: &'static str, version: &'static str, why: &'static str) -> Ban {
    Ban { name, below: Some(version), why }
}

/// Kept by hand, because the advisory database is not at hand where the tests run.
const BANNED: [Ban; 18] = [
    every("rsa", "RUSTSEC-2023-0071: the time of a decryption tells about the key; no fix"),
    every("sharks", "RUSTSEC-2024-0398: shares tell about the secret"),
    every("pkcs11", "RUSTSEC-2022-0034: unsound and unmaintained; cryptoki takes its place"),
    every("rust-crypto", "RUSTSEC-2016-0005, RUSTSEC-2022-0011: unmaintained, AES miscomputes"),
    every("openssl", "no engine needs it"),
    every("openssl-sys", "no engine needs it"),
    every("native-tls", "brings openssl"),
    below("fpe", "0.7.0", "0.6.0 swaps the halves of inputs of even length"),
    below(
        "aes-gcm",
        "0.10.3",
        "RUSTSEC-2023-0096, CVE-2023-42811: plaintext is left after a wrong tag",
    ),
    below("ring", "0.17.12", "RUSTSEC-2025-0009: AES may panic"),
    below("aws-lc-sys", "0.39.0", "RUSTSEC-2026-0045 to RUSTSEC-2026-0048"),
    below("aws-lc-fips-sys", "0.13.13", "RUSTSEC-2026-0045 to RUSTSEC-2026-0048"),
    below("curve25519-dalek", "4.1.3", "RUSTSEC-2024-0344: a branch on a secret"),
    below(
        "ed25519-dalek",
        "2.0.0",
        "RUSTSEC-2022-0093: signs for a public key of the caller's choice",
    ),
    below("zeroize_derive", "1.2.0", "RUSTSEC-2021-0115: enums are not zeroized on drop"),
    below("libsqlite3-sys", "0.25.1", "RUSTSEC-2022-0090: CVE-2022-35737 in the bundled SQLite"),
    below("rusqlite", "0.26.2", "RUSTSEC-2021-0128: closures outlive what they borrow"),
    below(
        "tink-aead",
        "0.2.4",
        "associated data of 2^29 bytes or more goes unauthenticated on 32-bit machines",
    ),
];

/// Every committed lock file.
const LOCKS: [&str; 5] = [
    "Cargo.lock",
    "fuzz/Cargo.lock",
    "tests/fips/newest/Cargo.lock",
    "tests/fips/validated/Cargo.lock",
    "tests/modules/kryoptic/Cargo.lock",
];

/// What the lock file of a crate from crates.io says about its source.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A package of a lock file.
#[derive(Debug, Default, PartialEq)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
}

fn locked(text: &str) -> Vec<Locked> {
    let mut packages: Vec<Locked> = Vec::new();
    for line in text.lines() {
        if line == "[[package]]" {
            packages.push(Locked::default());
        }
        let (Some(package), Some((key, value))) = (packages.last_mut(), line.split_once(" = "))
        else {
            continue;
        };
        let value = value.trim_matches('"').to_owned();
        match key {
            "name" => package.name = value,
            "version" => package.version = value,
            "source" => package.source = Some(value),
            _ => (),
        }
    }
    packages
}

fn banned(lock: &str, packages: &[Locked]) -> Vec<String> {
    let mut faults = Vec::new();
    for package in packages {
        let version = Version::parse(&package.version).unwrap();
        for ban in BANNED.iter().filter(|ban| ban.name == package.name) {
            if ban.below.is_none_or(|below| version < Version::parse(below).unwrap()) {
                faults.push(format!(
                    "{lock}: {} {} is banned: {}",
                    package.name, package.version, ban.why
                ));
            }
        }
    }
    faults
}

fn strange_sources(lock: &str, packages: &[Locked]) -> Vec<String> {
    let strange = packages
        .iter()
        .filter(|package| package.source.as_ref().is_some_and(|source| source != CRATES_IO));
    strange
        .map(|package| format!("{lock}: {} comes from {:?}", package.name, package.source))
        .collect()
}

#[test]
fn no_lock_file_holds_a_banned_crate_or_a_strange_source() {
    let mut faults = Vec::new();
    for lock in LOCKS {
        let packages = locked(&text_of(lock));
        assert!(packages.len() > 5, "the control: {lock} was read");
        faults.extend(banned(lock, &packages));
        faults.extend(strange_sources(lock, &packages));
    }
    demand_none(&faults);
}

#[test]
fn a_banned_crate_is_noticed() {
    let of = |name: &str, version: &str| {
        let text = format!(
            "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"{CRATES_IO}\"\n"
        );
        banned("a lock", &locked(&text)).len()
    };
    for ban in &BANNED {
        assert_eq!(of(ban.name, "0.0.1"), 1, "{}", ban.name);
        assert_eq!(of(ban.name, "99.0.0"), usize::from(ban.below.is_none()), "{}", ban.name);
    }
    assert_eq!((of("fpe", "0.6.1"), of("fpe", "0.7.0"), of("fpe", "0.7.0-rc.1")), (1, 0, 1));
    assert_eq!(of("rsa-like", "0.1.0"), 0);
}

#[test]
fn a_strange_source_is_noticed() {
    let of = |source: &str| {
        let text = format!(
            "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n{source}\ndependencies = [\n \"b\",\n]\n"
        );
        strange_sources("a lock", &locked(&text)).len()
    };
    assert_eq!(of("source = \"git+https://example.org/a?rev=1#1\""), 1);
    assert_eq!(of("source = \"registry+https://example.org/index\""), 1);
    assert_eq!(of(&format!("source = \"{CRATES_IO}\"")), 0);
    assert_eq!(of("checksum = \"00\""), 0);
}

#[test]
fn deny_toml_bans_the_same() {
    let specs = |text: &str| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix("{ crate = \""));
        lines.filter_map(|line| line.split('"').next()).map(str::to_owned).collect()
    };
    let spec = |ban: &Ban| {
        ban.below.map_or_else(|| ban.name.to_owned(), |below| format!("{}@<{below}", ban.name))
    };
    assert_eq!(specs(&text_of("deny.toml")), BANNED.iter().map(spec).collect());
}
