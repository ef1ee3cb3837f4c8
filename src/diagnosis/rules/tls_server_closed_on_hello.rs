//! The server closes in answer to the ClientHello.

use crate::{
    attempt::Stage,
    diagnosis::{
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::{Ending, How, PATIENCE, Reached},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "tls.server-closed-on-hello",
    name: "server closes on ClientHello",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The server answers the ClientHello with FIN and not one octet.",
    means: "The server's program took the connection and gave it up: it has no site for that name and is told to close, its TLS is \
            not set up (no certificate loaded), a proxy that passes TLS through found no backend, the version does not suit it, or it \
            does not speak TLS.",
    ladder: "client                        server\n\
             |--- ClientHello ------------->|\n\
             |<-- ACK ----------------------|\n\
             |<-- FIN ----------------------|",
    confused_with: &[
        ("tls.server-reset-on-hello", "the same by a reset"),
        (
            "tls.server-speaks-plaintext",
            "the port answers plain HTTP elsewhere in the capture",
        ),
        (
            "firewall.fin-injected",
            "the FIN bears marks of another sender than the SYN-ACK",
        ),
        ("tls.handshake-timeout", "the server closes after a long pause"),
    ],
    remedies: &[
        "Read the error log of what ends TLS at that port: certificate and key loaded, name configured, backend reachable.",
        "If ws:// is served there and not wss://, change the URL's scheme or port.",
    ],
    references: &[
        "RFC 8446 section 6 (a closing end ought to send an alert)",
        "HAProxy: tcp-request content reject",
        "nginx: stream ssl_preread",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let fits = ending.by == Side::Server && ending.how == How::Closed && ending.reached == Reached::Hello;
    if !fits || ending.tls.not_tls.is_some() || case.attempt.connection.from_server.data.is_some() {
        return None;
    }
    let confidence = if ending.waited() < PATIENCE {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    let found = ending.found(
        confidence,
        "The server closed the connection in answer to the ClientHello, without a word.",
    );
    Some(found.but("A close without a word gives no reason."))
}
