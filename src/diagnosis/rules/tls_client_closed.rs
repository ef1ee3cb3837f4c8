//! The client closes in the middle of the handshake, without an alert.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::milliseconds,
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::{AT_ONCE, Ending, How, Reached},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "tls.client-closed",
    name: "client closes during the handshake",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The client sends FIN before the TLS handshake is complete, and no alert that can be read.",
    means: "The client changed its mind: a page was left, a race between addresses or protocols was lost, its time limit passed. If it \
            leaves right after the server's certificate, that may be the reason.",
    ladder: "client                        server\n\
             |--- ClientHello ------------->|\n\
             |--- FIN --------------------->|\n\
             |<-- ServerHello, ... ---------|\n\
             |--- RST --------------------->|",
    confused_with: &[
        (
            "tls.client-rejected-certificate",
            "the client leaves right after the server's flight",
        ),
        (
            "tls.handshake-timeout",
            "the client waited long for an answer that did not come",
        ),
        ("tls.client-reset", "the same by a reset"),
    ],
    remedies: &["Read the client's own log: it gave up, and only it knows why."],
    references: &[
        "RFC 8446 section 6.1",
        "RFC 8305 section 5 (connections that lose the race)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    if ending.by != Side::Client
        || ending.how != How::Closed
        || ending.reached == Reached::Complete
        || ending.asked_nothing()
    {
        return None;
    }
    let rejected = ending.rejection().is_some() && ending.waited() < AT_ONCE && !ending.accepted_elsewhere();
    let unheard = ending.reached == Reached::Hello && !ending.hello_arrived();
    let confidence = if rejected || unheard {
        Confidence::Possible
    } else {
        Confidence::Likely
    };
    let when = match ending.reached {
        Reached::Hello => "before the server had answered its ClientHello",
        _ => "in the middle of the handshake",
    };
    let summary = format!(
        "The client closed {when}, {} after its ClientHello and without an alert.",
        milliseconds(ending.age())
    );
    Some(
        ending
            .found(confidence, summary)
            .but("A close without a word gives no reason."),
    )
}
