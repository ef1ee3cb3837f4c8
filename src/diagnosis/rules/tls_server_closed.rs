//! The server closes in the middle of the handshake, without an alert.

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
    id: "tls.server-closed",
    name: "server closes during the handshake",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The server answers the ClientHello, and then sends FIN or a reset before the handshake is complete, without an alert.",
    means: "The server's program gave the connection up half-way: it did not like what the client sent (a certificate, a Finished), it \
            was restarted, it crashed, or its time limit passed.",
    ladder: "client                        server\n\
             |--- ClientHello ------------->|\n\
             |<-- ServerHello, ... ---------|\n\
             |--- {Finished} -------------->|\n\
             |<-- FIN ----------------------|",
    confused_with: &[
        (
            "tls.client-certificate-required",
            "the server had asked for a certificate, and the client gave an empty one",
        ),
        (
            "tls.handshake-timeout",
            "the server closes after a long pause in which the client said nothing",
        ),
        (
            "tls.server-closed-on-hello",
            "the server closes before it has answered at all",
        ),
    ],
    remedies: &[
        "Read the server's log of TLS errors for that moment (nginx: error_log info; HAProxy: no option dontlognull).",
    ],
    references: &["RFC 8446 section 6"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let half_way = matches!(ending.reached, Reached::Answer | Reached::Flight | Reached::Reply);
    if !ending.left(Side::Server) || !half_way || ending.rejection() == Some(Rejection::Hidden) {
        return None;
    }
    // A server that waited for more was left alone; so was one whose client had nothing to ask.
    let waited = ending.waited();
    if ending.asked_nothing() && waited >= AT_ONCE {
        return None;
    }
    let confidence = if waited < AT_ONCE {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    let what = if ending.how == How::Reset { "reset" } else { "closed" };
    let summary = format!(
        "The server {what} the connection in the middle of the handshake, {} after the ClientHello and without an alert.",
        milliseconds(ending.age())
    );
    Some(
        ending
            .found(confidence, summary)
            .but("A close without a word gives no reason."),
    )
}
