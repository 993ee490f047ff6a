//! JSON text without white space between tokens, and how deep it goes.

/// Drops the white space between the tokens of valid JSON (RFC 8259, 2) and nothing else.
///
/// Parsing and printing would be shorter, but would print `1.50` as `1.5`, and in FHIR R4 (Data Types, decimal)
/// the digits of a decimal carry its precision.
pub(super) fn compact(json: &str) -> String {
    let mut place = Place::Between;
    json.chars()
        .filter(|&c| {
            place = place.after(c);
            place != Place::Between || !matches!(c, ' ' | '\t' | '\n' | '\r')
        })
        .collect()
}

/// How many lists and objects of valid JSON are open at once, at most.
pub(super) fn depth(json: &str) -> usize {
    let mut place = Place::Between;
    let (mut open, mut deepest) = (0_usize, 0);
    for c in json.chars() {
        place = place.after(c);
        match (place, c) {
            (Place::Between, '{' | '[') => open = open.saturating_add(1),
            (Place::Between, '}' | ']') => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

/// Where a character stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Between,
    InString,
    Escaped,
}

impl Place {
    fn after(self, c: char) -> Self {
        match (self, c) {
            (Place::Between, '"') | (Place::Escaped, _) => Place::InString,
            (Place::InString, '"') => Place::Between,
            (Place::InString, '\\') => Place::Escaped,
            (place, _) => place,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_space_between_tokens_goes() {
        let json = "{ \"a b\" :\t[ 1.50 , -0.0e1 ],\r\n \"c\\\" d\\\\\" : \" é \\u00e9 { \" }";
        assert_eq!(compact(json), "{\"a b\":[1.50,-0.0e1],\"c\\\" d\\\\\":\" é \\u00e9 { \"}");
    }

    #[test]
    fn depth_counts_what_is_open() {
        for (json, wanted) in
            [("1", 0), ("\"[[[\"", 0), ("[]", 1), ("[{},{}]", 2), ("[{\"\\\"[\":[[]]}]", 4)]
        {
            assert_eq!(depth(json), wanted, "{json}");
        }
    }
}
