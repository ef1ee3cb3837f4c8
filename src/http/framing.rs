//! Where a message's body ends (RFC 9112 section 6).

use super::fields::Fields;
use super::head::{RequestHead, ResponseHead, Version};
use super::syntax::{self, decimal};
use super::violation::Violation;

/// How long the body of a message is (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// So many octets.
    Length(u64),
    /// Chunks, the last of them empty (RFC 9112 section 7.1).
    Chunked,
    /// All that comes until the direction ends. So it is also taken when the framing is faulty: nobody can tell then
    /// where the next message begins, and a recipient must close (RFC 9112 section 6.3).
    UntilClose,
    /// What follows the head is no longer HTTP: another protocol, or a tunnel's inside.
    Tunnel,
}

/// What a response answers; it decides whether there is a body (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expectation {
    /// A request with nothing special about it.
    #[default]
    Ordinary,
    /// A HEAD: the answer has no body, whatever its fields say.
    Head,
    /// A CONNECT: a 2xx opens a tunnel.
    Connect,
    /// A request that asks for an upgrade.
    Upgrade,
    /// A request that was not seen.
    Unknown,
}

/// How the body of a request is framed.
pub(super) fn of_request(head: &RequestHead) -> Framing {
    declared(head.version, &head.fields, &mut Vec::new()).unwrap_or(Framing::None)
}

/// How the body of a response is framed, given what it answers.
pub(super) fn of_response(head: &ResponseHead, answers: Expectation) -> Framing {
    match (head.status, answers) {
        (101, _) => Framing::Tunnel,
        (100..=199 | 204 | 304, _) | (_, Expectation::Head) => Framing::None,
        (200..=299, Expectation::Connect) => Framing::Tunnel,
        (200..=299, Expectation::Unknown) if answers_connect(head) => Framing::Tunnel,
        _ => declared(head.version, &head.fields, &mut Vec::new()).unwrap_or(Framing::UntilClose),
    }
}

/// Names what is wrong with the framing that the fields of a request declare.
pub(super) fn audit_request(version: Version, fields: &Fields, violations: &mut Vec<Violation>) {
    declared(version, fields, violations);
}

/// Names what is wrong with the framing that the fields of a response declare.
pub(super) fn audit_response(status: u16, version: Version, fields: &Fields, violations: &mut Vec<Violation>) {
    declared(version, fields, violations);
    let has_body = !matches!(status, 100..=199 | 204);
    if !has_body && (fields.has("Content-Length") || fields.has("Transfer-Encoding")) {
        Violation::FramingWithoutBody.note_in(violations);
    }
}

/// What a message's own fields say of its body.
fn declared(version: Version, fields: &Fields, violations: &mut Vec<Violation>) -> Option<Framing> {
    let by_length = content_length(fields, violations);
    let by_coding = transfer_coding(version, fields, violations);
    if by_coding.is_some() && by_length.is_some() {
        Violation::LengthBesideTransferEncoding.note_in(violations);
    }
    by_coding.or(by_length)
}

/// The body's framing by Transfer-Encoding, which overrides Content-Length.
fn transfer_coding(version: Version, fields: &Fields, violations: &mut Vec<Violation>) -> Option<Framing> {
    // `identity` was withdrawn by RFC 7230 and says nothing; old servers still send it beside a length.
    let withdrawn = |coding: &&[u8]| coding.eq_ignore_ascii_case(b"identity");
    if fields.has_token("Transfer-Encoding", "identity") {
        Violation::ChunkedNotLast.note_in(violations);
    }
    let last = fields
        .members("Transfer-Encoding")
        .filter(|coding| !withdrawn(coding))
        .last()?;
    if version < Version::HTTP_11 {
        Violation::TransferEncodingInHttp10.note_in(violations);
    }
    if last.eq_ignore_ascii_case(b"chunked") {
        return Some(Framing::Chunked);
    }
    Violation::ChunkedNotLast.note_in(violations);
    Some(Framing::UntilClose)
}

/// The body's framing by Content-Length; a list of equal lengths counts as one.
fn content_length(fields: &Fields, violations: &mut Vec<Violation>) -> Option<Framing> {
    let mut length = None;
    for value in fields.all("Content-Length") {
        for member in value.split(|&octet| octet == b',') {
            let Some(one) = decimal(syntax::trim(member)) else {
                Violation::BadContentLength.note_in(violations);
                return Some(Framing::UntilClose);
            };
            if length.is_some_and(|other| other != one) {
                Violation::ConflictingContentLength.note_in(violations);
                return Some(Framing::UntilClose);
            }
            length = Some(one);
        }
    }
    length.map(Framing::Length)
}

/// Whether a 2xx without framing reads like a proxy's answer to a CONNECT that was not seen.
fn answers_connect(head: &ResponseHead) -> bool {
    let reason = head.reason.to_ascii_lowercase();
    let unframed = !head.fields.has("Content-Length") && !head.fields.has("Transfer-Encoding");
    unframed && memchr::memmem::find(&reason, b"connection established").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(text: &str, answers: Expectation) -> (Framing, Vec<Violation>) {
        let head = ResponseHead::parse(text.as_bytes()).unwrap();
        (of_response(&head, answers), head.violations)
    }

    fn request(text: &str) -> (Framing, Vec<Violation>) {
        let head = RequestHead::parse(text.as_bytes()).unwrap();
        (of_request(&head), head.violations)
    }

    #[test]
    fn the_order_of_rfc_9112_section_6_3() {
        use Expectation::*;
        let framing = |text: &str, answers| response(text, answers).0;
        assert_eq!(
            framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Ordinary),
            Framing::Length(5)
        );
        assert_eq!(
            framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Head),
            Framing::None
        );
        assert_eq!(
            framing("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Ordinary),
            Framing::None
        );
        assert_eq!(
            framing("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Ordinary),
            Framing::None
        );
        assert_eq!(framing("HTTP/1.1 103 Early Hints\r\n\r\n", Ordinary), Framing::None);
        assert_eq!(framing("HTTP/1.1 200 OK\r\n\r\n", Connect), Framing::Tunnel);
        assert_eq!(
            framing("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\n", Connect),
            Framing::Length(2)
        );
        assert_eq!(framing("HTTP/1.1 101 \r\n\r\n", Ordinary), Framing::Tunnel);
        assert_eq!(
            framing("HTTP/1.1 403 Access denied\r\n\r\n", Upgrade),
            Framing::UntilClose
        );
        assert_eq!(
            framing("HTTP/1.1 200 Connection established\r\n\r\n", Unknown),
            Framing::Tunnel
        );
        assert_eq!(framing("HTTP/1.1 200 OK\r\n\r\n", Unknown), Framing::UntilClose);
    }

    #[test]
    fn a_request_without_framing_has_no_body() {
        assert_eq!(request("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), (Framing::None, vec![]));
        assert_eq!(
            request("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n"),
            (Framing::Length(5), vec![])
        );
    }

    #[test]
    fn faulty_framing_is_named() {
        let of = |fields: &str| response(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), Expectation::Ordinary);
        let named = |framing, violation| (framing, vec![violation]);
        assert_eq!(
            of("Content-Length: 5x\r\n"),
            named(Framing::UntilClose, Violation::BadContentLength)
        );
        assert_eq!(
            of("Content-Length:\r\n"),
            named(Framing::UntilClose, Violation::BadContentLength)
        );
        assert_eq!(
            of("Content-Length: 5\r\nContent-Length: 6\r\n"),
            named(Framing::UntilClose, Violation::ConflictingContentLength)
        );
        assert_eq!(
            of("Content-Length: 5\r\nTransfer-Encoding: gzip, Chunked\r\n"),
            named(Framing::Chunked, Violation::LengthBesideTransferEncoding)
        );
        assert_eq!(
            of("Transfer-Encoding: chunked, gzip\r\n"),
            named(Framing::UntilClose, Violation::ChunkedNotLast)
        );
        let old = response(
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            Expectation::Ordinary,
        );
        assert_eq!(old, named(Framing::Chunked, Violation::TransferEncodingInHttp10));
        let switch = response("HTTP/1.1 101 \r\nContent-Length: 0\r\n\r\n", Expectation::Upgrade);
        assert_eq!(switch, named(Framing::Tunnel, Violation::FramingWithoutBody));
    }
}
