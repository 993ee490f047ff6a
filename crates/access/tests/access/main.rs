//! Readers of a clinic's data, judged by `policy.toml` and recorded on an audit log.
#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod alerts;
mod emergencies;
mod fields;
mod records;
mod tokens;

use phiseal_access::{Access, Alert, BreakGlass, Policy};
use phiseal_audit::{Entry, LocalSigner, Log};
use phiseal_backends::memory::MemoryKek;
use phiseal_envelope::{Domain, Options};
use phiseal_format::{Context, EnvironmentId};
use phiseal_keys::{Keks, KeyStore, KeyStoreConfig, ManualClock, Reader};
use phiseal_primitives::default_engine;
use phiseal_stores::MemoryStore;
use pollster::block_on;
use std::sync::{Arc, Mutex};

const POLICY: &str = include_str!("policy.toml");

/// What the processes of a clinic share.
struct Clinic {
    store: Arc<MemoryStore>,
    kek: Arc<MemoryKek>,
    clock: ManualClock,
    folder: Arc<tempfile::TempDir>,
    signer: Mutex<u32>,
}

/// One process of it.
struct Process {
    access: Arc<Access>,
    log: Log,
    path: std::path::PathBuf,
    _folder: Arc<tempfile::TempDir>,
    /// Judged, and in nobody's hands.
    domain: Domain,
    glass: BreakGlass,
    alerts: Arc<Mutex<Vec<Alert>>>,
}

impl Clinic {
    fn new() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            kek: Arc::new(MemoryKek::new(default_engine()).unwrap()),
            clock: ManualClock::at(1_800_000_000),
            folder: Arc::new(tempfile::tempdir().unwrap()),
            signer: Mutex::new(0),
        }
    }

    fn process(&self) -> Process {
        self.process_of(None)
    }

    /// A process that is one reader's.
    fn process_of(&self, reader: Option<Reader>) -> Process {
        self.process_by(POLICY, reader)
    }

    /// A process with another policy.
    fn process_by(&self, policy: &str, reader: Option<Reader>) -> Process {
        let engine = default_engine();
        let mut config = KeyStoreConfig::new(engine);
        config.clock = Arc::new(self.clock.clone());
        config.reader = reader;
        let keks = Keks::later(self.kek.clone(), engine);
        let store = block_on(KeyStore::open(self.store.clone(), keks, config)).unwrap();
        let number = {
            let mut signer = self.signer.lock().unwrap();
            *signer += 1;
            *signer
        };
        let path = self.folder.path().join(format!("audit-{number}.jsonl"));
        let signer = LocalSigner::generate(engine).unwrap();
        let environment = EnvironmentId::from_bytes([7; 16]);
        let log = Log::builder("clinic.example/audit", environment, signer, engine).unwrap();
        let log = log.clock(self.clock.clone()).open(&path).unwrap();
        let alerts = Arc::new(Mutex::new(Vec::new()));
        let told = alerts.clone();
        let access = Access::new(Policy::parse(policy).unwrap(), log.clone())
            .clock(self.clock.clone())
            .on_alert(move |alert| told.lock().unwrap().push(alert.clone()));
        let access = Arc::new(access);
        let mut options = Options::new(engine);
        options.reveals = Some(access.clone());
        let domain = Domain::connect(Arc::new(store), "clinic/patients", options.into());
        let domain = block_on(domain).unwrap();
        let glass = BreakGlass::new(access.clone(), &domain);
        Process { access, log, path, _folder: self.folder.clone(), domain, glass, alerts }
    }
}

impl Process {
    /// The domain in somebody's hands.
    fn as_read_by(&self, actor: &str, usage: &str) -> Domain {
        self.domain.read_by(reader(actor, usage))
    }

    /// What is on the log, but for what it says of itself.
    fn records(&self) -> Vec<Entry> {
        self.log.commit_blocking().unwrap();
        let text = std::fs::read_to_string(&self.path).unwrap();
        let entries = text.lines().map(|line| Entry::parse(line.as_bytes()).unwrap());
        entries.filter(|entry| entry.record.action.as_str() != "log-opened").collect()
    }

    /// `class action outcome` of what is on the log.
    fn told(&self) -> Vec<String> {
        let told = |entry: &Entry| {
            let record = &entry.record;
            let (class, action) = (record.class.as_str(), record.action.as_str());
            format!("{class} {action} {}", record.outcome.as_str())
        };
        self.records().iter().map(told).collect()
    }
}

fn reader(actor: &str, usage: &str) -> Reader {
    Reader::new(actor, usage).unwrap()
}

fn field(field: &str) -> Context {
    Context::of_record("mrn-1029").field(field)
}
