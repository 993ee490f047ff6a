use crate::date::iso;
use crate::unbiased::below;
use core::fmt;
use jiff::ToSpan;
use phiseal_envelope::{ColumnGuard, ColumnSecrets, RevealForm, Subject};
use phiseal_format::{Context, KeyId, TokenUse};
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::hmac::HmacKey;
use zeroize::Zeroizing;

/// Dates of one person, all moved by the same number of days, which follows from the person's own key: intervals survive, and
/// when the person is shredded nobody moves them back.
///
/// # Security
///
/// A pseudonym, not de-identification: shifted dates are elements of dates that are directly related to a person
/// (45 CFR 164.514(b)(2)(i)(C)). **One date of a person that somebody knows gives away the shift, and with it all of them.**
/// What stays visible besides: the intervals, the order, and that no date moved by more than the range. Every shift of the
/// range but none at all is as likely as any other.
///
/// A shift belongs to one key of the person: after [`Subject::renew`] dates are moved by another one, unless the key's id is
/// named ([`DateShift::back_under`]).
///
/// ```
/// # pollster::block_on(async {
/// # use phiseal_backends::memory::MemoryKek;
/// # use phiseal_envelope::{Domain, Options};
/// # use phiseal_keys::{Keks, KeyStore, KeyStoreConfig};
/// # use std::sync::Arc;
/// # let engine = phiseal_primitives::default_engine();
/// # let keks = Keks::later(Arc::new(MemoryKek::new(engine)?), engine);
/// # let store = KeyStore::open(Arc::new(phiseal_stores::MemoryStore::new()), keks, KeyStoreConfig::new(engine)).await?;
/// # let domain = Domain::connect(store.into(), "clinic/research", Options::new(engine).into()).await?;
/// use phiseal_tokens::DateShift;
///
/// let patient = domain.subject_or_create("mrn-1029").await?;
/// let shift = DateShift::new(&patient, "study 7", 365).await?;
/// let admitted = shift.shifted("2024-02-29")?;
/// assert_ne!(admitted, "2024-02-29");
/// assert_eq!(shift.back(&admitted)?, "2024-02-29");
/// # Ok::<(), phiseal_keys::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct DateShift {
    /// By how many days, under which key; the newest last.
    days: Vec<(KeyId, i32)>,
    guard: ColumnGuard,
}

impl DateShift {
    /// Most days by which dates are moved: a hundred years.
    pub const MAX_RANGE: u16 = 36_525;

    /// The shift of one person in one study: by one to `range` days, forward or back.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a range of no day, or of more than [`DateShift::MAX_RANGE`]; [`ErrorKind::State`] when the
    /// person was shredded; and as [`Subject::ready`].
    pub async fn new(person: &Subject, study: &str, range: u16) -> Result<Self, Error> {
        if !(1..=Self::MAX_RANGE).contains(&range) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "dates are moved by one day at least and by a hundred years at most",
            ));
        }
        let column = Context::of_field(study);
        let shift = |secrets: &ColumnSecrets<'_>| {
            // By the range as well: of two ranges one number would give both shifts away.
            let key = secrets.derive_by(TokenUse::DateShift, &format!("{range} days"))?;
            Ok(drawn(&HmacKey::new(secrets.engine(), key.expose_secret()), range))
        };
        let cipher = person.ready().await?;
        let keys = cipher.column_keys(&column, shift)?;
        let newest = keys.newest().map(|(id, _)| id).ok();
        let mut days: Vec<_> = keys.all()?.map(|(id, days)| (id, *days)).collect();
        days.sort_by_key(|(id, _)| Some(*id) == newest);
        Ok(Self { days, guard: cipher.column_guard(&column) })
    }

    /// The date, moved by the person's newest key. It is `YYYY-MM-DD`, and what stands after a `T` stays as it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for what is no such date, and for one that would leave the years 1 to 9999; [`ErrorKind::Denied`] when a
    /// reader was named who may not see the dates of the study in full.
    pub fn shifted(&self, date: &str) -> Result<String, Error> {
        let (_, days) = self.days.last().ok_or_else(none)?;
        // Of one date and what it became anybody can work out the days.
        self.guard.make(RevealForm::Full, || moved(date, *days))
    }

    /// The date as it was before it was moved by the person's newest key.
    ///
    /// # Errors
    ///
    /// As [`DateShift::shifted`]; [`ErrorKind::Denied`] when the reader may not see the dates of the study.
    pub fn back(&self, date: &str) -> Result<String, Error> {
        let (_, days) = self.days.last().ok_or_else(none)?;
        self.moved_back(date, -days)
    }

    /// The date as it was before it was moved by the key of this id.
    ///
    /// # Errors
    ///
    /// As [`DateShift::back`]; [`ErrorKind::Foreign`] for a key that is not the person's.
    pub fn back_under(&self, key_id: KeyId, date: &str) -> Result<String, Error> {
        let days = self.days.iter().find(|(id, _)| *id == key_id).map(|(_, days)| -days);
        let days =
            days.ok_or_else(|| Error::new(ErrorKind::Foreign, "the key is not the person's"))?;
        self.moved_back(date, days)
    }

    fn moved_back(&self, date: &str, days: i32) -> Result<String, Error> {
        // Wiped if it is withheld.
        let moved = || Ok(Zeroizing::new(moved(date, days)?));
        Ok(core::mem::take(&mut *self.guard.reveal(RevealForm::Full, moved)?))
    }

    /// The id of the key by which dates are moved now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::State`] when there is none.
    pub fn key_id(&self) -> Result<KeyId, Error> {
        self.days.last().map(|(id, _)| *id).ok_or_else(none)
    }
}

/// Says nothing of the days.
impl fmt::Debug for DateShift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DateShift")
    }
}

fn none() -> Error {
    Error::new(ErrorKind::State, "the person has no key")
}

/// One of `-range..=-1` and `1..=range`, each as likely as the others: what would favour some is drawn again.
fn drawn(key: &HmacKey, range: u16) -> i32 {
    let (range, mut counters) = (u64::from(range), 0_u64..);
    let mut next = || {
        let code = key.code(&[b"days", &counters.next()?.to_be_bytes()]);
        code.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
    };
    // Nobody comes to the end of the counters.
    let number = below(2 * range, || next().ok_or(())).unwrap_or_default();
    let days = i32::try_from(number % range).unwrap_or_default() + 1;
    if number < range { days } else { -days }
}

fn moved(date: &str, days: i32) -> Result<String, Error> {
    let (day, time) = date.split_at_checked(10).ok_or_else(no_date)?;
    if !(time.is_empty() || time.starts_with('T')) {
        return Err(no_date());
    }
    let day = iso(day).ok_or_else(no_date)?;
    let moved = day.checked_add(days.days()).ok().filter(|moved| moved.year() >= 1);
    let moved = moved.ok_or_else(|| {
        Error::new(ErrorKind::Invalid, "moved, the date would not be in the years 1 to 9999")
    })?;
    Ok(format!("{moved}{time}"))
}

fn no_date() -> Error {
    Error::new(ErrorKind::Invalid, "a date that is moved has a year, a month and a day: YYYY-MM-DD")
}

#[cfg(test)]
mod tests {
    use super::*;
    use phiseal_primitives::default_engine;

    fn key(number: u32) -> HmacKey {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&number.to_be_bytes());
        HmacKey::new(default_engine(), &key)
    }

    /// Chi-squared over the 728 shifts of a range of 364: with 727 degrees of freedom, above 850 is one in a thousand.
    #[test]
    fn every_shift_is_as_likely_as_any_other() {
        let (range, draws) = (364, 72_800_u32);
        let mut counts = std::collections::BTreeMap::new();
        for number in 0..draws {
            *counts.entry(drawn(&key(number), range)).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 728);
        assert_eq!((*counts.keys().next().unwrap(), *counts.keys().last().unwrap()), (-364, 364));
        assert!(!counts.contains_key(&0));
        let expected = f64::from(draws) / 728.0;
        let squares = counts.values().map(|count| (f64::from(*count) - expected).powi(2));
        let chi: f64 = squares.sum::<f64>() / expected;
        assert!((600.0..850.0).contains(&chi), "{chi}");
    }

    #[test]
    fn the_day_moves_and_the_time_stays() {
        assert_eq!(moved("2024-02-28", 1).unwrap(), "2024-02-29");
        assert_eq!(moved("2024-03-01T10:20:30-05:00", -1).unwrap(), "2024-02-29T10:20:30-05:00");
        assert_eq!(moved("0001-01-02", -1).unwrap(), "0001-01-01");
        for (date, days) in [
            ("0001-01-01", -1),
            ("9999-12-31", 1),
            ("2024-02-30", 1),
            ("2024-02", 1),
            ("2024", 1),
            ("", 1),
            ("2024-02-28 10:00", 1),
            ("20240228", 1),
            ("2024-02-2é", 1),
        ] {
            assert_eq!(moved(date, days).unwrap_err().kind(), ErrorKind::Invalid, "{date}");
        }
    }
}
