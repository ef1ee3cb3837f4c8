//! The handshake has no Sec-WebSocket-Key, or none that counts.

use crate::{
    attempt::Stage,
    diagnosis::{
        defects::{self, Defect},
        reply::Reply,
        rule::{Case, Guide, Match, Rule},
    },
    websocket::KeyState,
};

pub(super) const RULE: Rule = Rule {
    id: "handshake.missing-key",
    name: "Sec-WebSocket-Key missing or malformed",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The request asks for a WebSocket without Sec-WebSocket-Key, with more than one, or with one that is not 16 octets \
           in base64. The answer is 400 or another reply.",
    means: "The key is the nonce from which the server computes its Sec-WebSocket-Accept. RFC 6455 section 4.2.1 wants exactly \
            one, 16 octets in base64, and section 4.2.2 lets the server stop with an error otherwise. Not every server looks: \
            some take any text and answer 101.",
    ladder: "client                      server\n\
             |--- GET, Upgrade, no key -->|\n\
             |<-- 400 --------------------|",
    confused_with: &[
        (
            "handshake.bad-version",
            "the version is what is wrong; servers look at it before or after the key",
        ),
        (
            "proxy.upgrade-header-stripped",
            "the request is sound where the client sent it, and loses fields on a hop",
        ),
        (
            "host.not-allowed",
            "a mute 400 for the Host field; other requests with the same Host tell",
        ),
    ],
    remedies: &[
        "Use a WebSocket library at the client: it makes a fresh key of 16 random octets in base64 for every handshake.",
        "With curl, send -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' beside Sec-WebSocket-Version: 13.",
        "If a gateway builds the handshake (API gateway, test tool, health check), look at what it sends to the backend.",
    ],
    references: &["RFC 6455 sections 4.1, 4.2.1, 4.2.2 and 11.3.1"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    let what = match defects::key(reply.request?) {
        KeyState::Good => return None,
        KeyState::Missing => "has no Sec-WebSocket-Key",
        KeyState::Repeated => "has more than one Sec-WebSocket-Key",
        KeyState::Malformed => "has a Sec-WebSocket-Key that is not 16 octets in base64",
    };
    defects::blame(&reply, Defect::Key, what)
}
