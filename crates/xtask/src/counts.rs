//! How many tests ran, read from what the runners print.

/// How many tests passed, failed and were left out by the runner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that ran and passed.
    pub passed: u64,
    /// Tests that ran and failed, timed out, or could not be started.
    pub failed: u64,
    /// Tests that were marked to be ignored, or filtered out.
    pub skipped: u64,
}

impl Counts {
    /// This many passed, and nothing else happened.
    pub fn passed(passed: u64) -> Self {
        Self { passed, ..Self::default() }
    }

    /// Tests that ran.
    pub fn ran(self) -> u64 {
        self.passed.saturating_add(self.failed)
    }

    /// The two counts together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            passed: self.passed.saturating_add(other.passed),
            failed: self.failed.saturating_add(other.failed),
            skipped: self.skipped.saturating_add(other.skipped),
        }
    }
}

/// The counts of every `test result:` line of `cargo test`.
pub fn of_cargo_test(output: &str) -> Counts {
    let lines = output.lines().filter_map(|line| line.trim_start().strip_prefix("test result: "));
    lines.fold(Counts::default(), |counts, line| {
        let items = line.split_once(". ").map_or(line, |(_, items)| items);
        counts.and(of_items(items.split(';')))
    })
}

/// The counts of the `Summary` line of `cargo nextest run`; nothing ran if there is none.
///
/// The line reads `Summary [ 0.01s] 5 tests run: 3 passed (1 slow), 1 failed, 1 timed out, 0 skipped`.
pub fn of_nextest(output: &str) -> Counts {
    let summaries = output.lines().filter_map(|line| line.trim_start().strip_prefix("Summary ["));
    let Some((_, items)) = summaries.filter_map(|line| line.split_once(" run: ")).next_back()
    else {
        return Counts::default();
    };
    // What stands in parentheses says more about tests that are counted already, and may hold commas.
    let mut depth = 0_u32;
    let mut bare = String::new();
    for character in items.chars() {
        match character {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => bare.push(character),
            _ => (),
        }
    }
    of_items(bare.split(','))
}

/// The benches that criterion ran once because it was told `--test`.
pub fn of_criterion(output: &str) -> Counts {
    let tested = output.lines().filter(|line| line.trim() == "Success").count();
    Counts::passed(u64::try_from(tested).unwrap_or(u64::MAX))
}

/// The number of inputs that libFuzzer ran, from `-print_final_stats=1`.
pub fn of_libfuzzer(output: &str) -> u64 {
    let mut lines =
        output.lines().filter_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    lines.next_back().and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// Adds up items such as `3 passed`, `1 timed out`, `0 skipped`.
fn of_items<'a>(items: impl Iterator<Item = &'a str>) -> Counts {
    let mut counts = Counts::default();
    for item in items {
        let Some((number, what)) = item.trim().split_once(' ') else { continue };
        let Ok(number) = number.parse::<u64>() else { continue };
        let counter = match what.trim() {
            "passed" => &mut counts.passed,
            "failed" | "exec failed" | "timed out" => &mut counts.failed,
            "skipped" | "ignored" | "filtered out" => &mut counts.skipped,
            _ => continue,
        };
        *counter = counter.saturating_add(number);
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_test_lines_add_up() {
        let output = "\
running 2 tests
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 5 passed; 3 failed; 1 ignored; 0 measured; 4 filtered out; finished in 1.20s
";
        assert_eq!(of_cargo_test(output), Counts { passed: 7, failed: 3, skipped: 5 });
        assert_eq!(of_cargo_test("error: could not compile"), Counts::default());
    }

    #[test]
    fn nextest_lines_are_read_with_all_their_items() {
        let plain = "     Summary [   0.005s] 3 tests run: 3 passed, 0 skipped";
        assert_eq!(of_nextest(plain), Counts { passed: 3, failed: 0, skipped: 0 });
        let rich = "     Summary [  12.345s] 9 tests run: 4 passed (1 slow, 2 leaky), 2 failed, 1 exec failed, 2 timed out, 7 skipped";
        assert_eq!(of_nextest(rich), Counts { passed: 4, failed: 5, skipped: 7 });
        let stopped = "     Summary [   1.000s] 2/30 tests run: 1 passed, 1 failed, 0 skipped";
        assert_eq!(of_nextest(stopped), Counts { passed: 1, failed: 1, skipped: 0 });
        assert_eq!(of_nextest("error: could not compile"), Counts::default());
    }

    #[test]
    fn criterion_successes_are_counted() {
        assert_eq!(
            of_criterion("Testing seal/32\nSuccess\n\nTesting open/32\nSuccess\n"),
            Counts::passed(2)
        );
        assert_eq!(of_criterion("running 0 tests"), Counts::default());
    }

    #[test]
    fn libfuzzer_statistics_are_read() {
        assert_eq!(
            of_libfuzzer(
                "#2 INITED\nstat::number_of_executed_units: 452188\nstat::average_exec_per_sec: 0\n"
            ),
            452_188
        );
        assert_eq!(of_libfuzzer("#2 INITED"), 0);
    }
}
