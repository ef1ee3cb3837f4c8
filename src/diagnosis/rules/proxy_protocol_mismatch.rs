//! A PROXY protocol header where none is understood, or none where one is wanted.

use crate::{
    attempt::{Attempt, Stage},
    diagnosis::{
        reply::Reply,
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
        silence,
    },
};

pub(super) const RULE: Rule = Rule {
    id: "proxy.protocol-mismatch",
    name: "PROXY protocol on one side only",
    guide: Some(Guide::Server),
    stages: &[Stage::Request, Stage::Response],
    sees: "The connection begins with a PROXY protocol header (PROXY TCP4 ... or its binary form), and the answer is 400 or the \
           end of the connection. Or it begins without one at a port where other connections begin with it and are served.",
    means: "A load balancer tells the client's address in a header before the first octet of HTTP or TLS. A server that is not told \
            to expect it takes it for a broken request; one that expects it refuses connections without.",
    ladder: "balancer                    server\n\
             |--- PROXY TCP4 ... -------->|\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- 400 or FIN -------------|",
    confused_with: &[
        (
            "server.closed-without-answer",
            "no PROXY header is seen on any connection to this port",
        ),
        (
            "tls.plaintext-to-tls-port",
            "another way to begin a connection in the wrong protocol",
        ),
    ],
    remedies: &[
        "Switch it on or off on both sides: nginx listen ... proxy_protocol; HAProxy bind ... accept-proxy and server ... \
         send-proxy; AWS NLB target group attribute proxy_protocol_v2; Traefik proxyProtocol.trustedIPs.",
        "A health check that skips the header is refused too: tell it to send one (HAProxy: check-send-proxy).",
    ],
    references: &[
        "HAProxy: The PROXY protocol, sections 2 and 4",
        "nginx: listen, proxy_protocol",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let header = case.attempt.via.as_ref().and_then(|via| via.proxy_protocol);
    match header {
        Some((version, _, at)) => not_understood(case, version, at),
        None => wanted(case),
    }
}

fn not_understood(case: &Case<'_>, version: u8, at: crate::tcp::At) -> Option<Match> {
    let without = case
        .survey
        .upgraded_at(case.attempt.connection.server)
        .filter(|other| !has_header(other));
    let summary = "The connection begins with a PROXY protocol header, which the server does not understand.";
    let found = match Reply::of(case) {
        Some(reply) => {
            let understood = case.survey.proxied_at(case.attempt.connection.server).is_some();
            let other_reason = reply
                .says(&["host", "websocket", "upgrade", "origin", "token"])
                .is_some();
            let confidence = match (reply.status(), &without) {
                (400, _) if understood || other_reason => Confidence::Possible,
                (400, Some(_)) => Confidence::Confirmed,
                (400, None) => Confidence::Likely,
                _ => return None,
            };
            reply.told(confidence, reply.writer(), summary)
        }
        None => {
            let end = silence::end_by_server(case).filter(|end| end.is_own())?;
            Match::new(Confidence::Likely, Outcome::Broken, end.writer(), summary).shown_by_all(end.evidence())
        }
    };
    let passed = without.map(|other| {
        Evidence::new(
            other.first().packet,
            "the same server answers 101 to a connection without such a header",
        )
    });
    let found = found
        .weighing(78)
        .shown_by(at.packet, format!("a PROXY protocol header, version {version}"))
        .shown_by_all(passed)
        .but("The server understands the header on other connections, or names another reason.");
    Some(found)
}

/// Others begin with the header and are served.
fn wanted(case: &Case<'_>) -> Option<Match> {
    let other = case.survey.proxied_at(case.attempt.connection.server)?;
    let (_, _, header) = other.via.as_ref()?.proxy_protocol?;
    let summary = "The server wants a PROXY protocol header, and this connection has none.";
    let found = match Reply::of(case) {
        Some(reply) if reply.status() == 400 => reply.told(Confidence::Possible, reply.writer(), summary),
        Some(_) => return None,
        None => {
            let end = silence::end_by_server(case).filter(|end| end.is_own())?;
            Match::new(Confidence::Likely, Outcome::Broken, SaidBy::Proxy, summary).shown_by_all(end.evidence())
        }
    };
    let found = found
        .weighing(82)
        .shown_by(
            header.packet,
            "another connection to the same port begins with a PROXY protocol header and is served",
        )
        .but("The answer has another reason.");
    Some(found)
}

fn has_header(attempt: &Attempt) -> bool {
    attempt.via.as_ref().is_some_and(|via| via.proxy_protocol.is_some())
}
