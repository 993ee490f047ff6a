//! What is left of keys in the memory of a process that used them: of their bytes, nothing.
//!
//! Some of the base64 in which they travelled stays in buffers of the libraries below, as the module's documentation says.

use crate::fake::{Fake, arn};
use crate::support::{context, engine, is_again, kek};
use phiseal_keys::{DataKey, KekBackend};
use pollster::block_on;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

const FAKE: &str = "PHISEAL_TEST_FAKE";
const ROUNDS: usize = 25;

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

fn use_keys() {
    let backend = kek(&std::env::var(FAKE).unwrap(), &arn(0));
    for _ in 0..ROUNDS {
        let given = DataKey::generate(engine()).unwrap();
        let made = block_on(backend.generate_key(&context(1))).unwrap();
        let wrapped = block_on(backend.wrap_key(&given, &context(1))).unwrap();
        for wrap in [&made.wrapped, &wrapped] {
            block_on(backend.unwrap_key(wrap, &context(1))).unwrap();
            block_on(backend.rewrap_key(wrap, &context(1))).unwrap();
        }
    }
    let kept = block_on(backend.generate_key(&context(1))).unwrap();
    println!("\nused");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    drop((backend, kept));
}

#[test]
fn no_half_of_a_key_is_left_when_it_is_dropped() {
    if is_again() {
        return use_keys();
    }
    let fake = Fake::start();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::no_half_of_a_key_is_left_when_it_is_dropped", "--nocapture"])
        .env("PHISEAL_TEST_AGAIN", "1")
        .env(FAKE, fake.url())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "used"));
    let memory = memory_of(child.id());
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(child.wait().unwrap().success());

    let keys = fake.keys();
    assert_eq!(keys.len(), 2 * ROUNDS + 1);
    let halves: Vec<_> = keys.iter().flat_map(|key| key.chunks(16)).collect();
    let found = found(&memory, &halves);
    let whole = found.chunks(2).filter(|halves| *halves == [true, true]).count();
    let any = found.iter().filter(|half| **half).count();
    assert_eq!((whole, any), (1, 2), "the key that is held, which is the control, and no other");
}
