//! Where to divide a table of unknown length into parts of about one size, and no more than so many.

use crate::source::RowKey;

/// The last keys of pages, fewer of them the longer the table turns out to be.
pub(super) struct Borders {
    most: usize,
    /// Every so many pages there is one.
    every: usize,
    pages: usize,
    found: Vec<RowKey>,
}

/// Pages of a part of a table that is not too long: 10,000 rows.
const PAGES: usize = 10;

impl Borders {
    pub(super) const fn at_most(most: usize) -> Self {
        Self { most, every: PAGES, pages: 0, found: Vec::new() }
    }

    /// One more page, which ends with `last`.
    pub(super) fn page(&mut self, last: &RowKey) {
        self.pages += 1;
        if self.most == 0 || !self.pages.is_multiple_of(self.every) {
            return;
        }
        if self.found.len() == self.most {
            let mut place = 0;
            self.found.retain(|_| {
                place += 1;
                place % 2 == 0
            });
            self.every *= 2;
            if !self.pages.is_multiple_of(self.every) {
                return;
            }
        }
        self.found.push(last.clone());
    }

    pub(super) fn found(self) -> Vec<RowKey> {
        self.found
    }
}

/// As many of the sealed borders of each table as fit into `room` bytes of a journal: every second of them, or every fourth, and
/// so on.
pub(super) fn fitting(mut borders: Vec<Vec<String>>, room: usize) -> Vec<Vec<String>> {
    /// What stands around one of them, and what says that the part before it is left to do.
    const AROUND: usize = 32;
    let size = |borders: &Vec<Vec<String>>| {
        borders.iter().flatten().map(|border| border.len() + AROUND).sum::<usize>()
    };
    while size(&borders) > room {
        for of_table in &mut borders {
            let mut place = 0;
            of_table.retain(|_| {
                place += 1;
                place % 2 == 0
            });
        }
    }
    borders
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Scalar;

    #[test]
    fn borders_that_take_too_much_room_are_fewer() {
        let of = |count: usize, length: usize| vec!["x".repeat(length); count];
        let counts = |borders: &[Vec<String>]| borders.iter().map(Vec::len).collect::<Vec<_>>();
        let some = vec![of(8, 68), of(3, 68), of(0, 68)];
        assert_eq!(fitting(some.clone(), 1_100), some, "the control: they fit");
        assert_eq!(counts(&fitting(some.clone(), 1_099)), [4, 1, 0]);
        assert_eq!(counts(&fitting(some.clone(), 250)), [2, 0, 0]);
        assert_eq!(counts(&fitting(some, 0)), [0, 0, 0]);
        let long = vec![of(2_048, 5_000)];
        assert_eq!(counts(&fitting(long, 900_000)), [128]);
    }

    #[test]
    fn parts_are_of_about_one_size_whatever_the_length() {
        for pages in [0, 1, 9, 10, 11, 95, 1_000, 12_345, 100_000] {
            let mut borders = Borders::at_most(16);
            for page in 1..=pages {
                borders.page(&RowKey::new(vec![Scalar::Integer(page)]).unwrap());
            }
            let found: Vec<_> = borders
                .found()
                .iter()
                .map(|key| match key.parts() {
                    [Scalar::Integer(page)] => *page,
                    _ => panic!("no key of this test"),
                })
                .collect();
            assert!(found.len() <= 16, "{pages}: {found:?}");
            assert_eq!(found.is_empty(), pages < 10);
            let sizes: Vec<_> = found.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(sizes.windows(2).all(|pair| pair[0] == pair[1]), "{pages}: {found:?}");
            if let (Some(first), Some(last)) = (found.first(), found.last()) {
                assert!(pages - last <= *first + 1, "{pages}: {found:?}");
            }
        }
    }
}
