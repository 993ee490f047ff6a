//! A clinic's database, its keys and its custodians, all in files, so that processes can rotate them, be killed and go on.

use core::time::Duration;
use phiseal::audit::LocalSigner;
use phiseal::audit::note::{KeyName, Note, VerifierKey};
use phiseal::backends::local::LocalKek;
use phiseal::rotation::custody::{Custodians, Operation, Request, Roster};
use phiseal::rotation::run::{Holding, Rotator};
use phiseal::rotation::source::{SqliteSource, Table};
use phiseal::rotation::{Binding, Column, Pace};
use phiseal::stores::SqliteStore;
use phiseal::{Builder, Context, Domain, Keyset, ManualClock, Phi, Phiseal, Secret, context};
use pollster::block_on;
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};

/// The domain of everything.
pub const DOMAIN: &str = "clinic/patients";

/// The sealed columns: `ssn` in bytes, `name` and `note` as text.
pub const COLUMNS: [&str; 3] = ["ssn", "name", "note"];

/// A clinic in a folder.
#[derive(Clone, Debug)]
pub struct Clinic {
    folder: PathBuf,
}

impl Clinic {
    /// One with patients of the numbers from 1 to `rows`, each value under version 1, and two custodians.
    #[must_use]
    pub fn create(folder: &Path, rows: i64) -> Self {
        let clinic = Self { folder: folder.to_owned() };
        LocalKek::create(folder.join("kek.json"), phiseal::default_engine()).unwrap();
        let mut database = clinic.database();
        let schema =
            "CREATE TABLE patients (id INTEGER PRIMARY KEY, ssn BLOB, name TEXT, note TEXT)";
        database.execute_batch(&format!("PRAGMA journal_mode = WAL; {schema}")).unwrap();
        let phi = clinic.open();
        let cipher = block_on(block_on(phi.domain(DOMAIN)).unwrap().ready()).unwrap();
        let insert = database.transaction().unwrap();
        for id in 1..=rows {
            let [ssn, name, note] = [0, 1, 2].map(|column| {
                cipher.seal(plaintext(id, column).as_str(), &context_of(id, column)).unwrap()
            });
            let values = (id, ssn.as_bytes(), name.to_string(), note.to_string());
            insert.execute("INSERT INTO patients VALUES (?1, ?2, ?3, ?4)", values).unwrap();
        }
        insert.commit().unwrap();
        let roster =
            Roster::first(phi.key_store().environment(), 1, custodians().map(|it| it.key).into());
        block_on(Custodians::found(phi.key_store(), roster.unwrap())).unwrap();
        clinic
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

    /// Its database.
    #[must_use]
    pub fn database(&self) -> Connection {
        let database = Connection::open(self.folder.join("clinic.db")).unwrap();
        database.busy_timeout(Duration::from_secs(30)).unwrap();
        database.pragma_update(None, "synchronous", "OFF").unwrap();
        database
    }

    /// Its keys, as a process that starts has them.
    #[must_use]
    pub fn open(&self) -> Phiseal {
        self.open_with(Phiseal::builder())
    }

    /// Its keys, for a process whose clock says this, in seconds since 1970.
    #[must_use]
    pub fn open_at(&self, now: u64) -> Phiseal {
        self.open_with(Phiseal::builder().clock(ManualClock::at(now)))
    }

    fn open_with(&self, builder: Builder) -> Phiseal {
        let kek = LocalKek::open(self.folder.join("kek.json"), phiseal::default_engine()).unwrap();
        let store = SqliteStore::open(self.folder.join("keys.db")).unwrap();
        block_on(builder.open(store, kek)).unwrap()
    }

    /// The keyset as it is.
    #[must_use]
    pub fn keyset(&self) -> Keyset {
        block_on(self.open().key_store().keyset(DOMAIN)).unwrap()
    }

    /// Where its values are.
    #[must_use]
    pub fn holdings(&self, domain: &Domain) -> Vec<Holding> {
        let table = Table::new("patients", &["id"], &COLUMNS).unwrap();
        let source = SqliteSource::open(self.folder.join("clinic.db"), table).unwrap();
        let columns = COLUMNS.map(|field| {
            let binding = Binding::new().record("mrn-{id}").unwrap().field(field).unwrap();
            Column { domain: domain.clone(), binding }
        });
        vec![Holding { source: Box::new(source), columns: columns.into() }]
    }

    /// Asks for `operation`, and has it approved: the signed request, which is left in a file too.
    #[must_use]
    pub fn approve(&self, operation: Operation) -> Note {
        let phi = self.open();
        let store = phi.key_store();
        let [ada, ben] = custodians();
        let requester = KeyName::new(ada.key.name()).unwrap();
        let (engine, now) = (phiseal::default_engine(), store.clock().wall());
        let holds = Duration::from_secs(86_400);
        let keyset = self.keyset();
        let mut request = Request::new(engine, operation, &keyset, requester, now, holds).unwrap();
        request.roster = Some(block_on(Custodians::load(store, None)).unwrap().unwrap().digest());
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
        hear: &mut dyn FnMut(phiseal::rotation::run::Event<'_>),
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
        let database = self.database();
        let mut statement = database.prepare("SELECT id, ssn, name, note FROM patients").unwrap();
        let mut rows = statement.query([]).unwrap();
        let mut count = 0;
        while let Some(row) = rows.next().unwrap() {
            let id: i64 = row.get(0).unwrap();
            let ssn: Vec<u8> = row.get(1).unwrap();
            let texts: [String; 2] = [row.get(2).unwrap(), row.get(3).unwrap()];
            let [name, note] = texts.map(|text| text.parse::<phiseal::Sealed>().unwrap());
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
