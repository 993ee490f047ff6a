//! Which versions of a domain's key have ever wrapped another key.

use crate::{Error, ErrorKind, KeyState, Keyset};
use core::fmt;
use phiseal_format::{Cursor, write};

/// Which versions of a domain's key have ever wrapped a person's key.
///
/// Whoever had one of them, and a copy of the key store from then, has the person's key, whatever wraps it now. So a version
/// is added and none is ever taken away, and the set errs on one side only: it may hold a version that never wrapped the key,
/// and holds each that did. It is kept as at most [`VersionSet::MAX_RANGES`] ranges; one more, and the two that are
/// closest become one, with what is between them. A key that follows each rotation is one range for ever.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VersionSet(Vec<(u32, u32)>);

impl VersionSet {
    /// The most ranges that one is kept as.
    pub const MAX_RANGES: usize = 8;

    /// The one version that wrapped a new key.
    #[must_use]
    pub fn of(version: u32) -> Self {
        Self(vec![(version, version)])
    }

    /// Whether `version` is in it.
    #[must_use]
    pub fn contains(&self, version: u32) -> bool {
        self.0.iter().any(|(from, to)| (*from..=*to).contains(&version))
    }

    /// The ranges, in ascending order, both ends included.
    #[must_use]
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// Whether one of them is compromised: whoever has it, and saw the key store then, has what it wrapped.
    #[must_use]
    pub fn is_exposed(&self, keyset: &Keyset) -> bool {
        let is_compromised = |state| state == KeyState::Compromised;
        let mut compromised = keyset.versions().iter().filter(|it| is_compromised(it.state()));
        compromised.any(|version| self.contains(version.number()))
    }

    /// With one more version.
    #[must_use]
    pub fn with(&self, version: u32) -> Self {
        if self.contains(version) {
            return self.clone();
        }
        let mut ranges = self.0.clone();
        let place = ranges.partition_point(|(from, _)| *from < version);
        ranges.insert(place, (version, version));
        let mut joined: Vec<(u32, u32)> = Vec::new();
        for range in ranges {
            match joined.last_mut() {
                Some(last) if last.1.saturating_add(1) == range.0 => last.1 = range.1,
                _ => joined.push(range),
            }
        }
        if joined.len() > Self::MAX_RANGES {
            close_the_smallest_gap(&mut joined);
        }
        Self(joined)
    }

    /// `count u8 | { from u32 | to u32 }`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        write::push_u8(out, u8::try_from(self.0.len()).unwrap_or(u8::MAX));
        for (from, to) in &self.0 {
            write::push_u32(out, *from);
            write::push_u32(out, *to);
        }
    }

    /// Strict: one encoding for each set.
    pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, Error> {
        let malformed =
            || Error::new(ErrorKind::Malformed, "versions that wrapped a key, out of order");
        let count = usize::from(cursor.u8()?);
        if !(1..=Self::MAX_RANGES).contains(&count) {
            return Err(malformed());
        }
        let mut ranges: Vec<(u32, u32)> = Vec::with_capacity(count);
        for _ in 0..count {
            let (from, to) = (cursor.u32()?, cursor.u32()?);
            // Ranges that touch are one.
            let least = ranges.last().map_or(Some(1), |last| last.1.checked_add(2));
            if least.is_none_or(|least| from < least) || to < from {
                return Err(malformed());
            }
            ranges.push((from, to));
        }
        Ok(Self(ranges))
    }
}

impl fmt::Debug for VersionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(from, to)| *from..=*to)).finish()
    }
}

/// Makes one range of the two that are closest.
fn close_the_smallest_gap(ranges: &mut Vec<(u32, u32)>) {
    let pairs = ranges.iter().zip(ranges.iter().skip(1));
    let gaps = pairs.map(|(one, next)| next.0.saturating_sub(one.1)).enumerate();
    let Some((place, _)) = gaps.min_by_key(|(_, gap)| *gap) else { return };
    if place.saturating_add(1) < ranges.len() {
        let next = ranges.remove(place.saturating_add(1));
        if let Some(one) = ranges.get_mut(place) {
            one.1 = next.1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(versions: &[u32]) -> VersionSet {
        let (first, rest) = versions.split_first().unwrap();
        rest.iter().fold(VersionSet::of(*first), |set, version| set.with(*version))
    }

    #[test]
    fn versions_that_follow_each_other_are_one_range() {
        let every: Vec<_> = (1..=1_000).collect();
        assert_eq!(of(&every).ranges(), [(1, 1_000)]);
        let backwards: Vec<_> = (1..=1_000).rev().collect();
        assert_eq!(of(&backwards).ranges(), [(1, 1_000)]);
        assert_eq!(of(&[1, 3, 2]).ranges(), [(1, 3)]);
        assert_eq!(of(&[1, 5, 3, 5, 1]).ranges(), [(1, 1), (3, 3), (5, 5)]);
        assert_eq!(of(&[u32::MAX, 1]).ranges(), [(1, 1), (u32::MAX, u32::MAX)]);
    }

    /// Whatever is put in, in whatever order, is in it; up to eight ranges nothing else is.
    #[test]
    fn nothing_is_ever_left_out_and_of_few_ranges_nothing_is_invented() {
        let mut state: u32 = 1;
        let mut over = 0;
        for length in 1..200 {
            let versions: Vec<u32> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    1 + (state >> 16) % 300
                })
                .collect();
            let set = of(&versions);
            assert!(versions.iter().all(|version| set.contains(*version)), "{versions:?}");
            assert!(set.ranges().len() <= VersionSet::MAX_RANGES);
            let held = set.ranges().iter().map(|(from, to)| to - from + 1).sum::<u32>();
            let mut distinct = versions;
            distinct.sort_unstable();
            distinct.dedup();
            if distinct.len() <= VersionSet::MAX_RANGES {
                assert_eq!(usize::try_from(held).unwrap(), distinct.len());
            } else {
                over += 1;
            }
            let mut bytes = Vec::new();
            set.write(&mut bytes);
            assert_eq!(VersionSet::parse(&mut Cursor::new(&bytes)).unwrap(), set);
        }
        assert!(over > 100, "the control: there were more than eight");
    }

    #[test]
    fn the_ninth_range_closes_the_smallest_gap() {
        let set = of(&[1, 11, 21, 31, 38, 51, 61, 71, 81]);
        let expected =
            [(1, 1), (11, 11), (21, 21), (31, 38), (51, 51), (61, 61), (71, 71), (81, 81)];
        assert_eq!(set.ranges(), expected);
    }

    #[test]
    fn other_encodings_of_a_set_are_refused() {
        let encoded = |count: u8, numbers: &[u32]| {
            let mut bytes = vec![count];
            numbers.iter().for_each(|number| bytes.extend_from_slice(&number.to_be_bytes()));
            let mut cursor = Cursor::new(&bytes);
            let parsed = VersionSet::parse(&mut cursor).map_err(|error| error.kind());
            parsed.and_then(|set| cursor.finish().map(|()| set).map_err(|_| ErrorKind::Malformed))
        };
        assert_eq!(encoded(2, &[1, 2, 4, 4]).unwrap().ranges(), [(1, 2), (4, 4)], "the control");
        for (count, numbers) in [
            (0, &[][..]),
            (1, &[0, 1]),
            (1, &[2, 1]),
            (2, &[1, 2, 3, 4]),
            (2, &[1, 2, 2, 4]),
            (2, &[4, 4, 1, 2]),
            (2, &[1, u32::MAX, 1, 2]),
            (2, &[1, u32::MAX, u32::MAX, u32::MAX]),
            (1, &[1, 2, 4, 4]),
            (2, &[1, 2, 4]),
            (9, &[1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15, 17, 17]),
        ] {
            assert_eq!(encoded(count, numbers), Err(ErrorKind::Malformed), "{numbers:?}");
        }
    }
}
