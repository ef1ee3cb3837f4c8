//! FIN after the request, and not one octet of answer.

use crate::{
    attempt::Stage,
    diagnosis::{
        rule::{Case, Guide, Match, Outcome, Rule},
        silence,
    },
};

pub(super) const RULE: Rule = Rule {
    id: "server.closed-without-answer",
    name: "closed without an answer",
    guide: Some(Guide::Server),
    stages: &[Stage::Request],
    sees: "The server acknowledges the whole request, then sends FIN. It never sends one octet of an answer. The FIN bears the \
           marks of the server's other segments.",
    means: "The server read the request, or part of it, and closed the connection in order. Programs do so when a handler ends \
            without answering, when they refuse without words (nginx 444, HAProxy reject, a library that closes on a bad \
            handshake), or when they expect something else first, such as TLS or a PROXY header.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- ACK --------------------|\n\
             |<-- FIN --------------------|",
    confused_with: &[
        (
            "firewall.fin-injected",
            "the FIN bears marks of another sender: TTL, missing timestamps, the server goes on",
        ),
        (
            "server.reset-after-request",
            "a reset in place of the FIN: the program broke off rather than closed",
        ),
        (
            "tls.plaintext-to-tls-port",
            "the same port answers TLS elsewhere in the capture",
        ),
        (
            "proxy.protocol-mismatch",
            "the same port answers connections that begin with a PROXY header",
        ),
        ("client.gave-up", "the client sends its FIN first"),
    ],
    remedies: &[
        "Look at the server's log at this second: an exception in the upgrade handler, or a rule that drops without words.",
        "Node: an 'upgrade' listener must answer before it destroys the socket: socket.end('HTTP/1.1 403 Forbidden\\r\\n\\r\\n').",
        "nginx: look for return 444; HAProxy: for http-request reject or silent-drop.",
    ],
    references: &[
        "RFC 9112 section 9.6",
        "RFC 9293 section 3.6",
        "nginx: return (code 444)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let end = silence::end_by_server(case).filter(|end| end.reset.is_none())?;
    let (confidence, weight) = end.confidence()?;
    let summary = format!(
        "The server closed the connection {} after the request, without one octet of answer.",
        end.after()
    );
    let found = Match::new(confidence, Outcome::Broken, end.writer(), summary)
        .weighing(weight)
        .shown_by(end.request.last.at.packet, "the whole request")
        .shown_by_all(end.evidence())
        .but("A closed connection does not say why it was closed.");
    Some(found)
}
