//! Octets from the wire made fit for human eyes and for JSON: nothing in them can steer a terminal or hide text.

/// `octets` as text of at most `limit` characters, and a “…” if there was more.
///
/// Valid UTF-8 is kept. Control characters of ASCII and octets that are not UTF-8 become `\r`, `\n`, `\t` or `\xNN`;
/// other characters that are invisible or reorder text become U+FFFD.
pub fn printable(octets: &[u8], limit: usize) -> String {
    // Most texts are plain, and stay as they are. Odd octets are counted, not looked for: so many go at a time.
    let start = octets.get(..limit).unwrap_or(octets);
    let odd = start.iter().filter(|octet| !matches!(octet, b' '..=b'~')).count();
    if let (0, Ok(text)) = (odd, str::from_utf8(start)) {
        return if start.len() < octets.len() {
            format!("{text}…")
        } else {
            text.to_owned()
        };
    }
    let mut text = String::new();
    let mut left = limit;
    for chunk in octets.utf8_chunks() {
        let valid = chunk.valid().chars().map(shown);
        let invalid = chunk.invalid().iter().map(|&octet| Shown::Octet(octet));
        for shown in valid.chain(invalid) {
            if left == 0 {
                text.push('…');
                return text;
            }
            left -= 1;
            shown.write_to(&mut text);
        }
    }
    text
}

enum Shown {
    Char(char),
    Octet(u8),
}

impl Shown {
    fn write_to(self, text: &mut String) {
        match self {
            Shown::Char(char) => text.push(char),
            Shown::Octet(b'\r') => text.push_str("\\r"),
            Shown::Octet(b'\n') => text.push_str("\\n"),
            Shown::Octet(b'\t') => text.push_str("\\t"),
            Shown::Octet(octet) => text.push_str(&format!("\\x{octet:02x}")),
        }
    }
}

fn shown(char: char) -> Shown {
    match char {
        '\0'..='\x1f' | '\x7f' => Shown::Octet(char as u8),
        _ if is_unseen(char) => Shown::Char(char::REPLACEMENT_CHARACTER),
        _ => Shown::Char(char),
    }
}

/// Characters above ASCII that control, reorder or hide (Unicode's general categories Cc and Cf, and line separators).
fn is_unseen(char: char) -> bool {
    matches!(char,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_and_what_steers_is_not() {
        assert_eq!(printable("Grüße „x“ 日本 🦀".as_bytes(), 100), "Grüße „x“ 日本 🦀");
        assert_eq!(
            printable(b"a\r\n\t\0\x1b[31m\x7f\xff\xc3", 100),
            "a\\r\\n\\t\\x00\\x1b[31m\\x7f\\xff\\xc3"
        );
        assert_eq!(
            printable("\u{9b}\u{202e}\u{2066}\u{200b}\u{feff}".as_bytes(), 100),
            "\u{fffd}".repeat(5)
        );
    }

    #[test]
    fn it_is_cut_at_a_character() {
        assert_eq!(printable("äöü".as_bytes(), 3), "äöü");
        assert_eq!(printable("äöü".as_bytes(), 2), "äö…");
        assert_eq!(printable(b"abc", 3), "abc");
        assert_eq!(printable(b"abc", 2), "ab…");
        assert_eq!(printable(b"", 0), "");
    }

    #[test]
    fn no_octets_give_a_control_character() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..2000 {
            let octets: Vec<u8> = (0..random.usize(..40)).map(|_| random.u8(..)).collect();
            let text = printable(&octets, 20);
            assert!(!text.chars().any(|char| char.is_control() || is_unseen(char)) && text.len() <= 20 * 4 + 3);
        }
    }
}
