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

const README: &str = include_str!("../../../README.md");

fn snippets() -> Vec<String> {
    let blocks = README.split("```rust\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_readme_shows_these_files_and_nothing_else() {
    let public = |source: &str| source.replace("pub(crate) fn", "fn");
    let files = [include_str!("ten_lines.rs"), include_str!("shred.rs"), include_str!("search.rs")];
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
