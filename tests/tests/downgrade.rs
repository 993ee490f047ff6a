//! DOWN: what a lenient reader holds in memory is never served to a strict one of the same process.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::{Domain, Phiseal, Subject};
use phiseal::{Error, ErrorKind, FieldCipher, KekOperation, Options, Phi, Sealed};
use phiseal_conformance::{Before, Faults};
use phiseal_tests::numbers::{Dice, figure};
use phiseal_tests::world::{DOMAIN, World, what};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const STRICT_TIME: Duration = Duration::from_secs(600);
const STEPS: usize = 16;

/// What the service answers to one credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Answers,
    Silent,
    Denies,
}

/// One credential for a KEK that others may use too.
#[derive(Clone, Debug)]
struct Credential {
    kek: Arc<Faults<Arc<MemoryKek>>>,
    mood: Arc<Mutex<Mood>>,
}

impl Credential {
    fn new(world: &World) -> Self {
        let kek = Arc::new(Faults::new(world.kek.clone()));
        let mood = Arc::new(Mutex::new(Mood::Answers));
        let now = mood.clone();
        kek.before(move |call| match *now.lock().unwrap() {
            _ if call.operation == KekOperation::Describe => Before::GoOn,
            Mood::Answers => Before::GoOn,
            Mood::Silent => Before::Fail(ErrorKind::Unavailable),
            Mood::Denies => Before::Fail(ErrorKind::Denied),
        });
        Self { kek, mood }
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }
}

/// One handle of the process, with everything that an application might keep of it.
struct Reader {
    domain: Domain,
    ada: Subject,
    kept: Vec<(usize, Arc<FieldCipher>)>,
}

impl Reader {
    fn new(
        world: &World,
        credential: &Credential,
        options: impl FnOnce(&mut Options) + Send + 'static,
    ) -> Self {
        let builder = world.builder().options(options);
        let process =
            Phiseal::open_with(builder, world.store.clone(), credential.kek.clone()).unwrap();
        let domain = process.domain(DOMAIN).unwrap();
        let ada = domain.subject_or_create("ada").unwrap();
        Self { domain, ada, kept: Vec::new() }
    }

    /// Opens one of the two values in one of the ways that there are.
    fn open(&mut self, values: &[Sealed; 2], dice: &mut Dice) -> Result<(), ErrorKind> {
        let which = dice.below(2);
        let value = &values[which];
        let opened = match (which, dice.coin()) {
            (0, true) => self.domain.open::<String>(value, &what()),
            (_, true) => self.ada.open::<String>(value, &what()),
            (0, false) => self.domain.ready().and_then(|cipher| self.open_with(0, cipher, value)),
            (_, false) => self.ada.ready().and_then(|cipher| self.open_with(1, cipher, value)),
        };
        opened.map(|_| ()).map_err(|error| error.kind())
    }

    fn open_with(
        &mut self,
        which: usize,
        cipher: Arc<FieldCipher>,
        value: &Sealed,
    ) -> Result<Phi<String>, Error> {
        self.kept.push((which, cipher.clone()));
        cipher.open(value, &what())
    }

    /// Whether any cipher that was handed out so far opens its value now.
    fn a_kept_one_opens(&self, values: &[Sealed; 2]) -> bool {
        self.kept
            .iter()
            .any(|(which, cipher)| cipher.open::<String>(&values[*which], &what()).is_ok())
    }
}

#[derive(Default)]
struct Counts {
    served: u64,
    kept: u64,
    refused: u64,
    refused_beside_a_lenient_one: u64,
}

/// One store and one KEK; a lenient reader (hours, and an outage window) and a strict one (ten minutes, no window), each
/// with a credential of its own. At every step either may open, keep ciphers, lose its service or be denied it.
fn interleaving(seed: u64, counts: &mut Counts) {
    let mut dice = Dice::new(seed);
    let world = World::new(phiseal::engines()[usize::try_from(seed).unwrap() % 3]);
    let (hers, his) = (Credential::new(&world), Credential::new(&world));
    let mut lenient = Reader::new(&world, &hers, |options| {
        options.key_time = STRICT_TIME * 60;
        options.outage_window = STRICT_TIME * 60;
    });
    let mut strict = Reader::new(&world, &his, |options| options.key_time = STRICT_TIME);
    let values = [
        lenient.domain.seal("of the domain", &what()).unwrap(),
        lenient.ada.seal("of the person", &what()).unwrap(),
    ];
    // The last moment at which the strict reader's own credential can have been honoured.
    let mut honoured = Some(Duration::ZERO);
    let mut now = Duration::ZERO;
    for step in 0..STEPS {
        if dice.below(3) == 0 {
            his.set([Mood::Answers, Mood::Silent, Mood::Denies][dice.below(3)]);
        }
        hers.set(if dice.coin() { Mood::Silent } else { Mood::Answers });
        let pass = MINUTE * u32::try_from(1 + dice.below(8)).unwrap();
        world.clock.advance(pass);
        now += pass;

        let beside = lenient.open(&values, &mut dice);
        assert_eq!(beside, Ok(()), "seed {seed}, step {step}: the lenient reader");
        let outcome = strict.open(&values, &mut dice);
        let place = format!("seed {seed}, step {step}: {:?}, {outcome:?}", his.mood());
        match his.mood() {
            Mood::Answers => {
                assert_eq!(outcome, Ok(()), "{place}");
                honoured = Some(now);
            }
            Mood::Silent | Mood::Denies if outcome.is_ok() => {
                assert!(honoured.is_some_and(|then| now < then + STRICT_TIME), "{place}");
            }
            Mood::Silent => assert_eq!(outcome, Err(ErrorKind::Unavailable), "{place}"),
            Mood::Denies => {
                assert_eq!(outcome, Err(ErrorKind::Denied), "{place}");
                // From here on nothing is at hand until the service honours the credential again.
                honoured = None;
            }
        }
        if strict.a_kept_one_opens(&values) {
            assert!(honoured.is_some_and(|then| now < then + STRICT_TIME), "{place}: kept");
            counts.kept += 1;
        }
        match outcome {
            Ok(()) => counts.served += 1,
            Err(_) => {
                counts.refused += 1;
                counts.refused_beside_a_lenient_one += u64::from(beside.is_ok());
            }
        }
    }
}

#[test]
fn a_strict_reader_is_served_nothing_that_only_a_lenient_one_may_have() {
    let mut counts = Counts::default();
    let interleavings = figure(2_000, 10_000);
    (0..interleavings).for_each(|seed| interleaving(seed, &mut counts));
    let Counts { served, kept, refused, refused_beside_a_lenient_one } = counts;
    assert_eq!(served + refused, interleavings * 16);
    assert_eq!(refused_beside_a_lenient_one, refused);
    // The control: all of it happens, and often.
    for (what, often) in [("served", served), ("kept", kept), ("refused", refused)] {
        assert!(often > interleavings * 3, "{what}: {often}");
    }
}
