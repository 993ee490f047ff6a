//! Readers, a policy, an audit log, and emergencies with reasons that name somebody.

use super::{Canaries, Printer, Setting};
use crate::say;
use phiseal::access::{Access, BreakGlass, Finding, Policy};
use phiseal::audit::{LocalSigner, Log};
use phiseal::blocking::wait;
use phiseal::{Builder, Context, Engine, EnvironmentId, ErrorKind, Phi, Reader};
use std::sync::Arc;
use std::time::Duration;

const POLICY: &str = r#"
version = 1
kinds.note = { fields = ["note"] }
kinds.ssn = { fields = ["ssn"], mask = "last-2" }
roles.nurse = { actors = ["nurse/*"] }
roles.privacy = { actors = ["privacy-officer"] }
grants = [{ role = "nurse", uses = ["treatment"], kinds = ["ssn"], form = "masked" }]
alert = { more-than = 20, within = "10m" }
break-glass = { roles = ["nurse"], longest = "1h", reviewers = ["privacy"] }
"#;

pub(super) fn live(engine: &'static dyn Engine, printer: &mut Printer, canaries: &mut Canaries) {
    let wrong = Policy::parse(&format!("version = 1\nkinds.note = {{ fields = [{:?}, 7] }}", "x"));
    printer.error(&wrong.err().unwrap());
    let environment = EnvironmentId::from_bytes([7; 16]);
    let signer = LocalSigner::generate(engine).unwrap();
    let log = Log::builder("clinic.example/audit", environment, signer, engine).unwrap();
    let path = format!("audit-{}.jsonl", engine.name());
    let log = log.open(&path).unwrap();
    let access = Access::new(Policy::parse(POLICY).unwrap(), log.clone());
    let access = Arc::new(access.on_alert(|alert| say(&format!("{alert:?}"))));
    let setting = Setting::new(engine);
    let judged: Builder = setting.builder().reveals(access.clone());
    let domain = setting.domain(judged).unwrap();
    let who = Reader::new("nurse/17", "treatment").unwrap();
    let nurse = domain.read_by(who.clone());
    let context = |canaries: &mut Canaries, field| {
        Context::of_record(canaries.phi()).tenant(canaries.phi()).field(field)
    };
    for _ in 0..30 {
        let (note, ssn) = (context(canaries, "note"), context(canaries, "ssn"));
        let other = Context::of_record(canaries.phi()).field(canaries.phi());
        let sealed = domain.seal(canaries.phi(), &ssn).unwrap();
        printer.display(&nurse.open_masked(&sealed, &ssn).unwrap());
        printer.refused(nurse.open::<String>(&sealed, &ssn), ErrorKind::Denied);
        for context in [&note, &other] {
            let sealed = domain.seal(canaries.phi(), context).unwrap();
            printer.refused(nurse.open::<String>(&sealed, context), ErrorKind::Denied);
        }
    }
    let glass = BreakGlass::new(access.clone(), domain.as_async());
    let half_an_hour = Duration::from_secs(1800);
    printer.debug(&wait(glass.begin(&who, &canaries.text(), half_an_hour)).unwrap());
    let note = context(canaries, "note");
    let sealed = domain.seal(canaries.phi(), &note).unwrap();
    let opened: Phi<String> = nurse.open(&sealed, &note).unwrap();
    printer.debug(&(&opened, &access, &glass, &nurse));
    wait(glass.end(&who)).unwrap();
    printer.refused(wait(glass.begin(&who, &canaries.text(), half_an_hour)), ErrorKind::State);
    let officer = Reader::new("privacy-officer", "review").unwrap();
    let waiting = wait(glass.unreviewed(&officer)).unwrap();
    printer.debug(&waiting);
    let (emergency, why) = (&waiting.emergencies[0], canaries.text());
    wait(glass.review(&officer, emergency, Finding::Justified, &why)).unwrap();
    log.close().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.lines().count() > 120, "the control: {} lines", text.lines().count());
    say(&text);
}
