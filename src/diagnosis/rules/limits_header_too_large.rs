//! The request's head is larger than the server takes.

use crate::{
    attempt::{Request, Stage},
    diagnosis::{
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Rule},
    },
    http::printable,
};

pub(super) const RULE: Rule = Rule {
    id: "limits.header-too-large",
    name: "request head too large",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The answer is 431, or 400 with words about a header that is too large; it may come before the whole request is sent. \
           The head of the request has many thousand octets, most of them in one field.",
    means: "Servers keep a buffer of fixed size for the head: 8 KiB is usual (nginx four times 8 KiB, Node 16 KiB). Cookies grow \
            into it: a browser sends every cookie of the host with the handshake.",
    ladder: "client                      server\n\
             |--- GET, Cookie: (17 kB) -->|\n\
             |<-- 431 or 400 -------------|",
    confused_with: &[
        ("limits.uri-too-long", "the target is what is long, not the fields"),
        ("limits.body-too-large", "413 to a request that has a body"),
        ("waf.block", "a filter that refuses long fields gives its own page"),
    ],
    remedies: &[
        "Make the request smaller: delete old cookies, move large tokens out of cookies and headers.",
        "nginx: large_client_header_buffers 4 32k; Node: --max-http-header-size; Apache: LimitRequestFieldSize; Tomcat: \
         maxHttpHeaderSize; HAProxy: tune.bufsize; uvicorn: --h11-max-incomplete-event-size.",
    ],
    references: &[
        "RFC 6585 section 5 (431)",
        "nginx: large_client_header_buffers",
        "Node.js: http.maxHeaderSize",
    ],
    check,
};

const SAYINGS: &[&str] = &[
    "header or cookie too large",
    "header fields too large",
    "header field exceeds",
    "header exceeds",
    "headers exceed",
    "header too large",
    "header is too large",
    "headers too large",
    "headers are too large",
    "headers is too long",
    "headers too long",
    "header too long",
    "header is too long",
    "header line too long",
    "header size",
    "too many headers",
    "request head too large",
    "limit request headers fields",
    "exceeds server limit",
    "got more than * bytes",
];

/// The smallest limit in wide use (Apache's LimitRequestFieldSize, Tomcat, nginx's single buffer); a head may just fit it.
pub(super) const USUAL_LIMIT: usize = 8_000;

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    let status = reply.status();
    let size = reply
        .request
        .map(|request| request.head.length.saturating_sub(request.head.target.len()));
    let is_large = size.is_some_and(|size| size >= USUAL_LIMIT);
    let (confidence, weight) = match status {
        431 | 494 => (Confidence::Confirmed, 80),
        400 | 413 | 414 if reply.says(SAYINGS).is_some() => (Confidence::Confirmed, 80),
        413 if reply.request.is_some_and(|request| !has_body(request)) => (Confidence::Likely, 70),
        400 if is_large => (Confidence::Likely, 60),
        _ => return None,
    };
    let summary = format!(
        "The server refused the request for the size of its head{}.",
        told_size(reply.request)
    );
    let mut found = reply
        .told(confidence, reply.writer(), summary)
        .weighing(weight)
        .but("The answer does not say so; the request is only larger than usual limits.");
    if let Some(request) = reply.request {
        found = found.shown_by(
            request.first.at.packet,
            format!("the head of the request begins{}", told_size(Some(request))),
        );
    }
    Some(found)
}

/// Whether a request announces content (RFC 9112 section 6.3).
pub(super) fn has_body(request: &Request) -> bool {
    let fields = &request.head.fields;
    let length = fields.first("content-length").is_some_and(|length| length != b"0");
    length || fields.has("transfer-encoding")
}

fn told_size(request: Option<&Request>) -> String {
    let Some(request) = request else { return String::new() };
    let largest = request.head.fields.iter().max_by_key(|field| field.value.len());
    let field = largest.map(|field| format!(", {} of them in {}", field.value.len(), printable(&field.name, 40)));
    format!(": {} octets{}", request.head.length, field.unwrap_or_default())
}
