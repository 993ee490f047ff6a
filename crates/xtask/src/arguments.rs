//! The command line.

use crate::failure::Failure;

/// What `cargo xtask` prints when it is asked nothing it knows.
pub const USAGE: &str = "\
usage: cargo xtask test    [--local] [--full] [--only STEP]... [--package NAME]...
       cargo xtask ci      [--only STEP]...
       cargo xtask fuzz    [TARGET]... [--runs N] [--seed N]
       cargo xtask servers [NAME]...
       cargo xtask table

test     prepares what the tests need, runs every test, closes with `N passed, N failed`
           --local         no network and no server: leaves out the steps that need them, and says which
           --full          the large numbers of every test (PHISEAL_FULL=1)
           --only STEP     only the steps whose name contains STEP
           --package NAME  only the tests of this package
ci       everything that must hold before a change lands, `test` among it
fuzz     runs every fuzz target, or those that are named, from the committed corpus
           --runs N        inputs for each target (default 1000000)
           --seed N        where libFuzzer's own generator starts (default: a new one each time)
servers  starts every server that tests talk to, or those that are named, prints the variables that tests
         find them by as `export` lines, and runs until standard input ends
table    writes the README's table of backends from the reports of the last whole `cargo xtask test`";

/// A command and its options.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Print the usage.
    Help,
    /// `cargo xtask test`.
    Test(TestOptions),
    /// `cargo xtask ci`.
    Ci(CiOptions),
    /// `cargo xtask fuzz`.
    Fuzz(FuzzOptions),
    /// `cargo xtask servers`.
    Servers(ServersOptions),
    /// `cargo xtask table`.
    Table,
}

/// Options of `cargo xtask test`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestOptions {
    /// Neither network nor servers.
    pub local: bool,
    /// The large numbers.
    pub full: bool,
    /// Only steps whose name contains one of these; all if empty.
    pub only: Vec<String>,
    /// Only tests of these packages; all if empty.
    pub packages: Vec<String>,
}

/// Options of `cargo xtask ci`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CiOptions {
    /// Only steps whose name contains one of these; all if empty.
    pub only: Vec<String>,
}

/// Options of `cargo xtask fuzz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FuzzOptions {
    /// Only these targets; all if empty.
    pub targets: Vec<String>,
    /// Inputs for each target.
    pub runs: u64,
    /// Seed of libFuzzer's generator; a new one each time if absent.
    pub seed: Option<u32>,
}

/// Options of `cargo xtask servers`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServersOptions {
    /// Only these servers; all if empty.
    pub names: Vec<String>,
}

impl Command {
    /// Parses the arguments that follow `cargo xtask`.
    ///
    /// # Errors
    ///
    /// On a command, an option or a value that [`USAGE`] does not name.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let mut arguments = arguments.into_iter();
        match arguments.next().as_deref() {
            None | Some("help" | "--help" | "-h") => Ok(Self::Help),
            Some("test") => parse_test(arguments),
            Some("ci") => parse_ci(arguments),
            Some("fuzz") => parse_fuzz(arguments),
            Some("servers") => parse_servers(arguments),
            Some("table") => match arguments.next() {
                None => Ok(Self::Table),
                Some(other) => Err(unknown("option", &other)),
            },
            Some(other) => Err(unknown("command", other)),
        }
    }
}

fn parse_test(mut arguments: impl Iterator<Item = String>) -> Result<Command, Failure> {
    let mut options = TestOptions::default();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--local" => options.local = true,
            "--full" => options.full = true,
            "--only" => options.only.push(value(&mut arguments, "--only")?),
            "--package" | "-p" => options.packages.push(value(&mut arguments, "--package")?),
            other => return Err(unknown("option", other)),
        }
    }
    Ok(Command::Test(options))
}

fn parse_ci(mut arguments: impl Iterator<Item = String>) -> Result<Command, Failure> {
    let mut options = CiOptions::default();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--only" => options.only.push(value(&mut arguments, "--only")?),
            other => return Err(unknown("option", other)),
        }
    }
    Ok(Command::Ci(options))
}

fn parse_fuzz(mut arguments: impl Iterator<Item = String>) -> Result<Command, Failure> {
    let mut options = FuzzOptions { targets: Vec::new(), runs: 1_000_000, seed: None };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => options.runs = number(&mut arguments, "--runs")?,
            "--seed" => options.seed = Some(number(&mut arguments, "--seed")?),
            option if option.starts_with('-') => return Err(unknown("option", option)),
            target => options.targets.push(target.to_owned()),
        }
    }
    if options.runs == 0 {
        return Err(Failure::new("--runs 0 would prove nothing"));
    }
    Ok(Command::Fuzz(options))
}

fn parse_servers(arguments: impl Iterator<Item = String>) -> Result<Command, Failure> {
    let names: Vec<String> = arguments.collect();
    match names.iter().find(|name| name.starts_with('-')) {
        Some(option) => Err(unknown("option", option)),
        None => Ok(Command::Servers(ServersOptions { names })),
    }
}

fn value(arguments: &mut impl Iterator<Item = String>, option: &str) -> Result<String, Failure> {
    match arguments.next() {
        Some(value) if !value.is_empty() && !value.starts_with("--") => Ok(value),
        _ => Err(Failure::new(format!("{option} needs a value\n{USAGE}"))),
    }
}

fn number<N: std::str::FromStr>(
    arguments: &mut impl Iterator<Item = String>,
    option: &str,
) -> Result<N, Failure> {
    let text = value(arguments, option)?;
    text.parse().map_err(|_| Failure::new(format!("{option} needs a number, not {text:?}")))
}

fn unknown(what: &str, name: &str) -> Failure {
    Failure::new(format!("unknown {what} {name:?}\n{USAGE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, Failure> {
        Command::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn test_options_are_read() {
        let command =
            parse("test --local --full --only fuzz --only doc --package phiseal-format").unwrap();
        let expected = TestOptions {
            local: true,
            full: true,
            only: vec!["fuzz".into(), "doc".into()],
            packages: vec!["phiseal-format".into()],
        };
        assert_eq!(command, Command::Test(expected));
        assert_eq!(parse("test").unwrap(), Command::Test(TestOptions::default()));
    }

    #[test]
    fn fuzz_options_are_read() {
        let command = parse("fuzz context --runs 5 --seed 7 text").unwrap();
        let expected =
            FuzzOptions { targets: vec!["context".into(), "text".into()], runs: 5, seed: Some(7) };
        assert_eq!(command, Command::Fuzz(expected));
    }

    #[test]
    fn names_of_servers_are_read() {
        let options = ServersOptions { names: vec!["moto".into(), "postgres".into()] };
        assert_eq!(parse("servers moto postgres").unwrap(), Command::Servers(options));
        assert_eq!(parse("servers").unwrap(), Command::Servers(ServersOptions::default()));
    }

    #[test]
    fn the_table_has_no_options() {
        assert_eq!(parse("table").unwrap(), Command::Table);
    }

    #[test]
    fn nothing_asks_for_help() {
        assert_eq!(parse("").unwrap(), Command::Help);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for line in [
            "tset",
            "test --locla",
            "test --only",
            "test --only --full",
            "ci --full",
            "fuzz --runs",
            "fuzz --runs many",
            "fuzz --runs 0",
            "fuzz --seed -1",
            "fuzz --jobs 2",
            "servers --all",
            "table README.md",
        ] {
            assert!(parse(line).is_err(), "{line} was accepted");
        }
    }
}
