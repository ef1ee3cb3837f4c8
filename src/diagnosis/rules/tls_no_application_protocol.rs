//! The server speaks none of the protocols that the client offers by ALPN.

use crate::{
    attempt::Stage,
    diagnosis::{
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::Ending,
    },
    http::printable,
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "tls.no-application-protocol",
    name: "no application protocol in common",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The server answers the ClientHello with the alert no_application_protocol (120).",
    means: "The client lists by ALPN what it wants to speak inside TLS, and the server speaks none of it (RFC 7301 section 3.2): \
            for instance a server of HTTP/2 alone and a WebSocket client that offers http/1.1 only.",
    ladder: "client                           server\n\
             |--- ClientHello (ALPN) --------->|\n\
             |<-- Alert no_application_protocol|",
    confused_with: &[(
        "tls.alpn-h2-but-http11",
        "there a protocol was agreed on, and another is spoken",
    )],
    remedies: &[
        "Let the server offer http/1.1 beside h2 (nginx and HAProxy: alpn h2,http/1.1), or support WebSockets over HTTP/2 (RFC 8441) \
         on both ends.",
        "See that the port serves HTTP at all: mail, MQTT or a mesh's inner ports have protocols of their own.",
    ],
    references: &["RFC 7301 section 3.2"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    ending.alert(Side::Server).filter(|alert| alert.description == 120)?;
    let offered = &ending.tls.facts.client_hello.as_ref()?.alpn;
    let names: Vec<String> = offered.iter().take(4).map(|name| printable(name, 32)).collect();
    let summary = format!(
        "The server speaks none of the protocols that the client offers by ALPN: {}.",
        names.join(", ")
    );
    Some(ending.found(Confidence::Confirmed, summary))
}
