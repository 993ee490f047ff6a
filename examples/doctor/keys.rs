//! A key store and its KEKs, by their addresses.

use crate::report;
use phiseal::{Health, Keks, KeyStore, KeyStoreConfig, address, default_engine};
use pollster::block_on;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where they are.
pub(crate) struct Keys {
    pub(crate) store: Named,
    /// The first wraps.
    pub(crate) keks: Vec<(Role, Named)>,
    /// From where files are named.
    pub(crate) folder: PathBuf,
}

/// What a KEK is there for.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Wraps,
    Unwraps,
    Escrow,
}

/// An address, which is not shown: there may be a password in it.
pub(crate) struct Named {
    /// The option or the key that it was given by.
    by: &'static str,
    address: String,
}

impl Keys {
    /// How they are. Nothing is made.
    pub(crate) fn health(&self, max_age: Option<Duration>) -> Result<Health, Box<dyn Error>> {
        let (engine, folder) = (default_engine(), &self.folder);
        let store = address::store(&self.store.address, folder);
        let store = store.map_err(|error| self.store.failed(folder, &error))?;
        let mut all: Option<Keks> = None;
        for (role, kek) in &self.keks {
            let opened = address::kek(&kek.address, folder, engine);
            let opened = opened.map_err(|error| kek.failed(folder, &error))?;
            // Connected when it is first asked.
            let opened = Keks::later(opened, engine);
            all = Some(match (all, role) {
                (None, _) => opened,
                (Some(all), Role::Wraps) => all.and_wrap_with(opened),
                (Some(all), Role::Unwraps) => all.and_unwrap_with(opened),
                (Some(all), Role::Escrow) => all.and_escrow_to(opened),
            });
        }
        let mut config = KeyStoreConfig::new(engine);
        config.create = false;
        let all = all.ok_or("name a KEK: --kek ADDRESS")?;
        let store = block_on(KeyStore::open(store, all, config))?;
        Ok(block_on(store.health(max_age))?)
    }

    /// The file of the store, if it is in one.
    pub(crate) fn store_file(&self) -> Option<PathBuf> {
        self.store.file(&self.folder)
    }

    /// The files of the KEKs that are in files. (The public half of a recovery key may lie anywhere.)
    pub(crate) fn kek_files(&self) -> Vec<PathBuf> {
        let local = self.keks.iter().filter(|(_, kek)| kek.address.starts_with("local:"));
        local.filter_map(|(_, kek)| kek.file(&self.folder)).collect()
    }
}

impl Named {
    pub(crate) const fn new(by: &'static str, address: String) -> Self {
        Self { by, address }
    }

    /// A store. The path of a file stands for one in SQLite.
    pub(crate) fn store(text: String) -> Self {
        let is_address = text.starts_with("sqlite:") || text.contains("://");
        Self::new("--store", if is_address { text } else { format!("sqlite:{text}") })
    }

    /// Where the passphrase is of a KEK in a file, unless its address says so.
    pub(crate) fn give_passphrase(&mut self, variable: &str) {
        if self.address.starts_with("local:") && !self.address.contains('?') {
            let name = variable.bytes().map(|byte| match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => char::from(byte).to_string(),
                other => format!("%{other:02x}"),
            });
            self.address.push_str("?passphrase-env=");
            self.address.extend(name);
        }
    }

    /// The file that it is in, if it is in one.
    fn file(&self, folder: &Path) -> Option<PathBuf> {
        let file = match self.address.split_once(':')? {
            ("sqlite" | "recovery", file) => file,
            ("local", file) => file.split('?').next()?,
            _ => return None,
        };
        Some(folder.join(file))
    }

    /// What is said of a failure to open it.
    fn failed(&self, folder: &Path, error: &dyn Error) -> String {
        let said = report::with_sources(error);
        match self.file(folder) {
            Some(file) => format!("{} {}: {said}", self.by, file.display()),
            None => format!("{}: {said}", self.by),
        }
    }
}
