//! Text that stands in a page as what it is.

use core::fmt;

/// `self` as text of HTML, between tags or in quotes: nothing in it is markup.
///
/// What would make it so is escaped; control characters, which HTML has no place for, become U+FFFD. A name is put into a
/// `bdi` by who writes it, so that one from right to left does not turn around what stands beside it.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '`' => f.write_str("&#96;")?,
                control if control.is_control() => f.write_str("\u{fffd}")?,
                other => write!(f, "{other}")?,
            }
        }
        Ok(())
    }
}

/// The text of any value.
pub(super) fn text(value: impl fmt::Display) -> String {
    Text(&value.to_string()).to_string()
}

/// The text of a name that somebody gave.
pub(super) fn name(value: impl fmt::Display) -> String {
    format!("<bdi>{}</bdi>", text(value))
}

/// The text of what is compared character by character.
pub(super) fn code(value: impl fmt::Display) -> String {
    format!("<code>{}</code>", text(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_stays_markup() {
        assert_eq!(
            text("<script>alert(\"1\" & '2' & `3`)</script>\u{0}\n"),
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39; &amp; &#96;3&#96;)&lt;/script&gt;\u{fffd}\u{fffd}"
        );
        assert_eq!(name("zo\u{eb}"), "<bdi>zo\u{eb}</bdi>");
        for character in (0..0x3000).filter_map(char::from_u32) {
            let written = text(character);
            let plain = !"&<>\"'`".contains(character) && !character.is_control();
            assert_eq!(written == character.to_string(), plain, "{character:?}");
        }
    }
}
