//! Every committed input is what its name promises.

use std::fs;
use std::path::{Path, PathBuf};

use phiseal_fuzz_checks::{TARGETS, planted, seeds};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_target_has_a_program_a_check_and_a_corpus() {
    let mut checks: Vec<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    checks.sort();
    assert_eq!(names_in(&fuzz().join("corpus")), checks);
    checks.push("planted".to_owned());
    checks.sort();
    let programs: Vec<String> = checks.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(names_in(&fuzz().join("src/bin")), programs);
}

#[test]
fn every_input_is_accepted_or_refused_as_its_name_says() {
    for (target, check) in TARGETS {
        let folder = fuzz().join("corpus").join(target);
        let (mut valid, mut refused) = (0, 0);
        for name in names_in(&folder) {
            let accepted = check(&fs::read(folder.join(&name)).unwrap());
            if name.starts_with("valid-") {
                assert!(accepted, "{target}/{name} was refused");
                valid += 1;
            }
            if name.starts_with("refused-") {
                assert!(!accepted, "{target}/{name} was accepted");
                refused += 1;
            }
        }
        assert!(valid >= 3 && refused >= 3, "{target}: {valid} valid and {refused} refused inputs");
    }
}

#[test]
fn the_committed_inputs_are_those_of_the_list() {
    for seed in seeds::seeds() {
        let path = fuzz().join("corpus").join(seed.target).join(seed.name);
        assert_eq!(
            fs::read(&path).unwrap_or_default(),
            seed.bytes,
            "{}: see `seeds`",
            path.display()
        );
    }
    let listed = seeds::seeds();
    for (target, _) in TARGETS {
        for name in names_in(&fuzz().join("corpus").join(target)) {
            let promises = name.starts_with("valid-") || name.starts_with("refused-");
            let known = listed.iter().any(|seed| seed.target == target && seed.name == name);
            assert!(known || !promises, "{target}/{name} is not in the list of `seeds`");
        }
    }
}

#[test]
fn the_planted_crash_needs_all_four_bytes() {
    let magic = (0..=u8::MAX).collect::<Vec<u8>>();
    let crashes = |input: &[u8]| {
        let input = input.to_vec();
        std::panic::catch_unwind(move || planted(&input)).is_err()
    };
    // What libFuzzer found: the control of this test is that it does crash.
    assert!(crashes(&[0x67, 0x3d, 0x6c, 0xd9]));
    for position in 0..4 {
        let passing = magic.iter().filter(|byte| {
            let mut input = [0x67, 0x3d, 0x6c, 0xd9];
            input[position] = **byte;
            crashes(&input)
        });
        assert_eq!(passing.count(), 1, "position {position}");
    }
    assert!(!crashes(&[0x67, 0x3d, 0x6c]));
}
