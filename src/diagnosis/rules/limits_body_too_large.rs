//! The request's body is larger than the server takes.

use crate::{
    attempt::Stage,
    diagnosis::{
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Rule},
        rules::limits_header_too_large::has_body,
    },
};

pub(super) const RULE: Rule = Rule {
    id: "limits.body-too-large",
    name: "request body too large",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The answer is 413, and the request announces a body.",
    means: "The server takes no body of that size. A WebSocket handshake has none at all; other upgrades, such as those of Docker \
            and Kubernetes or h2c, may be asked for by POST with a body.",
    ladder: "client                      server\n\
             |--- POST, Upgrade, 3 kB --->|\n\
             |<-- 413 --------------------|",
    confused_with: &[
        (
            "limits.header-too-large",
            "413 to a request without a body: some servers mean the head",
        ),
        (
            "session.message-too-big",
            "a message that is too big after the switch: close code 1009",
        ),
    ],
    remedies: &[
        "Send no body with an upgrade request.",
        "nginx: client_max_body_size; Apache: LimitRequestBody; IIS: maxAllowedContentLength.",
    ],
    references: &["RFC 9110 section 15.5.14 (413)", "nginx: client_max_body_size"],
    check,
};

const SAYINGS: &[&str] = &[
    "entity too large",
    "payload too large",
    "content too large",
    "body too large",
    "body is too large",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    let has_body = reply.request.map(has_body);
    let (confidence, weight) = match (reply.status(), has_body) {
        (413, Some(true)) => (Confidence::Confirmed, 70),
        (413, None) => (Confidence::Likely, 60),
        (413, Some(false)) => (Confidence::Possible, 50),
        (400, Some(true)) if reply.says(SAYINGS).is_some() => (Confidence::Likely, 70),
        _ => return None,
    };
    let length = reply.request.and_then(|request| request.field("content-length"));
    let size = length.map(|length| format!(" of {length} octets")).unwrap_or_default();
    let summary = format!("The server refused the body{size} as too large.");
    let mut found = reply
        .told(confidence, reply.writer(), summary)
        .weighing(weight)
        .but("The request has no body; the server may mean its head.");
    if let Some(request) = reply.request.filter(|_| has_body == Some(true)) {
        found = found.shown_by(request.first.at.packet, format!("the request announces a body{size}"));
    }
    Some(found)
}
