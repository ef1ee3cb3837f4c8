//! Just enough JSON (RFC 8259) to read a token's claims and an error body's message: no tree, no recursion, no trust.
//!
//! Values are handed out as the octets they are written with, and looked into only where somebody asks. What is not
//! JSON ends the walk; what came before it counts.

use super::printable::printable;

/// How many octets of a text are looked at; a claim set or an error body is far smaller.
const TEXT_CAP: usize = 16 << 10;

/// How many characters of a message are told.
const MESSAGE_CAP: usize = 512;

/// The message in an error body, such as `{"detail":"Not authenticated"}`, printable; nothing if the body is no JSON or
/// has none. A body that was cut gives what it still holds.
pub fn json_message(body: &[u8]) -> Option<String> {
    // In the order in which they tell most; `error` often holds an object with a `message`.
    const NAMES: [&str; 9] = [
        "message",
        "detail",
        "error_description",
        "error",
        "errors",
        "msg",
        "reason",
        "title",
        "description",
    ];
    // An object in an array in an object is as deep as known error bodies put it.
    const DEPTH: usize = 4;
    let mut value = trim(body);
    for _ in 0..DEPTH {
        value = match value.first()? {
            b'"' => {
                return text(value)
                    .map(|text| printable(text.as_bytes(), MESSAGE_CAP))
                    .filter(|text| !text.is_empty());
            }
            b'{' => {
                let found: Vec<_> = members(value).filter(|(_, value)| may_tell(value)).collect();
                let named = |name: &&str| found.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
                NAMES.iter().find_map(named)?.1
            }
            b'[' => elements(value).next()?,
            _ => return None,
        };
    }
    None
}

/// Whether a value is a text that is not empty, or may hold one.
fn may_tell(value: &[u8]) -> bool {
    matches!(value.first(), Some(b'{' | b'[')) || (value.first() == Some(&b'"') && value.len() > 2)
}

/// The members of an object, names unescaped and values as written; nothing if it is no object.
pub(super) fn members(object: &[u8]) -> impl Iterator<Item = (String, &[u8])> {
    let mut walk = Walk::into(object, b'{');
    std::iter::from_fn(move || {
        let name = walk.next_value().and_then(text)?;
        walk.eat(b':')?;
        Some((name, walk.value()?))
    })
}

/// The elements of an array as written; nothing if it is no array.
pub(super) fn elements(array: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut walk = Walk::into(array, b'[');
    std::iter::from_fn(move || walk.next_value())
}

/// The text of a string value; octets and escapes that spell no character become U+FFFD.
pub(super) fn text(value: &[u8]) -> Option<String> {
    let inside = String::from_utf8_lossy(value.strip_prefix(b"\"")?.strip_suffix(b"\"")?);
    let mut chars = inside.chars();
    // Escapes spell UTF-16 (RFC 8259 section 7), so surrogates find each other there.
    let mut units = Vec::with_capacity(inside.len());
    while let Some(char) = chars.next() {
        match char {
            '\\' => units.push(escape(&mut chars)),
            _ => units.extend_from_slice(char.encode_utf16(&mut [0; 2])),
        }
    }
    Some(
        char::decode_utf16(units)
            .map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect(),
    )
}

/// The number that a value is.
pub(super) fn number(value: &[u8]) -> Option<f64> {
    let numeric = matches!(value.first(), Some(b'-' | b'0'..=b'9'));
    std::str::from_utf8(value).ok().filter(|_| numeric)?.parse().ok()
}

/// What stands behind a backslash, as a unit of UTF-16.
fn escape(chars: &mut std::str::Chars<'_>) -> u16 {
    const UNKNOWN: u16 = 0xfffd;
    match chars.next() {
        Some('b') => 0x08,
        Some('f') => 0x0c,
        Some('n') => 0x0a,
        Some('r') => 0x0d,
        Some('t') => 0x09,
        Some(same @ ('"' | '\\' | '/')) => same as u16,
        Some('u') => {
            let digits = chars
                .as_str()
                .get(..4)
                .filter(|digits| digits.bytes().all(|octet| octet.is_ascii_hexdigit()));
            let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
            if unit.is_some() {
                chars.nth(3);
            }
            unit.unwrap_or(UNKNOWN)
        }
        _ => UNKNOWN,
    }
}

/// A walk over the values in one object or array.
struct Walk<'a> {
    rest: &'a [u8],
    /// Whether a value was read, so that a comma must come before the next.
    begun: bool,
}

impl<'a> Walk<'a> {
    /// A walk behind the opening bracket; one that is over at once if another octet stands there.
    fn into(value: &'a [u8], open: u8) -> Self {
        let value = trim(value.get(..TEXT_CAP).unwrap_or(value));
        Walk {
            rest: value.strip_prefix(&[open]).unwrap_or_default(),
            begun: false,
        }
    }

    /// The value behind the next comma, or the first one.
    fn next_value(&mut self) -> Option<&'a [u8]> {
        if std::mem::replace(&mut self.begun, true) {
            self.eat(b',')?;
        }
        self.value()
    }

    fn eat(&mut self, octet: u8) -> Option<()> {
        self.rest = trim_start(self.rest).strip_prefix(&[octet])?;
        Some(())
    }

    /// The next value as it is written.
    fn value(&mut self) -> Option<&'a [u8]> {
        self.rest = trim_start(self.rest);
        let length = match self.rest.first()? {
            b'"' => string_length(self.rest)?,
            b'{' | b'[' => nested_length(self.rest),
            _ => self
                .rest
                .iter()
                .position(|octet| b",:]} \t\r\n\"{[".contains(octet))
                .unwrap_or(self.rest.len()),
        };
        let (value, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(value).filter(|value| !value.is_empty())
    }
}

/// The length of the string at the start, quotes included; nothing if it has no end.
fn string_length(octets: &[u8]) -> Option<usize> {
    let mut escaped = false;
    let end = octets.iter().skip(1).position(|&octet| {
        let end = octet == b'"' && !escaped;
        escaped = octet == b'\\' && !escaped;
        end
    })?;
    Some(end + 2)
}

/// The length of the object or array at the start, brackets included. One without an end reaches to the end of the
/// text, so that the members of a body that was cut can still be read.
fn nested_length(octets: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while let Some(rest) = octets.get(at..).filter(|rest| !rest.is_empty()) {
        match rest.first() {
            Some(b'"') => {
                at += string_length(rest).unwrap_or(rest.len());
                continue;
            }
            Some(b'{' | b'[') => depth += 1,
            Some(b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}

fn trim(octets: &[u8]) -> &[u8] {
    trim_start(octets).trim_ascii_end()
}

/// Without the whitespace of RFC 8259 section 2 and a byte order mark.
fn trim_start(octets: &[u8]) -> &[u8] {
    octets
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(octets)
        .trim_ascii_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(object: &str) -> Vec<(String, String)> {
        members(object.as_bytes())
            .map(|(name, value)| (name, String::from_utf8_lossy(value).into_owned()))
            .collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    }

    #[test]
    fn members_and_elements() {
        let object = r#" { "a" : 1.5e3 , "b":"x\"}" ,"c":[1,{"d":"]"}], "e":{} ,"f":null} "#;
        let members = pairs(&[
            ("a", "1.5e3"),
            ("b", r#""x\"}""#),
            ("c", r#"[1,{"d":"]"}]"#),
            ("e", "{}"),
            ("f", "null"),
        ]);
        assert_eq!(seen(object), members);
        assert_eq!(
            elements(b"[1, \"a,b\" ,[2]]").collect::<Vec<_>>(),
            [&b"1"[..], b"\"a,b\"", b"[2]"]
        );
        assert_eq!(
            elements(b"[]").count() + elements(b"{}").count() + seen("[]").len() + seen("{}").len(),
            0
        );
    }

    #[test]
    fn what_is_no_json_ends_the_walk() {
        assert_eq!(seen(r#"{"a":1,"b" 2,"c":3}"#), pairs(&[("a", "1")]));
        assert_eq!(seen(r#"{"a":1,"b":"un"#), pairs(&[("a", "1")]));
        assert_eq!(seen(r#"{a:1}"#), []);
        assert_eq!(seen("<html>"), []);
    }

    #[test]
    fn strings() {
        assert_eq!(
            text(br#""a\n\"\\\/\u00e9\ud83e\udd80""#).as_deref(),
            Some("a\n\"\\/é🦀")
        );
        assert_eq!(
            text(br#""\ud83ex\udd80\ud83e\ud83e\uzz""#).as_deref(),
            Some("\u{fffd}x\u{fffd}\u{fffd}\u{fffd}\u{fffd}zz")
        );
        assert_eq!(text(b"\"\xff\""), Some("\u{fffd}".into()));
        assert_eq!(text(b"1"), None);
    }

    #[test]
    fn numbers() {
        assert_eq!(number(b"-12.5e1"), Some(-125.0));
        assert_eq!(
            (number(b"inf"), number(b"nan"), number(b"\"1\""), number(b"1x")),
            (None, None, None, None)
        );
    }

    #[test]
    fn messages_of_real_error_bodies() {
        for (body, message) in [
            (r#"{"detail":"Not authenticated"}"#, Some("Not authenticated")),
            (r#"{"message":"Forbidden"}"#, Some("Forbidden")),
            (
                r#"{"code":1,"message":"Session ID unknown"}"#,
                Some("Session ID unknown"),
            ),
            (r#""Not an accepted origin.""#, Some("Not an accepted origin.")),
            (r#"{"error":{"code":403,"message":"no"}}"#, Some("no")),
            (
                r#"{"errors":[{"message":"first"},{"message":"second"}]}"#,
                Some("first"),
            ),
            (
                r#"{"detail":[{"loc":["query","token"],"msg":"Field required"}]}"#,
                Some("Field required"),
            ),
            (
                r#"{"statusCode":404,"error":"Not Found","message":"Route GET:/ws not found"}"#,
                Some("Route GET:/ws not found"),
            ),
            (r#"{"Message":"x","detail":"cut in the mid"#, Some("x")),
            (r#"{"message":"","error":"Denied"}"#, Some("Denied")),
            (
                r#"{"message":{"a":{"message":{"message":{"message":"too deep"}}}}}"#,
                None,
            ),
            (r#"{"ok":true}"#, None),
            ("Forbidden\n", None),
            ("", None),
        ] {
            assert_eq!(json_message(body.as_bytes()).as_deref(), message, "{body}");
        }
    }

    #[test]
    fn any_octets_are_walked_in_bounded_time() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..20_000 {
            let octets: Vec<u8> = (0..random.usize(..60))
                .map(|_| *random.choice(br#"{}[]",:\ue1-a "#).unwrap())
                .collect();
            let _ = json_message(&octets);
            assert!(members(&octets).count() + elements(&octets).count() <= octets.len());
            let _ = text(&octets);
        }
        assert_eq!(json_message(&b"[".repeat(1 << 20)), None);
        assert_eq!(json_message(&br#"{"a":"#.repeat(1 << 18)), None);
    }
}
