//! Text without what people write differently: case, accents, white space.

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Version 1: NFKD, without combining diacritical marks, full case folding, the first two again, white space collapsed.
///
/// What Unicode assigns is decomposed and folded in the same way for ever (its stability policies), so entries stay found
/// whatever the tables' version. Letters that have no accent but a stroke of their own, such as ø, stay what they are.
pub(super) fn normalised(value: &str) -> Zeroizing<String> {
    // What comes out is hardly ever longer, so that nothing grows and leaves a part of the value behind.
    let mut out = Zeroizing::new(String::with_capacity(value.len() * 4));
    let folded = value.nfkd().filter(is_no_accent).default_case_fold();
    let mut is_after_space = true;
    for character in folded.nfkd().filter(is_no_accent) {
        let is_space = character.is_whitespace();
        match is_space {
            true if is_after_space => {}
            true => out.push(' '),
            false => out.push(character),
        }
        is_after_space = is_space;
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

/// The digits `0` to `9`.
pub(super) fn digits(value: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(value.len()));
    out.extend(value.chars().filter(char::is_ascii_digit));
    out
}

/// Not of the blocks of combining diacritical marks: those of other scripts are letters.
const fn is_no_accent(character: &char) -> bool {
    !matches!(
        *character,
        '\u{0300}'..='\u{036f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{fe20}'..='\u{fe2f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frozen: entries of version 1 are found as long as this holds.
    #[test]
    fn what_people_write_differently_is_the_same() {
        for (values, same) in [
            (&["Müller", "MÜLLER", "Mu\u{308}ller", " müller\t", "Ｍüller"][..], "muller"),
            (&["José  García", "JOSE\u{a0}GARCIA", "jose garcia\n"], "jose garcia"),
            (&["Straße", "STRASSE", "STRAẞE"], "strasse"),
            (&["ﬁnch", "Finch", "FINCH"], "finch"),
            (&["Στέφανος", "ΣΤΕΦΑΝΟΣ", "στεφανοσ"], "στεφανοσ"),
            (&["İpek", "ipek"], "ipek"),
            (&["Nguyễn", "NGUYEN"], "nguyen"),
            (&["O'Brien", "o'brien"], "o'brien"),
            (&["", " ", "\t\u{3000}\n"], ""),
            (&["Ørsted", "ørsted"], "ørsted"),
            (&["कि"], "कि"),
        ] {
            for value in values {
                assert_eq!(*normalised(value), same, "{value}");
            }
        }
        assert_ne!(normalised("कि"), normalised("क"), "a vowel is no accent");
    }

    #[test]
    fn digits_are_what_is_left() {
        assert_eq!(*digits("MRN 00-123/٤"), "00123");
        assert_eq!(*digits("none"), "");
    }
}
