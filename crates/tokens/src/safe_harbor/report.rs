use super::{Identifier, Outcome, Rule};
use core::fmt;
use std::collections::BTreeMap;

/// What was done to the values of each identifier: no value is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report(BTreeMap<Identifier, Line>);

/// What was done to the values of one identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// Which.
    pub identifier: Identifier,
    /// By which rule.
    pub rule: Rule,
    /// Of which paragraph.
    pub citation: String,
    /// How many values there were.
    pub values: u64,
    /// Of how many nothing is left.
    pub removed: u64,
    /// Of how many something is left.
    pub kept: u64,
    /// For how many a token is to be drawn.
    pub tokens: u64,
    /// How many of those that were removed could not be read as what they should be.
    pub unreadable: u64,
}

impl Report {
    /// One line for each identifier that there was, in the order of the regulation.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.0.values()
    }

    pub(super) fn count(
        &mut self,
        identifier: Identifier,
        rule: Rule,
        citation: &str,
        left: &Outcome,
        unreadable: bool,
    ) {
        let line = self.0.entry(identifier).or_insert_with(|| Line {
            identifier,
            rule,
            citation: citation.to_owned(),
            values: 0,
            removed: 0,
            kept: 0,
            tokens: 0,
            unreadable: 0,
        });
        line.values += 1;
        match left {
            Outcome::Removed => line.removed += 1,
            Outcome::Kept(_) => line.kept += 1,
            Outcome::Token => line.tokens += 1,
        }
        line.unreadable += u64::from(unreadable);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines() {
            let Line { identifier, rule, citation, values, removed, kept, tokens, unreadable } =
                line;
            writeln!(
                f,
                "{identifier:<24} {:<13} {values:>8} values: {removed} removed, {kept} generalised, {tokens} tokens, {unreadable} \
                 unreadable  {citation}",
                rule.name()
            )?;
        }
        Ok(())
    }
}
