//! `run`, `resume`, `retire`, `destroy`: what was approved is done.

use super::approve;
use super::arguments::{Arguments, How, Resume, Run};
use super::certify::certify;
use super::failure::{ANOMALY, Failure, PARTIAL, REFUSED};
use super::office::{self, Act, Book, Office};
use super::output::{Output, count, time};
use super::signer::{self, Custodian};
use super::watch::Watch;
use core::time::Duration;
use phiseal::audit::note::Note;
use phiseal::rotation::custody::{Approved, Operation, Refusal, Request, Roster};
use phiseal::rotation::run::{self, Ended, Event, Journal, Lost, Phase, Rotator};
use phiseal::rotation::{Digest, Pace};
use phiseal::{Domain, default_engine};
use pollster::block_on;
use serde_json::json;
use std::path::Path;

pub(crate) fn run(arguments: &Arguments, of: &Run, output: &Output) -> Result<(), Failure> {
    let (request, notes) = office::request(&of.request)?;
    match request.operation {
        Operation::Retire(_) => {
            return Err(Failure::usage("this request is carried out by: rotate retire"));
        }
        Operation::Destroy(_) | Operation::Shred(_) => {
            return Err(Failure::usage("this request is carried out by: rotate destroy"));
        }
        _ => {}
    }
    let mut desk = Desk::open(arguments, &of.how)?;
    let rotation = matches!(request.operation, Operation::Rotate { .. });
    if rotation
        && block_on(Journal::load(desk.office.store(), request.digest(default_engine())))?.is_some()
    {
        let id = request.digest(default_engine());
        return desk.rotate(id, None, output);
    }
    let approved = desk.approved(&request, &notes, of)?;
    approve::describe(&request, output);
    match request.operation {
        Operation::Rotate { .. } => desk.rotate(approved.digest(), Some(&approved), output),
        Operation::Rewrap => desk.rewrap(&approved, output),
        _ => desk.change_roster(&approved, &of.request, output),
    }
}

pub(crate) fn resume(arguments: &Arguments, of: &Resume, output: &Output) -> Result<(), Failure> {
    let mut desk = Desk::open(arguments, &of.how)?;
    let wanted = of.id.as_deref().unwrap_or_default();
    let open = block_on(Journal::open(desk.office.store()))?;
    let mut open = open.into_iter().filter(|(id, _)| id.to_string().starts_with(wanted));
    match (open.next(), open.next()) {
        (Some((id, _)), None) => desk.rotate(id, None, output),
        (None, _) => {
            Err(Failure::usage("no rotation of that id was begun and not finished: rotate status"))
        }
        (Some(_), Some(_)) => Err(Failure::usage(
            "more than one was begun and not finished: rotate status says which",
        )),
    }
}

pub(crate) fn retire(arguments: &Arguments, of: &Run, output: &Output) -> Result<(), Failure> {
    let (request, notes) = office::request(&of.request)?;
    if !matches!(request.operation, Operation::Retire(_)) {
        return Err(Failure::usage("this is not a request to retire a version"));
    }
    Desk::open(arguments, &of.how)?.end(&request, &notes, of, output)
}

pub(crate) fn destroy(arguments: &Arguments, of: &Run, output: &Output) -> Result<(), Failure> {
    let (request, notes) = office::request(&of.request)?;
    if !matches!(request.operation, Operation::Destroy(_) | Operation::Shred(_)) {
        return Err(Failure::usage("this is not a request to destroy anything"));
    }
    Desk::open(arguments, &of.how)?.end(&request, &notes, of, output)
}

/// Where somebody acts.
struct Desk<'a> {
    office: Office,
    book: Book,
    actor: Custodian,
    how: &'a How,
}

impl<'a> Desk<'a> {
    fn open(arguments: &Arguments, how: &'a How) -> Result<Self, Failure> {
        let actor = signer::open(&how.key)?;
        let office = Office::open(&arguments.manifest)?;
        let book = Book::open(&office)?;
        Ok(Self { office, book, actor, how })
    }

    /// What was asked for, when enough have agreed to it.
    fn approved(
        &mut self,
        request: &Request,
        notes: &[Note],
        of: &Run,
    ) -> Result<Approved, Failure> {
        let outcome = self.checked(request, notes, of);
        if outcome.is_err() {
            // Whoever tries is on record.
            let id = request.digest(default_engine());
            self.write("refused", id, None, None, Err(phiseal::ErrorKind::Denied))?;
        }
        outcome
    }

    fn checked(&self, request: &Request, notes: &[Note], of: &Run) -> Result<Approved, Failure> {
        if request.manifest.is_some_and(|manifest| manifest != self.office.manifest_digest()) {
            return Err(Refusal::Manifest.into());
        }
        let keyset = request.keyset.as_ref().map(|keyset| self.office.keyset(&keyset.name));
        let (keyset, now) = (keyset.transpose()?, self.office.now());
        match (&self.office.custodians, of.dangerous_single_custodian) {
            (Some(_), true) => Err(Refusal::Alone.into()),
            (Some(custodians), false) => {
                Ok(custodians.check(request, notes, keyset.as_ref(), now)?)
            }
            (None, true) => Ok(Approved::dangerous_single_custodian(
                default_engine(),
                request,
                keyset.as_ref(),
                now,
            )?),
            (None, false) => Err(Failure::new(
                REFUSED,
                "there are no custodians, so nobody can agree: rotate roster, or --dangerous-single-custodian",
            )),
        }
    }

    fn rotate(
        &mut self,
        id: Digest,
        approved: Option<&Approved>,
        output: &Output,
    ) -> Result<(), Failure> {
        let journal = block_on(Journal::load(self.office.store(), id))?.map(|(journal, _)| journal);
        let request = match (&journal, approved) {
            (Some(journal), _) => journal.request()?,
            (None, Some(approved)) => approved.request().clone(),
            (None, None) => return Err(Failure::usage("nothing was begun")),
        };
        if request.manifest.is_some_and(|manifest| manifest != self.office.manifest_digest()) {
            return Err(Refusal::Manifest.into());
        }
        let name = request.keyset.as_ref().map(|keyset| keyset.name.clone());
        let domain = self.office.domain(name.as_deref())?;
        let holdings = self.office.holdings()?;
        let mut pace = Pace::default();
        pace.rows = usize::try_from(self.how.batch).unwrap_or(1_000);
        pace.rest = Duration::from_millis(self.how.rest);
        self.write("rotate-begin", id, Some(&domain), None, Ok(()))?;
        let mut rotator = Rotator::new(domain.clone(), &holdings, pace);
        let mut watch = Watch::new(output, journal.as_ref());
        let custodians = self.office.custodians.as_ref();
        let outcome = match approved {
            Some(approved) => rotator.run(approved, custodians, &mut |event| watch.hear(event)),
            None => rotator.resume(id, custodians, &mut |event| watch.hear(event)),
        };
        watch.end();
        let kind = outcome.as_ref().map(drop).map_err(phiseal::Error::kind);
        let count = outcome.as_ref().ok().map(|journal| journal.totals().values);
        self.write("rotate", id, Some(&domain), count, kind)?;
        self.report(&outcome?, &domain, output)
    }

    fn write(
        &mut self,
        action: &'static str,
        request: Digest,
        domain: Option<&Domain>,
        count: Option<u64>,
        outcome: Result<(), phiseal::ErrorKind>,
    ) -> Result<(), Failure> {
        self.write_to(action, request, domain, (count, None), outcome)
    }

    fn write_to(
        &mut self,
        action: &'static str,
        request: Digest,
        domain: Option<&Domain>,
        (count, to): (Option<u64>, Option<Lost>),
        outcome: Result<(), phiseal::ErrorKind>,
    ) -> Result<(), Failure> {
        let keyset = domain.map(|domain| self.office.keyset(domain.name())).transpose()?;
        let (actor, domain) = (self.actor.key.name(), keyset.as_ref());
        self.book.write(&Act { action, actor, request: Some(request), domain, count, to }, outcome)
    }

    fn report(&self, journal: &Journal, domain: &Domain, output: &Output) -> Result<(), Failure> {
        let keyset = self.office.keyset(domain.name())?;
        let totals = journal.totals();
        let (left, found) = (journal.left(&keyset.domain()), totals.findings.values().sum::<u64>());
        let text = format!(
            "Version {} of {} is the primary since {}. {} resealed{} in {}{}.",
            journal.to,
            keyset.name(),
            time(journal.switched),
            count(totals.values.saturating_sub(totals.entries), "value was", "values were"),
            match totals.entries {
                0 => String::new(),
                entries => format!(
                    ", and {} of indexes and tokens made anew,",
                    count(entries, "entry", "entries")
                ),
            },
            count(totals.written, "row", "rows"),
            if totals.overtaken > 0 {
                format!(
                    "; applications were quicker {}, and won",
                    count(totals.overtaken, "time", "times")
                )
            } else {
                String::new()
            },
        );
        output.tell(&text, "rotated", json!({
            "domain": keyset.name(), "from": journal.from, "to": journal.to, "values": totals.values.saturating_sub(totals.entries), "entries": totals.entries, "rows": totals.rows,
            "written": totals.written, "overtaken": totals.overtaken, "persons": totals.persons, "left": left, "findings": totals.findings,
        }));
        let certificate = journal.certificate(
            self.office.store(),
            &keyset,
            &self.book.circumstances(&self.office, &self.actor),
        )?;
        certify(&certificate, &self.actor, &self.how.certificate, output)?;
        if journal.request()?.operation == (Operation::Rotate { compromised: true }) {
            let exposure = block_on(journal.exposure(self.office.store(), &keyset))?;
            let facts = serde_json::to_value(&exposure).unwrap_or_default();
            output.tell(&exposure.to_string(), "exposure", facts);
        }
        if journal.phase != Phase::Done {
            let what = count(left, "value is", "values are");
            return Err(Failure::new(
                PARTIAL,
                format!(
                    "not finished: {what} under an older key, or may be. Put in order what is listed above, and resume"
                ),
            ));
        }
        if found > 0 {
            return Err(Failure::new(
                ANOMALY,
                format!(
                    "finished, but {} there that should not be",
                    count(found, "value is", "values are")
                ),
            ));
        }
        let free = run::may_end_from(&keyset, journal.from).unwrap_or_default();
        output.say(&format!(
            "Nothing is left under version {}. From {} on it can be retired: rotate plan retire --version {}", journal.from, time(free), journal.from
        ));
        Ok(())
    }

    fn rewrap(&mut self, approved: &Approved, output: &Output) -> Result<(), Failure> {
        let name = approved.request().keyset.as_ref().map(|keyset| keyset.name.as_str());
        let domain = self.office.domain(name)?;
        let done = block_on(run::rewrap(&domain, approved));
        let outcome = done.as_ref().map(drop).map_err(phiseal::Error::kind);
        self.write("rewrap", approved.digest(), Some(&domain), None, outcome)?;
        let (_, rewrapped) = done?;
        let text = format!(
            "{} of {} wrapped anew; {} already. No value was touched.",
            count(rewrapped.rewrapped as u64, "version", "versions"),
            domain.name(),
            count(rewrapped.current as u64, "was", "were"),
        );
        output.tell(&text, "rewrapped", json!({ "domain": domain.name(), "rewrapped": rewrapped.rewrapped, "current": rewrapped.current }));
        Ok(())
    }

    fn change_roster(
        &mut self,
        approved: &Approved,
        files: &[impl AsRef<Path>],
        output: &Output,
    ) -> Result<(), Failure> {
        let custodians = self
            .office
            .custodians
            .as_ref()
            .ok_or_else(|| Failure::usage("there are no custodians yet: rotate roster"))?;
        let file =
            files.first().map(|file| file.as_ref().with_extension("roster")).unwrap_or_default();
        let text = std::fs::read_to_string(&file)
            .map_err(|error| super::failure::of_file(&file, &error))?;
        let next = Roster::parse(&text, default_engine())?;
        let done = block_on(custodians.replace(self.office.store(), next, approved));
        let outcome = done.as_ref().map(drop).map_err(phiseal::Error::kind);
        self.write("roster", approved.digest(), None, None, outcome)?;
        let roster = done?;
        let names: Vec<_> =
            roster.in_force().custodians().iter().map(|key| key.name().to_owned()).collect();
        let text = format!(
            "The custodians are now {}. The SHA-256 of the first roster stays what it was.",
            names.join(", ")
        );
        output.tell(
            &text,
            "roster",
            json!({ "custodians": names, "number": roster.in_force().number() }),
        );
        Ok(())
    }

    fn end(
        &mut self,
        request: &Request,
        notes: &[Note],
        of: &Run,
        output: &Output,
    ) -> Result<(), Failure> {
        let approved = self.approved(request, notes, of)?;
        approve::describe(request, output);
        let name = request.keyset.as_ref().map(|keyset| keyset.name.as_str());
        let domain = self.office.domain(name)?;
        let action = match request.operation {
            _ if !request.grounds.is_empty() => "final",
            Operation::Shred(_) => "shred",
            Operation::Retire(_) => "retire",
            _ => "destroy",
        };
        self.write("end-begin", approved.digest(), Some(&domain), None, Ok(()))?;
        let holdings = self.office.holdings()?;
        let (done, person) = match request.operation {
            Operation::Shred(tag) => {
                (block_on(run::shred(&domain, &holdings, &approved)), Some(tag))
            }
            _ => {
                let mut watch = Watch::new(output, None);
                let mut hear = |event: Event<'_>| watch.hear(event);
                let done = block_on(run::end_version(&domain, &holdings, &approved, &mut hear));
                watch.end();
                (done, None)
            }
        };
        let outcome = done.as_ref().map(drop).map_err(phiseal::Error::kind);
        let to = match request.operation {
            Operation::Retire(version) | Operation::Destroy(version) => {
                Some(Lost::Version(version))
            }
            Operation::Shred(tag) => Some(Lost::Person(tag)),
            _ => None,
        };
        self.write_to(action, approved.digest(), Some(&domain), (None, to), outcome)?;
        let ended: Ended = done?;
        let what = match request.operation {
            Operation::Retire(version) => format!(
                "Version {version} of {} is deactivated: it opens, and seals no more.",
                domain.name()
            ),
            Operation::Destroy(version) => {
                format!("Version {version} of {} is destroyed.", domain.name())
            }
            _ => format!(
                "The person's keys are destroyed{}.",
                match ended.forgotten {
                    0 => String::new(),
                    forgotten => format!(
                        ", and {} of vaults and indexes with them",
                        count(forgotten, "entry", "entries")
                    ),
                }
            ),
        };
        let erased = match ended.erasure {
            None => "",
            Some(_) if !request.grounds.is_empty() => {
                " What was destroyed is gone for good, as those say who asked for this and approved it."
            }
            Some(phiseal::Erasure::Done) => {
                " What was destroyed is gone from the key store; that is final when the backups that hold it have expired, which you state then: --final."
            }
            Some(_) => {
                " What was destroyed may be left in the key store's database, and in backups: it is final when each key that wrapped it is destroyed, which you state then: --final."
            }
        };
        output.tell(
            &format!("{what}{erased}"),
            action,
            json!({
                "domain": domain.name(), "operation": request.operation.to_string(),
                "forgotten": ended.forgotten,
                "erasure": ended.erasure.map(|erasure| format!("{erasure:?}").to_lowercase()),
            }),
        );
        let store = self.office.store();
        let person = match person {
            Some(tag) => block_on(store.find_subject(&ended.after, tag))?,
            None => None,
        };
        let circumstances = self.book.circumstances(&self.office, &self.actor);
        let certificate =
            ended.certificate(store, approved.note(), person.as_ref(), &circumstances)?;
        certify(&certificate, &self.actor, &self.how.certificate, output)?;
        match &ended.not_forgotten {
            Some(error) => Err(Failure::new(
                PARTIAL,
                format!(
                    "the keys are destroyed, and not all tokens and entries are erased: {error}; ask for it once more"
                ),
            )),
            None => Ok(()),
        }
    }
}
