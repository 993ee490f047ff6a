//! What is to be rotated, in a file that people read and approve: where sealed values are stored, and as what they are sealed.
//!
//! ```toml
//! [keys]
//! store = "sqlite:keys.db"
//! kek = "local:clinic.kek"
//! roster = "1b6c0e1f5a6c3d7b8e9f00112233445566778899aabbccddeeff001122334455"
//!
//! [policy]
//! max_age_days = 365
//! dates = ["2027-01-01"]
//!
//! [audit]
//! log = "custody.jsonl"
//! key = "custody.json"
//! passphrase = { env = "CLINIC_AUDIT_PASSPHRASE" }
//!
//! [[source]]
//! postgres = { env = "CLINIC_DATABASE_URL" }
//! table = "clinic.patients"
//! key = ["id"]
//!
//! [[source.sealed]]
//! column = "ssn"
//! domain = "clinic/patients"
//! record = "mrn-{id}"
//! field = "ssn"
//!
//! [[source.sealed]]
//! column = "note"
//! domain = "clinic/patients"
//! tenant = "north"
//! record = "mrn-{id}"
//! field = "note"
//! use = "care"
//! application = { 128 = "ward {ward}" }
//! row_version = "version"
//! padded_to = 64
//! subject = "{id}"
//!
//! [[source.index]]
//! column = "by_name_and_birth"
//! domain = "clinic/patients"
//! name = "name and birth date"
//! of = [{ column = "name", as = "text", first = 4 }, { column = "born", as = "date", order = "day-first" }]
//!
//! [[source.tokens]]
//! column = "mrn"
//! domain = "clinic/patients"
//! name = "record number"
//!
//! [[vault]]
//! store = "sqlite:tokens.db"
//! domain = "clinic/patients"
//! name = "card number"
//! ```
//!
//! | key | of | is |
//! |---|---|---|
//! | `store`, `kek` | `keys` | text, for whoever opens the key store; both may be left out, and so may all of it |
//! | `also_wrap`, `also_unwrap`, `escrow` | `keys` | more of what guards it: lists |
//! | `roster` | `keys` | the SHA-256 of the first roster of custodians |
//! | `max_age_days`, `max_uses`, `dates` | `policy` | when keys are overdue: [`Policy`]; dates are of days in UTC |
//! | `log`, `key`, `passphrase` | `audit` | the audit log, the key that signs it, and the passphrase of that: files and a setting |
//! | `sqlite`, `ndjson`, `csv` | `source` | a file, from the folder of the manifest |
//! | `postgres` | `source` | the URL of a database |
//! | `table` | `source` | the table, which a file need not have |
//! | `separator` | `source` | what stands between the fields of a `csv`, a comma unless it says so |
//! | `key` | `source` | the key columns |
//! | `column`, `domain` | `source.sealed` | a sealed column, and the domain in which it is sealed |
//! | the others | `source.sealed` | how its context is built: see [`Binding`] |
//! | `column`, `domain` | `source.index`, `source.tokens` | a column of entries of an index, or of deterministic tokens |
//! | `name`, `tenant` | `source.index`, `source.tokens`, `vault` | by what it has its keys, as the application says |
//! | `of` | `source.index` | the columns that it is of, sealed or not, each with the form `as` which it is indexed: `exact`, `text`, `digits`, `date`, `year` or `phone` |
//! | `first`; `order`; `country` | `of` | how many characters only; `month-first` unless it says `day-first`; two capital letters |
//! | `bits`, `stored` | `source.index` | the length of an entry, 128 unless it says so; `bytes` unless it says `text` |
//! | `kind` | `source.tokens` | `reversible` unless it says `one-way` |
//! | `store`, `domain` | `vault` | where it is, text for whoever opens stores; its domain |
//!
//! What an index is of and as what has to be just what the application says: the entries of a table are made to be those of the manifest.
//!
//! Each column and each tenant of a vault is one of its own; there may be no source where there is a vault.
//!
//! A source is in one of the four. In the place of the text of a `store`, of `kek` and `postgres` may stand `{ env = "NAME" }`, the
//! environment variable in which it is: so no password needs to stand in a manifest. Other keys are refused; so is a kind of
//! source that is not built in. What is wrong is named by its line, its column and its key, never by its value.

mod canonical;
mod read;
mod source;
#[cfg(feature = "tokens")]
mod tokens;
mod walk;

use crate::source::Table;
use crate::{Binding, Column, Digest, Policy};
use core::fmt;
use phiseal_envelope::Domain;
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::Engine;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest manifest, in bytes.
const LONGEST: u64 = 1 << 20;

/// A manifest.
///
/// ```
/// use phiseal_rotation::manifest::Manifest;
///
/// let text = r#"
///     [[source]]
///     ndjson = "patients.ndjson"
///     key = ["id"]
///     sealed = [{ column = "identity.ssn", domain = "clinic/patients", record = "mrn-{id}", field = "ssn" }]
/// "#;
/// let manifest = Manifest::parse(text, "/srv/clinic")?;
/// assert_eq!(manifest.sources()[0].table().sealed(), ["identity.ssn"]);
/// # Ok::<(), phiseal_keys::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Manifest {
    store: Option<Setting>,
    kek: Option<Setting>,
    also_wrap: Vec<Setting>,
    also_unwrap: Vec<Setting>,
    escrow: Vec<Setting>,
    roster: Option<Digest>,
    policy: Policy,
    audit: Option<AuditManifest>,
    folder: PathBuf,
    sources: Vec<SourceManifest>,
    #[cfg(feature = "tokens")]
    vaults: Vec<VaultManifest>,
    canonical: Vec<u8>,
}

impl Manifest {
    /// The one in the file `path`, from whose folder the files in it are named.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound), [`Denied`](ErrorKind::Denied) and [`Unavailable`](ErrorKind::Unavailable) when the file
    /// cannot be read; and as [`Manifest::parse`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let mut bytes = Vec::new();
        let read = File::open(path)
            .and_then(|file| file.take(LONGEST.saturating_add(1)).read_to_end(&mut bytes));
        read.map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::NotFound,
                std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
                _ => ErrorKind::Unavailable,
            };
            Error::new(kind, "the manifest cannot be read")
        })?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::new(ErrorKind::Malformed, "the manifest is not UTF-8"))?;
        Self::parse(&text, path.parent().unwrap_or(Path::new("")))
    }

    /// The one in `text`, whose files are named from `folder`.
    ///
    /// # Errors
    ///
    /// [`Malformed`](ErrorKind::Malformed) for what is no TOML, over 1 MiB long, or has another key or type than those above, or
    /// lacks one; [`Invalid`](ErrorKind::Invalid) for a value that makes no sense; [`Unsupported`](ErrorKind::Unsupported) for
    /// a kind of source that is not built in. The [source](core::error::Error::source) of the error says where.
    pub fn parse(text: &str, folder: impl AsRef<Path>) -> Result<Self, Error> {
        if u64::try_from(text.len()).is_ok_and(|length| length > LONGEST) {
            return Err(Error::new(ErrorKind::Malformed, "the manifest is longer than 1 MiB"));
        }
        read::manifest(text, folder.as_ref())
    }

    /// Where the key store is.
    #[must_use]
    pub const fn store(&self) -> Option<&Setting> {
        self.store.as_ref()
    }

    /// What guards it.
    #[must_use]
    pub const fn kek(&self) -> Option<&Setting> {
        self.kek.as_ref()
    }

    /// What else wraps every key.
    #[must_use]
    pub fn also_wrap(&self) -> &[Setting] {
        &self.also_wrap
    }

    /// What unwraps keys that were wrapped earlier.
    #[must_use]
    pub fn also_unwrap(&self) -> &[Setting] {
        &self.also_unwrap
    }

    /// The public halves of recovery keys.
    #[must_use]
    pub fn escrow(&self) -> &[Setting] {
        &self.escrow
    }

    /// The SHA-256 of the first roster of custodians.
    #[must_use]
    pub const fn roster(&self) -> Option<Digest> {
        self.roster
    }

    /// When keys are overdue.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Where what custodians do is logged.
    #[must_use]
    pub const fn audit(&self) -> Option<&AuditManifest> {
        self.audit.as_ref()
    }

    /// The folder from which files are named.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The sources, in their order.
    #[must_use]
    pub fn sources(&self) -> &[SourceManifest] {
        &self.sources
    }

    /// The vaults, in their order.
    #[cfg(feature = "tokens")]
    #[must_use]
    pub fn vaults(&self) -> &[VaultManifest] {
        &self.vaults
    }

    /// What an approval can name: SHA-256 of what the manifest says, whatever its layout, its comments and the order of its
    /// keys are. The values of environment variables are not in it.
    ///
    /// # Security
    ///
    /// A password that stands in the manifest could be guessed from it: name an environment variable in its place.
    #[must_use]
    pub fn hash(&self, engine: &dyn Engine) -> [u8; 32] {
        engine.sha_256(&[b"phiseal/v1 manifest\0", &self.canonical])
    }
}

/// Text that stands in a manifest, or in the environment. Its `Debug` does not show the text: it may have a password in it.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever interprets it has to do something about each")]
pub enum Setting {
    /// The text.
    Text(String),
    /// The environment variable that it is in.
    Environment(String),
}

impl Setting {
    /// The text.
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is no such environment variable, or it holds no text.
    pub fn text(&self) -> Result<String, Error> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::Environment(name) => std::env::var(name).map_err(|_| {
                let message = "an environment variable that the manifest names is not set";
                Error::new(ErrorKind::NotFound, message).with_source(format!("variable {name:?}"))
            }),
        }
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text"),
            Self::Environment(name) => f.debug_tuple("Environment").field(name).finish(),
        }
    }
}

/// Where what custodians do is logged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuditManifest {
    /// The log's file.
    pub log: PathBuf,
    /// The file of the key that signs its checkpoints.
    pub key: PathBuf,
    /// The passphrase of that file.
    pub passphrase: Setting,
}

/// A source, and what is sealed in it.
#[derive(Clone, Debug)]
pub struct SourceManifest {
    place: Place,
    table: Table,
    columns: Vec<ColumnManifest>,
}

/// Where a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In an SQLite database: the file.
    Sqlite(PathBuf),
    /// In a PostgreSQL database: its URL.
    Postgres(Setting),
    /// In a file of lines of JSON.
    Ndjson(PathBuf),
    /// In a file of separated values, with what separates them.
    Csv(PathBuf, u8),
}

/// A column that is gone through.
#[derive(Clone, Debug)]
pub struct ColumnManifest {
    domain: String,
    content: Content,
}

/// What a column holds.
#[derive(Clone, Debug)]
enum Content {
    Sealed(Binding),
    #[cfg(feature = "tokens")]
    Index(tokens::IndexManifest),
    #[cfg(feature = "tokens")]
    Tokens(tokens::TokensManifest),
}

impl ColumnManifest {
    /// The name of its domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// How the context of a value is built, where these are sealed values.
    #[must_use]
    pub const fn binding(&self) -> Option<&Binding> {
        match &self.content {
            Content::Sealed(binding) => Some(binding),
            #[cfg(feature = "tokens")]
            Content::Index(_) | Content::Tokens(_) => None,
        }
    }

    /// The column, with its domain.
    #[must_use]
    pub fn column(&self, domain: &Domain) -> Column {
        match &self.content {
            Content::Sealed(binding) => Column::sealed(domain, binding.clone()),
            #[cfg(feature = "tokens")]
            Content::Index(index) => index.column(domain),
            #[cfg(feature = "tokens")]
            Content::Tokens(tokens) => tokens.column(domain),
        }
    }

    /// The columns of the table that an index is of.
    fn of(&self) -> &[String] {
        match &self.content {
            #[cfg(feature = "tokens")]
            Content::Index(index) => &index.of,
            _ => &[],
        }
    }
}

/// A vault of tokens.
#[cfg(feature = "tokens")]
#[derive(Clone, Debug)]
pub struct VaultManifest {
    store: Setting,
    domain: String,
    named: tokens::Named,
    kind: phiseal_tokens::Vaulted,
}

#[cfg(feature = "tokens")]
impl VaultManifest {
    /// Where it is, for whoever opens stores.
    #[must_use]
    pub const fn store(&self) -> &Setting {
        &self.store
    }

    /// The name of its domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }
}

impl SourceManifest {
    /// Where it is.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Its table, with all the columns that contexts are built from.
    #[must_use]
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// Its columns that are gone through, in the order of [`Table::sealed`]: sealed values, indexes, tokens.
    #[must_use]
    pub fn columns(&self) -> &[ColumnManifest] {
        &self.columns
    }
}
