use phiseal_keys::{Error, ErrorKind};
use std::collections::BTreeSet;

/// Of ZIP codes, the first three digits, and `000` where 20,000 people or fewer live in all the codes that begin with them
/// (45 CFR 164.514(b)(2)(i)(B)).
///
/// Which those are is in the census, and the rule asks for "current publicly available data": name the areas that are sparse by
/// the newest one ([`SparseAreas::new`]), or take those that any of the censuses of 2000 and 2010 has
/// ([`SparseAreas::of_2000_and_2010`]).
///
/// # Security
///
/// No cryptography and no way back.
///
/// ```
/// use phiseal_tokens::generalise::SparseAreas;
///
/// let sparse = SparseAreas::of_2000_and_2010();
/// assert_eq!(sparse.zip("98101-1234")?, "981");
/// assert_eq!(sparse.zip("03601")?, "000");
/// # Ok::<(), phiseal_keys::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SparseAreas(BTreeSet<[u8; 3]>);

/// By the census of 2000: OCR, Guidance Regarding Methods for De-identification of PHI (2012), "When can ZIP codes be included".
const OF_2000: [&[u8; 3]; 17] = [
    b"036", b"059", b"063", b"102", b"203", b"556", b"692", b"790", b"821", b"823", b"830", b"831",
    b"878", b"879", b"884", b"890", b"893",
];

/// By the census of 2010, as Microsoft's Tools for Health Data Anonymization document it.
const OF_2010: [&[u8; 3]; 14] = [
    b"036", b"059", b"102", b"203", b"205", b"369", b"556", b"692", b"821", b"823", b"878", b"879",
    b"884", b"893",
];

impl SparseAreas {
    /// These first three digits.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for what is not three digits.
    pub fn new<'a>(areas: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let areas = areas.into_iter().map(|area| {
            let digits: Option<[u8; 3]> = area.as_bytes().try_into().ok();
            digits.filter(|digits| digits.iter().all(u8::is_ascii_digit)).ok_or_else(|| {
                Error::new(ErrorKind::Invalid, "an area is the first three digits of a ZIP code")
            })
        });
        areas.collect::<Result<_, _>>().map(Self)
    }

    /// Those that are sparse by the census of 2000, of 2010, or both.
    #[must_use]
    pub fn of_2000_and_2010() -> Self {
        Self(OF_2000.iter().chain(&OF_2010).map(|area| **area).collect())
    }

    /// The first three digits of a ZIP code of five or nine digits, or `000`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for what is no ZIP code.
    pub fn zip(&self, code: &str) -> Result<String, Error> {
        let digits = code.trim().as_bytes();
        let is_code = match digits {
            [_, _, _, _, _] | [_, _, _, _, _, _, _, _, _] => digits.iter().all(u8::is_ascii_digit),
            [five @ .., b'-', a, b, c, d] => {
                five.len() == 5 && five.iter().chain([a, b, c, d]).all(u8::is_ascii_digit)
            }
            _ => false,
        };
        let area = digits.first_chunk().filter(|_| is_code);
        let area = area
            .ok_or_else(|| Error::new(ErrorKind::Invalid, "no ZIP code of five or nine digits"))?;
        let told = if self.0.contains(area) { b"000" } else { area };
        Ok(told.iter().map(|digit| char::from(*digit)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_told_where_many_people_live() {
        let sparse = SparseAreas::of_2000_and_2010();
        assert_eq!(sparse.0.len(), 19);
        for (code, told) in [
            ("98101", "981"),
            ("98101-1234", "981"),
            ("981011234", "981"),
            (" 00501 ", "005"),
            ("03601", "000"),
            ("20500", "000"),
            ("06301", "000"),
            ("89345-0001", "000"),
        ] {
            assert_eq!(sparse.zip(code).unwrap(), told, "{code}");
        }
        let own = SparseAreas::new(["981"]).unwrap();
        assert_eq!(
            (own.zip("98101").unwrap(), own.zip("03601").unwrap()),
            ("000".into(), "036".into())
        );
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let sparse = SparseAreas::of_2000_and_2010();
        for code in [
            "",
            "981",
            "9810",
            "981011",
            "98101-",
            "98101-12",
            "K1A 0B1",
            "9810a",
            "98-101123",
            "٩٨١٠١",
        ] {
            assert_eq!(sparse.zip(code).unwrap_err().kind(), ErrorKind::Invalid, "{code}");
        }
        for area in ["", "98", "9810", "98a"] {
            assert_eq!(SparseAreas::new([area]).unwrap_err().kind(), ErrorKind::Invalid);
        }
    }

    /// There is no way back: all codes of an area look the same, and so do all sparse areas.
    #[test]
    fn codes_of_an_area_look_the_same() {
        let sparse = SparseAreas::of_2000_and_2010();
        let told = |code: String| sparse.zip(&code).unwrap();
        assert!((0..100).map(|n| told(format!("981{n:02}"))).all(|area| area == "981"));
        let areas =
            sparse.0.iter().map(|area| told(format!("{}01", core::str::from_utf8(area).unwrap())));
        assert!(areas.into_iter().all(|area| area == "000"));
    }
}
