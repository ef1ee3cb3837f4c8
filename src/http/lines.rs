//! Heads line by line, whatever is in them: raw octets are kept and what is wrong is named.
//!
//! This is the way of a head that httparse refuses; and servers, proxies and middleboxes do write such heads.

use super::fields::{Field, Fields};
use super::head::{RequestHead, ResponseHead, USUAL_FIELDS, Version};
use super::syntax::{is_space, is_token, split_once, trim, trim_end, trim_start};
use super::violation::Violation;

/// How many fields are kept of a head that holds nothing but tiny ones.
const FIELDS_CAP: usize = 1024;

/// Reads the head of a request, or its whole lines; nothing if there is no method or no version in the first line.
pub(super) fn request(octets: &[u8], violations: &mut Vec<Violation>) -> Option<RequestHead> {
    let mut lines = Lines { rest: octets };
    let line = lines.next()?;
    let (method, rest) = word(line.text);
    let spaced = trim_end(rest);
    let start = spaced.iter().rposition(|&octet| is_space(octet))?;
    let version = version(spaced.get(start..).map(trim_start)?, violations)?;
    let between = spaced.get(1..start).unwrap_or_default();
    let target = trim(between);
    if method.is_empty() {
        return None;
    }
    if !is_token(method) {
        Violation::BadMethod.note_in(violations);
    }
    if target.is_empty() || target.iter().any(|octet| octet.is_ascii_control() || *octet == b' ') {
        Violation::BadTarget.note_in(violations);
    }
    let single = line.text.contains(&b'\t') || between != target || spaced != rest;
    if single && !target.is_empty() {
        Violation::ExtraWhitespace.note_in(violations);
    }
    Some(RequestHead {
        method: method.into(),
        target: target.into(),
        version,
        fields: fields(lines, violations),
        length: octets.len(),
        violations: Vec::new(),
        cut: false,
    })
}

/// Reads the head of a response, or its whole lines; nothing if there is no version or no status in the first line.
pub(super) fn response(octets: &[u8], violations: &mut Vec<Violation>) -> Option<ResponseHead> {
    let mut lines = Lines { rest: octets };
    let line = lines.next()?;
    let (version_word, rest) = word(line.text);
    let version = version(version_word, violations)?;
    let spaced = trim_start(rest);
    if rest.len() > spaced.len() + 1 || rest.first() != Some(&b' ') {
        Violation::ExtraWhitespace.note_in(violations);
    }
    let digits = spaced.iter().take_while(|octet| octet.is_ascii_digit()).count();
    let (status, rest) = spaced.split_at_checked(digits)?;
    // Without the line's end more digits may have followed.
    if digits == 0 || (rest.is_empty() && !line.ended) {
        return None;
    }
    if status.len() != 3 {
        Violation::BadStatus.note_in(violations);
    }
    Some(ResponseHead {
        version,
        status: u16::try_from(leading_number(status)).unwrap_or(u16::MAX),
        reason: reason(rest, violations).into(),
        fields: fields(lines, violations),
        length: octets.len(),
        violations: Vec::new(),
        cut: false,
    })
}

/// The reason phrase in what stands behind the status.
fn reason<'a>(rest: &'a [u8], violations: &mut Vec<Violation>) -> &'a [u8] {
    let reason = match rest {
        [b' ', reason @ ..] => reason,
        [] => {
            Violation::MissingReasonSpace.note_in(violations);
            rest
        }
        _ => {
            Violation::BadStatus.note_in(violations);
            rest
        }
    };
    if reason.iter().any(|octet| octet.is_ascii_control() && *octet != b'\t') {
        Violation::BadReason.note_in(violations);
    }
    reason
}

/// Reads `HTTP/` and numbers; names a version that is not of the two that HTTP/1 has.
fn version(word: &[u8], violations: &mut Vec<Violation>) -> Option<Version> {
    let number = word
        .strip_prefix(b"HTTP/")
        .filter(|number| number.first().is_some_and(u8::is_ascii_digit))?;
    if !matches!(number, b"1.0" | b"1.1") {
        Violation::UnknownVersion.note_in(violations);
    }
    let mut parts = number
        .split(|&octet| octet == b'.')
        .map(|digits| u8::try_from(leading_number(digits)));
    let mut part = || parts.next().map_or(0, |part| part.unwrap_or(u8::MAX));
    Some(Version {
        major: part(),
        minor: part(),
    })
}

/// The number that the leading digits spell; 0 if there are none, and no more than fits.
fn leading_number(octets: &[u8]) -> u32 {
    let digits = octets.iter().take_while(|octet| octet.is_ascii_digit());
    digits.fold(0u32, |number, digit| {
        number.saturating_mul(10).saturating_add(u32::from(digit - b'0'))
    })
}

/// The first word and what follows it, from the whitespace on.
fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|&octet| is_space(octet)).unwrap_or(line.len());
    line.split_at_checked(end).unwrap_or((line, &[]))
}

/// The field lines up to the empty line, or up to a line that is not whole.
fn fields(lines: Lines<'_>, violations: &mut Vec<Violation>) -> Fields {
    let mut fields: Vec<(&[u8], Vec<u8>)> = Vec::new();
    for line in lines {
        if line.text.is_empty() || !line.ended {
            break;
        }
        if line.text.first().copied().is_some_and(is_space) {
            unfold(line.text, &mut fields, violations);
        } else if fields.len() == FIELDS_CAP {
            break;
        } else if let Some((name, value)) = split_once(line.text, b':') {
            fields.push((field_name(name, violations), trim(value).to_vec()));
        } else {
            Violation::LineWithoutColon.note_in(violations);
        }
        audit_value(line.text, violations);
    }
    if fields.len() > USUAL_FIELDS {
        Violation::TooManyFields.note_in(violations);
    }
    fields
        .into_iter()
        .map(|(name, value)| Field {
            name: name.into(),
            value: trim(&value).into(),
        })
        .collect()
}

/// Joins a line that begins with whitespace to the field before it.
fn unfold(line: &[u8], fields: &mut [(&[u8], Vec<u8>)], violations: &mut Vec<Violation>) {
    let Some((_, value)) = fields.last_mut() else {
        return Violation::SpaceBeforeFirstField.note_in(violations);
    };
    Violation::ObsoleteFold.note_in(violations);
    // RFC 9112 section 5.2: a recipient puts a space in the fold's place.
    value.push(b' ');
    value.extend_from_slice(trim(line));
}

/// A field's name without the whitespace that must not stand before its colon.
fn field_name<'a>(name: &'a [u8], violations: &mut Vec<Violation>) -> &'a [u8] {
    let trimmed = trim_end(name);
    if trimmed.len() < name.len() {
        Violation::SpaceBeforeColon.note_in(violations);
    }
    if !is_token(trimmed) {
        Violation::BadFieldName.note_in(violations);
    }
    trimmed
}

fn audit_value(line: &[u8], violations: &mut Vec<Violation>) {
    for octet in line.iter().filter(|octet| octet.is_ascii_control()) {
        match octet {
            b'\t' | b'\r' => {}
            0 => Violation::NulOctet.note_in(violations),
            _ => Violation::BadFieldValue.note_in(violations),
        }
    }
}

/// One line without its end.
struct Line<'a> {
    text: &'a [u8],
    /// Whether an LF ends it.
    ended: bool,
}

/// The lines of a head; they end in LF, and any CRs before it belong to the end.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (text, rest) = split_once(self.rest, b'\n').unwrap_or((self.rest, &[]));
        let ended = text.len() < self.rest.len();
        self.rest = rest;
        let end = text
            .iter()
            .rposition(|&octet| octet != b'\r')
            .map_or(0, |last| last + 1);
        Some(Line {
            text: text.get(..end).unwrap_or(text),
            ended,
        })
    }
}
