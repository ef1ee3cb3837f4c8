//! What a direction speaks, told by its first octets and never by its port.

use memchr::memchr;

use super::syntax::{is_space, is_tchar, trim_end, trim_start};

/// What a direction speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Too early to say.
    More,
    /// An HTTP/1.x request.
    Request,
    /// An HTTP response.
    Response,
    /// The connection preface of an HTTP/2 client (RFC 9113 section 3.4).
    Http2Preface,
    /// A PROXY protocol header, version 1.
    ProxyV1,
    /// A PROXY protocol header, version 2.
    ProxyV2,
    /// A TLS record: handshake, or an alert that refuses it.
    Tls,
    /// None of these.
    Other,
}

/// With so many octets [`opening`] never answers [`Opening::More`].
pub const OPENING_CAP: usize = 4 << 10;

/// The start of every PROXY protocol header of version 2.
pub(super) const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Decides by the first octets of a direction what it speaks.
///
/// An answer other than `More` is final: further octets do not change it. A request is believed when its first line is
/// there and ends in an HTTP version, since many text protocols begin with a word and a space.
pub fn opening(first: &[u8]) -> Opening {
    for (kind, judge) in KINDS {
        match judge(first) {
            Verdict::Yes => return kind,
            Verdict::More => return Opening::More,
            Verdict::No => {}
        }
    }
    Opening::Other
}

/// Says whether octets begin as a kind does.
type Judge = fn(&[u8]) -> Verdict;

/// In an order in which a kind that begins like a later one stands before it.
const KINDS: [(Opening, Judge); 6] = [
    (Opening::ProxyV2, |first| begins(first, PROXY_V2)),
    (Opening::ProxyV1, proxy_v1),
    (Opening::Http2Preface, |first| {
        begins(first, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    }),
    (Opening::Tls, tls),
    (Opening::Response, response),
    (Opening::Request, request),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    No,
    More,
    Yes,
}

fn begins(first: &[u8], pattern: &[u8]) -> Verdict {
    if first.starts_with(pattern) {
        Verdict::Yes
    } else if pattern.starts_with(first) {
        Verdict::More
    } else {
        Verdict::No
    }
}

fn proxy_v1(first: &[u8]) -> Verdict {
    let begun = [&b"PROXY TCP4 "[..], b"PROXY TCP6 ", b"PROXY UNKNOWN"].map(|pattern| begins(first, pattern));
    *begun
        .iter()
        .find(|&&verdict| verdict != Verdict::No)
        .unwrap_or(&Verdict::No)
}

/// A record of type handshake or alert, with a version that TLS was ever sent with (RFC 8446 section 5.1).
fn tls(first: &[u8]) -> Verdict {
    match first {
        [] | [0x15 | 0x16] | [0x15 | 0x16, 3] => Verdict::More,
        [0x15 | 0x16, 3, 0..=4, ..] => Verdict::Yes,
        _ => Verdict::No,
    }
}

/// How many octets a version, and the whitespace behind it, may have to be believed.
const WORD_CAP: usize = 8;

/// A version, whitespace, and the first digit of a status.
fn response(first: &[u8]) -> Verdict {
    let Some(rest) = first.strip_prefix(b"HTTP/") else {
        return begins(first, b"HTTP/");
    };
    let version = rest
        .iter()
        .take(WORD_CAP)
        .take_while(|octet| octet.is_ascii_digit() || **octet == b'.')
        .count();
    let behind = rest.get(version..).unwrap_or_default();
    let spaces = behind
        .iter()
        .take(WORD_CAP)
        .take_while(|&&octet| is_space(octet))
        .count();
    match (rest.first(), behind.first(), behind.get(spaces)) {
        (Some(digit), ..) if !digit.is_ascii_digit() => Verdict::No,
        (_, Some(space), _) if !is_space(*space) => Verdict::No,
        (_, _, Some(digit)) if !digit.is_ascii_digit() => Verdict::No,
        (_, _, Some(_)) => Verdict::Yes,
        _ => Verdict::More,
    }
}

/// The longest method that is believed; the IANA registry's longest has 17 octets.
const METHOD_CAP: usize = 24;

fn request(first: &[u8]) -> Verdict {
    // RFC 9112 section 2.2: empty lines before a request are to be ignored.
    let start = first
        .iter()
        .position(|octet| !matches!(octet, b'\r' | b'\n'))
        .unwrap_or(first.len());
    let first = first.get(start..).unwrap_or_default();
    let method = first
        .iter()
        .take_while(|&&octet| is_tchar(octet))
        .take(METHOD_CAP + 1)
        .count();
    match first.get(method) {
        _ if method > METHOD_CAP => return Verdict::No,
        None if start + method < OPENING_CAP => return Verdict::More,
        Some(b' ' | b'\t') if method > 0 => {}
        _ => return Verdict::No,
    }
    let rest = first.get(method..).unwrap_or_default();
    let believed = match memchr(b'\n', rest) {
        Some(end) => ends_in_version(rest.get(..end).unwrap_or_default()),
        None if start + first.len() < OPENING_CAP => return Verdict::More,
        None => is_long_target(trim_start(rest)),
    };
    if believed { Verdict::Yes } else { Verdict::No }
}

/// Whether the last word of a line is an HTTP version.
fn ends_in_version(line: &[u8]) -> bool {
    let line = trim_end(line.strip_suffix(b"\r").unwrap_or(line));
    let start = line
        .iter()
        .rposition(|&octet| is_space(octet))
        .map_or(0, |space| space + 1);
    let version = line
        .get(start..)
        .and_then(|word| word.strip_prefix(b"HTTP/"))
        .unwrap_or_default();
    version.first().is_some_and(u8::is_ascii_digit)
        && version.iter().all(|octet| octet.is_ascii_digit() || *octet == b'.')
}

/// Whether this may be the first part of a very long target: a path or an absolute URI, and nothing after it yet.
fn is_long_target(octets: &[u8]) -> bool {
    let starts = octets.first() == Some(&b'/') || memchr::memmem::find(octets, b"://").is_some();
    starts && octets.iter().all(|octet| !octet.is_ascii_control() && *octet != b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer for the whole, after checking that every shorter start gives `More` or the same.
    fn told(octets: &[u8]) -> Opening {
        let last = opening(octets);
        for end in 0..octets.len() {
            let early = opening(&octets[..end]);
            assert!(
                early == Opening::More || early == last,
                "{early:?} then {last:?} at {end} of {octets:?}"
            );
        }
        last
    }

    #[test]
    fn requests_of_any_method() {
        for line in [
            "GET / HTTP/1.1\r\n",
            "get /ws HTTP/1.0\n",
            "\r\n\r\nGET / HTTP/1.1\r\n",
            "CONNECT a.example:443 HTTP/1.1\r\n",
            "OPTIONS * HTTP/1.1\r\n",
            "GET  /two  HTTP/1.1 \r\n",
            "GET /a b HTTP/1.1\r\n",
            "BASELINE-CONTROL /a HTTP/1.1\r\n",
            "PRI * HTTP/2.0\r\n\r\nGET",
            "PROXY /a HTTP/1.1\r\n",
            "GET /\x00 HTTP/1.1\r\n",
        ] {
            assert_eq!(told(line.as_bytes()), Opening::Request, "{line:?}");
        }
    }

    #[test]
    fn other_protocols_are_no_requests() {
        for line in [
            &b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"[..],
            b"220 mail.example ESMTP\r\n",
            b"* OK IMAP4rev1\r\n",
            b"OPTIONS rtsp://a/ RTSP/1.0\r\n",
            b"INVITE sip:a@b SIP/2.0\r\n",
            b"GET /\r\n",
            b"10.0.0.1 - - \"GET / HTTP/1.1\" 200\r\n",
            b"\x81\x05hello",
            b"\x00\x00\x00\x00 / HTTP/1.1\r\n",
            b"{\"a\": 1}",
            b"ICY 200 OK\r\n",
            b"AMethodThatIsMuchTooLongToBeOne / HTTP/1.1\r\n",
        ] {
            assert_eq!(told(line), Opening::Other, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn the_other_kinds() {
        assert_eq!(told(b"HTTP/1.1 200 OK\r\n"), Opening::Response);
        assert_eq!(told(b"HTTP/2 403"), Opening::Response);
        for text in [
            &b"HTTP/x"[..],
            b"HTTP/1.1 Forbidden",
            b"HTTP/1.1\r\n",
            b"HTTP/1.1.1.1.1 200",
            b"HTTP/1.1          2",
        ] {
            assert_eq!(told(text), Opening::Other, "{}", text.escape_ascii());
        }
        assert_eq!(told(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0"), Opening::Http2Preface);
        assert_eq!(told(b"PROXY TCP6 ::1 ::1 1 2\r\nGET / HTTP/1.1\r\n"), Opening::ProxyV1);
        assert_eq!(told(b"PROXY UNKNOWN\r\n"), Opening::ProxyV1);
        assert_eq!(told(b"\r\n\r\n\0\r\nQUIT\n\x21\x11"), Opening::ProxyV2);
        assert_eq!(told(b"\x16\x03\x01\x02\x00\x01"), Opening::Tls);
        assert_eq!(told(b"\x15\x03\x01\x00\x02\x02\x28"), Opening::Tls);
        assert_eq!(told(b"\x16\x04\x00"), Opening::Other);
    }

    #[test]
    fn it_is_decided_at_the_cap() {
        let target = [&b"GET /"[..], &b"x".repeat(OPENING_CAP)].concat();
        assert_eq!(opening(&target[..OPENING_CAP - 1]), Opening::More);
        assert_eq!(opening(&target[..OPENING_CAP]), Opening::Request);
        assert_eq!(opening(&b"word ".repeat(OPENING_CAP)), Opening::Other);
        assert_eq!(opening(&b"\r\n".repeat(OPENING_CAP)), Opening::Other);
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..100 {
            let octets: Vec<u8> = (0..OPENING_CAP).map(|_| *random.choice(b"ab /\r").unwrap()).collect();
            assert_ne!(opening(&octets), Opening::More);
        }
    }
}
