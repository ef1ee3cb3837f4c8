//! The two ends have no TLS version in common.

use crate::{
    attempt::{Stage, Tls},
    diagnosis::{
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::{Ending, Reached, name},
    },
    tcp::Side,
    tls::{ProtocolVersion, is_grease},
};

pub(super) const RULE: Rule = Rule {
    id: "tls.protocol-version",
    name: "no TLS version in common",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The alert protocol_version (70), by the server in answer to the ClientHello, or by the client in answer to a ServerHello \
           with a version that it does not want.",
    means: "Each end has a lowest and a highest version that it allows; the two ranges do not meet (RFC 8446 section 6.2). Old \
            clients stop at TLS 1.0 or 1.1, which RFC 8996 forbids and current servers refuse.",
    ladder: "client                        server\n\
             |--- ClientHello (versions) -->|\n\
             |<-- Alert protocol_version ---|",
    confused_with: &[
        (
            "tls.no-shared-cipher",
            "alert 40 or 71: a version was found, the rest was not; some servers say 40 for versions as well",
        ),
        (
            "tls.server-closed-on-hello",
            "some servers close without a word if the version does not suit them",
        ),
    ],
    remedies: &[
        "Bring the older end to TLS 1.2 or 1.3.",
        "See which versions each end allows (nginx: ssl_protocols; HAProxy: ssl-min-ver; OpenSSL: MinProtocol; Python: \
         SSLContext.minimum_version; Java: jdk.tls.disabledAlgorithms).",
    ],
    references: &["RFC 8446 sections 4.2.1 and 6.2 (protocol_version)", "RFC 8996"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let alert = ending.alert(ending.by).map(|alert| alert.description);
    let offer = offered(ending.tls);
    if alert == Some(70) {
        let chosen = ending.tls.facts.version().filter(|_| ending.by == Side::Client);
        let summary = match chosen {
            Some(version) => {
                format!("The client does not accept TLS {version}, which the server chose; it offered {offer}.")
            }
            None => format!(
                "The {} refuses the TLS version; the client offered {offer}.",
                name(ending.by)
            ),
        };
        return Some(ending.found(Confidence::Confirmed, summary));
    }
    unwanted(&ending, &offer).or_else(|| old(&ending, &offer))
}

/// The server chose what the client did not offer, and the client left.
fn unwanted(ending: &Ending<'_>, offer: &str) -> Option<Match> {
    let hello = ending.tls.facts.client_hello.as_ref()?;
    let version = ending.tls.facts.server_hello.as_ref()?.version;
    let unwanted = !hello.supported_versions.is_empty() && !hello.supported_versions.contains(&version);
    if !unwanted || ending.by != Side::Client || ending.reached > Reached::Flight {
        return None;
    }
    let summary = format!("The server chose TLS {version}; the client had offered {offer}, and left.");
    Some(ending.found(Confidence::Likely, summary).weighing(65))
}

/// A client that knows only what current servers refuse, and a server that gives no precise reason.
fn old(ending: &Ending<'_>, offer: &str) -> Option<Match> {
    let hello = ending.tls.facts.client_hello.as_ref()?;
    if hello.highest_version() >= ProtocolVersion::TLS_1_2
        || ending.by != Side::Server
        || ending.reached != Reached::Hello
    {
        return None;
    }
    let summary =
        format!("The server ended the handshake; the client offered {offer} only, which current servers refuse.");
    let found = ending.found(Confidence::Possible, summary).weighing(60);
    Some(found.but("The server did not say that the version is its reason."))
}

/// The versions that the client offers, for reading.
fn offered(tls: &Tls) -> String {
    let Some(hello) = &tls.facts.client_hello else {
        return "nothing that can be read".to_owned();
    };
    let listed = hello.supported_versions.iter().filter(|version| !is_grease(version.0));
    let names: Vec<String> = listed.take(6).map(|version| format!("TLS {version}")).collect();
    if names.is_empty() {
        format!("at most TLS {}", hello.version)
    } else {
        names.join(", ")
    }
}
