//! What a policy costs: a field that is opened for a reader, beside the same field opened and the same record appended to an audit log
//! by hand, in the same run.
#![expect(
    clippy::unwrap_used,
    reason = "a program of measurements: it stops when it cannot be set up"
)]

use phiseal::access::{Access, Policy};
use phiseal::audit::{Action, Class, LocalSigner, Log, Outcome, Record};
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::stores::MemoryStore;
use phiseal::{Builder, EnvironmentId, FieldCipher, Reader, context};
use phiseal_benches::compare;
use std::hint::black_box;
use std::sync::Arc;

const POLICY: &str = r#"
version = 1
kinds.ssn = { fields = ["ssn"] }
roles.nurse = { actors = ["nurse/*"] }
grants = [{ role = "nurse", uses = ["treatment"], kinds = ["ssn"], form = "full" }]
"#;

fn main() {
    let tiny = std::env::args().any(|argument| argument == "--test");
    let (rounds, calls) = if tiny { (3, 10) } else { (51, 20_000) };
    let (folder, engine) = (tempfile::tempdir().unwrap(), phiseal::default_engine());
    let log = |name: &str| {
        let environment = EnvironmentId::from_bytes([7; 16]);
        let signer = LocalSigner::generate(engine).unwrap();
        let log = Log::builder("bench.example/audit", environment, signer, engine).unwrap();
        log.open(folder.path().join(name)).unwrap()
    };
    let (judged, by_hand) = (log("judged"), log("by-hand"));
    let access = Access::new(Policy::parse(POLICY).unwrap(), judged.clone());
    let builder = Builder::new().reveals(Arc::new(access));
    let kek = MemoryKek::new(engine).unwrap();
    let phi = Phiseal::open_with(builder, MemoryStore::new(), kek).unwrap();
    let domain = phi.domain("bench").unwrap();
    let reader = Reader::new("nurse/17", "treatment").unwrap();
    let what = context!(record = "r1029", field = "ssn");
    let sealed = domain.seal("123-45-6789", &what).unwrap();
    let nurse = domain.read_by(reader.clone()).ready().unwrap();
    let bare = domain.as_async().assume_allowed();
    let bare = phiseal::blocking::wait(bare.ready()).unwrap();
    let open = |cipher: &FieldCipher| {
        let mut out = [0; 11];
        let bound = cipher.bind(&what).unwrap();
        cipher.open_into(black_box(sealed.as_bytes()), &bound, &mut out).unwrap();
        black_box(&out);
    };
    let (keyset, keys) = (domain.keyset().unwrap(), domain.as_async().key_store());
    let record = |subject| {
        let action = Action::new("reveal").unwrap();
        let mut record = Record::new(Class::Reveal, action, Outcome::Success);
        record.reader = Some(reader.clone());
        record.domain = Some(keyset.domain());
        record.subject = Some(subject);
        record.kind = Some("ssn".parse().unwrap());
        record.count = Some(1);
        record
    };
    compare(
        "opened for a reader, to opened and recorded",
        rounds,
        calls,
        || open(&nurse),
        || {
            open(&bare);
            by_hand.append(record(keys.record_tag(keyset.domain(), None, b"r1029"))).unwrap();
        },
    );
    compare("recorded, to opened", rounds, calls, || open(&nurse), || open(&bare));
    judged.close().unwrap();
    by_hand.close().unwrap();
}
