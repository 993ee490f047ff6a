//! What a key store that is not trusted answers.
//!
//! ```text
//! record and base u8 | revision and choices u8 | bytes
//! ```
//!
//! The two lowest bits of the first byte pick which record is asked for, the next three the genuine record that the
//! store's answer is made of, the next two a [`Shape`]. Of the second byte, the two lowest bits move the revision; then come one
//! bit for a pinned store key and one for the engine that opens the store.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::{
    Error, ErrorKind, FullKeyId, Kek, KeyStore, KeyStoreConfig, Keyset, Record, RecordKind,
    WrappedKey,
};
use phiseal_format::SubjectTag;
use pollster::block_on;

use crate::clinic::{ENGINES, named};
use crate::lying::Lying;
use crate::mask::Shape;

/// Asks a key store for a record in whose place the store answers with what the input makes of one. Only the genuine
/// answer is believed, and of bytes that do not parse no backend hears.
pub fn store_records(data: &[u8]) -> bool {
    let world = WORLD.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(question) = Question::read(data, &world) else { return false };
    world.judge(&question, question.answer.clone())
}

static WORLD: LazyLock<Mutex<World>> = LazyLock::new(|| Mutex::new(World::new()));

const NAME: &str = "clinic/patients";
const SUBJECT: &str = "mrn-1029";

/// What a question can be about, by the number that an input gives it.
const KINDS: [RecordKind; 4] =
    [RecordKind::StoreKey, RecordKind::Keyset, RecordKind::Subject, RecordKind::Usage];

/// A store with a record of each kind, a handle on it that has seen them, and what is in it.
struct World {
    lying: Arc<Lying>,
    backend: Arc<MemoryKek>,
    kek: Kek,
    key_store: Arc<KeyStore>,
    keyset: Keyset,
    subject: SubjectTag,
    /// How many uses of the domain's first key are reserved.
    uses: u64,
    /// The store key, the keyset, the keyset as it was before, the subject, the usage count.
    genuine: [Record; 5],
}

/// What is asked of the key store, and what its store answers.
struct Question {
    kind: RecordKind,
    answer: Option<Record>,
    pinned: bool,
    engine: usize,
}

/// What must come of a question: its outcome is one of these, after as many calls of the backend.
struct Expected {
    outcomes: Vec<Result<(), ErrorKind>>,
    calls: u64,
}

impl World {
    fn new() -> Self {
        let engine = named(ENGINES[0]);
        let backend = Arc::new(MemoryKek::new(engine).unwrap());
        let kek = block_on(Kek::connect(backend.clone(), engine)).unwrap();
        let lying = Arc::new(Lying::under(NAME));
        let phi = Phiseal::open(lying.clone(), backend.clone()).unwrap();
        let key_store = phi.key_store().clone();

        // The first look at a domain reserves uses of its key.
        let domain = phi.domain(NAME).unwrap();
        domain.subject_or_create(SUBJECT).unwrap();
        let before = lying.genuine(RecordKind::Keyset);
        let keyset = block_on(key_store.add_version(&domain.keyset().unwrap())).unwrap();
        let subject = key_store.subject_tag(&keyset, SUBJECT).unwrap();
        let uses = block_on(key_store.uses(keyset.versions()[0].key_id())).unwrap();
        assert!(uses > 0);

        let [store_key, now, person, usage] = KINDS.map(|kind| lying.genuine(kind));
        let genuine = [store_key, now, before, person, usage];
        Self { lying, backend, kek, key_store, keyset, subject, uses, genuine }
    }

    /// Asks, with `answer` for the store to give, and holds the outcome against what the question lets expect.
    fn judge(&self, question: &Question, answer: Option<Record>) -> bool {
        let expected = self.expected(question);
        let calls = self.backend.calls();
        self.lying.answer(Some((question.kind, answer)));
        let outcome = self.ask(question).map_err(|error| error.kind());
        self.lying.answer(None);
        assert!(
            expected.outcomes.contains(&outcome),
            "{:?}: {outcome:?}, not one of {:?}",
            question.kind,
            expected.outcomes
        );
        assert_eq!(self.backend.calls() - calls, expected.calls, "calls of the backend");
        outcome.is_ok()
    }

    fn ask(&self, question: &Question) -> Result<(), Error> {
        match question.kind {
            RecordKind::StoreKey => {
                let mut config = KeyStoreConfig::new(named(ENGINES[question.engine]));
                config.create = false;
                config.store_key = question.pinned.then(|| self.key_store.store_key());
                let keks = vec![self.kek.clone()];
                let opened = block_on(KeyStore::open(self.lying.clone(), keks, config))?;
                assert_eq!(opened.store_key(), self.key_store.store_key());
                assert_eq!(opened.environment(), self.key_store.environment());
            }
            RecordKind::Keyset => {
                let found = block_on(self.key_store.find_keyset(NAME));
                let listed = block_on(self.key_store.domains());
                assert!(found.is_err() || listed.is_ok_and(|names| names == [NAME]));
                assert_eq!(found?.as_ref(), Some(&self.keyset));
            }
            RecordKind::Subject => {
                let found = block_on(self.key_store.find_subject(&self.keyset, self.subject))?;
                assert_eq!(found.unwrap().tag(), self.subject);
            }
            _ => {
                let key_id = self.keyset.versions()[0].key_id();
                assert_eq!(block_on(self.key_store.uses(key_id))?, self.uses);
            }
        }
        Ok(())
    }

    fn expected(&self, question: &Question) -> Expected {
        let genuine = self.lying.genuine(question.kind);
        if question.kind == RecordKind::StoreKey {
            return self.expected_of_store_key(question, &genuine);
        }
        let believed = question.answer.as_ref() == Some(&genuine);
        let outcome = if believed { Ok(()) } else { Err(ErrorKind::Tampered) };
        Expected { outcomes: vec![outcome], calls: 0 }
    }

    /// The store key's record is all that says which key authenticates the others; its revision says nothing.
    fn expected_of_store_key(&self, question: &Question, genuine: &Record) -> Expected {
        let refused = |kind, calls| Expected { outcomes: vec![Err(kind)], calls };
        let Some(answer) = &question.answer else { return refused(ErrorKind::NotFound, 0) };
        let Some((key_id, wraps)) = parse_store_key(&answer.bytes) else {
            return refused(ErrorKind::Malformed, 0);
        };
        if question.pinned && key_id != self.key_store.store_key() {
            return refused(ErrorKind::Tampered, 0);
        }
        if wraps.iter().all(|wrapped| *wrapped.kek_id() != self.kek.info().id) {
            return refused(ErrorKind::Foreign, 0);
        }
        if answer.bytes == genuine.bytes {
            return Expected { outcomes: vec![Ok(())], calls: 1 };
        }
        let kinds = [ErrorKind::Unauthenticated, ErrorKind::Malformed, ErrorKind::NotFound];
        Expected { outcomes: kinds.map(Err).to_vec(), calls: 1 }
    }
}

/// `0x01 | environment 16 | key id 32 | { wrapped key u16 + bytes } x 1..8`.
fn parse_store_key(bytes: &[u8]) -> Option<(FullKeyId, Vec<WrappedKey>)> {
    let ([version, rest @ ..], after) = bytes.split_first_chunk::<17>()?;
    let _environment: &[u8; 16] = rest;
    let (key_id, mut after) = after.split_first_chunk()?;
    let mut wraps = Vec::new();
    while wraps.is_empty() || !after.is_empty() {
        let (length, rest) = after.split_first_chunk()?;
        let (wrapped, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        wraps.push(WrappedKey::parse(wrapped).ok()?);
        after = rest;
    }
    (*version == 1 && wraps.len() <= 8).then(|| (FullKeyId::from_bytes(*key_id), wraps))
}

impl Question {
    fn read(data: &[u8], world: &World) -> Option<Self> {
        let (&[first, second], bytes) = data.split_first_chunk()?;
        let kind = KINDS[usize::from(first & 3)];
        let base = world.genuine.get(usize::from((first >> 2) & 7));
        let revision = |genuine: u64| match second & 3 {
            0 => genuine,
            1 => genuine + 1,
            2 => genuine - 1,
            _ => u64::MAX,
        };
        let answer = base.map(|base| Record {
            revision: revision(base.revision),
            bytes: Shape::of(first >> 5).apply(&base.bytes, bytes),
        });
        let (pinned, engine) = (second & 4 != 0, usize::from((second >> 3) & 1));
        Some(Self { kind, answer, pinned, engine })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::must_panic;

    const CHANGED: u8 = 1 << 5;

    #[test]
    fn each_genuine_record_is_believed_and_no_other() {
        let mut believed = 0;
        for kind in 0..4 {
            for base in 0..6 {
                for revision in 0..4 {
                    let data = [kind | base << 2 | CHANGED, revision];
                    let own = [0, 1, 3, 4][usize::from(kind)] == base;
                    let expected = own && (revision == 0 || kind == 0);
                    assert_eq!(store_records(&data), expected, "{kind} {base} {revision}");
                    believed += u32::from(expected);
                }
            }
        }
        assert_eq!(believed, 4 + 3);
    }

    #[test]
    fn a_key_store_that_believes_a_lie_is_noticed() {
        let world = World::new();
        for (kind, base) in [(0, 0), (1, 1), (2, 3), (3, 4)] {
            let mut changed = vec![kind | base << 2 | CHANGED, 0];
            changed.extend([0; 20]);
            changed.push(1);
            let question = Question::read(&changed, &world).unwrap();
            assert!(!world.judge(&question, question.answer.clone()));
            // The outcome of a key store that does not look at what it is given.
            let genuine = world.lying.genuine(question.kind);
            must_panic(|| world.judge(&question, Some(genuine)));
            world.lying.answer(None);
        }
    }

    #[test]
    fn a_call_of_the_backend_for_bytes_that_do_not_parse_is_noticed() {
        let world = World::new();
        let cut = Question::read(&[2 << 5, 0, 0], &world).unwrap();
        assert!(!world.judge(&cut, cut.answer.clone()));
        // A wrap by an algorithm that is not the backend's is malformed too, but only the backend knows.
        let algorithm = 1 + 16 + 32 + 2 + 1;
        let mut other_algorithm = vec![CHANGED, 0];
        other_algorithm.resize(2 + algorithm, 0);
        other_algorithm.push(1);
        let changed = Question::read(&other_algorithm, &world).unwrap();
        assert_eq!(world.expected(&changed).calls, 1);
        assert!(!world.judge(&changed, changed.answer.clone()));
        must_panic(|| world.judge(&cut, changed.answer.clone()));
    }
}
