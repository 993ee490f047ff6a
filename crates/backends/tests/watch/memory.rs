//! What is in the memory of another process.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

/// All memory of a process that can be read.
pub(crate) fn memory_of(id: u32) -> Vec<Vec<u8>> {
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
pub(crate) fn found(memory: &[Vec<u8>], needles: &[&[u8]]) -> Vec<bool> {
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
