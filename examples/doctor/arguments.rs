//! What the program was asked.

use crate::keys::{Keys, Named, Role};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "usage: doctor [--store ADDRESS --kek ADDRESS [--also-wrap ADDRESS] \
[--also-unwrap ADDRESS] [--escrow ADDRESS] [--passphrase-env NAME] | --manifest FILE] [--data FILE] [--max-age DAYS] [--json]";

pub(crate) struct Arguments {
    pub(crate) about: About,
    pub(crate) data: Option<PathBuf>,
    /// The age from which a primary is overdue, if any; nothing when it was not said.
    pub(crate) max_age: Option<Option<Duration>>,
    pub(crate) json: bool,
}

/// What is looked at.
pub(crate) enum About {
    /// A store of the program's own.
    Itself,
    Keys(Keys),
    /// What a manifest names.
    Manifest(PathBuf),
}

impl Arguments {
    /// `None` when only help was asked for.
    pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Option<Self>, String> {
        let mut words = words;
        let (mut store, mut kek, mut others) = (None, None, Vec::new());
        let (mut manifest, mut passphrase_env) = (None, None);
        let (mut data, mut max_age, mut json) = (None, None, false);
        while let Some(word) = words.next() {
            let option = word.to_str().unwrap_or_default().to_owned();
            let mut value =
                || words.next().ok_or_else(|| format!("{option} needs a value after it"));
            match option.as_str() {
                "-h" | "--help" => return Ok(None),
                "--json" => json = true,
                "--store" => store = Some(Named::store(text(value()?)?)),
                "--manifest" => manifest = Some(PathBuf::from(value()?)),
                "--data" => data = Some(PathBuf::from(value()?)),
                "--kek" if kek.is_some() => {
                    return Err("--kek is given twice: see --also-wrap".to_owned());
                }
                "--kek" => kek = Some((Role::Wraps, Named::new("--kek", text(value()?)?))),
                "--also-wrap" => {
                    others.push((Role::Wraps, Named::new("--also-wrap", text(value()?)?)));
                }
                "--also-unwrap" => {
                    others.push((Role::Unwraps, Named::new("--also-unwrap", text(value()?)?)));
                }
                "--escrow" => others.push((Role::Escrow, Named::new("--escrow", text(value()?)?))),
                "--passphrase-env" => passphrase_env = Some(text(value()?)?),
                "--max-age" => max_age = Some(age(&text(value()?)?)?),
                _ => return Err(format!("unknown option {}", word.display())),
            }
        }
        let of_keys = kek.is_some() || !others.is_empty() || passphrase_env.is_some();
        let about = match (store, kek, manifest) {
            (None, None, Some(manifest)) if !of_keys => About::Manifest(manifest),
            (_, _, Some(_)) => {
                return Err("--manifest says what the keys are: name no others".to_owned());
            }
            (Some(_), None, None) => return Err("--store needs --kek ADDRESS".to_owned()),
            (Some(store), Some(kek), None) => {
                let mut keks: Vec<_> = std::iter::once(kek).chain(others).collect();
                if let Some(name) = passphrase_env {
                    keks.iter_mut().for_each(|(_, kek)| kek.give_passphrase(&name));
                }
                About::Keys(Keys { store, keks, folder: PathBuf::new() })
            }
            (None, _, None) if of_keys || data.is_some() => {
                return Err("name the key store: --store ADDRESS".to_owned());
            }
            (None, _, None) => About::Itself,
        };
        Ok(Some(Self { about, data, max_age, json }))
    }
}

fn text(value: OsString) -> Result<String, String> {
    value.into_string().map_err(|value| format!("{} is not text", value.display()))
}

fn age(days: &str) -> Result<Option<Duration>, String> {
    let days: u32 = days.parse().map_err(|_| format!("{days} is no number of days"))?;
    Ok((days > 0).then(|| Duration::from_secs(u64::from(days) * 24 * 3600)))
}
