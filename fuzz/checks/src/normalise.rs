//! Values in the forms in which they are indexed, and of the forms of format-preserving tokens.

use phiseal::blocking::wait;
use phiseal::tokens::{
    Alphabet, BlindIndex, Cardinality, Column, DateOrder, Format, FormatPreserving, Keyed, Mask,
    Normaliser, Part, generalise,
};
use std::sync::{Arc, LazyLock};

use crate::clinic::CLINIC;

/// An index by each normaliser, which takes nearly nothing or nearly everything.
static INDEXES: LazyLock<Vec<Arc<Keyed<BlindIndex>>>> = LazyLock::new(|| {
    let normalisers = [
        Normaliser::Exact,
        Normaliser::Text,
        Normaliser::Digits,
        Normaliser::Date(DateOrder::MonthFirst),
        Normaliser::Date(DateOrder::DayFirst),
        Normaliser::Phone(*b"US"),
        Normaliser::Phone(*b"DE"),
    ];
    let index = |normaliser| {
        let index = BlindIndex::new([Part::new(normaliser, Cardinality::SSN)]).unwrap();
        wait(Column::new(CLINIC.patients(0, 0).as_async(), "x", index).ready()).unwrap()
    };
    normalisers.into_iter().map(index).collect()
});

static CARDS: LazyLock<Arc<Keyed<FormatPreserving>>> = LazyLock::new(|| {
    let format = Format::of(Alphabet::digits(), 13..=19).separated_by(" -").keep_first(4).luhn();
    let kind = FormatPreserving::new(format, Cardinality::SSN).unwrap();
    wait(Column::new(CLINIC.patients(0, 0).as_async(), "card", kind).ready()).unwrap()
});

/// Indexes, tokenizes, masks and generalises any text; what is accepted does so again, and a token leads back.
pub fn normalise(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else { return false };
    let mut accepted = false;
    for index in INDEXES.iter() {
        if let Ok(entry) = index.entry(&[text]) {
            assert_eq!(index.terms(&[text]).unwrap()[0], entry);
        }
    }
    if let Ok((id, token)) = CARDS.tokenize_under(text) {
        assert_eq!(token.len(), text.len());
        assert_eq!(CARDS.reveal_under(id, &token).unwrap().expose_secret(), text);
        accepted = true;
    }
    for mask in [
        Mask::all(),
        Mask::ssn(),
        Mask::email(),
        Mask::name(),
        Mask::keep_first(2).keep_separators(),
    ] {
        let masked = mask.of(text).to_string();
        assert!(masked.contains('*') || text.chars().all(|character| !character.is_alphanumeric()));
    }
    if let Ok(Some(year)) = generalise::year(text, None) {
        assert!(year.len() == 4 && text.starts_with(&year));
        accepted = true;
    }
    if let Ok(area) = generalise::SparseAreas::of_2000_and_2010().zip(text) {
        assert!(area == "000" || text.trim().starts_with(&area));
        accepted = true;
    }
    accepted
}
