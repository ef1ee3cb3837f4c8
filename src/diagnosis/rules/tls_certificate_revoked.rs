//! The client says that the server's certificate was revoked.

use crate::{
    attempt::Stage,
    diagnosis::{
        chain::Chain,
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::Ending,
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "tls.certificate-revoked",
    name: "certificate revoked",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "After the server's certificate the client sends the alert certificate_revoked (44).",
    means: "The issuer took the certificate back, and the client knows it from a revocation list, from OCSP, or from a list of its \
            own (RFC 8446 section 6.2).",
    ladder: "client                           server\n\
             |--- ClientHello ---------------->|\n\
             |<-- ServerHello, Certificate ----|\n\
             |--- Alert certificate_revoked -->|",
    confused_with: &[(
        "tls.unknown-ca",
        "a client that could not find out whether a certificate is revoked often says unknown_ca (48)",
    )],
    remedies: &[
        "Replace the certificate, with a new key if the old one may be known to others.",
        "Look up why it was revoked: issuers also do so after mistakes of their own.",
    ],
    references: &[
        "RFC 8446 section 6.2 (certificate_revoked)",
        "RFC 5280 section 5",
        "RFC 6960",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    ending.alert(Side::Client).filter(|alert| alert.description == 44)?;
    let found = ending.found(
        Confidence::Confirmed,
        "The client says that the server's certificate was revoked.",
    );
    Some(match Chain::of(case) {
        Some(chain) => found.shown_by(chain.at.packet, chain.in_words()),
        None => found,
    })
}
