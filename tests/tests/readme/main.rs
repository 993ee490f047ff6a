//! The README's snippets are these files, letter by letter, and they run.

use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::Phiseal;
use phiseal::stores::MemoryStore;
use std::path::Path;

#[rustfmt::skip]
mod ten_lines;
#[rustfmt::skip]
#[expect(clippy::unwrap_used, reason = "the README shows what must fail")]
mod shred;
#[rustfmt::skip]
mod search;
#[rustfmt::skip]
#[expect(clippy::unwrap_used, reason = "the README shows what must fail")]
mod judged;

const README: &str = include_str!("../../../README.md");

fn snippets() -> Vec<String> {
    let blocks = README.split("```rust\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_readme_shows_these_files_and_nothing_else() {
    let public = |source: &str| source.replace("pub(crate) fn", "fn");
    let files = [
        include_str!("ten_lines.rs"),
        include_str!("shred.rs"),
        include_str!("search.rs"),
        include_str!("judged.rs"),
    ];
    let files = files.map(public);
    assert_eq!(snippets(), files);
}

#[test]
fn the_first_is_at_most_ten_lines_of_work() {
    let lines = include_str!("ten_lines.rs").lines().filter(|line| !line.trim().is_empty());
    let work = lines.filter(|line| line.starts_with("    ")).count();
    assert!((1..=10).contains(&work), "{work} lines");
}

#[test]
fn ten_lines_run() {
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(&folder).unwrap();
    ten_lines::main().unwrap();
    ten_lines::main().unwrap();
    assert!(Path::new("kek.json").exists() && Path::new("phi-keys.db").exists());
    std::env::set_current_dir(std::env::temp_dir()).unwrap();
}

#[test]
fn shred_runs() {
    let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine()).unwrap())
        .unwrap();
    shred::shred(&phi.domain("clinic/patients").unwrap()).unwrap();
}

#[test]
fn search_runs() {
    let phi = Phiseal::open(MemoryStore::new(), MemoryKek::new(phiseal::default_engine()).unwrap())
        .unwrap();
    search::search(&phi.domain("clinic/patients").unwrap()).unwrap();
}

#[test]
fn judged_runs() {
    let policy = README.split("```toml\n").nth(1).and_then(|block| block.split("```").next());
    let folder = tempfile::tempdir().unwrap();
    let engine = phiseal::default_engine();
    let signer = phiseal::audit::LocalSigner::generate(engine).unwrap();
    let environment = phiseal::EnvironmentId::from_bytes([7; 16]);
    let log = phiseal::audit::Log::builder("clinic.example/audit", environment, signer, engine);
    let log = log.unwrap().open(folder.path().join("audit.jsonl")).unwrap();
    judged::judged(policy.unwrap(), log).unwrap();
    let log = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    assert_eq!(log.matches(r#""class":"reveal""#).count(), 3);
}
