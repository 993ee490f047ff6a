//! The whole life of keys and data, with everything printed that a program might print.

mod reveals;
mod tokens;

use crate::{careless, say};
use core::fmt::{Debug, Display};
use phiseal::backends::local::{Cost, LocalKek, Passphrase};
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::{Domain, Phiseal};
use phiseal::stores::SqliteStore;
use phiseal::{
    Builder, Context, Engine, Error, ErrorKind, KeyState, ManualClock, NoncePolicy, Options, Phi,
    Reader, Sealed,
};
use phiseal_keys::{DataKey, GeneratedKey, Kek, KekAdminBackend, RecordKind, Secret};
use phiseal_primitives::random::HealthChecked;
use phiseal_primitives::{Random, Xaes256Gcm};
use phiseal_tests::canaries::{Role, canaries, forms};
use phiseal_tests::editable::EditableStore;
use phiseal_tests::spy::SpyKek;
use phiseal_tests::world::DOMAIN;
use pollster::block_on;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

/// Prints what a program might print of errors, and remembers their kinds.
#[derive(Default)]
struct Printer {
    kinds: BTreeSet<String>,
    printed: usize,
}

impl Printer {
    fn debug(&mut self, value: &dyn Debug) {
        say(&format!("{value:?}\n{value:#?}"));
        log::trace!("{value:?}");
        self.printed += 1;
    }

    fn display(&mut self, value: &dyn Display) {
        say(&value.to_string());
        self.printed += 1;
    }

    fn error(&mut self, error: &(dyn std::error::Error + 'static)) {
        let mut next = Some(error);
        while let Some(error) = next {
            self.debug(&error);
            self.display(&error);
            next = error.source();
        }
    }

    fn refused<T>(&mut self, outcome: Result<T, Error>, expected: ErrorKind) {
        let error = outcome.err().unwrap();
        assert_eq!(error.kind(), expected, "{error:?}");
        self.kinds.insert(format!("{:?}", error.kind()));
        self.error(&error);
    }
}

/// The canaries of one role, over and over.
struct Canaries {
    phi: Vec<Vec<u8>>,
    passphrases: Vec<Vec<u8>>,
    keys: Vec<[u8; 32]>,
    next: usize,
}

impl Canaries {
    fn new() -> Self {
        let of = |role| {
            canaries().into_iter().filter(move |(of, _)| *of == role).map(|(_, bytes)| bytes)
        };
        let keys = of(Role::Key).map(|bytes| bytes.try_into().unwrap()).collect();
        Self {
            phi: of(Role::Phi).collect(),
            passphrases: of(Role::Passphrase).collect(),
            keys,
            next: 0,
        }
    }

    fn phi(&mut self) -> Vec<u8> {
        self.next += 1;
        self.phi[self.next % self.phi.len()].clone()
    }

    fn text(&mut self) -> String {
        String::from_utf8(self.phi()).unwrap()
    }

    /// A context in which everything is somebody's.
    fn context(&mut self) -> Context {
        let versioned = Context::of_record(self.phi()).tenant(self.phi()).row_version(7);
        versioned.field(self.phi()).usage(self.phi()).application(200, self.phi())
    }
}

/// Lives, and with `leak` also prints one canary of each role in each form, as the control.
pub(crate) fn live(engine: &str, leak: bool) {
    careless::log_everything();
    let engine = phiseal::engine(engine).unwrap();
    let (mut printer, mut canaries) = (Printer::default(), Canaries::new());
    fields(engine, &mut printer, &mut canaries);
    persons(engine, &mut printer, &mut canaries);
    store(engine, &mut printer, &mut canaries);
    backends(engine, &mut printer, &mut canaries);
    options(engine, &mut printer, &mut canaries);
    secrets(engine, &mut printer, &canaries);
    tokens::live(engine, &mut printer, &mut canaries);
    reveals::live(engine, &mut printer, &mut canaries);
    if leak {
        for canary in [canaries.phi(), canaries.passphrases[0].clone(), canaries.keys[0].to_vec()] {
            for form in forms(&canary) {
                io::stdout().write_all(&form).unwrap();
                io::stdout().write_all(b"\n").unwrap();
            }
        }
        log::trace!("{}", canaries.text());
    }
    assert!(canaries.next >= canaries.phi.len(), "every canary was used");
    say(&format!("kinds {}", printer.kinds.into_iter().collect::<Vec<_>>().join(" ")));
    say(&format!("printed {}", printer.printed));
}

struct Setting {
    store: EditableStore,
    kek: Arc<MemoryKek>,
    clock: ManualClock,
    engine: &'static dyn Engine,
}

impl Setting {
    fn new(engine: &'static dyn Engine) -> Self {
        let kek = Arc::new(MemoryKek::new(engine).unwrap());
        Self { store: EditableStore::default(), kek, clock: ManualClock::at(1_800_000_000), engine }
    }

    fn builder(&self) -> Builder {
        Builder::new().engine(self.engine).clock(self.clock.clone())
    }

    fn open(&self, builder: Builder) -> Result<Phiseal, Error> {
        Phiseal::open_with(builder, self.store.clone(), self.kek.clone())
    }

    fn domain(&self, builder: Builder) -> Result<Domain, Error> {
        self.open(builder)?.domain(DOMAIN)
    }
}

/// Sealing and opening under data keys that are canaries themselves.
fn fields(engine: &'static dyn Engine, printer: &mut Printer, canaries: &mut Canaries) {
    let kek = SpyKek::new(engine, canaries.keys[0]);
    kek.prepare(canaries.keys[1..].iter().copied());
    let clock = ManualClock::at(1_800_000_000);
    let reader = Reader::new("svc-billing", "treatment").unwrap();
    let builder = Builder::new().engine(engine).clock(clock.clone()).reader(reader.clone());
    printer.debug(&builder);
    printer.debug(&reader);
    printer.refused(Reader::new(&canaries.text(), "treatment"), ErrorKind::Invalid);
    let phiseal = Phiseal::open_with(builder, EditableStore::default(), kek.clone()).unwrap();
    let domain = phiseal.domain(DOMAIN).unwrap();
    let cipher = domain.ready().unwrap();
    for _ in 0..100 {
        let (plain, context) = (canaries.phi(), canaries.context());
        let sealed = domain.seal(&plain, &context).unwrap();
        let opened: Phi<Vec<u8>> = domain.open(&sealed, &context).unwrap();
        assert_eq!(*opened.expose_secret(), plain);
        let bound = cipher.bind(&context).unwrap();
        printer.debug(&(&sealed, &opened, &context, &bound));
        printer.display(&sealed);
        let other = canaries.context();
        printer.refused(domain.open::<String>(&sealed, &other), ErrorKind::Unauthenticated);
        let padded = context.clone().padded_to(64);
        let sealed = domain.seal(&plain, &padded).unwrap();
        printer.refused(domain.open::<String>(&sealed, &context), ErrorKind::Unauthenticated);
        // What was never sealed is named by nothing.
        printer.refused(canaries.text().parse::<Sealed>(), ErrorKind::Malformed);
        printer
            .refused(format!("phi1.{}", canaries.text()).parse::<Sealed>(), ErrorKind::Malformed);
        printer.refused(Sealed::try_from(canaries.phi()), ErrorKind::Malformed);
        printer.refused(cipher.open_bound::<String>(&plain, &bound), ErrorKind::Malformed);
    }
    let context = canaries.context();
    let not_text = [&canaries.phi()[..], &[0xff]].concat();
    let sealed = domain.seal(&not_text, &context).unwrap();
    printer.refused(domain.open::<String>(&sealed, &context), ErrorKind::Invalid);
    let long = canaries.phi().repeat(1 << 20);
    printer.refused(domain.seal(long, &context), ErrorKind::Invalid);
    let twice = Context::of_record(canaries.phi()).record(canaries.phi());
    printer.refused(domain.seal("plain", &twice), ErrorKind::Malformed);
    printer.debug(&twice);
    let mut foreign = sealed.into_bytes();
    foreign[3] ^= 1;
    printer.refused(
        domain.open::<String>(&Sealed::try_from(foreign).unwrap(), &context),
        ErrorKind::Foreign,
    );
    printer.debug(&(&phiseal, &domain, &cipher, &kek));
    printer.debug(&domain.keyset().unwrap());
    domain.rotate().unwrap();
    domain.rewrap().unwrap();
    clock.advance(Duration::from_secs(86_400));
    printer.refused(cipher.seal(canaries.phi(), &context), ErrorKind::Stale);
    assert!(kek.data_keys().len() >= 3 && kek.data_keys()[0] == canaries.keys[1]);
}

/// Persons, whose names are canaries.
fn persons(engine: &'static dyn Engine, printer: &mut Printer, canaries: &mut Canaries) {
    let setting = Setting::new(engine);
    let domain = setting.domain(setting.builder()).unwrap();
    for number in 0..60 {
        let (name, context) = (canaries.text(), canaries.context());
        printer.refused(domain.subject(&name), ErrorKind::NotFound);
        let person = domain.subject_or_create(&name).unwrap();
        let sealed = person.seal(canaries.phi(), &context).unwrap();
        printer.debug(&(&person, &sealed, &domain));
        if number % 2 == 0 {
            printer.debug(&domain.shred_subject(&name).unwrap());
            printer.refused(person.open::<String>(&sealed, &context), ErrorKind::State);
            printer.debug(&domain.shred_subject(&name).unwrap());
            printer.refused(domain.subject_or_create(&name), ErrorKind::State);
        }
    }
    printer.refused(domain.subject(&canaries.text().repeat(100)), ErrorKind::Invalid);
}

/// A store that is tampered with, missing, or in a file.
fn store(engine: &'static dyn Engine, printer: &mut Printer, canaries: &mut Canaries) {
    let setting = Setting::new(engine);
    let phiseal = setting.open(setting.builder()).unwrap();
    let domain = phiseal.domain(DOMAIN).unwrap();
    printer.refused(block_on(phiseal.key_store().create_keyset(DOMAIN)), ErrorKind::Conflict);
    printer.refused(
        setting.open(setting.builder().existing()).unwrap().domain("other"),
        ErrorKind::NotFound,
    );
    printer.refused(phiseal.domain(&canaries.text()), ErrorKind::Invalid);
    let read_only = setting.domain(setting.builder().read_only()).unwrap();
    printer.refused(read_only.seal(canaries.phi(), &canaries.context()), ErrorKind::Denied);
    printer.debug(phiseal.key_store());
    for ((kind, id), record) in setting.store.rows() {
        let mut bytes = record.bytes.clone();
        *bytes.last_mut().unwrap() ^= 1;
        setting.store.put_bytes(kind, &id, bytes);
        if kind == RecordKind::Keyset {
            printer.refused(block_on(phiseal.key_store().keyset(DOMAIN)), ErrorKind::Tampered);
        }
        printer.debug(&record);
        setting.store.put(kind, &id, record);
    }
    setting.store.set_unavailable(true);
    setting.clock.advance(Duration::from_secs(3600));
    printer.refused(domain.seal(canaries.phi(), &canaries.context()), ErrorKind::Unavailable);

    let folder = std::env::current_dir().unwrap();
    let kek = MemoryKek::new(engine).unwrap();
    let phiseal = Phiseal::open_with(
        Builder::new().engine(engine),
        SqliteStore::open("keys.db").unwrap(),
        kek,
    )
    .unwrap();
    let domain = phiseal.domain(DOMAIN).unwrap();
    let context = canaries.context();
    let sealed = domain.seal(canaries.phi(), &context).unwrap();
    printer.debug(&(&phiseal, &domain, &sealed));
    std::fs::write("not-a-store", canaries.phi().repeat(100)).unwrap();
    let refused = SqliteStore::open(folder.join("not-a-store")).err().unwrap();
    printer.error(&refused);
    printer.error(&SqliteStore::open("nowhere/keys.db").err().unwrap());
}

/// KEKs: with passphrases, from the environment, failing, withdrawn.
fn backends(engine: &'static dyn Engine, printer: &mut Printer, canaries: &mut Canaries) {
    // Far too cheap for a real passphrase: what is tested is what is printed.
    let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    for (number, passphrase) in canaries.passphrases.clone().into_iter().take(2).enumerate() {
        let path = format!("kek-{number}.json");
        let passphrase = Passphrase::from_bytes(passphrase).unwrap();
        let kek = LocalKek::create_with_passphrase(&path, &passphrase, cost, engine).unwrap();
        printer.debug(&(&passphrase, &kek));
        let wrong = Passphrase::from_bytes(canaries.passphrases[number + 5].clone()).unwrap();
        let refused = LocalKek::open_with_passphrase(&path, &wrong, engine);
        printer.refused(refused, ErrorKind::Unauthenticated);
        printer.refused(LocalKek::open(&path, engine), ErrorKind::Denied);
    }
    for (number, passphrase) in canaries.passphrases.iter().enumerate() {
        let short = passphrase[..14].to_vec();
        let short = Passphrase::from_bytes(short).unwrap();
        let path = format!("short-{number}.json");
        printer.refused(
            LocalKek::create_with_passphrase(path, &short, cost, engine),
            ErrorKind::Invalid,
        );
        std::fs::write("passphrase", passphrase).unwrap();
        let reachable = Passphrase::from_file("passphrase").err().unwrap();
        printer.error(&reachable);
    }
    // Whoever started this process put a canary there.
    let kek = LocalKek::from_env("PHISEAL_TESTS_KEK", engine).unwrap();
    printer.debug(&kek);
    printer.refused(LocalKek::from_env("PHISEAL_TESTS_NOT_A_KEK", engine), ErrorKind::Malformed);

    let setting = Setting::new(engine);
    let domain = setting.domain(setting.builder()).unwrap();
    let context = canaries.context();
    for kind in [ErrorKind::Unavailable, ErrorKind::Throttled, ErrorKind::Denied, ErrorKind::Faulty]
    {
        setting.kek.fail_next(1, kind);
        printer.refused(setting.domain(setting.builder()), kind);
    }
    block_on(setting.kek.set_state(phiseal::KekVersion(1), KeyState::Suspended)).unwrap();
    setting.clock.advance(Duration::from_secs(3600));
    printer.refused(domain.seal(canaries.phi(), &context), ErrorKind::State);
    printer.debug(&setting.kek);
    for wrong in [canaries.keys[2][..31].to_vec(), canaries.phi()] {
        printer.refused(DataKey::from_backend(&wrong), ErrorKind::Faulty);
    }
    let kek = block_on(Kek::connect(Arc::new(MemoryKek::new(engine).unwrap()), engine)).unwrap();
    printer.debug(&(&kek, kek.info()));
}

/// Options that are refused, and keys that are worn.
fn options(engine: &'static dyn Engine, printer: &mut Printer, canaries: &mut Canaries) {
    #[derive(Debug)]
    struct Zeros;

    impl Random for Zeros {
        fn fill(&self, out: &mut [u8]) -> Result<(), phiseal_primitives::Error> {
            out.fill(0);
            Ok(())
        }
    }

    let context = canaries.context();
    let mut seal = |change: fn(&mut Options), expected| {
        let setting = Setting::new(engine);
        let builder = setting.builder().options(change);
        let domain = setting.domain(builder).unwrap();
        let outcome =
            (0..3).map(|_| domain.seal(canaries.phi(), &context)).find(Result::is_err).unwrap();
        printer.refused(outcome, expected);
    };
    seal(|options| options.max_uses = 2, ErrorKind::Exhausted);
    seal(|options| options.random = Arc::new(HealthChecked::new(Zeros)), ErrorKind::Random);
    seal(|options| options.nonces = NoncePolicy::Module, ErrorKind::Unsupported);
    printer.debug(&Options::new(engine));
}

/// Secrets of known bytes, as their types print themselves.
fn secrets(engine: &'static dyn Engine, printer: &mut Printer, canaries: &Canaries) {
    for bytes in &canaries.keys {
        let key = DataKey::from_backend(bytes).unwrap();
        let id = key.id(engine).unwrap();
        let secret = Secret::filled(|out| {
            *out = *bytes;
            Ok::<(), Error>(())
        });
        printer.debug(&(&key, &id, &secret.unwrap(), &Xaes256Gcm::new(engine, bytes)));
        printer.debug(&engine.aes_256_gcm(bytes).unwrap());
        printer.display(&id);
        let kek = SpyKek::new(engine, *bytes);
        let environment = phiseal::EnvironmentId::from_bytes([1; 16]);
        let context = phiseal::EncryptionContext::store_key(&environment);
        let wrapped = block_on(phiseal::KekBackend::wrap_key(&kek, &key, &context)).unwrap();
        printer.debug(&(&wrapped, &context));
        printer.debug(&GeneratedKey { key, wrapped });
    }
}
