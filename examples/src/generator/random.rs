//! A small seeded generator of numbers; not for keys.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, figure 15).
///
/// Chosen because ten lines of it give the same numbers everywhere and for ever. Whoever sees one output knows the
/// rest.
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0; the remainder's bias is of no account for ends this small.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end)).unwrap_or(0)
    }

    /// A number from `first` to `last`, both included.
    pub(super) fn between(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(last - first + 1)
    }

    /// True `percent` times of a hundred.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of the elements of a slice that is not empty.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let count = u32::try_from(from.len()).unwrap_or(u32::MAX);
        let index = usize::try_from(self.below(count)).unwrap_or(0);
        &from[index]
    }

    /// A pattern with a digit for each `#` and a letter for each `@`.
    pub(super) fn fill(&mut self, pattern: &str) -> String {
        let fill = |c| match c {
            '#' => char::from_digit(self.below(10), 10).unwrap_or(c),
            '@' => char::from_digit(10 + self.below(26), 36).unwrap_or(c).to_ascii_uppercase(),
            other => other,
        };
        pattern.chars().map(fill).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_numbers_of_the_reference() {
        // The first outputs of Vigna's splitmix64.c for the state 1234567.
        let mut random = Random::new(1_234_567);
        for wanted in [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ] {
            assert_eq!(random.next(), wanted);
        }
    }

    #[test]
    fn every_value_in_range_and_both_ends_reached() {
        let mut random = Random::new(1);
        let mut seen = [0_u32; 10];
        for _ in 0..1000 {
            let number = random.between(3, 9);
            assert!((3..=9).contains(&number));
            seen[usize::try_from(number).unwrap()] += 1;
        }
        assert!(seen[3..=9].iter().all(|&count| count > 50), "{seen:?}");
    }

    #[test]
    fn patterns_are_filled_in_place() {
        let filled = Random::new(1).fill("@#-@@##");
        let kinds: Vec<bool> = filled.chars().map(|c| c.is_ascii_digit()).collect();
        assert_eq!(kinds, [false, true, false, false, false, true, true], "{filled}");
        assert!(
            filled.chars().all(|c| c == '-' || c.is_ascii_digit() || c.is_ascii_uppercase()),
            "{filled}"
        );
    }
}
