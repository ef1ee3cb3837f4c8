//! The request's target is longer than the server takes.

use crate::{
    attempt::Stage,
    diagnosis::{
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Rule},
        rules::limits_header_too_large::USUAL_LIMIT,
    },
};

pub(super) const RULE: Rule = Rule {
    id: "limits.uri-too-long",
    name: "request target too long",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The answer is 414, or 400 with words about a long URI or request line. The target of the request has thousands of \
           octets.",
    means: "Servers keep a buffer of fixed size for the request line; 8000 octets is what RFC 9112 section 3 recommends. Browsers \
            cannot set fields on a WebSocket handshake, so tokens and state go into the query and make it long.",
    ladder: "client                      server\n\
             |--- GET /ws?token=... (9 kB)\n\
             |<-- 414 --------------------|",
    confused_with: &[("limits.header-too-large", "a field is what is large, not the target")],
    remedies: &[
        "Send large values after the switch, as the first message, rather than in the query.",
        "nginx: large_client_header_buffers; Apache: LimitRequestLine; gunicorn: --limit-request-line.",
    ],
    references: &["RFC 9110 section 15.5.15 (414)", "RFC 9112 section 3"],
    check,
};

const SAYINGS: &[&str] = &[
    "uri too long",
    "uri too large",
    "url too long",
    "url is too long",
    "uri is too long",
    "request line too long",
    "request line is too large",
    "request line too large",
    "url length",
    "query string is too long",
    "query string too long",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    let length = reply.request.map(|request| request.head.target.len());
    let (confidence, weight) = match reply.status() {
        414 => (Confidence::Confirmed, 70),
        400 | 404 if reply.says(SAYINGS).is_some() => (Confidence::Confirmed, 80),
        400 if length.is_some_and(|length| length >= USUAL_LIMIT) => (Confidence::Likely, 61),
        _ => return None,
    };
    let size = length.map(|length| format!(" of {length} octets")).unwrap_or_default();
    let summary = format!("The server refused the target{size} as too long.");
    let mut found = reply
        .told(confidence, reply.writer(), summary)
        .weighing(weight)
        .but("The answer does not say so; the target is only longer than usual limits.");
    if let Some(request) = reply.request {
        found = found.shown_by(request.first.at.packet, format!("a request line with a target{size}"));
    }
    Some(found)
}
