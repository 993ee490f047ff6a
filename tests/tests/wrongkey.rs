//! WRONGKEY and FOREIGN: a backend that answers wrongly gets nothing sealed, and nothing stored that cannot be opened.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal::KekOperation;
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::{
    Builder, EncryptionContext, Engine, Error, ErrorKind, KekBackend, KekId, KekVersion, WrappedKey,
};
use phiseal_conformance::{Call, Faults};
use phiseal_keys::{DataKey, GeneratedKey, RecordKind, UnwrappedKey};
use phiseal_tests::editable::EditableStore;
use phiseal_tests::world::{DOMAIN, World, what};
use pollster::block_on;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a backend answers wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// A key of so many bytes.
    Length(usize),
    Zeros,
    /// Another key.
    Random,
    /// Another key of the same KEK: the one that it unwrapped, or made, before.
    Earlier,
    /// One key again and again, each time in a right wrap.
    Repeated,
    OtherKek,
    OtherVersion,
    VersionUnseen,
    /// The wrap of a key is cut short, damaged or of another KEK; the key is right.
    WrapCut,
    WrapDamaged,
    WrapOfOtherKek,
    WrapOfOtherVersion,
    WrapTooLong,
}

impl Wrong {
    const LENGTHS: [usize; 5] = [0, 16, 31, 33, 64];

    fn of_unwrap() -> Vec<(Self, ErrorKind)> {
        let lengths = Self::LENGTHS.map(|length| (Self::Length(length), ErrorKind::Faulty));
        let mut all = lengths.to_vec();
        all.extend([
            (Self::Zeros, ErrorKind::Faulty),
            (Self::Random, ErrorKind::Unauthenticated),
            (Self::Earlier, ErrorKind::Unauthenticated),
            (Self::OtherKek, ErrorKind::Unauthenticated),
            (Self::OtherVersion, ErrorKind::Unauthenticated),
            (Self::VersionUnseen, ErrorKind::Unauthenticated),
        ]);
        all
    }

    fn of_generate() -> Vec<Self> {
        let mut all = Self::LENGTHS.map(Self::Length).to_vec();
        all.extend([Self::Zeros, Self::Random, Self::Earlier]);
        all.extend([
            Self::WrapCut,
            Self::WrapDamaged,
            Self::WrapOfOtherKek,
            Self::WrapOfOtherVersion,
            Self::WrapTooLong,
        ]);
        all
    }

    fn of_wrap() -> Vec<Self> {
        vec![
            Self::Earlier,
            Self::WrapCut,
            Self::WrapDamaged,
            Self::WrapOfOtherKek,
            Self::WrapOfOtherVersion,
            Self::WrapTooLong,
        ]
    }
}

/// A backend that is honest until it is told otherwise.
struct Liar {
    kek: Arc<Faults<Arc<MemoryKek>>>,
    lies: Arc<Lies>,
}

struct Lies {
    kek: Arc<MemoryKek>,
    engine: &'static dyn Engine,
    told: Mutex<Option<(KekOperation, Wrong)>>,
    earlier: Mutex<Option<(DataKey, WrappedKey)>>,
    lied: AtomicBool,
}

impl Liar {
    fn new(engine: &'static dyn Engine) -> Self {
        let kek = Arc::new(MemoryKek::new(engine).unwrap());
        let (told, earlier, lied) = (Mutex::default(), Mutex::default(), AtomicBool::new(false));
        let lies = Arc::new(Lies { kek: kek.clone(), engine, told, earlier, lied });
        let kek = Arc::new(Faults::new(kek).rewrapping_in_process());
        let [generating, wrapping, unwrapping] = [(); 3].map(|()| lies.clone());
        kek.after_generate(move |call, made| generating.made(call, made?));
        kek.after_wrap(move |call, wrapped| Ok(wrapping.wrapped(call, wrapped?)));
        kek.after_unwrap(move |call, answer| unwrapping.unwrapped(call, answer?));
        Self { kek, lies }
    }

    fn tell(&self, operation: KekOperation, wrong: Wrong) {
        *self.lies.told.lock().unwrap() = Some((operation, wrong));
        self.lies.lied.store(false, Ordering::SeqCst);
    }

    fn be_honest(&self) {
        *self.lies.told.lock().unwrap() = None;
    }

    /// Makes a key of this KEK that is not the right one, and its wrap.
    fn prepare(&self, context: &EncryptionContext) {
        let made = block_on(self.lies.kek.generate_key(context)).unwrap();
        *self.lies.earlier.lock().unwrap() = Some((made.key, made.wrapped));
    }

    fn lied(&self) -> bool {
        self.lies.lied.load(Ordering::SeqCst)
    }
}

impl Lies {
    /// What to say wrongly in the answer to this call.
    fn about(&self, call: &Call<'_>) -> Option<Wrong> {
        let told = self.told.lock().unwrap().filter(|(of, _)| *of == call.operation);
        self.lied.fetch_or(told.is_some(), Ordering::SeqCst);
        told.map(|(_, wrong)| wrong)
    }

    fn made(&self, call: &Call<'_>, mut made: GeneratedKey) -> Result<GeneratedKey, Error> {
        if let Some(wrong) = self.about(call) {
            match self.wrong_key(wrong)? {
                Some(key) if wrong == Wrong::Repeated => {
                    made.wrapped = block_on(self.kek.wrap_key(&key, call.context.unwrap()))?;
                    made.key = key;
                }
                Some(key) => made.key = key,
                None => made.wrapped = self.wrong_wrap(wrong, &made.wrapped),
            }
        }
        Ok(made)
    }

    fn wrapped(&self, call: &Call<'_>, wrapped: WrappedKey) -> WrappedKey {
        self.about(call).map_or(wrapped.clone(), |wrong| self.wrong_wrap(wrong, &wrapped))
    }

    fn unwrapped(&self, call: &Call<'_>, mut answer: UnwrappedKey) -> Result<UnwrappedKey, Error> {
        if let Some(wrong) = self.about(call) {
            if let Some(key) = self.wrong_key(wrong)? {
                answer.key = key;
            }
            match wrong {
                Wrong::OtherKek => answer.kek_id = KekId::try_from("another:kek").unwrap(),
                Wrong::OtherVersion => answer.kek_version = KekVersion(2),
                Wrong::VersionUnseen => answer.kek_version = KekVersion::UNSEEN,
                _ => {}
            }
        }
        Ok(answer)
    }

    fn wrong_key(&self, wrong: Wrong) -> Result<Option<DataKey>, Error> {
        Ok(Some(match wrong {
            Wrong::Length(length) => DataKey::from_backend(&vec![7; length])?,
            Wrong::Zeros => DataKey::from_backend(&[0; 32])?,
            Wrong::Random => DataKey::generate(self.engine)?,
            Wrong::Earlier | Wrong::Repeated => {
                let earlier = self.earlier.lock().unwrap();
                DataKey::from_backend(earlier.as_ref().unwrap().0.expose_secret())?
            }
            _ => return Ok(None),
        }))
    }

    fn wrong_wrap(&self, wrong: Wrong, right: &WrappedKey) -> WrappedKey {
        let mut bytes = right.wrapped().to_vec();
        let (mut kek, mut version) = (right.kek_id().clone(), right.kek_version());
        match wrong {
            Wrong::WrapCut => bytes.truncate(bytes.len() - 1),
            Wrong::WrapDamaged => bytes[30] ^= 1,
            Wrong::WrapOfOtherKek => kek = KekId::try_from("another:kek").unwrap(),
            Wrong::WrapOfOtherVersion => version = KekVersion(9),
            Wrong::WrapTooLong => bytes.resize(6144, 0),
            Wrong::Earlier => return self.earlier.lock().unwrap().as_ref().unwrap().1.clone(),
            _ => {}
        }
        WrappedKey::new(right.algorithm(), kek, version, bytes).unwrap()
    }
}

struct Setting {
    store: EditableStore,
    liar: Liar,
    clock: phiseal::ManualClock,
    engine: &'static dyn Engine,
}

impl Setting {
    fn new(engine: &'static dyn Engine) -> Self {
        let clock = phiseal::ManualClock::at(1_800_000_000);
        Self { store: EditableStore::default(), liar: Liar::new(engine), clock, engine }
    }

    fn open(&self) -> Result<Phiseal, Error> {
        let builder = Builder::new().engine(self.engine).clock(self.clock.clone());
        Phiseal::open_with(builder, self.store.clone(), self.liar.kek.clone())
    }
}

#[track_caller]
fn assert_kind<T>(outcome: Result<T, Error>, kind: ErrorKind, what: &str) {
    assert_eq!(outcome.err().map(|error| error.kind()), Some(kind), "{what}");
}

#[test]
fn a_wrong_answer_to_an_unwrap_is_refused_and_nothing_is_sealed() {
    let mut refused = 0;
    for engine in phiseal::engines() {
        for (wrong, kind) in Wrong::of_unwrap() {
            let named = format!("{} {wrong:?}", engine.name());
            let setting = Setting::new(*engine);
            let warm = setting.open().unwrap();
            let domain = warm.domain(DOMAIN).unwrap();
            let (cipher, sealed) =
                (domain.ready().unwrap(), domain.seal("plain", &what()).unwrap());
            let context = block_on(warm.key_store().keyset(DOMAIN)).unwrap().wrap_context(1);
            setting.liar.prepare(&context);
            let rows = setting.store.rows();
            let fresh = setting.open().unwrap();

            setting.liar.tell(KekOperation::Unwrap, wrong);
            assert_kind(setting.open(), kind, &format!("{named}: the store's own key"));
            assert_kind(fresh.domain(DOMAIN), kind, &named);
            assert!(setting.liar.lied(), "{named}: the control");
            setting.clock.advance(Duration::from_secs(3600));
            assert_kind(domain.seal("plain", &what()), kind, &named);
            assert_kind(domain.open::<String>(&sealed, &what()), kind, &named);
            assert_kind(cipher.seal("plain", &what()), ErrorKind::Stale, &named);
            assert_kind(domain.rewrap(), kind, &named);
            assert!(setting.store.rows() == rows, "{named}: something was stored");

            setting.liar.be_honest();
            setting.clock.advance(Duration::from_secs(1));
            assert!(domain.open::<String>(&sealed, &what()).is_ok(), "{named}: the control");
            assert!(fresh.domain(DOMAIN).is_ok(), "{named}: the control");
            refused += 1;
        }
    }
    assert_eq!(refused, phiseal::engines().len() * 11);
}

#[test]
fn a_wrong_new_key_is_refused_and_nothing_is_stored() {
    let mut refused = 0;
    for engine in phiseal::engines() {
        for wrong in Wrong::of_generate() {
            let named = format!("{} {wrong:?}", engine.name());
            let setting = Setting::new(*engine);
            setting.liar.prepare(&EncryptionContext::store_key(
                &phiseal::EnvironmentId::from_bytes([0; 16]),
            ));
            setting.liar.tell(KekOperation::Generate, wrong);
            assert!(setting.open().is_err(), "{named}: the store's own key");
            assert!(setting.liar.lied(), "{named}: the control");
            assert!(
                setting.store.rows().is_empty(),
                "{named}: a store key was stored that does not open"
            );

            setting.liar.be_honest();
            let process = setting.open().unwrap();
            let domain = process.domain(DOMAIN).unwrap();
            let sealed = domain.seal("plain", &what()).unwrap();
            let rows = setting.store.rows();
            setting.liar.tell(KekOperation::Generate, wrong);
            assert!(process.domain("another").is_err(), "{named}: a domain");
            assert!(domain.rotate().is_err(), "{named}: a version");
            assert!(
                setting.store.rows() == rows,
                "{named}: something was stored that does not open"
            );

            setting.liar.be_honest();
            domain.rotate().unwrap();
            assert!(domain.open::<String>(&sealed, &what()).is_ok(), "{named}: the control");
            refused += 1;
        }
    }
    assert_eq!(refused, phiseal::engines().len() * 13);
}

/// Everything about such a key is right, but that it is not new: an envelope names its key by an id that no other may have.
#[test]
fn a_key_that_the_store_has_already_is_refused_in_every_domain_and_process() {
    for engine in phiseal::engines() {
        let setting = Setting::new(*engine);
        let process = setting.open().unwrap();
        setting.liar.prepare(&EncryptionContext::store_key(&process.key_store().environment()));
        setting.liar.tell(KekOperation::Generate, Wrong::Repeated);
        let domain = process.domain(DOMAIN).unwrap();
        assert!(setting.liar.lied(), "the control");
        let rows = setting.store.rows();

        assert_kind(process.domain("another"), ErrorKind::Faulty, "another domain");
        assert_kind(domain.rotate(), ErrorKind::Faulty, "another version");
        let elsewhere = setting.open().unwrap();
        assert_kind(elsewhere.domain("another"), ErrorKind::Faulty, "another process");
        assert!(setting.store.rows() == rows, "something was stored");

        setting.liar.be_honest();
        assert!(domain.rotate().is_ok(), "the control");
        assert!(process.domain("another").is_ok(), "the control");
    }
}

#[test]
fn a_wrong_new_wrap_is_refused_and_the_old_one_is_kept() {
    for wrong in Wrong::of_wrap() {
        let setting = Setting::new(phiseal::default_engine());
        let process = setting.open().unwrap();
        let domain = process.domain(DOMAIN).unwrap();
        let sealed = domain.seal("plain", &what()).unwrap();
        setting
            .liar
            .prepare(&block_on(process.key_store().keyset(DOMAIN)).unwrap().wrap_context(1));
        block_on(phiseal::KekAdminBackend::create_version(&*setting.liar.lies.kek)).unwrap();
        let rows = setting.store.rows();
        setting.liar.tell(KekOperation::Wrap, wrong);
        assert!(domain.rewrap().is_err(), "{wrong:?}: a domain's key");
        assert!(setting.liar.lied(), "{wrong:?}: the control");
        assert!(
            block_on(process.key_store().rewrap_store_key()).is_err(),
            "{wrong:?}: the store's own key"
        );
        assert!(setting.store.rows() == rows, "{wrong:?}: something was stored");

        setting.liar.be_honest();
        assert_eq!(domain.rewrap().unwrap().rewrapped, 1, "{wrong:?}: the control");
        assert!(
            block_on(process.key_store().rewrap_store_key()).unwrap(),
            "{wrong:?}: the control"
        );
        let fresh = setting.open().unwrap().domain(DOMAIN).unwrap();
        assert!(fresh.open::<String>(&sealed, &what()).is_ok(), "{wrong:?}");
    }
}

/// A store that was set up under another KEK: nobody is asked.
#[test]
fn what_another_kek_wrapped_is_refused_without_a_call() {
    for engine in phiseal::engines() {
        let world = World::new(*engine);
        world.process().domain(DOMAIN).unwrap();
        let elsewhere = World {
            kek: Arc::new(MemoryKek::new(*engine).unwrap()),
            store: world.store.clone(),
            ..World::new(*engine)
        };
        let before = elsewhere.kek.calls_of(KekOperation::Unwrap);
        assert_kind(elsewhere.open(elsewhere.builder()), ErrorKind::Foreign, "the store's own key");
        assert_eq!(elsewhere.kek.calls_of(KekOperation::Unwrap), before, "no call");
        assert_eq!(world.store.only(RecordKind::StoreKey).1.revision, 1);
        assert!(world.open(world.builder()).is_ok(), "the control");
    }
}
