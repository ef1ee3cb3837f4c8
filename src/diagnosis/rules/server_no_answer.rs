//! The request was acknowledged and nothing came, up to the end of the capture or the client's patience.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::seconds,
        passage::PATIENCE,
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
        waiting::Waiting,
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "server.no-answer",
    name: "no answer",
    guide: Some(Guide::Server),
    stages: &[Stage::Request],
    sees: "The request is acknowledged. No octet of an answer comes, until the client loses patience or the capture ends.",
    means: "The acknowledgement shows that the server's system has the request. The program behind it does not answer: it hangs, \
            waits for something else (a database, another server, a lock), or does not know what to do with an upgrade and \
            leaves the connection alone.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- ACK --------------------|\n\
             |            ...             |\n\
             |--- FIN (gives up) -------->|",
    confused_with: &[
        (
            "server.not-accepting",
            "nobody reads on this port: not even the client's FIN gets an answer from a program",
        ),
        (
            "firewall.l7-drop-response",
            "the server does answer; its later sequence numbers show it",
        ),
        ("client.gave-up", "the client waits too short a time"),
        (
            "capture.ended-early",
            "the capture stops while an answer may still come",
        ),
        (
            "proxy.gateway-timeout",
            "a proxy waits behind this, or this is the leg on which it waits",
        ),
    ],
    remedies: &[
        "Look at what the handler waits for: log at its first line, take a stack dump (py-spy dump, jstack, SIGQUIT) while it hangs.",
        "Node: a server with an 'upgrade' listener that ignores a path must destroy the socket itself.",
        "Async Python: a blocking call in the event loop stops all connections, not only this one.",
        "A proxy in front needs the upgrade switched on, or it waits for an ordinary answer: nginx proxy_set_header Upgrade.",
    ],
    references: &[
        "RFC 9110 section 15",
        "RFC 9293 section 3.8.6.3 (acknowledgement comes from the system, not the program)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let waiting = Waiting::of(case).filter(|waiting| waiting.lost == 0)?;
    let ended = waiting.left_by(Side::Client);
    let patient = waiting.waited >= PATIENCE / 2;
    let confidence = if patient {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    let (outcome, until) = match ended {
        Some(_) => (Outcome::Abandoned, "until the client gave up"),
        None => (Outcome::Undetermined, "up to the end of the capture"),
    };
    let summary = format!(
        "The server acknowledged the request and did not answer for {}, {until}.",
        seconds(waiting.waited)
    );
    let found = Match::new(confidence, outcome, SaidBy::Application, summary)
        .weighing(55)
        .shown_by_all(waiting.evidence())
        .but("That the server did not answer does not tell what it waited for.");
    Some(found)
}
