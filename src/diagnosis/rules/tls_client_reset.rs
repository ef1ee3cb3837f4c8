//! The client resets the connection in the middle of the handshake.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::milliseconds,
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::{AT_ONCE, Ending, How, Reached, Rejection},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "tls.client-reset",
    name: "client resets during the handshake",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The client sends a reset before the TLS handshake is complete, without an alert and without FIN.",
    means: "The client's program closed with data unread, was ended, or gave the connection up: a page was left, a race between \
            addresses was lost, its own time limit passed. The server has no part in it, unless its certificate is what the client \
            did not want.",
    ladder: "client                        server\n\
             |--- ClientHello ------------->|\n\
             |<-- ServerHello, ... ---------|\n\
             |--- RST --------------------->|",
    confused_with: &[
        (
            "tls.client-rejected-certificate",
            "the reset follows the server's certificate at once",
        ),
        ("tls.client-closed", "the same by FIN"),
        (
            "firewall.rst-injected",
            "the reset bears marks of another sender than the client",
        ),
    ],
    remedies: &["Read the client's own log: it gave up, and only it knows why."],
    references: &[
        "RFC 9293 section 3.6.1",
        "RFC 8305 section 5 (connections that lose the race)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let late = ending.rejection() == Some(Rejection::Late);
    if ending.by != Side::Client || ending.how != How::Reset || ending.reached == Reached::Complete || late {
        return None;
    }
    let rejected = ending.rejection().is_some() && ending.waited() < AT_ONCE && !ending.accepted_elsewhere();
    let unheard = ending.reached == Reached::Hello && !ending.hello_arrived();
    let confidence = if rejected || unheard {
        Confidence::Possible
    } else {
        Confidence::Likely
    };
    let summary = format!(
        "The client reset the connection {} into the handshake, without an alert.",
        milliseconds(ending.age())
    );
    Some(
        ending
            .found(confidence, summary)
            .but("It follows the server's certificate at once, as a rejection does."),
    )
}
