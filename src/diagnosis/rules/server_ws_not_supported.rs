//! The server has no WebSocket support switched on.

use crate::{
    attempt::Stage,
    diagnosis::{
        plain::{self, Sign},
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "server.ws-not-supported",
    name: "no WebSocket support in the server",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The answer is 501, or says that WebSocket is not supported; or an application server's HTTP side answers a sound \
           handshake as an ordinary GET, without any proxy's marks and without one upgrade in the whole capture.",
    means: "The server takes the request for an ordinary one because it has nothing that speaks WebSocket: uvicorn without the \
            websockets or wsproto library, a Node server without an 'upgrade' listener, IIS without the WebSocket module.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- 404 or 200 or 501 ------|",
    confused_with: &[
        (
            "proxy.upgrade-header-stripped",
            "the same octets, because a proxy took the Upgrade away; look for its marks",
        ),
        ("route.http-only", "the server speaks WebSocket on other paths"),
        ("upgrade.ignored", "a page or file that never had to do with WebSocket"),
    ],
    remedies: &[
        "uvicorn: pip install 'uvicorn[standard]' (or websockets, or wsproto), and no --ws none. Its log says No supported \
         WebSocket library detected.",
        "Node: attach the WebSocket server to the same http.Server that listens (new WebSocketServer({ server })).",
        "IIS: install the WebSocket Protocol feature. Flask and Django under a WSGI server need an ASGI server or flask-sock.",
    ],
    references: &[
        "RFC 9110 sections 7.8 and 15.6.2 (501)",
        "ASGI specification: websocket.close",
        "Node.js: http, event 'upgrade'",
    ],
    check,
};

const SAYINGS: &[&str] = &[
    "websocket not supported",
    "websockets not supported",
    "websocket is not supported",
    "websockets are not supported",
    "websocket connections are not supported",
    "websocket upgrade is not supported",
    "websocket protocol is not supported",
    "not support websocket",
    "not support websockets",
    "no websocket support",
    "websocket not enabled",
    "websockets not enabled",
    "websocket is disabled",
    "websockets are disabled",
    "websocket disabled",
    "upgrade not supported",
    "upgrade is not supported",
    "unsupported upgrade",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    let request = reply.websocket()?;
    let status = reply.status();
    let alone = || reply.passed_on_by().is_none() && case.survey.upgraded_at(case.attempt.connection.server).is_none();
    let (confidence, weight) = match (status, plain::sign(&reply)) {
        (400..=599, _) if reply.says(SAYINGS).is_some() => (Confidence::Confirmed, 75),
        (501, _) => (Confidence::Likely, 64),
        (_, Some(Sign::AsgiHttp)) if alone() => (Confidence::Likely, 62),
        (_, Some(Sign::AsgiHttp)) => (Confidence::Possible, 40),
        (_, Some(Sign::NodeHttp)) if alone() => (Confidence::Likely, 51),
        _ => return None,
    };
    let summary = format!("The server answered {status} as if it knew nothing of WebSocket.");
    let said_by = match reply.writer() {
        SaidBy::Proxy => SaidBy::Proxy,
        _ => SaidBy::Application,
    };
    let found = reply
        .told(confidence, said_by, summary)
        .weighing(weight)
        .shown_by(request.first.at.packet, "a handshake that asks for a WebSocket")
        .but("The same answer comes if something on the way took the Upgrade away.");
    Some(found)
}
