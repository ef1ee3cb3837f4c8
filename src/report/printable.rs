//! The last guard before a reader's screen: no character of a report steers a terminal or turns the order of reading round.

use std::{
    borrow::Cow,
    fmt::{self, Display, Formatter, Write},
};

/// Shows a text with every character that [`steers`] written as an escape, such as `\n` or `\u{202e}`.
///
/// What comes from a capture is made printable where it is read; this guards the edge where it is written, whatever
/// happened before.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a str);

impl Display for Printable<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((before, steering)) = rest.char_indices().find(|&(_, c)| steers(c)) {
            f.write_str(&rest[..before])?;
            write!(f, "{}", steering.escape_default())?;
            rest = &rest[before + steering.len_utf8()..];
        }
        f.write_str(rest)
    }
}

/// Whether a character does something to the characters around it instead of being seen: C0, DEL and C1 controls,
/// bidirectional controls (Unicode Standard Annex 9), line separators, and those of no width.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The first `limit` characters of a text, with an ellipsis if there are more.
pub fn clip(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        None => text.into(),
        Some((end, _)) => {
            let mut clipped = text[..end].to_owned();
            clipped.push('…');
            clipped.into()
        }
    }
}

/// Writes a text with every character that `escape`, given it and what follows it, has another spelling for replaced,
/// and every other one that steers shown as an escape.
///
/// The faces with a syntax of their own (HTML, Markdown) build on it.
pub(super) fn escaped(
    f: &mut Formatter<'_>,
    text: &str,
    escape: fn(char, &str) -> Option<&'static str>,
) -> fmt::Result {
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match escape(c, rest.as_str()) {
            Some(spelling) => f.write_str(spelling)?,
            None if steers(c) => escaped(f, &c.escape_default().to_string(), escape)?,
            None => f.write_char(c)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_is_shown_and_the_rest_is_left_alone() {
        let shown = |text| Printable(text).to_string();
        assert_eq!(shown("GET /ws “ü” 日本"), "GET /ws “ü” 日本");
        assert_eq!(shown("\u{1b}[2J\u{9b}1m\u{7f}"), r"\u{1b}[2J\u{9b}1m\u{7f}");
        assert_eq!(shown("a\r\nb\tc"), r"a\r\nb\tc");
        assert_eq!(
            shown("txt.\u{202e}exe\u{2069}\u{feff}"),
            r"txt.\u{202e}exe\u{2069}\u{feff}"
        );
    }

    #[test]
    fn no_character_of_unicode_gets_through_that_steers() {
        let all: String = (char::MIN..=char::MAX).collect();
        assert!(!Printable(&all).to_string().contains(steers));
    }

    #[test]
    fn clipping_counts_characters() {
        assert_eq!(clip("äöü", 3), "äöü");
        assert_eq!(clip("äöü", 2), "äö…");
    }
}
