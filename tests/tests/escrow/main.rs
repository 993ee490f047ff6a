//! Recovery keys under the whole library: the KEK of a store is gone, its recovery key opens it; and what a restored store
//! opens.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod drill;
mod gone;
mod keks;
mod python;
mod restored;
mod skewed;

use phiseal::backends::memory::MemoryKek;
use phiseal::backends::recovery::{RecoveryKek, RecoveryKey, Share};
use phiseal::blocking::Phiseal;
use phiseal::{Builder, Context, Error, ErrorKind, Kek, Phi, Sealed, context, default_engine};
use phiseal_tests::editable::EditableStore;
use pollster::block_on;
use std::sync::Arc;

const DOMAIN: &str = "clinic/patients";
const OTHER: &str = "clinic/staff";
const PERSON: &str = "mrn-1029";

/// A store, its KEK, the public half of a recovery key, and five papers of which three are the private one.
struct World {
    store: EditableStore,
    kek: Arc<MemoryKek>,
    line: String,
    papers: Vec<String>,
}

impl World {
    fn new() -> Self {
        let key = RecoveryKey::generate(default_engine()).unwrap();
        let papers = key.split(3, 5).unwrap();
        Self {
            store: EditableStore::default(),
            kek: memory_kek(),
            line: key.public().to_string(),
            papers: papers.iter().map(|share| share.expose_text().to_string()).collect(),
        }
    }

    fn escrow(&self) -> RecoveryKek {
        RecoveryKek::parse(&self.line, default_engine()).unwrap()
    }

    /// With the recovery key as an escrow key.
    fn builder(&self) -> Builder {
        Builder::new().also_escrow_to(self.escrow())
    }

    fn open(&self, builder: Builder) -> Result<Phiseal, Error> {
        Phiseal::open_with(builder, self.store.clone(), self.kek.clone())
    }

    fn process(&self) -> Phiseal {
        self.open(self.builder()).unwrap()
    }

    /// What three people bring together.
    fn recovered(&self) -> RecoveryKey {
        let shares: Vec<_> = [4, 1, 3]
            .iter()
            .map(|at| Share::parse(&self.papers[*at], default_engine()).unwrap())
            .collect();
        RecoveryKey::combine(&shares, default_engine()).unwrap()
    }

    fn recovered_kek(&self) -> Kek {
        block_on(Kek::connect(Arc::new(self.recovered()), default_engine())).unwrap()
    }
}

fn memory_kek() -> Arc<MemoryKek> {
    Arc::new(MemoryKek::new(default_engine()).unwrap())
}

fn what() -> Context {
    context!(record = PERSON, field = "ssn")
}

fn opened(phi: &Phiseal, sealed: &Sealed) -> Result<String, Error> {
    let plain: Phi<String> = phi.domain(DOMAIN)?.open(sealed, &what())?;
    Ok(plain.expose_secret().clone())
}

fn opened_of_person(phi: &Phiseal, sealed: &Sealed) -> Result<String, Error> {
    let plain: Phi<String> = phi.domain(DOMAIN)?.subject(PERSON)?.open(sealed, &what())?;
    Ok(plain.expose_secret().clone())
}

fn kind<T>(outcome: Result<T, Error>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}
