//! What the program was asked.

use phiseal::audit::Log;
use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const USAGE: &str =
    "usage: verify_audit --log FILE --key VKEY [--checkpoints FILE]... [--json]";

pub(crate) struct Arguments {
    pub(crate) log: PathBuf,
    /// The log's own first, unless others were named.
    pub(crate) checkpoints: Vec<PathBuf>,
    pub(crate) keys: Vec<String>,
    pub(crate) json: bool,
}

impl Arguments {
    /// `None` when only help was asked for.
    pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Option<Self>, String> {
        let mut words = words;
        let (mut log, mut checkpoints, mut keys, mut json) = (None, Vec::new(), Vec::new(), false);
        while let Some(word) = words.next() {
            let option = word.to_str().unwrap_or_default().to_owned();
            let mut value =
                || words.next().ok_or_else(|| format!("{option} needs a value after it"));
            match option.as_str() {
                "-h" | "--help" => return Ok(None),
                "--json" => json = true,
                "--log" if log.is_some() => return Err("--log is given twice".to_owned()),
                "--log" => log = Some(PathBuf::from(value()?)),
                "--checkpoints" => checkpoints.push(PathBuf::from(value()?)),
                "--key" => keys.push(text(value()?)?),
                _ => return Err(format!("unknown option {}", word.display())),
            }
        }
        let log = log.ok_or("name the log: --log FILE")?;
        if keys.is_empty() {
            return Err("name the key of the log: --key VKEY".to_owned());
        }
        if checkpoints.is_empty() {
            checkpoints.push(Log::checkpoints_of(&log));
        }
        Ok(Some(Self { log, checkpoints, keys, json }))
    }
}

fn text(value: OsString) -> Result<String, String> {
    value.into_string().map_err(|value| format!("{} is not text", value.display()))
}
