//! The rate of resealing as a part of that of a loop that selects the same rows and compares and swaps them with new bytes that were
//! computed beforehand, on one thread, through the same driver in the same batches; rounds of the two in turn.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a program of measurements: it stops when it cannot be set up, and prints what it measured"
)]

mod clinic;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;

use clinic::{Clinic, Sealed};
use phiseal::rotation::source::Source;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Rows that are read, and written, at once.
pub(crate) const PAGE: i64 = 1_000;

/// A table with rows whose ids are the numbers from 1.
pub(crate) trait Store {
    /// As the library has it.
    fn source(&self) -> Box<dyn Source>;
    /// Puts rows in it.
    fn fill(&mut self, rows: &mut dyn Iterator<Item = Sealed>);
    /// The bare loop: puts each row's `new` values in the place of those that it finds.
    fn swap_all(&mut self, new: &[Sealed]);
    /// Does what the store would do later on its own.
    fn settle(&mut self);
}

fn open(store: &str, folder: &Path) -> Box<dyn Store> {
    match store {
        #[cfg(feature = "postgres")]
        "postgres" => Box::new(postgres::Postgres::open()),
        _ => Box::new(sqlite::Sqlite::open(folder)),
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [alone, store, folder, rows] = &arguments[..]
        && alone == "alone"
    {
        return peak(store, Path::new(folder), rows.parse().unwrap());
    }
    let tiny = arguments.iter().any(|argument| argument == "--test");
    let full = std::env::var_os("PHISEAL_FULL").is_some_and(|value| value == "1");
    let asked = arguments.iter().filter_map(|argument| argument.parse().ok()).next();
    let rows = asked.unwrap_or(match (tiny, full) {
        (true, _) => 2_000,
        (_, true) => 1_000_000,
        _ => 20_000,
    });
    let rounds = if tiny { 1 } else { (620_000 / rows).clamp(5, 31) };
    println!(
        "{:<10} {:>10} {:>7} {:>15} {:>9} {:>9} {:>9} {:>6} {:>9}",
        "", "rows", "rate", "middle half", "reseal", "bare", "census", "cores", "peak MiB"
    );
    let only = |store: &str| {
        let stores = ["sqlite", "postgres"];
        let named = |name: &&str| arguments.iter().any(|argument| argument == name);
        !stores.iter().any(named) || named(&store)
    };
    let stores = [
        "sqlite",
        #[cfg(feature = "postgres")]
        "postgres",
    ];
    for store in stores.into_iter().filter(|store| only(store)) {
        compare(store, rows, rounds);
        let sizes: &[usize] = match (full, store) {
            (false, _) => &[],
            (true, "sqlite") => &[100_000, 1_000_000, 10_000_000],
            _ => &[100_000, 1_000_000],
        };
        flat(store, sizes);
    }
}

/// Microseconds for each row of so many.
fn time(rows: usize, work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_nanos() as f64 / 1e3 / rows as f64
}

fn compare(name: &str, rows: usize, rounds: usize) {
    let folder = tempfile::tempdir().unwrap();
    let clinic = Clinic::open(folder.path());
    let mut store = open(name, folder.path());
    let before: Vec<_> = clinic.sealed((1..).take(rows)).collect();
    store.fill(&mut clinic.sealed((1..).take(rows)));
    clinic.set_primary(2);
    let source = store.source();
    let (mut ratios, mut ours, mut bare, mut census) = (vec![], vec![], vec![], vec![]);
    let mut both = vec![];
    for _ in 0..rounds {
        both.push(cores(&clinic, rows / 10));
        store.settle();
        ours.push(time(rows, || clinic.reseal(&*source, rows as u64)));
        census.push(time(rows, || assert!(clinic.census(&*source).is_clean())));
        store.settle();
        bare.push(time(rows, || store.swap_all(&before)));
        ratios.push(bare.last().unwrap() / ours.last().unwrap());
    }
    drop(source);
    let peak = alone(name, folder.path(), rows);
    let middle = format!("{:.2} to {:.2}", part(&mut ratios, 0.25), part(&mut ratios, 0.75));
    println!(
        "{name:<10} {rows:>10} {:>7.3} {middle:>15} {:>6.2} us {:>6.2} us {:>6.2} us {:>6.2} {peak:>9.1}",
        part(&mut ratios, 0.5),
        part(&mut ours, 0.5),
        part(&mut bare, 0.5),
        part(&mut census, 0.5),
        part(&mut both, 0.5),
    );
}

/// How much more two threads seal than one, which does the cryptography beside the table: 2 on two processors that share nothing,
/// and less where they are the two halves of one, or are somebody else's too.
fn cores(clinic: &Clinic, rows: usize) -> f64 {
    let seal = || clinic.sealed((1..).take(rows)).for_each(drop);
    let alone = time(rows, seal);
    let both = time(rows, || {
        std::thread::scope(|scope| {
            scope.spawn(seal);
            seal();
        });
    });
    2.0 * alone / both
}

/// What a row costs in tables of these sizes.
fn flat(name: &str, sizes: &[usize]) {
    for rows in sizes.iter().copied() {
        let folder = tempfile::tempdir().unwrap();
        let clinic = Clinic::open(folder.path());
        let mut store = open(name, folder.path());
        store.fill(&mut clinic.sealed((1..).take(rows)));
        let source = store.source();
        let mut times: Vec<_> = [2, 1, 2]
            .map(|version| {
                clinic.set_primary(version);
                store.settle();
                time(rows, || clinic.reseal(&*source, rows as u64))
            })
            .into();
        println!("{name:<10} {rows:>10} {:>7} {:>15} {:>6.2} us", "", "", part(&mut times, 0.5));
    }
}

/// The most memory that a process has had that did nothing but reseal the table, in MiB.
fn alone(store: &str, folder: &Path, rows: usize) -> f64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["alone", store, folder.to_str().unwrap(), &rows.to_string()]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// What [`alone`] starts.
fn peak(store: &str, folder: &Path, rows: u64) {
    let clinic = Clinic::open(folder);
    let source = open(store, folder).source();
    clinic.reseal(&*source, rows);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kibibytes: f64 = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    println!("{:.1}", kibibytes / 1024.0);
}

/// The value that this part of them are below.
fn part(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of one")]
    let place = ((values.len() - 1) as f64 * part).round() as usize;
    values[place]
}
