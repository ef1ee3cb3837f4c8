//! The server resets the connection in answer to the ClientHello.

use crate::{
    attempt::Stage,
    diagnosis::{
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::{Ending, How, Reached},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "tls.server-reset-on-hello",
    name: "server resets on ClientHello",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The server answers the ClientHello with a reset whose TTL, numbers and timing are those of its other segments.",
    means: "The server's host ended the connection itself: its program closed with the ClientHello unread (it does not expect TLS, or \
            refuses the client before it reads), it crashed, or it resets on purpose. A reset that another machine wrote usually \
            betrays itself by its marks, and this one does not.",
    ladder: "client                        server\n\
             |--- ClientHello ------------->|\n\
             |<-- RST ----------------------|",
    confused_with: &[
        (
            "firewall.sni-rst",
            "the reset bears marks of another sender, or only one server name is reset",
        ),
        ("firewall.rst-injected", "the same for any first data"),
        ("tls.server-closed-on-hello", "the same by FIN"),
        (
            "tls.server-speaks-plaintext",
            "the port answers plain HTTP elsewhere in the capture",
        ),
    ],
    remedies: &[
        "Capture at the server at the same time: if it does not send this reset, a machine on the way does.",
        "At the server, look for a program that died or an access list that resets (tcp wrappers, HAProxy silent rejects).",
        "Try another server name on the same address and port: if that passes, the name decides.",
    ],
    references: &[
        "RFC 9293 section 3.6.1 (a reset if data is unread at close)",
        "RFC 8446 section 6",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let fits = ending.by == Side::Server && ending.how == How::Reset && ending.reached == Reached::Hello;
    if !fits || case.attempt.connection.from_server.data.is_some() {
        return None;
    }
    let found = ending.found(
        Confidence::Likely,
        "The server's host reset the connection in answer to the ClientHello.",
    );
    Some(found.but("A machine on the way can write such a reset as well, if it takes care of its marks."))
}
