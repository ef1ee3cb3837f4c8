//! Plain HTTP to a port that speaks TLS.

use crate::{
    attempt::Stage,
    diagnosis::{
        reply::Reply,
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
        silence,
    },
};

pub(super) const RULE: Rule = Rule {
    id: "tls.plaintext-to-tls-port",
    name: "plain HTTP to a TLS port",
    guide: Some(Guide::Server),
    stages: &[Stage::Request, Stage::Response],
    sees: "The connection begins with a plain request. The answer is 400 with words about HTTPS, or a TLS alert, or the connection \
           ends at once while the same port speaks TLS to others.",
    means: "The client uses ws:// or http:// where the port wants wss:// or https://. A TLS library takes G, E, T for a broken \
            record; some web servers notice and say so in plain HTTP.",
    ladder: "client                      server\n\
             |--- GET / HTTP/1.1 -------->|\n\
             |<-- 400 \"plain HTTP to HTTPS\"\n\
             |    or TLS alert, or FIN ---|",
    confused_with: &[
        ("server.closed-without-answer", "nothing shows that the port speaks TLS"),
        (
            "tls.server-speaks-plaintext",
            "the other way round: a ClientHello to a plain port",
        ),
        (
            "redirect.https",
            "the server understands the plain request and sends the client to https",
        ),
    ],
    remedies: &[
        "Use wss:// in place of ws://, or the port that serves plain HTTP.",
        "If a proxy stands before the server, its backend must be given as https:// (nginx: proxy_pass https://...).",
    ],
    references: &["RFC 6455 section 3", "RFC 8446 section 6", "nginx: error_page 497"],
    check,
};

/// What servers say, by maker: nginx and its kin, Go, Apache, Tomcat, .NET and others.
const SAYINGS: &[&str] = &[
    "plain http request was sent to https port",
    "client sent an http request to an https server",
    "speaking plain http to an ssl",
    "speaking plain http to a tls",
    "combination of host and port requires tls",
    "http request was sent to https port",
    "http request to an https",
    "http request to https port",
    "plain http to https port",
    "https port",
];

fn check(case: &Case<'_>) -> Option<Match> {
    case.attempt.tls.is_none().then_some(())?;
    said(case).or_else(|| alert(case)).or_else(|| closed(case))
}

fn said(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case).filter(|reply| matches!(reply.status(), 400 | 403 | 426 | 497))?;
    reply.says(SAYINGS)?;
    let summary = "The client sent plain HTTP to a port that speaks TLS, and the server says so.";
    Some(reply.told(Confidence::Confirmed, reply.writer(), summary).weighing(90))
}

fn alert(case: &Case<'_>) -> Option<Match> {
    let (octets, seen) = case.attempt.not_http.as_deref()?;
    matches!(octets.as_slice(), [0x15 | 0x16, 3, ..]).then_some(())?;
    let summary = "The client sent plain HTTP; the server answered with a TLS record.";
    let found = Match::new(Confidence::Confirmed, Outcome::Broken, SaidBy::Application, summary)
        .weighing(90)
        .shown_by(seen.at.packet, "a TLS record in answer to a plain request");
    Some(found)
}

/// The connection ends without a word, and the port speaks TLS to others.
fn closed(case: &Case<'_>) -> Option<Match> {
    let end = silence::end_by_server(case).filter(|end| end.is_own())?;
    let other = case.survey.speaks_tls(case.attempt.connection.server)?;
    let record = other.tls.as_ref()?.server_first?;
    let summary = format!(
        "The client sent plain HTTP to a port that speaks TLS elsewhere in the capture; the server ended the connection {} later.",
        end.after()
    );
    let found = Match::new(Confidence::Likely, Outcome::Broken, end.writer(), summary)
        .weighing(80)
        .shown_by(end.request.first.at.packet, "a plain request")
        .shown_by_all(end.evidence())
        .shown_by_all([Evidence::new(
            record.at.packet,
            "the same port answers a ClientHello with TLS",
        )])
        .but("A port can speak both, and close for another reason.");
    Some(found)
}
