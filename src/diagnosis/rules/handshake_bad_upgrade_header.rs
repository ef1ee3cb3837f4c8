//! Upgrade or Connection lacks what makes a request a handshake, or names a protocol that the server does not switch to.

use crate::{
    attempt::{Request, Stage},
    diagnosis::{
        defects::{self, Defect, NO_UPGRADE, OTHER_MATTERS},
        reply::{Reply, asks_for_websocket},
        rule::{Case, Confidence, Guide, Match, Rule},
    },
    http::{connection_lists_upgrade, printable},
};

pub(super) const RULE: Rule = Rule {
    id: "handshake.bad-upgrade-header",
    name: "Upgrade or Connection field not as it should be",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The request has an Upgrade field, but Connection does not list Upgrade; or Upgrade does not name websocket; or it names \
           a protocol that this server does not switch to.",
    means: "Upgrade counts only if Connection lists it (RFC 9110 section 7.8), and a WebSocket handshake must name websocket (RFC \
            6455 section 4.2.1). Servers answer 400 or 426, or take the request for an ordinary one and answer 404 or 200.",
    ladder: "client                      server\n\
             |--- GET, Upgrade: websocket\n\
             |    Connection: keep-alive->|\n\
             |<-- 400 / 426 / 404 --------|",
    confused_with: &[
        (
            "proxy.upgrade-header-stripped",
            "the client's own leg has both fields; a hop took one away",
        ),
        (
            "upgrade.ignored",
            "both fields are sound and the server answers as if they were not there",
        ),
        ("route.not-found", "a 404 that would come for a sound handshake too"),
    ],
    remedies: &[
        "The request must have Connection: Upgrade and Upgrade: websocket.",
        "nginx in front: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";",
        "Apache in front: ProxyPass with upgrade=websocket (2.4.47 and later), or mod_proxy_wstunnel.",
        "If the library offers h2c or TLS by itself (Java HttpClient, Apache HttpClient 5, curl --http2), turn that off.",
    ],
    references: &[
        "RFC 9110 sections 7.6.1 and 7.8",
        "RFC 6455 section 4.2.1",
        "nginx: WebSocket proxying",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    let request = reply.request?;
    let value = |name| request.head.fields.first(name).map(|value| printable(value, 80));
    if reply.websocket().is_none() {
        return other_protocol(&reply, request);
    }
    if !connection_lists_upgrade(&request.head.fields) {
        let what = match value("connection") {
            None => "has no Connection field".to_owned(),
            Some(connection) => format!("has Connection: {connection}, which does not list Upgrade"),
        };
        return defects::blame(&reply, Defect::Connection, &what);
    }
    let upgrade = value("upgrade").unwrap_or_default();
    let what = if asks_for_websocket(request) {
        format!("has Upgrade: {upgrade}, which names more than websocket")
    } else {
        format!("has Upgrade: {upgrade}, which does not name websocket")
    };
    defects::blame(&reply, Defect::Upgrade, &what)
}

/// Another protocol is asked for, and the answer is about that.
fn other_protocol(reply: &Reply<'_>, request: &Request) -> Option<Match> {
    let protocol = request.upgrade.as_deref()?;
    let named = reply.says(NO_UPGRADE);
    let wants_websocket = reply.response.head.fields.has_token("upgrade", "websocket");
    let confidence = match reply.status() {
        400 | 426 | 501 if named.is_some() || wants_websocket => Confidence::Confirmed,
        400 | 426 | 501 if reply.says(&["upgrade"]).is_some() => Confidence::Likely,
        400 if reply.says(OTHER_MATTERS).is_none() => Confidence::Likely,
        400 | 501 => Confidence::Possible,
        _ => return None,
    };
    let summary = format!("The request asks to upgrade to {protocol}, to which this server does not switch.");
    let found = reply
        .told(confidence, reply.writer(), summary)
        .shown_by(request.first.at.packet, format!("the request has Upgrade: {protocol}"))
        .but("The answer does not name the Upgrade field.");
    Some(found)
}
