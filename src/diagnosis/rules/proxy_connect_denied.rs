//! An explicit proxy refuses CONNECT.

use crate::{
    attempt::{Request, Stage},
    diagnosis::{
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Rule, SaidBy},
    },
    http::printable,
};

pub(super) const RULE: Rule = Rule {
    id: "proxy.connect-denied",
    name: "CONNECT refused by the proxy",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Response],
    sees: "The client asks a proxy for a tunnel with CONNECT host:port. The answer is not 2xx and not 407.",
    means: "An explicit proxy lets tunnels through by rule: usually only to port 443, only to some names, only for some clients \
            (RFC 9110 section 9.3.6). The WebSocket server never heard of the attempt.",
    ladder: "client                      proxy\n\
             |--- CONNECT host:8080 ----->|\n\
             |<-- 403 --------------------|",
    confused_with: &[
        ("authn.proxy-credentials", "407: the proxy wants to know who asks"),
        (
            "proxy.bad-gateway",
            "502, 503 or 504: the proxy agreed and could not reach the host",
        ),
        (
            "route.method-not-allowed",
            "an ordinary web server was taken for a proxy",
        ),
    ],
    remedies: &[
        "Squid: acl Safe_ports and SSL_ports, http_access deny CONNECT !SSL_ports; allow the port, or serve WebSocket on 443.",
        "Ask who runs the proxy to allow the host name; wss:// on 443 passes most proxies.",
        "If the host is inside, leave the proxy out: NO_PROXY, or the client's proxy settings.",
    ],
    references: &[
        "RFC 9110 section 9.3.6 (CONNECT)",
        "RFC 6455 section 4.1 (proxy usage)",
        "Squid: http_access",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    // In HTTP/2 and later CONNECT may ask for a WebSocket (RFC 8441).
    let is_tunnel = |request: &&Request| &*request.head.method == b"CONNECT" && request.head.version.major == 1;
    let request = reply.request.filter(is_tunnel)?;
    let status = reply.status();
    let confidence = match status {
        403 | 451 => Confidence::Confirmed,
        // 407 is about credentials, 429 about a limit; from 500 on the proxy agreed and failed.
        407 | 429 | 500.. => return None,
        _ => Confidence::Likely,
    };
    let authority = printable(&request.head.target, 120);
    let summary = format!("The proxy refused a tunnel to {authority} with {status}.");
    let found = reply
        .told(confidence, SaidBy::Proxy, summary)
        .weighing(80)
        .shown_by(request.first.at.packet, format!("CONNECT {authority}"))
        .but("The server that was asked may be no proxy at all.");
    Some(found)
}
