//! The report in words.

use super::finding::{counted, days};
use super::{DomainHealth, Health, KekAnswer, KekHealth, VersionHealth, Wraps};
use crate::KekInfo;
use core::fmt::{self, Display, Formatter};
use core::time::Duration;
use phiseal_primitives::Validation;

impl Display for Health {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "Key store {}", self.environment)?;
        let (name, version) = (self.module.name, &self.module.version);
        writeln!(
            f,
            "  engine {}: {name} {version}, {}",
            self.engine,
            standing(&self.module.validation)
        )?;
        let locked = if self.memory_is_locked { "locked" } else { "NOT locked" };
        writeln!(f, "  memory of secrets: {locked}")?;
        writeln!(f, "  store key: {}", self.store_key)?;
        writeln!(f, "\nKEKs: {}", self.keks.len())?;
        for (place, kek) in self.keks.iter().enumerate() {
            writeln!(f, "  {}", kek.called(place))?;
            write!(f, "{kek}")?;
        }
        writeln!(f, "\nDomains: {}", self.domains.len())?;
        self.domains.iter().try_for_each(|domain| write!(f, "{domain}"))?;
        let findings = self.findings();
        if findings.is_empty() {
            return writeln!(f, "\nNothing needs attention.");
        }
        writeln!(f, "\nNeeds attention: {}", findings.len())?;
        findings.iter().try_for_each(|finding| writeln!(f, "  - {finding}"))
    }
}

impl Display for KekHealth {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let role = match (self.wraps, self.escrow) {
            (_, true) => "escrow: wraps new keys and opens nothing here",
            (true, false) => "wraps new keys",
            (false, false) => "only unwraps",
        };
        writeln!(f, "    {role}")?;
        match &self.answer {
            Ok(answer) => write!(f, "{answer}"),
            Err(error) => writeln!(f, "    not reached: {error}"),
        }
    }
}

impl Display for KekAnswer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let KekInfo { current, versions, fips, public_wraps, .. } = &self.info;
        let listed: Vec<_> =
            versions.iter().map(|(version, state)| format!("{version} {state}")).collect();
        match (current.0, &listed[..]) {
            (0, _) => writeln!(f, "    shows no versions")?,
            (_, []) => writeln!(f, "    current version {current}; lists none")?,
            _ => writeln!(f, "    current version {current}; versions: {}", listed.join(", "))?,
        }
        let fips = match fips {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not known",
        };
        let who = if *public_wraps { "whoever has the public half" } else { "the KEK alone" };
        writeln!(f, "    FIPS mode: {fips}; wraps are made by {who}")?;
        write!(f, "    describe took {}; ", took(self.described_in))?;
        match &self.trial {
            Some(Ok(time)) => writeln!(f, "the trial took {}", took(*time)),
            Some(Err(error)) => writeln!(f, "the trial failed: {error}"),
            None => writeln!(f, "not tried, as it has wrapped nothing here"),
        }
    }
}

impl Display for DomainHealth {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}", self.name)?;
        for version in &self.versions {
            let primary = if version.number == self.primary { ", primary" } else { "" };
            writeln!(f, "    version {}{primary}: {version}", version.number)?;
        }
        Ok(())
    }
}

impl Display for VersionHealth {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} old, {}, ", self.state, days(self.age), self.wraps)?;
        match self.reserved_uses {
            0 => f.write_str("never sealed under"),
            uses => write!(f, "{uses} uses reserved"),
        }
    }
}

impl Display for Wraps {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&counted(self.total, "wrap"))?;
        let parts = [
            (self.outdated, "to be rewrapped"),
            (self.lost, "lost"),
            (self.leaving, "by a KEK that only unwraps"),
            (self.unknown, "by a KEK that is not known"),
            (self.unchecked, "by a KEK that does not answer"),
            (self.missing, "missing"),
        ];
        let parts: Vec<_> = parts.iter().filter(|(count, _)| *count > 0).collect();
        for (place, (count, what)) in parts.iter().enumerate() {
            write!(f, "{}{count} {what}", if place == 0 { " (" } else { ", " })?;
        }
        f.write_str(if parts.is_empty() { "" } else { ")" })
    }
}

fn standing(validation: &Validation) -> String {
    match validation {
        Validation::None => "not in FIPS mode".to_owned(),
        Validation::CertifiedBranch(number) => {
            format!("in FIPS mode, of the branch of CMVP certificate {number}")
        }
        Validation::Certified(number) => format!("in FIPS mode, CMVP certificate {number}"),
        _ => "in FIPS mode, on no known certificate".to_owned(),
    }
}

fn took(time: Duration) -> String {
    match time.as_micros() {
        micros @ ..10_000 => format!("{micros} us"),
        micros => format!("{} ms", micros / 1000),
    }
}
