//! What is done with the token, from the login to the rotation.

use crate::advice::{Step, Trouble};
use crate::arguments::{Pin as Source, Token, Wiring};
use crate::evidence;
use crate::voice::{heading, say, took};
use phiseal::backends::pkcs11::{Pin, Pkcs11Kek, Pkcs11Token, TokenReport, WrapMechanism};
use phiseal::blocking::{Domain, Phiseal};
use phiseal::{
    Context, Error, ErrorKind, KekAdmin, Sealed, context, default_engine, stores::MemoryStore,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) fn run(wiring: &Wiring) -> Result<(), Trouble> {
    let opening = |error| Trouble::of(Step::Opening(wiring), &error);
    let token = open(wiring).map_err(opening)?;
    let report = token.report().map_err(opening)?;
    heading("Token");
    say(&report.to_string());

    heading("KEK");
    let (kek, is_new) = kek(&token, &wiring.kek, &report)?;
    evidence::show(wiring)?;

    heading("Sealing");
    let work = |error| Trouble::of(Step::Working, &error);
    let (phi, opened) = timed(|| Phiseal::open(MemoryStore::new(), kek.clone())).map_err(work)?;
    let (patients, made) = timed(|| phi.domain("clinic/patients")).map_err(work)?;
    say(&format!("key store opened in {}, domain made in {}", took(opened), took(made)));
    let what = context!(record = "mrn-1029", field = "ssn");
    let (sealed, sealing) = timed(|| patients.seal(SSN, &what)).map_err(work)?;
    let opening = opens(&patients, &sealed, &what)?;
    say(&format!(
        "a field sealed in {} and opened in {}: the token is not asked for a key that is in use",
        took(sealing),
        took(opening)
    ));
    refuse_moved(&patients, &sealed)?;

    heading("Rotation");
    if is_new || wiring.rotate {
        rotate(&kek, &phi, &patients)?;
        let took = took(opens(&patients, &sealed, &what)?);
        say(&format!("the field, untouched, opens as before, in {took}"));
    } else {
        say(
            "left out: the KEK was there before, and a new version is for good; --rotate makes one",
        );
    }
    Ok(())
}

const SSN: &str = "123-45-6789";

fn open(wiring: &Wiring) -> Result<Pkcs11Token, Error> {
    let builder = Pkcs11Token::builder(&wiring.module);
    let builder = match &wiring.token {
        Token::Label(label) => builder.label(label),
        Token::Serial(serial) => builder.serial(serial),
    };
    let pin = match &wiring.pin {
        Source::Environment(name) => Pin::from_env(name),
        Source::File(path) => Pin::from_file(path),
    };
    builder.pin(pin).open(default_engine())
}

/// The KEK of this label, made when there is none; whether it was.
fn kek(
    token: &Pkcs11Token,
    label: &str,
    report: &TokenReport,
) -> Result<(Pkcs11Kek, bool), Trouble> {
    let finding = |error| Trouble::of(Step::FindingKek, &error);
    let (outcome, found) = {
        let began = Instant::now();
        (token.kek(label), began.elapsed())
    };
    match outcome {
        Ok(kek) => {
            let mechanism = kek.mechanism().map_err(finding)?;
            say(&format!("{label:?} was there, found and tried in {}", took(found)));
            say(&format!("it uses {}", mechanism.name()));
            Ok((kek, false))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let (kek, took_so_long) = timed(|| token.create_kek(label))
                .map_err(|error| Trouble::of(Step::MakingKek, &error))?;
            let mechanism = kek.mechanism().map_err(finding)?;
            say(&format!("{label:?} made in {}", took(took_so_long)));
            say(&format!("it uses {}, {}", mechanism.name(), why(mechanism, report)));
            Ok((kek, true))
        }
        Err(error) => Err(finding(error)),
    }
}

/// Why this mechanism and no other.
fn why(mechanism: WrapMechanism, report: &TokenReport) -> String {
    let better: Vec<_> = report
        .mechanisms
        .iter()
        .take_while(|tried| tried.mechanism != mechanism)
        .map(|tried| tried.mechanism.name())
        .collect();
    match &better[..] {
        [] => "the best there is: it binds a wrap to its context as associated data".to_owned(),
        names => {
            format!("the best that works: {} does not, for the reason above", names.join(", "))
        }
    }
}

/// How long it took.
fn opens(patients: &Domain, sealed: &Sealed, what: &Context) -> Result<Duration, Trouble> {
    let (plain, time) = timed(|| patients.open::<String>(sealed, what))
        .map_err(|error| Trouble::of(Step::Working, &error))?;
    if plain.expose_secret() == SSN {
        Ok(time)
    } else {
        Err(Trouble::broken("another value came out than was sealed"))
    }
}

fn refuse_moved(patients: &Domain, sealed: &Sealed) -> Result<(), Trouble> {
    match patients.open::<String>(sealed, &context!(record = "mrn-1030", field = "ssn")) {
        Err(error) if error.kind() == ErrorKind::Unauthenticated => {
            say(&format!("the field moved to another patient: refused ({error})"));
            Ok(())
        }
        Err(error) => Err(Trouble::of(Step::Working, &error)),
        Ok(_) => Err(Trouble::broken("a field that was moved to another patient was opened")),
    }
}

/// A new version of the KEK, and everything of the key store wrapped by it.
fn rotate(kek: &Pkcs11Kek, phi: &Phiseal, patients: &Domain) -> Result<(), Trouble> {
    let work = |error: Error| Trouble::of(Step::Working, &error);
    let admin = KekAdmin::new(Arc::new(kek.clone()));
    let made = timed(|| pollster::block_on(admin.create_version()));
    let (version, making) = match made {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            say(&format!("left out: {error}"));
            return Ok(());
        }
        made => made.map_err(work)?,
    };
    say(&format!("KEK version {version} made in {}", took(making)));
    let (rewrapped, time) = timed(|| {
        let domain = patients.rewrap()?;
        pollster::block_on(phi.key_store().rewrap_store_key()).map(|store_key| (domain, store_key))
    })
    .map_err(work)?;
    let (domain, store_key) = rewrapped;
    if domain.rewrapped != 1 || !store_key {
        return Err(Trouble::broken("a key was not wrapped anew"));
    }
    say(&format!("the domain's key and the key store's own wrapped anew in {}", took(time)));
    let health = pollster::block_on(phi.key_store().health(None)).map_err(work)?;
    for answer in health.keks.iter().filter_map(|kek| kek.answer.as_ref().ok()) {
        let states =
            answer.info.versions.iter().map(|(version, state)| format!("{version} {state}"));
        say(&format!("the KEK's versions: {}", states.collect::<Vec<_>>().join(", ")));
    }
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<(T, Duration), Error> {
    let began = Instant::now();
    work().map(|done| (done, began.elapsed()))
}
