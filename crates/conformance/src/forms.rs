//! The forms in which bytes show up in texts.

const ALPHABETS: [&[u8; 64]; 2] = [
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
];

/// Whether `text` holds `secret` in hex of either case, in base64 of either alphabet, as a list of numbers, or raw, with or
/// without white space between.
pub(crate) fn shows(text: &str, secret: &[u8]) -> bool {
    let dense: String = text.chars().filter(|symbol| !symbol.is_whitespace()).collect();
    let lower = dense.to_ascii_lowercase();
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let decimal = secret.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    let hexes = secret.iter().map(|byte| format!("{byte:#x}")).collect::<Vec<_>>().join(",");
    let wide_hexes = secret.iter().map(|byte| format!("{byte:#04x}")).collect::<Vec<_>>().join(",");
    lower.contains(&hex)
        || lower.contains(&decimal)
        || lower.contains(&hexes)
        || lower.contains(&wide_hexes)
        || ALPHABETS.iter().any(|alphabet| dense.contains(&base64(secret, alphabet)))
        || holds(text.as_bytes(), secret)
        || text.contains(&*String::from_utf8_lossy(secret))
}

/// Everything that an error says, and what it says it comes from.
pub(crate) fn told(error: &phiseal_keys::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = core::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(" {cause} {cause:?}"));
        source = cause.source();
    }
    text
}

/// What an error says and of which kind it is, and what it comes from, for whoever reads the report.
pub(crate) fn said(error: &phiseal_keys::Error) -> String {
    let source = core::error::Error::source(error);
    let source = source.map(|source| format!(", from {source}")).unwrap_or_default();
    format!("{error} ({:?}{source})", error.kind())
}

/// Whether `bytes` holds `part`.
pub(crate) fn holds(bytes: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && bytes.windows(part.len()).any(|window| window == part)
}

/// The symbols of all whole groups of three bytes.
fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let (groups, _) = bytes.as_chunks::<3>();
    let sextets = groups
        .iter()
        .flat_map(|[a, b, c]| [a >> 2, (a << 4 | b >> 4) & 63, (b << 2 | c >> 6) & 63, c & 63]);
    sextets
        .filter_map(|sextet| alphabet.get(usize::from(sextet)).copied().map(char::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 9] = [0xfb, 0xef, 0xbe, 1, 2, 3, 0xca, 0xfe, 0xff];

    #[test]
    fn every_form_is_found() {
        for text in [
            "key fbefbe010203cafeff!",
            "FBEFBE010203CAFEFF",
            "++++AQIDyv7/",
            "----AQIDyv7_",
            "[251, 239, 190, 1, 2, 3, 202, 254, 255]",
            &format!("{SECRET:#x?}"),
            &format!("{SECRET:?}"),
            &format!("{SECRET:#?}"),
            &format!("{SECRET:#04x?}"),
            &String::from_utf8_lossy(&SECRET),
        ] {
            assert!(shows(text, &SECRET), "{text}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for text in ["", "fbefbe010203cafefe", "251, 239", "++++AQIDyv7+"] {
            assert!(!shows(text, &SECRET), "{text}");
        }
        assert!(!holds(b"anything", b""));
    }
}
