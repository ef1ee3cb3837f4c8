//! TLS is spoken to a port that answers in plain text.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::Foreign,
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
        tls_handshake::{Ending, Reached},
    },
    http::printable,
    tcp::{At, Seen, Side},
};

pub(super) const RULE: Rule = Rule {
    id: "tls.server-speaks-plaintext",
    name: "TLS to a port without TLS",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The client begins with a ClientHello, and the server answers in plain text: HTTP 400, a page, the greeting of another \
           protocol.",
    means: "The client was told wss:// (or https://) where ws:// is served, or the proxy that should end TLS is not in front of that \
            port. The ClientHello is garbage to a program that waits for a request line. The client cannot read the answer either, \
            and reports a wrong version number or an unexpected record.",
    ladder: "client                        server\n\
             |--- ClientHello ------------->|\n\
             |<-- HTTP/1.1 400 Bad Request -|\n\
             |--- RST --------------------->|",
    confused_with: &[
        (
            "tls.plaintext-to-tls-port",
            "the reverse: plain HTTP to a port that expects TLS",
        ),
        (
            "firewall.block-page",
            "the text comes from a box on the way: its marks are not the server's",
        ),
        ("tls.server-closed-on-hello", "the server closes without a word"),
    ],
    remedies: &[
        "Use ws:// for this port, or the port on which TLS is served.",
        "Turn TLS on where it is wanted (uvicorn: --ssl-keyfile and --ssl-certfile; nginx: listen ... ssl; Node.js: https.createServer).",
        "Behind a proxy: let it speak plain HTTP to this backend (nginx: proxy_pass http://; HAProxy: server without ssl; Envoy: no \
         transport_socket).",
    ],
    references: &["RFC 8446 section 5.1", "RFC 6455 section 3 (ws and wss)"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    answered_in_text(case).or_else(|| text_elsewhere(case))
}

fn answered_in_text(case: &Case<'_>) -> Option<Match> {
    let tls = case.attempt.tls.as_deref()?;
    let (_, octets, seen) = tls.not_tls.as_ref().filter(|(side, ..)| *side == Side::Server)?;
    let ceiling = ceiling(case, seen)?;
    let first_line = octets
        .split(|&octet| octet == b'\r' || octet == b'\n')
        .next()
        .unwrap_or_default();
    let readable = !first_line.is_empty() && first_line.iter().all(|octet| matches!(octet, b' '..=b'~'));
    let (confidence, text) = match readable {
        true => (Confidence::Confirmed, format!("“{}”", printable(first_line, 60))),
        false => (Confidence::Likely, "octets that are no TLS".to_owned()),
    };
    let summary = format!("The client speaks TLS, and the server answers in plain text: {text}.");
    // The handshake is over for the client: it can read nothing of that.
    let found = Match::new(confidence.min(ceiling), Outcome::TlsAbort, SaidBy::Client, summary);
    let found = match tls.client_hello {
        Some(hello) => found.shown_by(hello.at.packet, "ClientHello"),
        None => found,
    };
    Some(
        found
            .shown_by(seen.at.packet, format!("the server answers {text}"))
            .weighing(70),
    )
}

/// The most that may be said, by the marks of the segment with the text; `None` if another machine most likely wrote it.
fn ceiling(case: &Case<'_>, seen: &Seen) -> Option<Confidence> {
    match Foreign::of_segment(case, Side::Server, seen).confidence() {
        None => Some(Confidence::Confirmed),
        Some(Confidence::Possible) => Some(Confidence::Likely),
        Some(_) => None,
    }
}

/// The server leaves without a word, but the same port answers plain HTTP on other connections.
fn text_elsewhere(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let server = case.attempt.connection.server;
    if !ending.left(Side::Server)
        || ending.reached != Reached::Hello
        || case.survey.handshakes_at(server).next().is_some()
    {
        return None;
    }
    let plain = plain_answer(case)?;
    let summary =
        "The client speaks TLS to a port that answers plain HTTP on other connections; here it left without a word.";
    let found = ending
        .found(Confidence::Likely, summary)
        .shown_by(plain.packet, "the same port answers in plain HTTP");
    Some(
        found
            .weighing(60)
            .but("Some programs serve TLS and plain HTTP on one port."),
    )
}

/// A plain HTTP answer of the same endpoint.
fn plain_answer(case: &Case<'_>) -> Option<At> {
    /// Attempts that are looked at: one is enough.
    const LOOKED_AT: usize = 64;
    let server = case.attempt.connection.server;
    let ordinary = case.survey.ordinary_at(server).iter().take(LOOKED_AT);
    let attempts = case
        .survey
        .at_server(server)
        .take(LOOKED_AT)
        .filter(|attempt| attempt.tls.is_none());
    let answers = attempts.filter_map(|attempt| Some(attempt.response.as_ref()?.first.at));
    ordinary
        .filter_map(|ordinary| Some(ordinary.response?.1))
        .chain(answers)
        .next()
}
