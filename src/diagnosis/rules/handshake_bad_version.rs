//! The handshake names a version of WebSocket that the server does not speak.

use crate::{
    attempt::Stage,
    diagnosis::{
        defects::{self, Defect},
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Rule},
    },
    http::printable,
    websocket::VersionState,
};

pub(super) const RULE: Rule = Rule {
    id: "handshake.bad-version",
    name: "WebSocket version not supported",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "Sec-WebSocket-Version is missing or not 13. The answer is 400 or 426, often with a Sec-WebSocket-Version that lists \
           what the server speaks.",
    means: "RFC 6455 is version 13; older numbers are drafts that nearly no server speaks any more. A server that does not speak \
            the client's version stops the handshake and names its own (RFC 6455 section 4.4).",
    ladder: "client                      server\n\
             |--- GET, version 8 -------->|\n\
             |<-- 426, version 13 --------|",
    confused_with: &[
        (
            "handshake.missing-key",
            "the key is what is wrong; servers look at it before or after the version",
        ),
        (
            "proxy.upgrade-header-stripped",
            "426 to a request with version 13: the server asks for an Upgrade that it did not see",
        ),
        ("handshake.http10", "505 is about the version of HTTP"),
    ],
    remedies: &[
        "Update the client's WebSocket library: every one made after 2011 sends Sec-WebSocket-Version: 13.",
        "A hand-written client or health check must send Sec-WebSocket-Version: 13.",
    ],
    references: &["RFC 6455 sections 4.1, 4.2.2 and 4.4", "RFC 9110 section 15.5.22 (426)"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    let what = match defects::version(reply.request?) {
        VersionState::Good => return not_spoken(&reply),
        VersionState::Missing => "has no Sec-WebSocket-Version".to_owned(),
        VersionState::Unsupported(version) => {
            format!("has Sec-WebSocket-Version: {}", printable(version.as_bytes(), 40))
        }
    };
    defects::blame(&reply, Defect::Version, &what)
}

/// Version 13 is asked for, and the server lists its versions without it.
fn not_spoken(reply: &Reply<'_>) -> Option<Match> {
    let request = reply.websocket()?;
    let fields = &reply.response.head.fields;
    let listed = fields.has("sec-websocket-version") && !fields.has_token("sec-websocket-version", "13");
    if !listed || !matches!(reply.status(), 400 | 426) {
        return None;
    }
    let versions = reply.response.field("sec-websocket-version").unwrap_or_default();
    let summary = format!("The client speaks WebSocket version 13; the server lists only {versions}.");
    let found = reply
        .told(Confidence::Confirmed, reply.writer(), summary)
        .shown_by(request.first.at.packet, "the request has Sec-WebSocket-Version: 13");
    Some(found)
}
