//! A reset after the request, with the server's own marks.

use crate::{
    attempt::Stage,
    diagnosis::{
        rule::{Case, Guide, Match, Outcome, Rule},
        silence,
    },
};

pub(super) const RULE: Rule = Rule {
    id: "server.reset-after-request",
    name: "reset by the server after the request",
    guide: Some(Guide::Server),
    stages: &[Stage::Request],
    sees: "After the request comes a reset from the server's address. Its TTL, its sequence number and its IP identification are \
           what the server itself would write.",
    means: "The server's program crashed, was killed, or closed its socket with octets in it that it had not read; the system \
            then sends a reset (RFC 9293 section 3.6.1). A reset forged on the way seldom has all the \
            marks right.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- ACK --------------------|\n\
             |<-- RST --------------------|",
    confused_with: &[
        (
            "firewall.rst-injected",
            "the reset has another TTL, a sequence number that does not fit, or the server goes on after it",
        ),
        (
            "server.closed-without-answer",
            "a FIN in place of the reset: the program closed in order",
        ),
        (
            "tls.plaintext-to-tls-port",
            "a TLS library that met plain HTTP may reset; the same port speaks TLS elsewhere",
        ),
    ],
    remedies: &[
        "Look at the server's log and at its supervisor: a crash, an out-of-memory kill, a restart at this second.",
        "If the log shows nothing, capture at the server: if no reset leaves it, something on the way wrote it.",
        "Load balancers reset too, if their backend does, or if they have none.",
    ],
    references: &["RFC 9293 sections 3.5.2, 3.6.1 and 3.10.7"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let end = silence::end_by_server(case).filter(|end| end.reset.is_some())?;
    let (confidence, weight) = end.confidence()?;
    let summary = format!("The server reset the connection {} after the request.", end.after());
    let found = Match::new(confidence, Outcome::Broken, end.writer(), summary)
        .weighing(weight)
        .shown_by(end.request.last.at.packet, "the whole request")
        .shown_by_all(end.evidence())
        .but("A box on the way can write the same reset; a capture at the server would show whether it left there.");
    Some(found)
}
