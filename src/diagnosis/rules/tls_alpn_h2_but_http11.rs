//! HTTP/2 was agreed on, and HTTP/1.1 is spoken.

use crate::{
    attempt::{Attempt, Stage, Tls},
    diagnosis::{
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
        tls_handshake::Ending,
    },
    tcp::{At, Seen, Side},
    tls::FirstExchange,
};

pub(super) const RULE: Rule = Rule {
    id: "tls.alpn-h2-but-http11",
    name: "HTTP/2 agreed, HTTP/1.1 spoken",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls, Stage::Request, Stage::Response],
    sees: "The two ends agree on h2 by ALPN, and the client then asks for an upgrade in HTTP/1.1. The server answers in HTTP/2 frames \
           (SETTINGS, GOAWAY) or closes.",
    means: "The client's TLS library offers h2 for all connections, and its WebSocket code knows HTTP/1.1 only. The server takes the \
            request line for a broken HTTP/2 preface (RFC 9113 section 3.4). HTTP/2 has no Upgrade; it has WebSockets of its own kind \
            (RFC 8441).",
    ladder: "client                        server\n\
             |--- ClientHello (h2) -------->|\n\
             |<-- ... h2 -------------------|\n\
             |--- GET /ws HTTP/1.1 -------->|\n\
             |<-- SETTINGS, GOAWAY ---------|",
    confused_with: &[
        (
            "tls.no-application-protocol",
            "the server refuses the offer by alert 120",
        ),
        ("tls.opaque", "without secrets it cannot be seen what is spoken"),
    ],
    remedies: &[
        "Let the WebSocket client offer http/1.1 alone (Node.js: ALPNProtocols; Go: TLSClientConfig.NextProtos; OpenSSL: \
         SSL_set_alpn_protos; curl: --http1.1).",
        "Or turn on WebSockets over HTTP/2 on both ends (RFC 8441).",
    ],
    references: &["RFC 9113 sections 3.4 and 8.6", "RFC 7301", "RFC 8441"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    let tls = attempt.tls.as_deref()?;
    match attempt.stage {
        Stage::Tls => outside(case, tls).or_else(|| speechless(case)),
        _ => inside(attempt, tls),
    }
}

/// What is spoken can be read.
fn inside(attempt: &Attempt, tls: &Tls) -> Option<Match> {
    let request = attempt
        .request
        .as_ref()
        .filter(|request| request.head.version.major == 1)?;
    let settings = attempt
        .not_http
        .as_ref()
        .filter(|first| is_settings(&first.0))
        .map(|first| first.1);
    if attempt.response.is_some() || !(tls.facts.agreed_on_http2() || settings.is_some()) {
        return None;
    }
    let (confidence, summary) = match (settings, tls.facts.agreed_on_http2()) {
        (Some(_), true) => (
            Confidence::Confirmed,
            "The two ends agreed on HTTP/2; the client asked in HTTP/1.1, and the server answered in HTTP/2.",
        ),
        (Some(_), false) => (
            Confidence::Confirmed,
            "The client asked in HTTP/1.1, and the server answered in HTTP/2.",
        ),
        (None, _) => (
            Confidence::Likely,
            "The two ends agreed on HTTP/2, and the client asked in HTTP/1.1; it got no answer.",
        ),
    };
    let found = Match::new(confidence, Outcome::Broken, SaidBy::Application, summary).weighing(70);
    let found = found.shown_by(request.last.at.packet, "an HTTP/1.1 request on a connection for HTTP/2");
    Some(match settings {
        Some(Seen {
            at: At { packet, .. }, ..
        }) => found.shown_by(packet, "the server answers with an HTTP/2 SETTINGS frame"),
        None => found,
    })
}

/// Only lengths can be read: a first record too long for the preface of HTTP/2 and its SETTINGS, then little from the server, which
/// closes.
fn outside(case: &Case<'_>, tls: &Tls) -> Option<Match> {
    /// The preface is 24 octets, SETTINGS 9 and 6 for each setting, WINDOW_UPDATE 13 (RFC 9113 sections 3.4, 6.5 and 6.9).
    const LONGEST_PREFACE: u32 = 24 + 9 + 6 * 8 + 13;
    /// SETTINGS, WINDOW_UPDATE and GOAWAY with some words of explanation.
    const LONGEST_GOODBYE: u32 = 200;
    let exchange = FirstExchange::of(&tls.facts).filter(|_| tls.facts.agreed_on_http2())?;
    let goodbye = exchange.answered() <= LONGEST_GOODBYE && exchange.shortest_later.is_none();
    let closed = case.attempt.connection.from(Side::Server).fin.as_deref()?;
    if exchange.asked <= LONGEST_PREFACE || !goodbye {
        return None;
    }
    let summary = format!(
        "The two ends agreed on HTTP/2; the client began with {} octets at once, longer than HTTP/2 begins, and the server closed.",
        exchange.asked
    );
    let found = Match::new(Confidence::Possible, Outcome::Broken, SaidBy::Application, summary);
    let found = found.shown_by(closed.at.packet, "the server closes after a short answer");
    Some(found.but("Lengths are a hint: only the secrets of this connection would show what was spoken."))
}

/// The server began with HTTP/2, and the client left without a word: its own reader of HTTP/1.1 may have met the SETTINGS before it
/// asked anything.
fn speechless(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let facts = &ending.tls.facts;
    if !facts.agreed_on_http2() || !facts.server_alone_spoke() || !ending.left(Side::Client) {
        return None;
    }
    let summary = "The two ends agreed on HTTP/2; the server began to speak it, and the client left without a word.";
    let found = Match::new(Confidence::Possible, Outcome::Broken, SaidBy::Client, summary).weighing(55);
    let found = found.shown_by(
        ending.at.packet,
        "the client leaves, and has said nothing inside of TLS",
    );
    Some(found.but("A client that does not want the server's certificate may leave at the same moment."))
}

/// Whether these octets begin with a SETTINGS frame on stream 0, as all that an HTTP/2 server says does (RFC 9113 section 3.4).
fn is_settings(octets: &[u8]) -> bool {
    matches!(octets, [0, 0, _, 4, 0, 0, 0, 0, 0, ..])
}
