//! The keys, the custodians and the data that a manifest names.

use super::failure::{ERROR, Failure};
use super::output::count;
use super::signer::Custodian;
use phiseal::audit::note::Note;
use phiseal::audit::{Action, Class, Log, Record, RequestId};
use phiseal::backends::custodian::{CustodianKey, Passphrase};
use phiseal::rotation::Digest;
use phiseal::rotation::certificate::LogHead;
use phiseal::rotation::custody::{Custodians, Request};
use phiseal::rotation::manifest::Manifest;
use phiseal::rotation::run::{Circumstances, Holding, Lost};
use phiseal::tokens::Vault;
use phiseal::{Domain, ErrorKind, KeyStore, Keyset, Phiseal, Reader, address};
use pollster::block_on;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::sync::Arc;

/// What a manifest names, opened.
pub(crate) struct Office {
    pub(crate) manifest: Manifest,
    pub(crate) phi: Phiseal,
    pub(crate) custodians: Option<Custodians>,
}

impl Office {
    /// Opens the key store, with all its keys. Nothing is made.
    pub(crate) fn open(manifest: &Path) -> Result<Self, Failure> {
        let manifest = Manifest::read(manifest)?;
        let store = manifest.store().ok_or_else(|| missing("store"))?.text()?;
        let kek = manifest.kek().ok_or_else(|| missing("kek"))?.text()?;
        let folder = manifest.folder();
        let store = address::store(&store, folder)?;
        let engine = phiseal::default_engine();
        let mut builder = Phiseal::builder().existing();
        for also in manifest.also_wrap() {
            builder = builder.also_wrap_with(address::kek(&also.text()?, folder, engine)?);
        }
        for also in manifest.also_unwrap() {
            builder = builder.also_unwrap_with(address::kek(&also.text()?, folder, engine)?);
        }
        for escrow in manifest.escrow() {
            builder = builder.also_escrow_to(address::kek(&escrow.text()?, folder, engine)?);
        }
        let phi = block_on(builder.open(store, address::kek(&kek, folder, engine)?))?;
        let custodians = block_on(Custodians::load(phi.key_store(), manifest.roster()))?;
        Ok(Self { manifest, phi, custodians })
    }

    pub(crate) fn store(&self) -> &Arc<KeyStore> {
        self.phi.key_store()
    }

    pub(crate) fn now(&self) -> u64 {
        self.store().clock().wall()
    }

    /// The names of the domains that the manifest has data of.
    pub(crate) fn domains(&self) -> Vec<String> {
        let columns = self.manifest.sources().iter().flat_map(|source| source.columns());
        let columns = columns.map(|column| column.domain());
        let vaults = self.manifest.vaults().iter().map(|vault| vault.domain());
        let mut names: Vec<String> = columns.chain(vaults).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The domain of this name, or the only one that there is.
    pub(crate) fn domain(&self, name: Option<&str>) -> Result<Domain, Failure> {
        let names = self.domains();
        let name = match (name, names.as_slice()) {
            (Some(name), _) => name,
            (None, [only]) => only,
            (None, _) => {
                let names = names.join(", ");
                return Err(Failure::usage(format!("--domain says which of these: {names}")));
            }
        };
        Ok(block_on(self.phi.domain(name))?)
    }

    pub(crate) fn keyset(&self, domain: &str) -> Result<Keyset, Failure> {
        Ok(block_on(self.store().keyset(domain))?)
    }

    /// Everything that the manifest names.
    pub(crate) fn holdings(&self) -> Result<Vec<Holding>, Failure> {
        let mut holdings = Vec::new();
        for source in self.manifest.sources() {
            let mut columns = Vec::new();
            for column in source.columns() {
                let domain = block_on(self.phi.domain(column.domain()))?;
                columns.push(column.column(&domain));
            }
            let opened = block_on(source.open()).map_err(|error| {
                let table = source.table().name();
                Failure::new(ERROR, format!("{table}: {}", super::failure::with_sources(&error)))
            })?;
            holdings.push(Holding { source: opened, columns });
        }
        holdings.extend(self.vaults()?);
        Ok(holdings)
    }

    /// Of each vault, tokens and entries. A store of vaults in which there is more than the manifest names is refused: what is not
    /// counted could be under a version that is destroyed.
    fn vaults(&self) -> Result<Vec<Holding>, Failure> {
        let (mut holdings, mut stores) = (Vec::new(), BTreeMap::new());
        for named in self.manifest.vaults() {
            let domain = block_on(self.phi.domain(named.domain()))?;
            let (store, vaults) = match stores.entry(named.store().text()?) {
                Entry::Occupied(opened) => opened.into_mut(),
                Entry::Vacant(place) => {
                    let store = address::store(place.key(), self.manifest.folder())?;
                    place.insert((store, Vec::new()))
                }
            };
            let vault = block_on(named.open(store.clone(), &domain))?;
            holdings.extend(Holding::of_vault(&named.title(), &vault)?);
            vaults.push(vault);
        }
        for (store, vaults) in stores.into_values() {
            let known: Vec<&Vault> = vaults.iter().collect();
            let others = block_on(Vault::others_in(&*store, &known))?;
            if others > 0 {
                let what = count(others, "column is", "columns are");
                let why = format!(
                    "{what} in a store of vaults that the manifest does not name, by its name, tenant or domain"
                );
                return Err(Failure::new(ERROR, why));
            }
        }
        Ok(holdings)
    }

    /// The audit log that the manifest names. Who cannot write it does nothing.
    pub(crate) fn audit(&self) -> Result<Option<Log>, Failure> {
        let Some(audit) = self.manifest.audit() else { return Ok(None) };
        let engine = phiseal::default_engine();
        let passphrase = Passphrase::from_bytes(audit.passphrase.text()?.into_bytes())?;
        let key = CustodianKey::open(&audit.key, &passphrase, engine)?;
        let origin = key.name().to_owned();
        let log = Log::builder(&origin, self.store().environment(), key, engine)?;
        Ok(Some(log.open(&audit.log)?))
    }

    pub(crate) fn manifest_digest(&self) -> Digest {
        Digest::from_bytes(self.manifest.hash(self.store().engine()))
    }
}

/// Where it is written down what somebody does.
pub(crate) struct Book {
    log: Option<Log>,
    /// What the certificate says of the log.
    head: Option<LogHead>,
}

/// What is written down.
pub(crate) struct Act<'a> {
    pub(crate) action: &'static str,
    pub(crate) actor: &'a str,
    pub(crate) request: Option<Digest>,
    pub(crate) domain: Option<&'a Keyset>,
    pub(crate) count: Option<u64>,
    /// What was done it to: a version of the domain's key, the keys of a person.
    pub(crate) to: Option<Lost>,
}

impl Book {
    pub(crate) fn open(office: &Office) -> Result<Self, Failure> {
        Ok(Self { log: office.audit()?, head: None })
    }

    /// Writes down what came of an act, on disk and under a signed checkpoint.
    pub(crate) fn write(
        &mut self,
        act: &Act<'_>,
        outcome: Result<(), ErrorKind>,
    ) -> Result<(), Failure> {
        let Some(log) = &self.log else { return Ok(()) };
        let mut record = Record::new(Class::Custody, Action::new(act.action)?, outcome.into());
        record.reader = Reader::new(act.actor, "custody").ok();
        record.domain = act.domain.map(Keyset::domain);
        match act.to {
            Some(Lost::Person(tag)) => record.subject = Some(tag),
            Some(Lost::Version(number)) => record.key_version = Some(number),
            _ => record.key_version = act.domain.map(Keyset::primary),
        }
        let number = record.key_version;
        let version = act.domain.and_then(|keyset| keyset.version(number?));
        record.key = version.map(|version| version.key_id().short());
        record.request = act
            .request
            .and_then(|it| it.as_bytes().first_chunk().copied())
            .map(RequestId::from_bytes);
        record.count = act.count;
        log.append(record)?;
        let checkpoint = block_on(log.checkpoint())?;
        self.head = Some(LogHead::new(&checkpoint.checkpoint));
        Ok(())
    }

    pub(crate) fn circumstances<'a>(
        &'a self,
        office: &'a Office,
        actor: &'a Custodian,
    ) -> Circumstances<'a> {
        let (custodians, log) = (office.custodians.as_ref(), self.head.as_ref());
        Circumstances { custodians, actor: &actor.key, log }
    }
}

fn missing(what: &str) -> Failure {
    Failure::usage(format!("the manifest does not say where the keys are: [keys] {what} = \"…\""))
}

/// The request in these files, and the files.
pub(crate) fn request(files: &[impl AsRef<Path>]) -> Result<(Request, Vec<Note>), Failure> {
    let mut notes = Vec::new();
    for file in files {
        notes.push(note(file.as_ref())?);
    }
    let first = notes.first().ok_or_else(|| Failure::usage("name the request"))?;
    Ok((Request::parse(first.text())?, notes))
}

pub(crate) fn note(file: &Path) -> Result<Note, Failure> {
    let bytes = std::fs::read(file).map_err(|error| super::failure::of_file(file, &error))?;
    let in_file = |error: phiseal::Error| {
        Failure::new(ERROR, format!("{}: {}", file.display(), super::failure::with_sources(&error)))
    };
    Note::parse(&bytes).map_err(in_file)
}
