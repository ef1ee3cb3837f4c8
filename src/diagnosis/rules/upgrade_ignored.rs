//! An ordinary answer: the server did not take up the upgrade.

use crate::{
    attempt::{Request, Stage},
    diagnosis::{
        reply::{Reply, asks_for_websocket},
        rule::{Case, Confidence, Guide, Match, Rule},
        rules::proxy_upgrade_header_stripped::is_file,
    },
};

pub(super) const RULE: Rule = Rule {
    id: "upgrade.ignored",
    name: "upgrade ignored",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The request asks for an upgrade. The answer is an ordinary one: 200 with a page, or for h2c and TLS any answer that \
           the same request would get without Upgrade.",
    means: "A server may ignore Upgrade and answer in the protocol that is spoken (RFC 9110 section 7.8). For h2c that is harmless: \
            client and server go on in HTTP/1.1. For a WebSocket it is a failure: a static server, a single-page app's fallback to \
            index.html, or another service got the request.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- 200 and a page ---------|",
    confused_with: &[
        (
            "proxy.upgrade-header-stripped",
            "the server would have switched; a hop took the Upgrade away",
        ),
        (
            "server.ws-not-supported",
            "an application server without a WebSocket library answers as to a GET",
        ),
        ("waf.block", "a 200 whose page is a filter's block page"),
    ],
    remedies: &[
        "h2c: nothing needs to be done; curl --http1.1 and Java's HttpClient.version(HTTP_1_1) do not ask for it.",
        "WebSocket: check that the path goes to the application and not to the static files (try_files and SPA fallbacks: give the \
         WebSocket path its own location before them).",
        "Docker and Kubernetes streams: the proxy between must pass Upgrade: tcp or SPDY/3.1 on as well.",
    ],
    references: &[
        "RFC 9110 section 7.8",
        "RFC 9113 section 3.1 (h2c is deprecated)",
        "RFC 2817 section 3 (TLS)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    let request = reply.request?;
    let protocol = request.upgrade.as_deref()?;
    let (confidence, weight) = match reply.status() {
        status if is_optional(request) => if_optional(status)?,
        200..=299 if is_file(&reply) => (Confidence::Likely, 58),
        200..=299 => (Confidence::Likely, 42),
        _ => return None,
    };
    let status = reply.status();
    let harmless = if is_optional(request) {
        " This is harmless: the client can go on in HTTP/1.1."
    } else {
        ""
    };
    let summary = format!(
        "The server ignored the upgrade to {protocol} and answered {status} as to an ordinary request.{harmless}"
    );
    let found = reply
        .told(confidence, reply.writer(), summary)
        .weighing(weight)
        .shown_by(request.first.at.packet, format!("the request has Upgrade: {protocol}"))
        .but("The answer itself has a reason of its own.");
    Some(found)
}

/// Whether the client can do without: it offers the same exchange over another transport (RFC 9110 section 7.8).
fn is_optional(request: &Request) -> bool {
    let tokens = crate::http::upgrade_tokens(&request.head.fields);
    let other_http = |token: &String| {
        let token = token.to_ascii_lowercase();
        token == "h2c" || token == "h2" || token.starts_with("http/") || token.starts_with("tls/")
    };
    !asks_for_websocket(request) && tokens.iter().all(other_http)
}

/// The answer is to the request itself. Statuses that refuse everybody (authentication, rules, failures) have that reason.
fn if_optional(status: u16) -> Option<(Confidence, u8)> {
    match status {
        200..=299 | 304 | 404 | 406 | 410 | 416 => Some((Confidence::Confirmed, 60)),
        405 | 409 | 412 | 415 | 422 => Some((Confidence::Likely, 60)),
        300..=399 => Some((Confidence::Likely, 40)),
        401 | 403 | 429 | 500..=599 => Some((Confidence::Possible, 10)),
        _ => None,
    }
}
