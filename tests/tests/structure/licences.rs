//! The licences of what the workspace depends on.

use std::collections::BTreeSet;

use crate::{demand_none, metadata, text_of};

/// Licences that a dependency may be under; `deny.toml` allows the same.
const ALLOWED: [&str; 9] = [
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "OpenSSL",
    "Unicode-3.0",
    "Zlib",
];

/// Whether an SPDX licence expression (SPDX 2.3, annex D) can be met with allowed licences alone: one side of each
/// `OR`, both of each `AND`. A licence `WITH` an exception is allowed if the licence is: an exception only permits
/// more. The old `/` reads as `OR`. What cannot be read is not allowed.
fn allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    alternatives(&mut rest).is_some_and(|allowed| allowed && rest.is_empty())
}

fn alternatives(rest: &mut &[&str]) -> Option<bool> {
    let mut allowed = conjunction(rest)?;
    while let ["OR", after @ ..] = *rest {
        *rest = after;
        allowed |= conjunction(rest)?;
    }
    Some(allowed)
}

fn conjunction(rest: &mut &[&str]) -> Option<bool> {
    let mut allowed = term(rest)?;
    while let ["AND", after @ ..] = *rest {
        *rest = after;
        allowed &= term(rest)?;
    }
    Some(allowed)
}

fn term(rest: &mut &[&str]) -> Option<bool> {
    match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let allowed = alternatives(rest)?;
            let [")", after @ ..] = *rest else { return None };
            *rest = after;
            Some(allowed)
        }
        [")" | "AND" | "OR" | "WITH", ..] | [] => None,
        [licence, "WITH", exception, after @ ..]
            if !matches!(*exception, "(" | ")" | "AND" | "OR" | "WITH") =>
        {
            *rest = after;
            Some(ALLOWED.contains(licence))
        }
        [licence, after @ ..] => {
            *rest = after;
            Some(ALLOWED.contains(licence))
        }
    }
}

#[test]
fn every_dependency_is_under_an_allowed_licence() {
    let metadata = metadata();
    assert!(metadata.packages.len() > 50, "the control: the dependencies were found");
    let faults = metadata.packages.iter().filter_map(|package| {
        let expression = package.license.as_deref().unwrap_or("none given");
        (!allowed(expression))
            .then(|| format!("{} {}: {expression}", package.name, package.version))
    });
    demand_none(&faults.collect::<Vec<_>>());
}

#[test]
fn a_licence_that_is_not_allowed_is_noticed() {
    let table = [
        ("MIT", true),
        ("MIT OR Apache-2.0", true),
        ("MIT/Apache-2.0", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("MIT AND (GPL-3.0-only OR ISC)", true),
        ("MIT AND GPL-3.0-only OR ISC", true),
        ("ISC OR MIT AND GPL-3.0-only", true),
        ("MIT AND (GPL-3.0-only OR AGPL-3.0-only)", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("GPL-2.0-only WITH Classpath-exception-2.0", false),
        ("ISC AND (Apache-2.0 OR ISC) AND OpenSSL", true),
        ("MIT-like", false),
        ("none given", false),
        ("", false),
        ("MIT OR", false),
        ("(MIT", false),
        ("MIT)", false),
        ("MIT ISC", false),
        ("MIT WITH", false),
    ];
    for (expression, expected) in table {
        assert_eq!(allowed(expression), expected, "{expression:?}");
    }
}

#[test]
fn deny_toml_allows_the_same() {
    let text = text_of("deny.toml");
    let (_, list) = text.split_once("\nallow = [").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    let theirs: BTreeSet<&str> = list
        .split(',')
        .map(|name| name.trim().trim_matches('"'))
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(theirs, ALLOWED.into_iter().collect());
}
