//! A clinic's database, its keys and its custodians, all in files, so that processes can rotate them, be killed and go on.

mod backups;
mod data;
mod made;
#[cfg(feature = "postgres")]
mod postgres;

pub use backups::Part;
pub use data::{Row, Where};
pub use made::Made;

use core::time::Duration;
use data::Data;
use phiseal::audit::LocalSigner;
use phiseal::audit::note::{KeyName, Note, VerifierKey};
use phiseal::backends::local::LocalKek;
use phiseal::rotation::certificate::Ground;
use phiseal::rotation::custody::{Custodians, Operation, Request, Roster};
use phiseal::rotation::run::{Holding, Rotator};
use phiseal::rotation::{Binding, Column, Pace};
use phiseal::stores::SqliteStore;
use phiseal::tokens::{self, BlindIndex, Cardinality, Normaliser, Vault, Vaulted, VaultedForm};
use phiseal::{
    Builder, Context, Domain, Keyset, ManualClock, Phi, Phiseal, Secret, Store, context,
};
use pollster::block_on;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The domain of everything.
pub const DOMAIN: &str = "clinic/patients";

/// The sealed columns: `ssn` in bytes, `name` and `note` as text.
pub const COLUMNS: [&str; 3] = ["ssn", "name", "note"];

/// The file in a clinic's folder that says that its names have an index.
const INDEXED: &str = "indexed";

/// The index of the names.
#[must_use]
pub fn index(domain: &Domain) -> tokens::Column<BlindIndex> {
    let name = tokens::Part::new(Normaliser::Text, Cardinality::of(160_000));
    tokens::Column::new(domain, "by name", BlindIndex::new([name]).unwrap())
}

/// The file in a clinic's folder that says that it has a vault of tokens.
const VAULTED: &str = "vaulted";

/// A clinic in a folder.
#[derive(Clone, Debug)]
pub struct Clinic {
    folder: PathBuf,
}

impl Clinic {
    /// One with patients of the numbers from 1 to `rows`, each value under version 1, and two custodians; `None` after it was
    /// said that there is no such place.
    #[must_use]
    pub fn create(folder: &Path, place: Where, rows: i64) -> Option<Self> {
        if place == Where::Postgres {
            #[cfg(feature = "postgres")]
            postgres::new(folder)?;
            #[cfg(not(feature = "postgres"))]
            return None;
        }
        let clinic = Self { folder: folder.to_owned() };
        LocalKek::create(folder.join("kek.json"), phiseal::default_engine()).unwrap();
        let phi = clinic.open_with(Phiseal::builder());
        let cipher = block_on(block_on(phi.domain(DOMAIN)).unwrap().ready()).unwrap();
        clinic.data().create((1..=rows).map(|id| {
            let [ssn, name, note] = [0, 1, 2].map(|column| {
                cipher.seal(plaintext(id, column).as_str(), &context_of(id, column)).unwrap()
            });
            (id, ssn.into_bytes(), name.to_string(), note.to_string())
        }));
        let keys = custodians().map(|it| it.key).into();
        let roster = Roster::first(phi.key_store().environment(), 1, keys);
        block_on(Custodians::found(phi.key_store(), roster.unwrap())).unwrap();
        Some(clinic)
    }

    /// The one in this folder.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn data(&self) -> Data {
        Data::of(&self.folder)
    }

    /// The SSN of a patient, as it is stored.
    #[must_use]
    pub fn ssn(&self, id: i64) -> Vec<u8> {
        self.data().all().into_iter().find(|row| row.0 == id).unwrap().1
    }

    /// Writes over the SSN of a patient.
    pub fn set_ssn(&self, id: i64, ssn: &[u8]) {
        self.data().set(id, "ssn", ssn);
    }

    /// Writes over the entry of a patient in the index of the names.
    pub fn set_entry(&self, id: i64, entry: &[u8]) {
        self.data().set(id, "by_name", entry);
    }

    /// Leaves nothing on a server.
    pub fn close(self) {
        #[cfg(feature = "postgres")]
        if let Data::Postgres(schema) = self.data() {
            schema.drop_all();
        }
    }

    /// Its keys, as a process that starts has them.
    #[must_use]
    pub fn open(&self) -> Phiseal {
        self.open_with(Phiseal::builder())
    }

    /// What its keys are wrapped by.
    #[must_use]
    pub fn kek(&self) -> LocalKek {
        LocalKek::open(self.folder.join("kek.json"), phiseal::default_engine()).unwrap()
    }

    /// Its keys, for a process whose clock says this, in seconds since 1970.
    #[must_use]
    pub fn open_at(&self, now: u64) -> Phiseal {
        self.open_with(Phiseal::builder().clock(ManualClock::at(now)))
    }

    /// Its keys, for a process that has this clock.
    #[must_use]
    pub fn open_by(&self, clock: &ManualClock) -> Phiseal {
        self.open_with(Phiseal::builder().clock(clock.clone()))
    }

    fn open_with(&self, builder: Builder) -> Phiseal {
        let kek = self.kek();
        match self.data() {
            Data::Sqlite(_) => {
                let store = SqliteStore::open(self.folder.join("keys.db")).unwrap();
                block_on(builder.open(store, kek)).unwrap()
            }
            #[cfg(feature = "postgres")]
            Data::Postgres(schema) => block_on(builder.open(schema.store(), kek)).unwrap(),
        }
    }

    /// The keyset as it is.
    #[must_use]
    pub fn keyset(&self) -> Keyset {
        block_on(self.open().key_store().keyset(DOMAIN)).unwrap()
    }

    /// Where its values are.
    #[must_use]
    pub fn holdings(&self, domain: &Domain) -> Vec<Holding> {
        let columns = COLUMNS.map(|field| {
            let binding = Binding::new().record("mrn-{id}").unwrap().field(field).unwrap();
            Column::sealed(domain, binding)
        });
        let (mut columns, mut names) = (Vec::from(columns), COLUMNS.to_vec());
        if self.is_indexed() {
            names.push("by_name");
            columns.push(Column::index(&index(domain), &["name"]));
        }
        let mut holdings = vec![Holding { source: self.data().source(&names), columns }];
        if self.folder.join(VAULTED).exists() {
            holdings.extend(Holding::of_vault("numbers", &self.vault(domain)).unwrap());
        }
        holdings
    }

    /// Its vault of record numbers, which is gone through from now on.
    #[must_use]
    pub fn vault(&self, domain: &Domain) -> Vault {
        fs::write(self.folder.join(VAULTED), "").unwrap();
        let kind = Vaulted::new(VaultedForm::text(), &Cardinality::of(1_000_000)).unwrap();
        block_on(Vault::open(self.vault_store(), domain, "number", kind)).unwrap()
    }

    /// Where the tokens are.
    #[must_use]
    pub fn vault_store(&self) -> Arc<dyn Store> {
        match self.data() {
            Data::Sqlite(_) => Arc::new(SqliteStore::open(self.folder.join("tokens.db")).unwrap()),
            #[cfg(feature = "postgres")]
            Data::Postgres(schema) => Arc::new(schema.vault()),
        }
    }

    /// Gives the table an index of the names, in which nothing is yet.
    pub fn add_index(&self) {
        self.data().add_index();
        fs::write(self.folder.join(INDEXED), "").unwrap();
    }

    fn is_indexed(&self) -> bool {
        self.folder.join(INDEXED).exists()
    }

    /// Asks for `operation`, and has it approved: the signed request, which is left in a file too.
    #[must_use]
    pub fn approve(&self, operation: Operation) -> Note {
        self.approve_on(operation, &[])
    }

    /// As [`Clinic::approve`], of what is destroyed already and gone for good on these grounds.
    #[must_use]
    pub fn approve_on(&self, operation: Operation, grounds: &[Ground]) -> Note {
        let phi = self.open();
        let store = phi.key_store();
        let [ada, ben] = custodians();
        let requester = KeyName::new(ada.key.name()).unwrap();
        let (engine, now) = (phiseal::default_engine(), store.clock().wall());
        let holds = Duration::from_secs(86_400);
        let keyset = self.keyset();
        let mut request = Request::new(engine, operation, &keyset, requester, now, holds).unwrap();
        request.roster = Some(block_on(Custodians::load(store, None)).unwrap().unwrap().digest());
        request.grounds = grounds.to_vec();
        if operation.wraps() {
            request.keks = block_on(store.wrapping_keks()).unwrap();
        }
        let signed = [ada, ben].map(|by| block_on(request.sign(&by.key, &by.signer)).unwrap());
        let note = signed.into_iter().reduce(|one, next| one.merged(&next).unwrap()).unwrap();
        fs::write(self.folder.join("request"), note.to_string()).unwrap();
        note
    }

    /// The request that was approved last.
    #[must_use]
    pub fn request(&self) -> Note {
        Note::parse(&fs::read(self.folder.join("request")).unwrap()).unwrap()
    }

    /// Does what was approved last, or goes on with it.
    ///
    /// # Errors
    ///
    /// As [`Rotator::run`].
    pub fn rotate(
        &self,
        pace: Pace,
        hear: &mut (dyn FnMut(phiseal::rotation::run::Event<'_>) + Send),
    ) -> Result<phiseal::rotation::run::Journal, phiseal::Error> {
        let phi = self.open();
        let store = phi.key_store();
        let domain = block_on(phi.domain(DOMAIN))?;
        let custodians = block_on(Custodians::load(store, None))?.unwrap();
        let note = self.request();
        let request = Request::parse(note.text())?;
        let holdings = self.holdings(&domain);
        let mut rotator = Rotator::new(domain, &holdings, pace);
        let id = request.digest(phiseal::default_engine());
        if block_on(phiseal::rotation::run::Journal::load(store, id))?.is_some() {
            return rotator.resume(id, Some(&custodians), hear);
        }
        let keyset = block_on(store.keyset(DOMAIN))?;
        let now = store.clock().wall();
        let approved = custodians.check(&request, &[note], Some(&keyset), now)?;
        rotator.run(&approved, Some(&custodians), hear)
    }

    /// Opens every value, each under the primary version, and says how many rows there are.
    ///
    /// # Panics
    ///
    /// When one is not what it was, or not under the primary.
    #[must_use]
    pub fn assert_rotated(&self, expected: impl Fn(i64, usize) -> String) -> i64 {
        let phi = self.open();
        let cipher = block_on(block_on(phi.domain(DOMAIN)).unwrap().ready()).unwrap();
        let primary = self.keyset();
        let primary = primary.version(primary.primary()).unwrap().key_id().short();
        let mut count = 0;
        for (id, ssn, name, note) in self.data().all() {
            let [name, note] = [name, note].map(|text| text.parse::<phiseal::Sealed>().unwrap());
            let sealed = [phiseal::Sealed::try_from(&ssn[..]).unwrap(), name, note];
            for (column, sealed) in sealed.iter().enumerate() {
                let opened: Phi<String> = cipher.open(sealed, &context_of(id, column)).unwrap();
                assert_eq!(*opened.expose_secret(), expected(id, column));
                assert_eq!(sealed.key_id(), primary, "row {id}, {}", COLUMNS[column]);
            }
            count += 1;
        }
        count
    }
}

/// One who signs.
#[derive(Debug)]
pub struct Custodian {
    /// The public key, under the custodian's name.
    pub key: VerifierKey,
    /// The private one.
    pub signer: LocalSigner,
}

/// The same two in every process.
#[must_use]
pub fn custodians() -> [Custodian; 2] {
    [("ada", 1), ("ben", 2)].map(|(name, seed)| {
        let engine = phiseal::default_engine();
        let signer = LocalSigner::new(
            Secret::filled(|out| {
                out.fill(seed);
                Ok::<(), phiseal::Error>(())
            })
            .unwrap(),
        );
        let key = VerifierKey::of(KeyName::new(name).unwrap(), &signer, engine).unwrap();
        Custodian { key, signer }
    })
}

/// What a cell holds.
#[must_use]
pub fn plaintext(id: i64, column: usize) -> String {
    format!("{} of patient {id}", COLUMNS[column])
}

/// What a cell is sealed as.
#[must_use]
pub fn context_of(id: i64, column: usize) -> Context {
    context!(record = format!("mrn-{id}"), field = COLUMNS[column])
}
