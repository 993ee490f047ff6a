//! ROT: killed anywhere, it goes on.

use crate::{ROTATE, to_the_end};
use phiseal::rotation::run::{Phase, Step};
use phiseal_tests::clinic::{Made, Where, plaintext};
use phiseal_tests::in_each_place;
use phiseal_tests::numbers;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

/// Runs a process that rotates what was approved in `folder` and is killed at a step.
fn child(folder: &Path, rows: usize, step: &str, nth: usize) -> (ExitStatus, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_phiseal-tests-child"));
    command.args(["rotate", folder.to_str().unwrap(), &rows.to_string(), step, &nth.to_string()]);
    let output = command.output().unwrap();
    (output.status, String::from_utf8(output.stdout).unwrap())
}

const KILLED: Option<i32> = Some(9);
in_each_place! {
    killed_once_at_every_step_it_goes_on_and_makes_one_version
    killed_again_and_again_it_comes_to_its_end
}

fn killed_once_at_every_step_it_goes_on_and_makes_one_version(place: Where) {
    let mut killed = 0;
    for step in Step::ALL.into_iter().filter(|step| *step != Step::Wait) {
        for nth in [1, 2] {
            let Some(clinic) = Made::new(place, 120) else { return };
            let _ = clinic.approve(ROTATE);
            let (status, said) = child(clinic.folder(), 50, &format!("{step:?}"), nth);
            if nth == 1 {
                assert_eq!(status.signal(), KILLED, "{step:?}: {said}");
            }
            killed += usize::from(status.signal() == KILLED);
            let (journal, _) = to_the_end(&clinic, 50);
            assert_eq!(journal.phase, Phase::Done, "{step:?}");
            assert_eq!(clinic.assert_rotated(plaintext), 120, "{step:?}");
            assert_eq!(clinic.keyset().versions().len(), 2, "{step:?}");
        }
    }
    assert!(killed > 10, "{killed}");
}

fn killed_again_and_again_it_comes_to_its_end(place: Where) {
    let (rows, kills) = if numbers::full() { (100_000, 1_000) } else { (1_500, 25) };
    let Some(clinic) = Made::new(place, rows) else { return };
    let mut random = numbers::Dice::new(7);
    let (mut killed, mut version) = (0, 1);
    while killed < kills {
        let _ = clinic.approve(ROTATE);
        version += 1;
        loop {
            // Any of about as many steps as a run has left when the last one has written half of what there was.
            let nth = 1 + random.below(40);
            let rows = usize::try_from(rows / 60).unwrap();
            let (status, said) = child(clinic.folder(), rows, "any", nth);
            if status.success() {
                assert!(said.starts_with("Done"), "{said}");
                break;
            }
            assert_eq!(status.signal(), KILLED, "{said}");
            killed += 1;
        }
        assert_eq!(clinic.assert_rotated(plaintext), rows);
        assert_eq!(clinic.keyset().primary(), version);
        assert_eq!(clinic.keyset().versions().len(), usize::try_from(version).unwrap());
    }
}
