//! Reading a policy, and saying where it is wrong.

use super::{Identifier, Rule};
use crate::generalise::SparseAreas;
use core::ops::Range;
use phiseal_keys::PolicyError;
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// What a policy says of one identifier.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) rule: Rule,
    pub(super) citation: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u32>,
    sparse_areas: Spanned<Vec<String>>,
    identifiers: Spanned<BTreeMap<Spanned<String>, Identified>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identified {
    rule: Spanned<String>,
    citation: Spanned<String>,
}

pub(super) fn read(text: &str) -> Result<(BTreeMap<Identifier, Entry>, SparseAreas), PolicyError> {
    let file: File = toml::from_str(text)
        .map_err(|error| PolicyError::at(text, error.span(), error.message()))?;
    let wrong = |span: Range<usize>, message: String| PolicyError::at(text, Some(span), message);
    if *file.version.get_ref() != 1 {
        return Err(wrong(file.version.span(), "a policy of another version than 1".to_owned()));
    }
    if file.sparse_areas.get_ref().is_empty() {
        return Err(wrong(file.sparse_areas.span(), "no area is sparse, by no census".to_owned()));
    }
    let areas = file.sparse_areas.get_ref().iter().map(String::as_str);
    let sparse = SparseAreas::new(areas)
        .map_err(|error| wrong(file.sparse_areas.span(), error.to_string()))?;
    let mut entries = BTreeMap::new();
    let whole = file.identifiers.span();
    for (name, identified) in file.identifiers.into_inner() {
        let known =
            Identifier::ALL.into_iter().find(|identifier| identifier.name() == name.get_ref());
        let identifier = known.ok_or_else(|| {
            wrong(name.span(), format!("{} is none of the identifiers", name.get_ref()))
        })?;
        let Identified { rule, citation } = identified;
        let known = Rule::ALL.into_iter().find(|known| known.name() == rule.get_ref());
        let known = known.ok_or_else(|| {
            let message =
                format!("{} is no rule of Safe Harbor: {}", rule.get_ref(), names(identifier));
            wrong(rule.span(), message)
        })?;
        if !identifier.allows(known) {
            let message =
                format!("{} is no rule for {identifier}: {}", known.name(), names(identifier));
            return Err(wrong(rule.span(), message));
        }
        if citation.get_ref().trim().is_empty() {
            return Err(wrong(citation.span(), "a rule has a citation".to_owned()));
        }
        entries.insert(identifier, Entry { rule: known, citation: citation.into_inner() });
    }
    if let Some(missing) =
        Identifier::ALL.into_iter().find(|identifier| !entries.contains_key(identifier))
    {
        return Err(wrong(whole, format!("{missing} has no rule")));
    }
    Ok((entries, sparse))
}

/// The rules that an identifier may have.
fn names(identifier: Identifier) -> String {
    let rules = Rule::ALL.into_iter().filter(|rule| identifier.allows(*rule)).map(Rule::name);
    format!("it is one of {}", rules.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::{DEFAULT, SafeHarbor};

    /// What is wrong with the policy that comes along when `from` in it becomes `to`.
    fn wrong(from: &str, to: &str) -> String {
        assert_eq!(DEFAULT.matches(from).count(), 1, "{from}");
        SafeHarbor::parse(&DEFAULT.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn a_policy_that_is_wrong_says_where() {
        let line_of =
            |text: &str| 1 + DEFAULT.lines().position(|line| line.starts_with(text)).unwrap();
        let name = line_of("name = ");
        for (from, to, said) in [
            (
                "name = { rule = \"remove\"",
                "name = { rule = \"hash\"",
                format!(
                    "line {name}, column 17: hash is no rule of Safe Harbor: it is one of remove, random-token"
                ),
            ),
            (
                "name = { rule = \"remove\"",
                "name = { rule = \"year\"",
                format!("line {name}, column 17: year is no rule for name"),
            ),
            (
                "\nurl = {",
                "\nurn = {",
                format!("line {}, column 1: urn is none of the identifiers", line_of("url = ")),
            ),
            (
                "\nzip = { rule = \"three-digits\"",
                "\nzip = { rule = \"random-token\"",
                format!("line {}, column 16: random-token is no rule for zip", line_of("zip = ")),
            ),
            (
                "version = 1",
                "version = 2",
                format!("line {}, column 11: a policy of another version", line_of("version")),
            ),
            (
                "version = 1",
                "version = 1\nversion = 1",
                format!("line {}, column 1: ", line_of("version") + 1),
            ),
            (
                "\"036\", \"059\"",
                "\"36\", \"059\"",
                format!("line {}, column 16: an area is", line_of("sparse_areas")),
            ),
            (
                "(i)(R)\" }",
                "(i)(R)\", why = \"x\" }",
                format!("line {}, column ", line_of("other-unique")),
            ),
            (
                "citation = \"45 CFR 164.514(b)(2)(i)(R)\"",
                "citation = \" \"",
                format!("line {}, column 46: a rule has a citation", line_of("other-unique")),
            ),
        ] {
            let complaint = wrong(from, to);
            assert!(complaint.starts_with(&said), "{complaint}\n{said}");
        }
        let shorter: String = DEFAULT
            .lines()
            .filter(|line| !line.starts_with("fax ="))
            .map(|line| format!("{line}\n"))
            .collect();
        let complaint = SafeHarbor::parse(&shorter).unwrap_err();
        assert!(complaint.to_string().ends_with("fax has no rule"), "{complaint}");
        assert!(complaint.line() > 1 && complaint.column() > 0);
        let (start, end) =
            (DEFAULT.find("sparse_areas = [").unwrap() + 16, DEFAULT.find("\n]\n").unwrap());
        let none = format!("{}{}", &DEFAULT[..start], &DEFAULT[end..]);
        let complaint = SafeHarbor::parse(&none).unwrap_err().to_string();
        assert!(complaint.ends_with("no area is sparse, by no census"), "{complaint}");
        assert!(SafeHarbor::parse("").is_err());
        assert!(SafeHarbor::parse("version = \u{1f600}").is_err());
    }
}
