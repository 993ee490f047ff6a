//! A log that is opened, written, closed, opened again.

use crate::support::{Place, builder, closed, key, record, signer, verify};
use core::future::Future;
use core::task::{Context, Waker};
use phiseal_audit::{CallbackSink, Checkpoint, Entry, FileSink, LocalSigner, Log, Outcome};
use phiseal_format::EnvironmentId;
use phiseal_keys::{BoxFuture, Error, ErrorKind, ManualClock, Signer};
use phiseal_primitives::default_engine;
use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn kind<T: core::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

fn actions(lines: &[String]) -> Vec<String> {
    let action = |line: &String| Entry::parse(line.as_bytes()).unwrap().record.action;
    lines.iter().map(|line| action(line).as_str().to_owned()).collect()
}

#[test]
fn every_record_is_a_line_and_the_last_checkpoint_covers_all() {
    let place = Place::new();
    let clock = ManualClock::at(1_772_357_400);
    let log = builder().clock(clock.clone()).open(place.log()).unwrap();
    for number in 0..100 {
        log.append(record(number)).unwrap();
        clock.advance(Duration::from_secs(1));
    }
    log.commit_blocking().unwrap();
    assert_eq!(place.lines().len(), 101, "what is committed is in the file");
    log.close().unwrap();

    let lines = place.lines();
    for (at, line) in lines.iter().enumerate() {
        let entry = Entry::parse(line.as_bytes()).unwrap();
        assert_eq!(entry.sequence, u64::try_from(at + 1).unwrap());
        assert_eq!(entry.environment, EnvironmentId::from_bytes([7; 16]));
        if (1..=100).contains(&at) {
            let number = u64::try_from(at - 1).unwrap();
            assert_eq!(entry.record, record(number));
            assert_eq!(entry.time.as_millis(), (1_772_357_400 + number) * 1_000);
        }
    }
    assert_eq!(actions(&lines)[0], "log-opened");
    assert_eq!(actions(&lines)[101], "log-closed");
    let verdict = place.verify();
    assert_eq!(
        (verdict.fault, verdict.lines, verdict.covered, verdict.checkpoints),
        (None, 102, 102, 2)
    );
}

#[test]
fn wall_clocks_that_jump_are_written_as_they_are() {
    let place = Place::new();
    let clock = ManualClock::at(0);
    let log = builder().clock(clock.clone()).open(place.log()).unwrap();
    let times = [0, 2_147_483_648, 1_000, 315_360_000, 253_402_300_799, u64::MAX / 2_000, 5];
    for wall in times {
        clock.set_wall(wall);
        log.append(record(wall)).unwrap();
    }
    log.close().unwrap();
    let written: Vec<_> = place.lines()[1..=times.len()]
        .iter()
        .map(|line| Entry::parse(line.as_bytes()).unwrap().time.to_string())
        .collect();
    assert_eq!(written[1], "2038-01-19T03:14:08.000Z");
    assert_eq!(written[4], "9999-12-31T23:59:59.000Z");
    assert_eq!(written[5], "9999-12-31T23:59:59.999Z");
    assert_eq!(place.verify().fault, None);
}

#[test]
fn a_log_goes_on_where_it_ended() {
    let place = Place::new();
    for round in 0..5 {
        closed(&place.log(), 10, 3);
        let verdict = place.verify();
        assert_eq!(
            (verdict.fault, verdict.lines, verdict.covered),
            (None, (round + 1) * 12, (round + 1) * 12)
        );
    }
}

#[test]
fn checkpoints_are_signed_after_so_many_records() {
    let place = Place::new();
    // One record a batch: a checkpoint comes after a batch.
    let builder = builder().checkpoint_every(10, Duration::from_secs(3_600)).queue(1);
    let log = builder.open(place.log()).unwrap();
    (0..100).for_each(|number| log.append(record(number)).unwrap());
    log.close().unwrap();
    let verdict = place.verify();
    // Over none; after each ten lines, the first and the last being the log's own; over all.
    assert_eq!((verdict.checkpoints, verdict.covered), (12, 102));
}

#[test]
fn checkpoints_are_signed_after_some_time() {
    let place = Place::new();
    let clock = ManualClock::at(0);
    let builder = builder().checkpoint_every(1_000, Duration::from_secs(60));
    let log = builder.clock(clock.clone()).open(place.log()).unwrap();
    log.append(record(1)).unwrap();
    log.commit_blocking().unwrap();
    assert_eq!(place.verify().covered, 0, "the control: not yet");
    clock.advance(Duration::from_secs(61));
    let began = Instant::now();
    while place.verify().covered < 2 {
        assert!(began.elapsed() < Duration::from_secs(20), "no checkpoint was signed");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(log);
    assert_eq!(place.verify().covered, 3, "dropping the last handle closes the log");
}

#[test]
fn a_checkpoint_that_is_asked_for_covers_what_was_appended() {
    let place = Place::new();
    let log = builder().open(place.log()).unwrap();
    for number in 0..7 {
        log.append(record(number)).unwrap();
        let signed = pollster::block_on(log.checkpoint()).unwrap();
        assert_eq!(signed.checkpoint.size, number + 2);
        let text = signed.note.to_string();
        assert_eq!(Checkpoint::verified(text.as_bytes(), &[key()]).unwrap(), signed.checkpoint);
    }
    assert_eq!(place.verify().covered, 8);
}

#[test]
fn two_writers_are_refused() {
    let place = Place::new();
    let log = builder().open(place.log()).unwrap();
    assert_eq!(kind(builder().open(place.log())), ErrorKind::Conflict);
    log.append(record(1)).unwrap();
    log.close().unwrap();
    builder().open(place.log()).unwrap().close().unwrap();
    assert_eq!(place.verify().fault, None);
}

#[test]
fn a_closed_log_takes_nothing() {
    let place = Place::new();
    let log = builder().open(place.log()).unwrap();
    let other = log.clone();
    log.append(record(1)).unwrap();
    log.close().unwrap();
    assert_eq!(kind(other.append(record(2))), ErrorKind::State);
    assert_eq!(kind(pollster::block_on(other.checkpoint())), ErrorKind::State);
    other.commit_blocking().unwrap();
    other.close().unwrap();
    assert_eq!(place.lines().len(), 3);
}

#[test]
fn an_unfinished_last_line_is_cut_off_and_a_record_says_so() {
    let place = Place::new();
    closed(&place.log(), 5, 100);
    let whole = place.lines();
    let mut file = fs::OpenOptions::new().append(true).open(place.log()).unwrap();
    file.write_all(&whole[6].as_bytes()[..50]).unwrap();
    assert_eq!(place.verify().unfinished, 50);

    builder().open(place.log()).unwrap().close().unwrap();
    let lines = place.lines();
    assert_eq!(lines[..7], whole);
    assert_eq!(actions(&lines[7..]), ["log-cut", "log-opened", "log-closed"]);
    assert_eq!(Entry::parse(lines[7].as_bytes()).unwrap().record.count, Some(50));
    assert_eq!(place.verify().fault, None);
}

#[test]
fn a_checkpoint_that_was_signed_is_there_for_whoever_asked_after_the_log_was_closed() {
    let place = Place::new();
    let log = builder().open(place.log()).unwrap();
    let before = fs::read(place.checkpoints()).unwrap().len();
    let asked = log.checkpoint();
    // Nobody looks at the answer before the log is closed.
    while fs::read(place.checkpoints()).unwrap().len() == before {
        std::thread::yield_now();
    }
    log.commit_blocking().unwrap();
    log.append(record(1)).unwrap();
    log.close().unwrap();
    let signed = pollster::block_on(asked).unwrap();
    assert_eq!(signed.checkpoint.size, 1);
    let late = pollster::block_on(log.checkpoint()).map(drop);
    assert_eq!(late.unwrap_err().kind(), ErrorKind::State, "the control: it is closed");
}

#[test]
fn an_unfinished_last_checkpoint_is_cut_off() {
    let place = Place::new();
    closed(&place.log(), 5, 2);
    let notes = fs::read(place.checkpoints()).unwrap();
    for cut in [1, 2, 3, 20, 100] {
        fs::write(place.checkpoints(), &notes[..notes.len() - cut]).unwrap();
        closed(&place.log(), 1, 100);
        let verdict = place.verify();
        assert_eq!((verdict.fault, verdict.covered), (None, verdict.lines), "{cut}");
    }
}

#[test]
fn how_many_records_no_checkpoint_covered_is_told_when_a_log_is_opened() {
    let place = Place::new();
    closed(&place.log(), 5, 100);
    let notes = fs::read_to_string(place.checkpoints()).unwrap();
    let first = notes
        .find("\n\n\u{2014}")
        .and_then(|at| notes[at + 2..].find("\n\n").map(|end| at + end + 4));
    fs::write(place.checkpoints(), &notes[..first.unwrap()]).unwrap();
    builder().open(place.log()).unwrap().close().unwrap();
    let opened = Entry::parse(place.lines()[7].as_bytes()).unwrap();
    assert_eq!((opened.record.action.as_str(), opened.record.count), ("log-opened", Some(7)));
}

#[test]
fn what_was_changed_is_not_opened() {
    let place = Place::new();
    closed(&place.log(), 20, 5);
    let (log, own) = (fs::read(place.log()).unwrap(), fs::read(place.checkpoints()).unwrap());
    let (notes, text) = (own.clone(), String::from_utf8(log.clone()).unwrap());
    let line_7 = text.lines().nth(7).unwrap();
    let other_signer = Place::new();
    let another = Log::builder("clinic.example/audit", [7; 16].into(), signer(2), default_engine());
    another.unwrap().open(other_signer.log()).unwrap().close().unwrap();
    let others = fs::read(other_signer.checkpoints()).unwrap();
    for (what, log, notes) in [
        (
            "a changed line",
            text.replacen("\"count\":6}", "\"count\":7}", 1).into_bytes(),
            notes.clone(),
        ),
        ("a line less", text.replacen(&format!("{line_7}\n"), "", 1).into_bytes(), notes.clone()),
        (
            "a line more",
            text.replacen(line_7, &format!("{line_7}\n{line_7}"), 1).into_bytes(),
            notes.clone(),
        ),
        ("a cut log", log[..log.len() - 300].to_vec(), notes.clone()),
        ("an empty log", vec![], notes.clone()),
        ("no checkpoints", log.clone(), vec![]),
        ("another key's checkpoints", log.clone(), others),
        ("not a line", [&log[..], b"x\n"].concat(), notes.clone()),
    ] {
        let same = log == text.as_bytes() && notes == own;
        assert!(!same, "the control: {what}");
        let changed = Place::new();
        fs::write(changed.log(), log).unwrap();
        fs::write(changed.checkpoints(), notes).unwrap();
        assert_eq!(kind(builder().open(changed.log())), ErrorKind::Tampered, "{what}");
    }
    fs::write(place.log(), &log).unwrap();
    builder().open(place.log()).unwrap();
}

#[test]
fn a_log_of_another_environment_is_refused() {
    let place = Place::new();
    closed(&place.log(), 1, 5);
    let other = Log::builder("clinic.example/audit", [8; 16].into(), signer(1), default_engine());
    assert_eq!(kind(other.unwrap().open(place.log())), ErrorKind::Invalid);
}

#[test]
fn checkpoints_are_kept_elsewhere() {
    let place = Place::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&told);
    let callback = CallbackSink::new(move |checkpoint: &Checkpoint, note: &str| {
        seen.lock().unwrap().push((checkpoint.clone(), note.to_owned()));
        Ok(())
    });
    let elsewhere = place.beside("elsewhere");
    let builder = builder().checkpoint_every(5, Duration::from_secs(60)).queue(1);
    let builder = builder.also_keep_in(FileSink::open(&elsewhere).unwrap()).also_keep_in(callback);
    let log = builder.open(place.log()).unwrap();
    for number in 0..20 {
        log.append(record(number)).unwrap();
    }
    log.close().unwrap();
    let own = fs::read(place.checkpoints()).unwrap();
    assert_eq!(fs::read(&elsewhere).unwrap(), own);
    let told = told.lock().unwrap();
    let notes: String = told.iter().map(|(_, note)| format!("{note}\n")).collect();
    assert_eq!(notes.as_bytes(), own);
    assert_eq!(told.last().unwrap().0.size, 22);
    let verdict = verify(&fs::read(place.log()).unwrap(), &[&own, &own]);
    assert_eq!(
        (verdict.fault, verdict.checkpoints),
        (None, 2 * u64::try_from(told.len()).unwrap())
    );
}

#[test]
fn a_sink_that_fails_is_on_record_and_the_log_goes_on() {
    let place = Place::new();
    let down = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&down);
    let sink = CallbackSink::new(move |_: &Checkpoint, _: &str| {
        if switch.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "the other place does not answer"));
        }
        Ok(())
    });
    let log = builder().also_keep_in(sink).open(place.log()).unwrap();
    pollster::block_on(log.checkpoint()).unwrap();
    down.store(true, Ordering::SeqCst);
    log.append(record(1)).unwrap();
    assert_eq!(kind(pollster::block_on(log.checkpoint())), ErrorKind::Unavailable);
    log.append(record(2)).unwrap();
    log.commit_blocking().unwrap();
    assert_eq!(kind(log.close()), ErrorKind::Unavailable);
    let lines = place.lines();
    assert_eq!(actions(&lines)[2], "checkpoint-keep");
    let kept = Entry::parse(lines[2].as_bytes()).unwrap().record;
    assert_eq!((kept.outcome, kept.count), (Outcome::Failure(ErrorKind::Unavailable), Some(2)));
    assert_eq!((place.verify().fault, place.verify().covered), (None, 5));
}

/// A key whose place answers only while it is told to.
#[derive(Debug)]
struct Away(LocalSigner, Arc<AtomicBool>);

impl Signer for Away {
    fn verifying_key(&self) -> [u8; 32] {
        self.0.verifying_key()
    }

    fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<[u8; 64], Error>> {
        if self.1.load(Ordering::SeqCst) {
            let away = Error::new(ErrorKind::Unavailable, "the token does not answer");
            return Box::pin(core::future::ready(Err(away)));
        }
        self.0.sign(message)
    }
}

#[test]
fn a_signer_that_fails_is_on_record_and_the_log_goes_on() {
    let place = Place::new();
    let away = Arc::new(AtomicBool::new(false));
    let signer = Away(signer(1), Arc::clone(&away));
    let builder = Log::builder("clinic.example/audit", [7; 16].into(), signer, default_engine());
    let builder = builder.unwrap().checkpoint_every(10, Duration::from_secs(3_600)).queue(1);
    let log = builder.open(place.log()).unwrap();
    away.store(true, Ordering::SeqCst);
    for number in 0..35 {
        log.append(record(number)).unwrap();
    }
    log.commit_blocking().unwrap();
    assert_eq!(kind(pollster::block_on(log.checkpoint())), ErrorKind::Unavailable);
    let failures =
        actions(&place.lines()).iter().filter(|action| *action == "checkpoint-sign").count();
    assert!((3..=5).contains(&failures), "one in ten records, and the one asked for: {failures}");
    away.store(false, Ordering::SeqCst);
    log.close().unwrap();
    let verdict = place.verify();
    assert_eq!((verdict.fault, verdict.covered), (None, verdict.lines));
}

#[test]
fn many_threads_and_a_short_queue_lose_nothing() {
    let place = Place::new();
    let log =
        builder().queue(3).checkpoint_every(50, Duration::from_secs(60)).open(place.log()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let log = log.clone();
            scope.spawn(move || {
                for number in 0..100 {
                    log.append(record(thread * 1_000 + number)).unwrap();
                    if number % 10 == 0 {
                        log.commit_blocking().unwrap();
                    }
                }
            });
        }
    });
    log.close().unwrap();
    let lines = place.lines();
    let mut last = [None; 8];
    let mut seen = 0;
    for line in &lines {
        let entry = Entry::parse(line.as_bytes()).unwrap();
        if let Some(count) = entry.record.count.filter(|_| entry.record.domain.is_some()) {
            let (thread, number) = (usize::try_from(count / 1_000).unwrap(), count % 1_000);
            assert!(last[thread] < Some(number), "in the order of its thread");
            last[thread] = Some(number);
            seen += 1;
        }
    }
    assert_eq!((seen, last), (800, [Some(99); 8]));
    assert_eq!(place.verify().fault, None);
}

#[test]
fn a_commit_that_is_awaited_wakes_its_task() {
    let place = Place::new();
    let log = builder().open(place.log()).unwrap();
    log.append(record(1)).unwrap();
    let mut commit = Box::pin(log.commit());
    // Whatever the first look says, the second way of waiting comes to an end.
    let first = commit.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    if first.is_pending() {
        pollster::block_on(commit).unwrap();
    }
    assert!(place.lines().len() >= 2);
}
