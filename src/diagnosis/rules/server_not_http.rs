//! The answer is not HTTP.

use crate::{
    attempt::Stage,
    diagnosis::{
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
        silence,
    },
    http::printable,
};

pub(super) const RULE: Rule = Rule {
    id: "server.not-http",
    name: "the answer is not HTTP",
    guide: Some(Guide::Server),
    stages: &[Stage::Request, Stage::Response],
    sees: "In place of an answer that begins with HTTP/1, other octets come from the server.",
    means: "Another program than a web server listens on this port, or the handler wrote an answer without a status line. A client \
            must not guess what it means (RFC 9112 section 4).",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- SSH-2.0-... ------------|",
    confused_with: &[
        ("tls.plaintext-to-tls-port", "the octets are a TLS alert"),
        ("handshake.data-after-101", "a sound 101 comes first"),
        (
            "capture.mid-stream",
            "the capture begins in the middle of an answer's body",
        ),
    ],
    remedies: &[
        "Check host and port of the URL: who listens there?",
        "A hand-written reply needs a status line and an empty line: HTTP/1.1 401 Unauthorized\\r\\n\\r\\n.",
        "If the port speaks HTTP/2 only, open another for HTTP/1.1, or use WebSocket over HTTP/2 (RFC 8441).",
    ],
    references: &["RFC 9112 section 4", "RFC 9113 section 3.4"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    shown(case).or_else(|| unread(case))
}

/// Octets came that end before it could be told what they are; a status line they are not.
fn unread(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    let request = attempt.request.as_deref().filter(|_| attempt.obstacle.is_none())?;
    let first = silence::no_status(case, request)?;
    let ended = attempt
        .connection
        .from_server
        .fin
        .as_deref()
        .filter(|fin| fin.at > first.at)?;
    let summary = "The server answered with a few octets that are no status line, and closed the connection.";
    let found = Match::new(Confidence::Likely, Outcome::Broken, SaidBy::Application, summary)
        .shown_by(request.first.at.packet, "the request")
        .shown_by(first.at.packet, "the answer: no status line")
        .shown_by(ended.at.packet, "FIN by the server");
    Some(found)
}

fn shown(case: &Case<'_>) -> Option<Match> {
    let (octets, seen) = case.attempt.not_http.as_deref()?;
    let request = case.attempt.request.as_deref()?;
    let what = speaks(octets)?;
    let text = printable(octets, 60);
    let summary = format!("The server answered with octets that are not HTTP: {what}.");
    let found = Match::new(Confidence::Confirmed, Outcome::Broken, SaidBy::Application, summary)
        .shown_by(request.first.at.packet, "the request")
        .shown_by(seen.at.packet, format!("the answer begins “{text}”"));
    Some(found)
}

/// What the first octets look like; nothing if they are TLS, which is another cause.
fn speaks(octets: &[u8]) -> Option<&'static str> {
    match octets {
        // A TLS record of type alert or handshake (RFC 8446 section 5.1).
        [0x15 | 0x16, 3, ..] => None,
        [b'S', b'S', b'H', b'-', ..] => Some("an SSH server's greeting"),
        [b'2', b'2', b'0', b' ' | b'-', ..] => Some("a mail or file server's greeting"),
        // SETTINGS on stream 0, an HTTP/2 server's first frame (RFC 9113 sections 3.4 and 4.1).
        [0, 0, _, 4, 0 | 1, 0, 0, 0, 0, ..] => Some("an HTTP/2 frame"),
        [b'<', ..] => Some("a page without a status line and head"),
        _ if octets
            .iter()
            .all(|octet| octet.is_ascii_graphic() || octet.is_ascii_whitespace()) =>
        {
            Some("text without a status line")
        }
        _ => Some("binary octets"),
    }
}
