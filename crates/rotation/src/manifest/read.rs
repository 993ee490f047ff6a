//! What a manifest says, from its text.

use super::source::KINDS;
#[cfg(feature = "tokens")]
use super::tokens;
use super::walk::{Entry, Walk, at};
use super::{
    AuditManifest, ColumnManifest, Content, Manifest, Place, Setting, SourceManifest, canonical,
};
use crate::source::Table;
use crate::{Binding, Digest, Policy};
use core::time::Duration;
use phiseal_audit::Time;
use phiseal_keys::{Error, ErrorKind, Keyset};
use std::path::Path;
use toml::de::{DeTable, DeValue};

pub(super) fn manifest(text: &str, folder: &Path) -> Result<Manifest, Error> {
    let document = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        at(Error::new(ErrorKind::Malformed, "the manifest is no TOML"), text, offset, "")
    })?;
    let mut root = Walk::new(text, document.get_ref(), 0..0);
    let (mut store, mut kek, mut roster) = (None, None, None);
    let (mut also_wrap, mut also_unwrap, mut escrow) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(keys) = root.take("keys") {
        let mut keys = keys.table()?;
        store = keys.take("store").map(|entry| setting(&entry)).transpose()?;
        kek = keys.take("kek").map(|entry| setting(&entry)).transpose()?;
        for (key, settings) in [
            ("also_wrap", &mut also_wrap),
            ("also_unwrap", &mut also_unwrap),
            ("escrow", &mut escrow),
        ] {
            if let Some(entry) = keys.take(key) {
                *settings = entry.list()?.iter().map(setting).collect::<Result<_, _>>()?;
            }
        }
        if let Some(entry) = keys.take("roster") {
            let digest = entry.text()?.parse::<Digest>().map_err(|error| entry.wrong(error))?;
            roster = Some(digest);
        }
        keys.end()?;
    }
    let policy = root.take("policy").map_or(Ok(Policy::default()), |entry| policy(&entry))?;
    let audit = root.take("audit").map(|entry| audit(&entry, folder)).transpose()?;
    #[cfg(feature = "tokens")]
    let vaults = match root.take("vault") {
        Some(vaults) => {
            vaults.tables()?.into_iter().map(tokens::vault).collect::<Result<_, _>>()?
        }
        None => Vec::new(),
    };
    #[cfg(not(feature = "tokens"))]
    not_built_in(&mut root, "vault")?;
    let has_vaults = root.take("vault").is_some();
    let sources = match root.take("source") {
        None if !has_vaults => {
            return Err(root.wrong(ErrorKind::Malformed, "a key is missing", "source"));
        }
        None => Vec::new(),
        Some(sources) => {
            let sources = sources.tables()?.into_iter().map(|walk| source(walk, folder));
            sources.collect::<Result<Vec<_>, _>>()?
        }
    };
    root.end()?;
    let (folder, canonical) = (folder.to_owned(), canonical::of(document.get_ref()));
    Ok(Manifest {
        store,
        kek,
        also_wrap,
        also_unwrap,
        escrow,
        roster,
        policy,
        audit,
        folder,
        sources,
        #[cfg(feature = "tokens")]
        vaults,
        canonical,
    })
}

fn policy(entry: &Entry<'_>) -> Result<Policy, Error> {
    const DAY: u64 = 86_400;
    let mut table = entry.table()?;
    let max_age = match table.take("max_age_days") {
        Some(days) => Some(Duration::from_secs(u64::from(days.number::<u32>()?) * DAY)),
        None => None,
    };
    let max_uses = table.take("max_uses").map(|uses| uses.number::<u64>()).transpose()?;
    let mut dates = Vec::new();
    if let Some(entry) = table.take("dates") {
        for date in entry.texts()? {
            let time = format!("{date}T00:00:00.000Z").parse::<Time>();
            dates.push(time.map_err(|_| entry.invalid("a date is like 2027-01-01"))?);
        }
    }
    table.end()?;
    Ok(Policy { max_age, max_uses, dates })
}

fn audit(entry: &Entry<'_>, folder: &Path) -> Result<AuditManifest, Error> {
    let mut table = entry.table()?;
    let (log, key) = (table.need("log")?.text()?, table.need("key")?.text()?);
    let passphrase = setting(&table.need("passphrase")?)?;
    table.end()?;
    Ok(AuditManifest { log: folder.join(log), key: folder.join(key), passphrase })
}

/// Text, or the environment variable in which it is.
pub(super) fn setting(entry: &Entry<'_>) -> Result<Setting, Error> {
    if !matches!(entry.value, DeValue::Table(_)) {
        return entry.text().map(Setting::Text);
    }
    let mut table = entry.table()?;
    let name = table.need("env")?;
    let variable = name.text()?;
    if variable.is_empty() || variable.contains(['=', '\0']) {
        return Err(name.invalid("an environment variable has no such name"));
    }
    table.end()?;
    Ok(Setting::Environment(variable))
}

fn source(mut walk: Walk<'_>, folder: &Path) -> Result<SourceManifest, Error> {
    let place = place(&mut walk, folder)?;
    let name = match (walk.take("table"), &place) {
        (Some(entry), _) => entry.text()?,
        (None, Place::Ndjson(path) | Place::Csv(path, _)) => {
            path.file_name().unwrap_or_default().to_string_lossy().into_owned()
        }
        (None, _) => walk.need("table")?.text()?,
    };
    let entry = walk.need("key")?;
    let key = entry.texts()?;
    let mut sealed: Vec<(Entry<'_>, String)> = Vec::new();
    let mut columns: Vec<ColumnManifest> = Vec::new();
    let mut found = Vec::new();
    for (kind, read) in COLUMNS {
        if let Some(entry) = walk.take(kind) {
            found.extend(entry.tables()?.into_iter().map(read));
        }
    }
    #[cfg(not(feature = "tokens"))]
    for kind in ["index", "tokens"] {
        not_built_in(&mut walk, kind)?;
    }
    if found.is_empty() {
        walk.need("sealed")?;
    }
    for column in found {
        let (entry, column) = column?;
        let name = entry.text()?;
        if key.contains(&name) || sealed.iter().any(|(_, other)| *other == name) {
            return Err(entry.invalid("a column is named twice"));
        }
        sealed.push((entry, name));
        columns.push(column);
    }
    walk.end()?;
    // What contexts are built from, beside the key.
    let mut others: Vec<&str> = Vec::new();
    for ((entry, _), column) in sealed.iter().zip(&columns) {
        for name in column.binding().iter().flat_map(|binding| binding.columns()) {
            if sealed.iter().any(|(_, sealed)| sealed == name) {
                return Err(entry.invalid("a context names a sealed column"));
            }
            if !others.contains(&name) && !key.iter().any(|key| key == name) {
                others.push(name);
            }
        }
        for name in column.of() {
            match sealed.iter().zip(&columns).find(|((_, sealed), _)| sealed == name) {
                Some((_, of)) if of.binding().is_none() => {
                    return Err(entry.invalid("an index is of values, not of entries or tokens"));
                }
                Some(_) => {}
                None if others.contains(&name.as_str()) => {}
                None => others.push(name),
            }
        }
    }
    let keys: Vec<&str> = key.iter().map(String::as_str).collect();
    let names: Vec<&str> = sealed.iter().map(|(_, name)| name.as_str()).collect();
    let table = Table::new(&name, &keys, &names).and_then(|table| table.with_others(&others));
    let table = table.map_err(|error| entry.wrong(error))?;
    for ((entry, _), column) in sealed.iter().zip(&columns) {
        if let Some(binding) = column.binding() {
            binding.shape(&table).map_err(|error| entry.wrong(error))?;
        }
    }
    Ok(SourceManifest { place, table, columns })
}

/// Which of the kinds it is, and where.
fn place(walk: &mut Walk<'_>, folder: &Path) -> Result<Place, Error> {
    let mut kinds = Vec::new();
    for (kind, is_built_in) in KINDS {
        kinds.extend(walk.take(kind).map(|entry| (kind, is_built_in, entry)));
    }
    let (kind, is_built_in, entry) = match kinds.as_slice() {
        [one] => one,
        [] => return Err(walk.wrong(ErrorKind::Malformed, "a source is nowhere", "source")),
        [_, (_, _, second), ..] => return Err(second.malformed("a source is in two places")),
    };
    if !is_built_in {
        let message = "sources of this kind are not built in";
        return Err(entry.wrong(Error::new(ErrorKind::Unsupported, message)));
    }
    let separator = if *kind == "csv" { walk.take("separator") } else { None };
    let path = || -> Result<_, Error> { Ok(folder.join(entry.text()?)) };
    Ok(match *kind {
        "sqlite" => Place::Sqlite(path()?),
        "postgres" => Place::Postgres(setting(entry)?),
        "ndjson" => Place::Ndjson(path()?),
        _ => Place::Csv(path()?, separator.as_ref().map_or(Ok(b','), separator_of)?),
    })
}

fn separator_of(entry: &Entry<'_>) -> Result<u8, Error> {
    match entry.text()?.as_bytes() {
        [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Ok(*byte),
        _ => Err(entry.invalid("the separator of fields cannot be one")),
    }
}

/// Reads a column, and the entry that names it.
type Read = for<'d> fn(Walk<'d>) -> Result<(Entry<'d>, ColumnManifest), Error>;

/// The kinds of columns, by their keys.
#[cfg(not(feature = "tokens"))]
const COLUMNS: [(&str, Read); 1] = [("sealed", sealed_column)];
#[cfg(feature = "tokens")]
const COLUMNS: [(&str, Read); 3] =
    [("sealed", sealed_column), ("index", tokens::index), ("tokens", tokens::tokens)];

/// A sealed column, and the entry that names it.
fn sealed_column(mut walk: Walk<'_>) -> Result<(Entry<'_>, ColumnManifest), Error> {
    let column = walk.need("column")?;
    column.text()?;
    let name = domain_of(&mut walk)?;
    let mut binding = Binding::new();
    type Part = fn(Binding, &str) -> Result<Binding, Error>;
    let parts: [(&'static str, Part); 5] = [
        ("tenant", Binding::tenant),
        ("record", Binding::record),
        ("field", Binding::field),
        ("use", Binding::usage),
        ("subject", Binding::subject),
    ];
    for (key, with) in parts {
        if let Some(entry) = walk.take(key) {
            binding = with(binding, &entry.text()?).map_err(|error| entry.wrong(error))?;
        }
    }
    if let Some(application) = walk.take("application") {
        for entry in application.table()?.entries() {
            let tag = entry.key.parse::<u8>().ok().filter(|tag| tag.to_string() == entry.key);
            let tag = tag.ok_or_else(|| entry.invalid("a tag is no number from 128 to 255"))?;
            let with = binding.application(tag, &entry.text()?);
            binding = with.map_err(|error| entry.wrong(error))?;
        }
    }
    if let Some(version) = walk.take("row_version") {
        let name = version.text()?;
        if name.is_empty() {
            return Err(version.invalid("the name of a table or a column is not one"));
        }
        binding = binding.row_version(&name);
    }
    if let Some(padded) = walk.take("padded_to") {
        let class = padded.number::<u32>()?;
        if class == 0 {
            return Err(padded.invalid("a class of lengths is not zero"));
        }
        binding = binding.padded_to(class);
    }
    walk.end()?;
    Ok((column, ColumnManifest { domain: name, content: Content::Sealed(binding) }))
}

/// The name of the domain of a column.
pub(super) fn domain_of(walk: &mut Walk<'_>) -> Result<String, Error> {
    let domain = walk.need("domain")?;
    let name = domain.text()?;
    Keyset::check_name(&name).map_err(|error| domain.wrong(error))?;
    Ok(name)
}

/// Refuses what another build could read.
#[cfg(not(feature = "tokens"))]
fn not_built_in(walk: &mut Walk<'_>, key: &'static str) -> Result<(), Error> {
    walk.take(key).map_or(Ok(()), |entry| {
        Err(entry.wrong(Error::new(ErrorKind::Unsupported, "tokens are not built in")))
    })
}
