//! The keys that the manifest of a rotation names.

use crate::keys::{Keys, Named, Role};
use phiseal::rotation::manifest::{Manifest, Setting};
use std::error::Error;
use std::path::Path;
use std::time::Duration;

/// The keys, and the age from which a primary is overdue, if the manifest says one.
pub(crate) fn read(path: &Path) -> Result<(Keys, Option<Duration>), Box<dyn Error>> {
    let manifest = Manifest::read(path)?;
    let store = manifest.store().ok_or("the manifest names no store")?;
    let kek = manifest.kek().ok_or("the manifest names no kek")?;
    let mut keks = vec![(Role::Wraps, named("kek", kek)?)];
    for (role, by, settings) in [
        (Role::Wraps, "also_wrap", manifest.also_wrap()),
        (Role::Unwraps, "also_unwrap", manifest.also_unwrap()),
        (Role::Escrow, "escrow", manifest.escrow()),
    ] {
        for setting in settings {
            keks.push((role, named(by, setting)?));
        }
    }
    let (store, folder) = (named("store", store)?, manifest.folder().to_owned());
    Ok((Keys { store, keks, folder }, manifest.policy().max_age))
}

fn named(by: &'static str, setting: &Setting) -> Result<Named, phiseal::Error> {
    Ok(Named::new(by, setting.text()?))
}
