//! How much memory it takes to reseal a table.
#![cfg(target_os = "linux")]

use crate::ROTATE;
use phiseal_tests::clinic::{Made, Where, plaintext};
use phiseal_tests::in_each_place;
use phiseal_tests::numbers::figure;
use std::process::Command;

const MIB: u64 = 1 << 20;

/// The most memory that a process had that resealed a table of so many rows, so many of them at once.
fn peak(place: Where, rows: i64, at_once: usize) -> Option<u64> {
    let clinic = Made::new(place, rows)?;
    let _ = clinic.approve(ROTATE);
    let child = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_phiseal-tests-child"));
        command.args(arguments).output().unwrap()
    };
    let path = clinic.folder().to_str().unwrap();
    // Killed when all that is left to do is to reseal.
    assert!(!child(&["rotate", path, "1000", "Reseal", "1"]).status.success());
    let output = child(&["reseal-and-weigh", path, &at_once.to_string()]);
    assert_eq!(clinic.assert_rotated(plaintext), rows);
    Some(String::from_utf8(output.stdout).unwrap().trim().parse().unwrap())
}

in_each_place!(a_large_table_takes_no_more_memory_than_a_small_one);

fn a_large_table_takes_no_more_memory_than_a_small_one(place: Where) {
    let Some(small) = peak(place, 10_000, 1_000) else { return };
    let large = peak(place, figure(40_000, 1_000_000), 1_000).unwrap();
    assert!(large < 200 * MIB, "{large}");
    assert!(large < small + 8 * MIB, "{small}, {large}");
    let whole = peak(place, 40_000, 40_000).unwrap();
    assert!(whole > small + 16 * MIB, "the control, all of it at once: {small}, {whole}");
}
