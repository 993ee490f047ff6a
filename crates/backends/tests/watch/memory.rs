//! What is in the memory of another process.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

/// What a process says when it can be looked at.
const USED: &str = "used";

/// Runs this test again in a process of its own with this environment, until it has [let itself be looked at](wait): the
/// lines that it printed before, and all its memory.
pub(crate) fn look_at(test: &str, environment: &[(&str, &str)]) -> (Vec<String>, Vec<Vec<u8>>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    // It prints more at its end, so that its output must stay open.
    let said = lines.by_ref().take_while(|line| line != USED).collect();
    let memory = memory_of(child.id());
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(child.wait().unwrap().success());
    (said, memory)
}

/// Lets the process that started this one look at its memory.
pub(crate) fn wait() {
    println!("\n{USED}");
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// Which halves of `keys` are somewhere in `memory`, one after the other.
pub(crate) fn halves_found<'k>(
    memory: &[Vec<u8>],
    keys: impl IntoIterator<Item = &'k Vec<u8>>,
) -> Vec<bool> {
    let halves: Vec<_> = keys.into_iter().flat_map(|key| key.chunks(16)).collect();
    found(memory, &halves)
}

/// All memory of a process that can be read.
fn memory_of(id: u32) -> Vec<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{id}/maps")).unwrap();
    let memory = File::open(format!("/proc/{id}/mem")).unwrap();
    let ranges = maps.lines().filter(|line| !line.contains("[v")).filter_map(|line| {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        let (start, end) = range.split_once('-').unwrap();
        let number = |hex| u64::from_str_radix(hex, 16).unwrap();
        rights.starts_with("rw").then(|| (number(start), number(end)))
    });
    ranges
        .filter_map(|(start, end)| {
            let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
            memory.read_exact_at(&mut bytes, start).is_ok().then_some(bytes)
        })
        .collect()
}

/// Which of `needles` are somewhere in `memory`.
fn found(memory: &[Vec<u8>], needles: &[&[u8]]) -> Vec<bool> {
    let start = |bytes: &[u8]| usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
    let mut starts = vec![false; 1 << 16];
    needles.iter().for_each(|needle| starts[start(needle)] = true);
    let mut hits = vec![false; needles.len()];
    for range in memory {
        for at in (0..range.len() - 1).filter(|at| starts[start(&range[*at..])]) {
            for (hit, needle) in hits.iter_mut().zip(needles) {
                *hit |= range[at..].starts_with(needle);
            }
        }
    }
    hits
}
