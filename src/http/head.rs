//! The heads of requests and responses: httparse reads those that are as they should be, [`super::lines`] all others.

use std::fmt;
use std::mem::MaybeUninit;

use super::fields::{Field, Fields};
use super::framing::{self, Expectation, Framing};
use super::gathering::Gathering;
use super::lines;
use super::violation::Violation;

/// A version of HTTP as the first line tells it (RFC 9112 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Before the dot.
    pub major: u8,
    /// Behind the dot; 0 if there is no dot.
    pub minor: u8,
}

impl Version {
    /// HTTP/1.0.
    pub const HTTP_10: Version = Version { major: 1, minor: 0 };
    /// HTTP/1.1.
    pub const HTTP_11: Version = Version { major: 1, minor: 1 };
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The head of a request (RFC 9112 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The method as it was written.
    pub method: Box<[u8]>,
    /// The target as it was written.
    pub target: Box<[u8]>,
    /// The version of the first line.
    pub version: Version,
    /// The field lines.
    pub fields: Fields,
    /// How many octets the head had, its empty line included.
    pub length: usize,
    /// What is wrong with it.
    pub violations: Vec<Violation>,
    /// Whether the head was so long that only part of it was kept: 64 KiB of it, 32 KiB of each line and the line's
    /// end.
    pub cut: bool,
}

/// The head of a response (RFC 9112 section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The version of the first line.
    pub version: Version,
    /// The status code; any number that was written there, up to 65535.
    pub status: u16,
    /// The reason phrase as it was written; it may be empty.
    pub reason: Box<[u8]>,
    /// The field lines.
    pub fields: Fields,
    /// How many octets the head had, its empty line included.
    pub length: usize,
    /// What is wrong with it.
    pub violations: Vec<Violation>,
    /// Whether the head was so long that only part of it was kept: 64 KiB of it, 32 KiB of each line and the line's
    /// end.
    pub cut: bool,
}

impl RequestHead {
    /// Reads a head, or the first part of one as far as its lines are whole; nothing if the first line is not one of
    /// HTTP.
    pub fn parse(octets: &[u8]) -> Option<RequestHead> {
        let mut violations = Vec::new();
        let mut head = strict_request(octets).or_else(|| lines::request(octets, &mut violations))?;
        audit_lines(octets, &mut violations);
        if head.target.iter().any(|octet| !octet.is_ascii()) {
            Violation::TargetNotAscii.note_in(&mut violations);
        }
        // RFC 9112 section 3.2.
        match head.fields.all("Host").count() {
            0 if head.version >= Version::HTTP_11 && is_whole(octets) => {
                Violation::MissingHost.note_in(&mut violations)
            }
            0 | 1 => {}
            _ => Violation::RepeatedHost.note_in(&mut violations),
        }
        framing::audit_request(head.version, &head.fields, &mut violations);
        head.violations = violations;
        Some(head)
    }

    /// Reads a head that was gathered.
    pub(super) fn of(gathering: &Gathering) -> Option<RequestHead> {
        let mut head = RequestHead::parse(gathering.kept())?;
        (head.length, head.cut) = (gathering.length(), gathering.is_cut());
        // It may stand in what was not kept.
        head.violations
            .retain(|&violation| !head.cut || violation != Violation::MissingHost);
        Some(head)
    }

    /// How the body is framed.
    pub fn framing(&self) -> Framing {
        framing::of_request(self)
    }
}

impl ResponseHead {
    /// Reads a head, or the first part of one as far as its lines are whole; nothing if the first line is not one of
    /// HTTP or has no status.
    pub fn parse(octets: &[u8]) -> Option<ResponseHead> {
        let mut violations = Vec::new();
        let mut head = strict_response(octets, &mut violations).or_else(|| lines::response(octets, &mut violations))?;
        audit_lines(octets, &mut violations);
        if !(100..=599).contains(&head.status) {
            Violation::BadStatus.note_in(&mut violations);
        }
        framing::audit_response(head.status, head.version, &head.fields, &mut violations);
        head.violations = violations;
        Some(head)
    }

    /// Reads a head that was gathered.
    pub(super) fn of(gathering: &Gathering) -> Option<ResponseHead> {
        let mut head = ResponseHead::parse(gathering.kept())?;
        (head.length, head.cut) = (gathering.length(), gathering.is_cut());
        Some(head)
    }

    /// How the body is framed, given what the response answers.
    pub fn framing(&self, answers: Expectation) -> Framing {
        framing::of_response(self, answers)
    }

    /// Whether another response to the same request is to follow (RFC 9110 section 15.2). A 101 is no such.
    pub fn is_interim(&self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }
}

/// How many fields httparse is given room for; a head with more goes the other way.
pub(super) const USUAL_FIELDS: usize = 256;

/// A head that httparse accepts as a whole.
fn strict_request(octets: &[u8]) -> Option<RequestHead> {
    let mut slots = [const { MaybeUninit::uninit() }; USUAL_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let length = complete(request.parse_with_uninit_headers(octets, &mut slots), octets)?;
    Some(RequestHead {
        method: request.method?.as_bytes().into(),
        target: request.path?.as_bytes().into(),
        version: Version {
            major: 1,
            minor: request.version?,
        },
        fields: owned(request.headers),
        length,
        violations: Vec::new(),
        cut: false,
    })
}

/// A head that httparse accepts as a whole.
fn strict_response(octets: &[u8], violations: &mut Vec<Violation>) -> Option<ResponseHead> {
    let mut slots = [const { MaybeUninit::uninit() }; USUAL_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let parsed =
        httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut response, octets, &mut slots);
    let length = complete(parsed, octets)?;
    let reason = match response.reason? {
        // So httparse tells a missing reason, an empty one and one that is not ASCII.
        "" => lines::response(octets.get(..=memchr::memchr(b'\n', octets)?)?, violations)?.reason,
        reason => reason.as_bytes().into(),
    };
    Some(ResponseHead {
        version: Version {
            major: 1,
            minor: response.version?,
        },
        status: response.code?,
        reason,
        fields: owned(response.headers),
        length,
        violations: Vec::new(),
        cut: false,
    })
}

/// The head's length, if httparse saw the same end of it as we.
fn complete(parsed: httparse::Result<usize>, octets: &[u8]) -> Option<usize> {
    match parsed {
        Ok(httparse::Status::Complete(length)) if length == octets.len() => Some(length),
        _ => None,
    }
}

fn owned(headers: &[httparse::Header<'_>]) -> Fields {
    headers
        .iter()
        .map(|header| Field {
            name: header.name.as_bytes().into(),
            value: header.value.into(),
        })
        .collect()
}

/// Names line ends that are not CR LF.
fn audit_lines(octets: &[u8], violations: &mut Vec<Violation>) {
    let bare = |end: usize| end.checked_sub(1).and_then(|before| octets.get(before)) != Some(&b'\r');
    if memchr::memchr_iter(b'\n', octets).any(bare) {
        Violation::BareLineFeed.note_in(violations);
    }
    let lone = |at: usize| octets.get(at + 1).is_some_and(|&next| next != b'\n');
    if memchr::memchr_iter(b'\r', octets).any(lone) {
        Violation::BareCarriageReturn.note_in(violations);
    }
}

/// Whether the empty line is there, so that a missing field is really missing.
fn is_whole(octets: &[u8]) -> bool {
    octets.ends_with(b"\n\r\n") || octets.ends_with(b"\n\n") || octets.ends_with(b"\r\r\n")
}

#[cfg(test)]
mod tests {
    use super::super::gathering::Line;
    use super::*;

    fn request(text: &[u8]) -> RequestHead {
        RequestHead::parse(text).unwrap()
    }

    fn response(text: &[u8]) -> ResponseHead {
        ResponseHead::parse(text).unwrap()
    }

    /// The field lines, written down again.
    fn written(fields: &Fields) -> Vec<String> {
        fields.iter().map(|field| format!("{field:?}")).collect()
    }

    #[test]
    fn raw_octets_survive() {
        let head = request(b"GET /a?b HTTP/1.1\r\nhOST:  x \r\nX-A: \xe9\r\nx-a:\r\n\r\n");
        assert_eq!(
            (&*head.method, &*head.target, head.version),
            (&b"GET"[..], &b"/a?b"[..], Version::HTTP_11)
        );
        assert_eq!(written(&head.fields), ["hOST: x", "X-A: \\xe9", "x-a: "]);
        assert_eq!((head.violations.len(), head.cut), (0, false));
    }

    #[test]
    fn odd_status_lines_are_read_and_named() {
        use Violation::*;
        type Case = (&'static [u8], u16, &'static [u8], &'static [Violation]);
        let cases: [Case; 13] = [
            (b"HTTP/1.1 403 Forbidden\r\n\r\n", 403, b"Forbidden", &[]),
            (b"HTTP/1.1 403 \r\n\r\n", 403, b"", &[]),
            (b"HTTP/1.1 403\r\n\r\n", 403, b"", &[MissingReasonSpace]),
            (b"HTTP/1.1  403 No\r\n\r\n", 403, b"No", &[ExtraWhitespace]),
            (b"HTTP/1.1 403 No\n\n", 403, b"No", &[BareLineFeed]),
            (b"HTTP/1.1 403 Verbot\xe9n\r\n\r\n", 403, b"Verbot\xe9n", &[]),
            (b"HTTP/1.1 403 N\x01\r\n\r\n", 403, b"N\x01", &[BadReason]),
            (b"HTTP/1.1 99 Low\r\n\r\n", 99, b"Low", &[BadStatus]),
            (b"HTTP/1.1 999 High\r\n\r\n", 999, b"High", &[BadStatus]),
            (b"HTTP/1.1 99999999999 High\r\n\r\n", 65535, b"High", &[BadStatus]),
            (b"HTTP/1.1 403Forbidden\r\n\r\n", 403, b"Forbidden", &[BadStatus]),
            (b"HTTP/2 403 No\r\n\r\n", 403, b"No", &[UnknownVersion]),
            (b"HTTP/1.10 403 No\r\n\r\n", 403, b"No", &[UnknownVersion]),
        ];
        for (text, status, reason, violations) in cases {
            let head = response(text);
            let seen = (head.status, &*head.reason, &*head.violations);
            assert_eq!(seen, (status, reason, violations), "{}", text.escape_ascii());
        }
        assert!(ResponseHead::parse(b"HTTP/1.1 Forbidden\r\n\r\n").is_none());
        assert!(ResponseHead::parse(b"ICY 200 OK\r\n\r\n").is_none());
    }

    #[test]
    fn odd_request_lines_are_read_and_named() {
        use Violation::*;
        let cases: [(&[u8], &[u8], &[Violation]); 6] = [
            (b"GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", b"/\xe9", &[TargetNotAscii]),
            (
                b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
                b"/\xc3\xa9",
                &[TargetNotAscii],
            ),
            (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", b"/a b", &[BadTarget]),
            (b"GET  / HTTP/1.1 \r\nHost: a\r\n\r\n", b"/", &[ExtraWhitespace]),
            (b"GET  HTTP/1.1\r\nHost: a\r\n\r\n", b"", &[BadTarget]),
            (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", b"/", &[UnknownVersion]),
        ];
        for (text, target, violations) in cases {
            let head = request(text);
            assert_eq!(
                (&*head.target, &*head.violations),
                (target, violations),
                "{}",
                text.escape_ascii()
            );
        }
        assert!(RequestHead::parse(b"GET /\r\n\r\n").is_none());
        assert!(RequestHead::parse(b"SSH-2.0-x\r\n\r\n").is_none());
    }

    #[test]
    fn odd_fields_are_kept_and_named() {
        use Violation::*;
        let cases: [(&[u8], &[&str], &[Violation]); 8] = [
            (b"Upgrade : websocket\r\n", &["Upgrade: websocket"], &[SpaceBeforeColon]),
            (b"a: b\r\n c\r\n\td\r\ne: f\r\n", &["a: b c d", "e: f"], &[ObsoleteFold]),
            (b" a: b\r\nc: d\r\n", &["c: d"], &[SpaceBeforeFirstField]),
            (b"nothing\r\nc: d\r\n", &["c: d"], &[LineWithoutColon]),
            (b"a: \x00\r\n", &["a: \\x00"], &[NulOctet]),
            (b"a: \x07\r\n", &["a: \\x07"], &[BadFieldValue]),
            (b"a\xff: b\r\n: c\r\n", &["a\\xff: b", ": c"], &[BadFieldName]),
            (b"a: b\rc: d\r\n", &["a: b\\rc: d"], &[BareCarriageReturn]),
        ];
        for (fields, kept, violations) in cases {
            let head = response(&[b"HTTP/1.1 200 OK\r\n", fields, b"\r\n"].concat());
            assert_eq!(written(&head.fields), kept);
            assert_eq!(head.violations, violations, "{}", fields.escape_ascii());
        }
    }

    #[test]
    fn a_request_has_exactly_one_host_since_http_11() {
        assert_eq!(request(b"GET / HTTP/1.1\r\n\r\n").violations, [Violation::MissingHost]);
        assert_eq!(request(b"GET / HTTP/1.0\r\n\r\n").violations, []);
        assert_eq!(
            request(b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n").violations,
            [Violation::RepeatedHost]
        );
    }

    #[test]
    fn the_first_part_of_a_head_gives_its_whole_lines() {
        let head = request(b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: webso");
        assert_eq!(written(&head.fields), ["Host: a"]);
        assert_eq!(head.violations, []);
        assert_eq!(response(b"HTTP/1.1 403 Forb").status, 403);
        assert!(ResponseHead::parse(b"HTTP/1.1 40").is_none());
        assert!(RequestHead::parse(b"GET /ws HTT").is_none());
    }

    #[test]
    fn many_fields_are_named_and_bounded() {
        let head = response(&[b"HTTP/1.1 200 OK\r\n", &b"a:b\n".repeat(10_000)[..], b"\n"].concat());
        assert_eq!(head.violations, [Violation::TooManyFields, Violation::BareLineFeed]);
        assert!(head.fields.len() > USUAL_FIELDS && head.fields.len() < 10_000);
    }

    #[test]
    fn our_own_lines_agree_with_httparse() {
        let mut random = fastrand::Rng::with_seed(1);
        let (mut accepted, mut refused) = (0, 0);
        for _ in 0..20_000 {
            let text = torn(b"HTTP/1.1 200 OK\r\nA: b\r\nC-d:  e f \r\nG:\r\n\r\n", &mut random);
            let strict = strict_response(&text, &mut Vec::new());
            let whole = ResponseHead::parse(&text);
            assert!(
                strict.is_none() || strict == lines::response(&text, &mut Vec::new()),
                "{}",
                text.escape_ascii()
            );
            let named = whole.is_none_or(|head| !head.violations.is_empty());
            assert!(strict.is_some() || named, "no fault found with {}", text.escape_ascii());
            accepted += usize::from(strict.is_some());

            let text = torn(b"GET /a HTTP/1.1\r\nA: b\r\nC-d:  e f \r\nG:\r\n\r\n", &mut random);
            let strict = strict_request(&text);
            let whole = RequestHead::parse(&text);
            assert!(
                strict.is_none() || strict == lines::request(&text, &mut Vec::new()),
                "{}",
                text.escape_ascii()
            );
            let named = whole.is_none_or(|head| head.violations.iter().any(|&named| named != Violation::MissingHost));
            assert!(strict.is_some() || named, "no fault found with {}", text.escape_ascii());
            refused += usize::from(strict.is_none());
        }
        assert!(accepted > 5_000 && refused > 5_000, "{accepted} {refused}");
    }

    /// `text` with an octet or two changed, taken out or put in, up to its empty line.
    fn torn(text: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
        let mut text = text[..text.len() - 2].to_vec();
        for _ in 0..random.usize(1..3) {
            let at = random.usize(..text.len());
            let octet = *random.choice(b" \t\r\n:aA10/\x00\x07\x7f\x80\xe9.,").unwrap();
            match random.u8(..3) {
                0 => text[at] = octet,
                1 => text.insert(at, octet),
                _ => drop(text.remove(at)),
            }
        }
        text.extend_from_slice(b"\r\n\r\n");
        let (mut gathering, mut rest) = (Gathering::default(), &text[..]);
        while let (taken, Line::Text) = gathering.take_line(rest) {
            rest = &rest[taken..];
        }
        gathering.kept().to_vec()
    }
}
