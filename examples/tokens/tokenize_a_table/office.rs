//! Where tokens are given out: keys, vault, policy and audit log.

use crate::columns::{Columns, Way};
use crate::plan::Plan;
use crate::table::{Input, Output, Row};
use core::fmt;
use phiseal::access::{Access, Policy};
use phiseal::audit::{Class, Entry, LocalSigner, Log, Outcome};
use phiseal::backends::local::LocalKek;
use phiseal::blocking::{self, Phiseal};
use phiseal::stores::SqliteStore;
use phiseal::{Builder, Domain, Phi, Reader, RevealForm, Secret, context, default_engine};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The policy that comes along.
pub(crate) const DEFAULT_ACCESS: &str = include_str!("access.toml");

/// Where tokens are given out and taken back.
pub(crate) struct Office {
    domain: Domain,
    vault: Arc<SqliteStore>,
    access: Arc<Access>,
    log: Log,
    log_file: PathBuf,
    /// What verifies the log.
    pub(crate) verifier_key: String,
}

/// What a reader was given.
#[derive(Default)]
pub(crate) struct Revealed {
    pub(crate) rows: u64,
    /// What became of each column.
    columns: BTreeMap<String, &'static str>,
}

impl Office {
    pub(crate) fn open(folder: &Path, access: &str) -> Result<Self, Box<dyn Error>> {
        let policy = Policy::parse(access).map_err(|error| format!("the policy: {error}"))?;
        fs::create_dir_all(folder)?;
        let log_file = folder.join("audit.jsonl");
        let open = |builder: Builder| {
            let kek = LocalKek::open_or_create(folder.join("kek.json"), default_engine())?;
            let keys = SqliteStore::open(folder.join("keys.db"))?;
            Phiseal::open_with(builder, keys, kek)?.domain("office/tokens")
        };
        let unjudged = open(Builder::new())?;
        let log = Log::builder(
            "tokenize-a-table.example/audit",
            unjudged.as_async().key_store().environment(),
            signer(&unjudged, &folder.join("audit.key"))?,
            default_engine(),
        )?;
        let verifier_key = log.verifier_key().to_string();
        let log = log.open(&log_file)?;
        let access = Arc::new(
            Access::new(policy, log.clone()).on_alert(|alert| eprintln!("alert: {alert:?}")),
        );
        let domain = open(Builder::new().reveals(access.clone()))?;
        let vault = Arc::new(SqliteStore::open(folder.join("tokens.db"))?);
        Ok(Self { domain: domain.as_async().clone(), vault, access, log, log_file, verifier_key })
    }

    /// Writes the table with tokens in the place of its values, and says how many rows it has.
    pub(crate) fn tokenize(
        &self,
        plan: &Plan,
        file: &Path,
        out: &Path,
    ) -> Result<u64, Box<dyn Error>> {
        let columns = Columns::new(plan, &self.domain, &self.vault)?;
        let mut input = Input::open(file)?;
        let (mut batch, mut rows) = (input.batch()?, 0_u64);
        input.check(&batch, |name| columns.has(name))?;
        let mut output = Output::create(out, &input)?;
        while !batch.is_empty() {
            input.check(&batch, |name| columns.has(name))?;
            let first = rows + 1;
            rows += u64::try_from(batch.len())?;
            let tokens = tokens_of(&columns, &input, &batch)
                .map_err(|error| format!("in rows {first} to {rows}: {error}"))?;
            for (row, values) in batch.iter_mut().zip(tokens) {
                input.replace(row, values);
            }
            output.write(&batch)?;
            batch = input.batch()?;
        }
        output.finish()?;
        Ok(rows)
    }

    /// Writes the table with what a reader may have in the place of tokens.
    pub(crate) fn reveal(
        &self,
        plan: &Plan,
        file: &Path,
        out: &Path,
        reader: &Reader,
    ) -> Result<Revealed, Box<dyn Error>> {
        let columns = Columns::new(plan, &self.domain.read_by(reader.clone()), &self.vault)?;
        let mut input = Input::open(file)?;
        let mut output = Output::create(out, &input)?;
        let mut revealed = Revealed::default();
        // The person's column first: dates are moved back by the person's key.
        let mut order: Vec<&(String, Way)> = columns.columns.iter().collect();
        order.sort_by_key(|(name, _)| Some(name.as_str()) != columns.person());
        loop {
            let mut batch = input.batch()?;
            if batch.is_empty() {
                break;
            }
            for row in &mut batch {
                let (mut values, mut person): (Vec<(&str, String)>, _) = (Vec::new(), None);
                revealed.rows += 1;
                for (name, way) in &order {
                    if matches!(way, Way::Keep) {
                        revealed.columns.insert(name.clone(), way.kept());
                        continue;
                    }
                    let Some(token) = input.value(row, name)? else { continue };
                    // What the policy grants at most; what it does not, the columns would refuse.
                    let form = self.access.policy().most(reader, way.field(name));
                    let Some(form) = form.filter(|form| *form > RevealForm::Index) else {
                        revealed.columns.entry(name.clone()).or_insert(way.kept());
                        continue;
                    };
                    let back = columns.back(way, form, token, person.as_deref());
                    let back =
                        back.map_err(|error| format!("row {}, {name}: {error}", revealed.rows))?;
                    let what = match (&back, form) {
                        (None, _) => way.kept(),
                        (Some(_), RevealForm::Masked) => "masked",
                        (Some(_), _) => "as it was",
                    };
                    revealed.columns.insert(name.clone(), what);
                    let Some(back) = back else { continue };
                    if Some(name.as_str()) == columns.person() && form == RevealForm::Full {
                        person = Some(back.clone());
                    }
                    values.push((name, back));
                }
                input.replace(row, values);
            }
            output.write(&batch)?;
        }
        output.finish()?;
        Ok(revealed)
    }

    /// How many reveals are on the audit log, and how many that were denied.
    pub(crate) fn on_the_log(&self) -> Result<(usize, usize), Box<dyn Error>> {
        self.log.commit_blocking()?;
        let (mut reveals, mut denied) = (0, 0);
        for line in fs::read_to_string(&self.log_file)?.lines() {
            let record = Entry::parse(line.as_bytes())?.record;
            if record.class == Class::Reveal {
                *(if record.outcome == Outcome::Success { &mut reveals } else { &mut denied }) += 1;
            }
        }
        Ok((reveals, denied))
    }
}

/// The tokens of a row, by the names of their columns.
type Tokens<'c> = Vec<(&'c str, String)>;

/// The tokens of each row.
fn tokens_of<'c>(
    columns: &'c Columns,
    input: &Input,
    batch: &[Row],
) -> Result<Vec<Tokens<'c>>, Box<dyn Error>> {
    let mut of_rows: Vec<Tokens<'_>> = batch.iter().map(|_| Vec::new()).collect();
    for (name, way) in columns.columns.iter().filter(|(_, way)| !matches!(way, Way::Keep)) {
        let (mut places, mut values, mut persons) = (Vec::new(), Vec::new(), Vec::new());
        for (place, row) in of_rows.iter_mut().zip(batch) {
            let Some(value) = input.value(row, name)? else { continue };
            let person = columns.person().map(|person| input.value(row, person)).transpose()?;
            places.push(place);
            values.push(value);
            persons.push(person.flatten());
        }
        let tokens = columns.tokens(way, &values, &persons);
        let tokens = tokens.map_err(|error| format!("{name}: {error}"))?;
        places.into_iter().zip(tokens).for_each(|(place, token)| place.push((name, token)));
    }
    Ok(of_rows)
}

/// What signs the log: a seed in a file, sealed.
fn signer(domain: &blocking::Domain, path: &Path) -> Result<LocalSigner, Box<dyn Error>> {
    let what = context!(record = "audit", field = "signing key");
    if !path.exists() {
        let seed = Secret::filled(|out| default_engine().fill_random(out))?;
        fs::write(path, domain.seal(seed.expose_secret(), &what)?.to_string())?;
    }
    let kept: Phi<Vec<u8>> = domain.open(&fs::read_to_string(path)?.parse()?, &what)?;
    let kept: &[u8; 32] = kept.expose_secret().as_slice().try_into()?;
    Ok(LocalSigner::new(Secret::filled::<phiseal::Error>(|out| {
        out.copy_from_slice(kept);
        Ok(())
    })?))
}

impl Way {
    /// What is said of a column that stays as it is.
    const fn kept(&self) -> &'static str {
        match self {
            Self::Keep => "was never replaced",
            Self::Masked(_) | Self::Zip3(_) | Self::Year => "no way back",
            _ => "tokens: not for this reader",
        }
    }
}

impl fmt::Display for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.columns.keys().map(String::len).max().unwrap_or_default();
        self.columns.iter().try_for_each(|(name, what)| writeln!(f, "  {name:width$}  {what}"))
    }
}
