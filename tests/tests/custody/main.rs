//! DUAL: nobody acts alone.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's own functions fail by panicking"
)]

mod forged;
mod place;
mod rosters;

use core::time::Duration;
use phiseal::blocking::Phiseal;
use phiseal::rotation::custody::{Approved, Custodians, Operation, Refusal, Request, Roster};
use phiseal::{Clock, Keyset};
use phiseal_audit::LocalSigner;
use phiseal_audit::note::{KeyName, Note, VerifierKey};
use phiseal_format::SubjectTag;
use phiseal_tests::clinic::Where;
use phiseal_tests::world::{DOMAIN, World};
use place::Place;
use pollster::block_on;

/// How long a request holds.
const HOLDS: Duration = Duration::from_secs(86_400);

/// One who signs.
pub(crate) struct Custodian {
    pub(crate) key: VerifierKey,
    pub(crate) signer: LocalSigner,
}

impl Custodian {
    pub(crate) fn new(name: &str) -> Self {
        let engine = phiseal::default_engine();
        let signer = LocalSigner::generate(engine).unwrap();
        let key = VerifierKey::of(KeyName::new(name).unwrap(), &signer, engine).unwrap();
        Self { key, signer }
    }

    pub(crate) fn sign(&self, request: &Request) -> Note {
        block_on(request.sign(&self.key, &self.signer)).unwrap()
    }
}

/// A key store whose keyset has versions 1, retired, and 2, the primary; and four custodians, of whom two agree to what a third
/// one requests.
pub(crate) struct Office {
    pub(crate) world: World,
    pub(crate) process: Phiseal,
    pub(crate) people: Vec<Custodian>,
    pub(crate) custodians: Custodians,
    _place: Option<Place>,
}

impl Office {
    pub(crate) fn new() -> Self {
        let world = World::of_default_engine();
        let process = world.process();
        Self::of(world, process, None)
    }

    /// With its key store in a file or on a server; `None` after it was said that there is no such place.
    pub(crate) fn at(place: Where) -> Option<Self> {
        let (world, place) = (World::of_default_engine(), Place::new(place)?);
        let process = Phiseal::open_with(world.builder(), place.store(), world.kek.clone());
        Some(Self::of(world, process.unwrap(), Some(place)))
    }

    fn of(world: World, process: Phiseal, place: Option<Place>) -> Self {
        process.domain(DOMAIN).unwrap().rotate().unwrap();
        let people: Vec<_> = ["ada", "ben", "cleo", "dan"].map(Custodian::new).into();
        let keys = people.iter().map(|person| person.key.clone()).collect();
        let roster = Roster::first(process.key_store().environment(), 2, keys).unwrap();
        let founded = block_on(Custodians::found(process.key_store(), roster)).unwrap();
        let first = Some(founded.first());
        let custodians = block_on(Custodians::load(process.key_store(), first)).unwrap().unwrap();
        Self { world, process, people, custodians, _place: place }
    }

    pub(crate) fn keyset(&self) -> Keyset {
        block_on(self.process.key_store().keyset(DOMAIN)).unwrap()
    }

    pub(crate) fn now(&self) -> u64 {
        self.world.clock.wall()
    }

    /// What the first custodian requests.
    pub(crate) fn request(&self, operation: Operation) -> Request {
        let requester = KeyName::new("ada").unwrap();
        if matches!(operation, Operation::Roster(_)) {
            return self
                .custodians
                .request_roster(&self.next_roster(), requester, self.now(), HOLDS)
                .unwrap();
        }
        let (engine, keyset) = (phiseal::default_engine(), self.keyset());
        let mut request =
            Request::new(engine, operation, &keyset, requester, self.now(), HOLDS).unwrap();
        request.roster = Some(self.custodians.digest());
        if operation.wraps() {
            request.keks = block_on(self.process.key_store().wrapping_keks()).unwrap();
        }
        request
    }

    /// The roster without its last custodian.
    pub(crate) fn next_roster(&self) -> Roster {
        let keys = self.people[..3].iter().map(|person| person.key.clone()).collect();
        self.custodians.in_force().next(phiseal::default_engine(), 1, keys).unwrap()
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        vec![
            Operation::Rotate { compromised: false },
            Operation::Rotate { compromised: true },
            Operation::Rewrap,
            Operation::Retire(1),
            Operation::Destroy(1),
            Operation::Shred(SubjectTag::from_bytes([5; 16])),
            Operation::Roster(self.next_roster().digest(phiseal::default_engine())),
        ]
    }

    /// The files of these custodians, by their places.
    pub(crate) fn signed(&self, request: &Request, by: &[usize]) -> Vec<Note> {
        by.iter().map(|place| self.people[*place].sign(request)).collect()
    }

    pub(crate) fn check(&self, request: &Request, notes: &[Note]) -> Result<Approved, Refusal> {
        self.check_at(request, notes, self.now())
    }

    pub(crate) fn check_at(
        &self,
        request: &Request,
        notes: &[Note],
        now: u64,
    ) -> Result<Approved, Refusal> {
        let keyset = request.keyset.is_some().then(|| self.keyset());
        self.custodians.check(request, notes, keyset.as_ref(), now)
    }
}
