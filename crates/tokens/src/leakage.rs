use core::fmt;
use core::hash::BuildHasher;
use phiseal_keys::{Error, ErrorKind};
use std::collections::HashMap;
use std::hash::RandomState;

/// What whoever sees columns of tokens or index entries learns from how often each occurs, counted on the real data.
///
/// [`Cardinality`](crate::Cardinality) is what was declared; this is what is there. It takes rows of any bytes: the tokens and
/// entries themselves, or the values before they are tokenized, which occur as often. It keeps a 64-bit hash of each, under a key of
/// this counting, and no value.
///
/// ```
/// use phiseal_tokens::Leakage;
///
/// let mut leakage = Leakage::of(["sex", "zip"])?;
/// for (sex, zip) in [("F", "98101"), ("F", "98102"), ("M", "98101"), ("F", "98101")] {
///     leakage.row(&[Some(sex.as_bytes()), Some(zip.as_bytes())])?;
/// }
/// let [sex, zip, both] = &leakage.report()[..] else { panic!() };
/// assert_eq!((sex.distinct, sex.most_frequent, sex.alone), (2, 3, 1));
/// assert_eq!(sex.read_by_frequency, 4.0); // three rows and one: no two values are as frequent, so all are read
/// assert_eq!((&both.columns[..], both.distinct), (&["sex".to_owned(), "zip".to_owned()][..], 3));
/// # assert_eq!(zip.distinct, 2);
/// # Ok::<(), phiseal_keys::Error>(())
/// ```
#[derive(Debug)]
pub struct Leakage {
    names: Vec<String>,
    sets: Vec<Set>,
    hasher: RandomState,
}

/// The columns of one line of the report, and how often each combination of their values occurs.
#[derive(Debug)]
struct Set {
    columns: Vec<usize>,
    counts: HashMap<u64, u64>,
}

/// One line of a report: of a column, or of several together.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ColumnLeakage {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// In how many rows they all have a value.
    pub rows: u64,
    /// How many different values there are.
    pub distinct: u64,
    /// How many rows the most frequent one has.
    pub most_frequent: u64,
    /// How many rows have a value that no other row has: of several columns together, persons who are singled out.
    pub alone: u64,
    /// How many rows are read, on average, by whoever knows how often each value occurs and guesses in that order: of values that
    /// are as frequent as others, one in each group. Few of few values; all where no two are as frequent.
    pub read_by_frequency: f64,
    /// How many bits a value takes on average (Shannon).
    pub entropy: f64,
}

/// How many columns a report has at most: of more, the combinations are too many to be read.
const MAX_COLUMNS: usize = 16;

impl Leakage {
    /// An empty count of columns of these names: each alone, each two together, and all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] without a column, and for more than 16.
    pub fn of<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Result<Self, Error> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if !(1..=MAX_COLUMNS).contains(&names.len()) {
            return Err(Error::new(ErrorKind::Invalid, "a report is of one to sixteen columns"));
        }
        let all: Vec<usize> = (0..names.len()).collect();
        let pairs = all.iter().flat_map(|one| {
            all.iter().filter(move |other| *other > one).map(move |other| vec![*one, *other])
        });
        let mut columns: Vec<Vec<usize>> =
            all.iter().map(|column| vec![*column]).chain(pairs).collect();
        if names.len() > 2 {
            columns.push(all);
        }
        let sets = columns.into_iter().map(|columns| Set { columns, counts: HashMap::new() });
        Ok(Self { sets: sets.collect(), names, hasher: RandomState::new() })
    }

    /// Counts a row. A column without a value counts nowhere.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for another number of columns.
    pub fn row(&mut self, values: &[Option<&[u8]>]) -> Result<(), Error> {
        if values.len() != self.names.len() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a row has a value, or none, for each column",
            ));
        }
        for set in &mut self.sets {
            let of_set: Option<Vec<&[u8]>> =
                set.columns.iter().map(|column| values.get(*column).copied().flatten()).collect();
            if let Some(of_set) = of_set {
                *set.counts.entry(self.hasher.hash_one(of_set)).or_default() += 1;
            }
        }
        Ok(())
    }

    /// What was counted: each column, each two, all.
    #[must_use]
    pub fn report(&self) -> Vec<ColumnLeakage> {
        let columns = |set: &Set| -> Vec<String> {
            set.columns.iter().filter_map(|column| self.names.get(*column)).cloned().collect()
        };
        self.sets.iter().map(|set| ColumnLeakage::of(columns(set), &set.counts)).collect()
    }
}

impl ColumnLeakage {
    fn of(columns: Vec<String>, counts: &HashMap<u64, u64>) -> Self {
        let rows: u64 = counts.values().sum();
        let mut as_frequent: HashMap<u64, u64> = HashMap::new();
        counts.values().for_each(|count| *as_frequent.entry(*count).or_default() += 1);
        // Among values that are as frequent, an order that is drawn at random has one in its right place, on average.
        let read: u64 = as_frequent.keys().sum();
        let entropy: f64 =
            counts.values().map(|count| real(*count) / real(rows)).map(|p| -p * p.log2()).sum();
        Self {
            columns,
            rows,
            distinct: u64::try_from(counts.len()).unwrap_or(u64::MAX),
            most_frequent: counts.values().copied().max().unwrap_or(0),
            alone: as_frequent.get(&1).copied().unwrap_or(0),
            read_by_frequency: real(read),
            entropy: entropy.abs(),
        }
    }

    /// Which part of the rows is read by frequency: 0 to 1.
    #[must_use]
    pub fn share_read(&self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.read_by_frequency / real(self.rows) }
    }
}

/// One line of text.
impl fmt::Display for ColumnLeakage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { columns, rows, distinct, most_frequent, alone, entropy, .. } = self;
        write!(
            f,
            "{}: {distinct} values in {rows} rows, {entropy:.1} bits; the most frequent in {most_frequent} rows; {alone} rows alone \
             with theirs; {:.1} % read by frequency",
            columns.join(" + "),
            100.0 * self.share_read()
        )
    }
}

/// A count as a number that is divided.
#[expect(clippy::cast_precision_loss, reason = "more than 2^53 rows are not counted")]
const fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(columns: usize, rows: impl Iterator<Item = Vec<String>>) -> Vec<ColumnLeakage> {
        let mut leakage = Leakage::of((0..columns).map(|column| format!("c{column}"))).unwrap();
        for row in rows {
            let row: Vec<_> =
                row.iter().map(|value| (!value.is_empty()).then_some(value.as_bytes())).collect();
            leakage.row(&row).unwrap();
        }
        leakage.report()
    }

    #[test]
    fn few_values_are_read_and_many_are_not() {
        let sexes =
            counted(1, (0..1_000).map(|n| vec![if n < 510 { "F" } else { "M" }.to_owned()]));
        assert_eq!((sexes[0].distinct, sexes[0].most_frequent, sexes[0].alone), (2, 510, 0));
        assert!((sexes[0].share_read() - 1.0).abs() < 1e-9);
        let numbers = counted(1, (0..1_000).map(|n| vec![format!("{n:09}")]));
        assert_eq!((numbers[0].distinct, numbers[0].alone), (1_000, 1_000));
        assert!((numbers[0].share_read() - 0.001).abs() < 1e-9, "by chance one");
        assert!((numbers[0].entropy - 1_000_f64.log2()).abs() < 1e-6);
        let even = counted(1, (0..1_000).map(|n| vec![(n % 2).to_string()]));
        assert!(
            (even[0].share_read() - 0.5).abs() < 1e-9,
            "two that are as frequent are not told apart"
        );
    }

    /// Two columns that tell little each tell much together.
    #[test]
    fn combinations_single_people_out() {
        let rows =
            (0..1_000).map(|n| vec![(n % 40).to_string(), (n / 40).to_string(), String::new()]);
        let report = counted(3, rows);
        let of = |columns: &[&str]| report.iter().find(|line| line.columns == columns).unwrap();
        assert_eq!(report.len(), 3 + 3 + 1);
        assert_eq!((of(&["c0"]).alone, of(&["c1"]).alone), (0, 0));
        assert_eq!(of(&["c0", "c1"]).alone, 1_000);
        for empty in [&["c2"][..], &["c0", "c2"], &["c0", "c1", "c2"]] {
            assert_eq!(
                (of(empty).rows, of(empty).share_read()),
                (0, 0.0),
                "a row without a value counts nowhere"
            );
        }
    }

    #[test]
    fn values_do_not_run_into_one_another() {
        let rows =
            [["ab", "c"], ["a", "bc"]].into_iter().map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(counted(2, rows)[2].distinct, 2);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert_eq!(Leakage::of([""; 0]).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(Leakage::of(["x"; 17]).unwrap_err().kind(), ErrorKind::Invalid);
        let mut leakage = Leakage::of(["x"]).unwrap();
        assert_eq!(leakage.row(&[]).unwrap_err().kind(), ErrorKind::Invalid);
        let line = leakage.report().remove(0).to_string();
        assert!(line.starts_with("x: 0 values in 0 rows"), "{line}");
    }
}
