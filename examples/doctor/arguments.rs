//! What the program was asked.

use crate::MAX_AGE;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "usage: doctor [--store FILE --kek local:FILE [--also-wrap local:FILE] \
[--also-unwrap local:FILE] [--passphrase-env NAME] [--data FILE]] [--max-age DAYS] [--json]";

pub(crate) struct Arguments {
    /// The SQLite file of the key store; none: a store of the program's own.
    pub(crate) store: Option<PathBuf>,
    /// The first wraps.
    pub(crate) keks: Vec<KekFile>,
    pub(crate) passphrase_env: Option<String>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) json: bool,
}

pub(crate) struct KekFile {
    pub(crate) file: PathBuf,
    pub(crate) wraps: bool,
}

impl Arguments {
    /// `None` when only help was asked for.
    pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Option<Self>, String> {
        let mut words = words;
        let (mut store, mut kek, mut others) = (None, None, Vec::new());
        let (mut passphrase_env, mut data, mut json) = (None, None, false);
        let mut max_age = Some(MAX_AGE);
        while let Some(word) = words.next() {
            let option = word.to_str().unwrap_or_default().to_owned();
            let mut value =
                || words.next().ok_or_else(|| format!("{option} needs a value after it"));
            match option.as_str() {
                "-h" | "--help" => return Ok(None),
                "--json" => json = true,
                "--store" => store = Some(PathBuf::from(value()?)),
                "--data" => data = Some(PathBuf::from(value()?)),
                "--kek" if kek.is_some() => {
                    return Err("--kek is given twice: see --also-wrap".to_owned());
                }
                "--kek" => kek = Some(kek_file(value()?, true)?),
                "--also-wrap" => others.push(kek_file(value()?, true)?),
                "--also-unwrap" => others.push(kek_file(value()?, false)?),
                "--passphrase-env" => passphrase_env = Some(text(value()?)?),
                "--max-age" => max_age = age(&text(value()?)?)?,
                _ => return Err(format!("unknown option {}", word.display())),
            }
        }
        let given =
            kek.is_some() || !others.is_empty() || data.is_some() || passphrase_env.is_some();
        match (&store, kek.is_some()) {
            (Some(_), false) => return Err("--store needs --kek local:FILE".to_owned()),
            (None, _) if given => return Err("name the key store: --store FILE".to_owned()),
            _ => {}
        }
        let keks = kek.into_iter().chain(others).collect();
        Ok(Some(Self { store, keks, passphrase_env, data, max_age, json }))
    }
}

fn kek_file(value: OsString, wraps: bool) -> Result<KekFile, String> {
    let value = text(value)?;
    match value.strip_prefix("local:") {
        Some(file) if !file.is_empty() => Ok(KekFile { file: PathBuf::from(file), wraps }),
        _ => Err(format!("{value} is no KEK that this program opens: local:FILE is")),
    }
}

fn text(value: OsString) -> Result<String, String> {
    value.into_string().map_err(|value| format!("{} is not text", value.display()))
}

fn age(days: &str) -> Result<Option<Duration>, String> {
    let days: u32 = days.parse().map_err(|_| format!("{days} is no number of days"))?;
    Ok((days > 0).then(|| Duration::from_secs(u64::from(days) * 24 * 3600)))
}
