//! The client leaves right after the server's certificate, without a readable alert.

use crate::{
    attempt::Stage,
    diagnosis::{
        chain::{Chain, Distrust},
        rule::{Case, Confidence, Guide, Match, Outcome, Rule},
        tls_handshake::{AT_ONCE, Ending, Rejection},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "tls.client-rejected-certificate",
    name: "client leaves after the certificate",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The server's flight arrives, and the client answers it with FIN or a reset, or with one record of the length of an alert \
           (19 octets in TLS 1.3) in the place of its Finished. Or it completes the handshake and leaves at once without having \
           asked anything.",
    means: "The certificate is the one thing in the server's flight that clients commonly dislike. Some say so by an alert that \
            TLS 1.3 hides, some only close (Python's asyncio), some look at the certificate when the handshake is over (Node.js, \
            GnuTLS, Schannel). Lengths and timing are hints: a client that changed its mind looks the same.",
    ladder: "client                        server\n\
             |--- ClientHello ------------->|\n\
             |<-- ServerHello, {flight} ----|\n\
             |--- {19 octets} or nothing -->|\n\
             |--- FIN --------------------->|",
    confused_with: &[
        (
            "tls.unknown-ca",
            "the same with a readable alert 48; a silent client may mean it as well",
        ),
        (
            "tls.client-closed",
            "the client leaves before it has the server's flight, or long after",
        ),
        (
            "tls.opaque",
            "a client that asks something inside TLS has accepted the certificate",
        ),
    ],
    remedies: &[
        "Read the client's own error message; the alert, if there was one, is hidden by TLS 1.3.",
        "Check the certificate from the client's place: openssl s_client -connect HOST:PORT -servername NAME -showcerts.",
        "Capture again with the client's TLS secrets (SSLKEYLOGFILE) to read certificate and alert.",
    ],
    references: &["RFC 8446 sections 4.4.2.4, 5.2 and 6.2"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let rejection = ending.rejection()?;
    let chain = Chain::of(case);
    let fault = chain.as_ref().and_then(fault);
    let at_once = ending.waited() < AT_ONCE && !ending.accepted_elsewhere();
    let (confidence, what) = match rejection {
        Rejection::Told(_) => return None,
        Rejection::Hidden => (
            Confidence::Likely,
            "answered the server's certificate with a record of an alert's length, and no Finished",
        ),
        Rejection::Silent if at_once => (
            Confidence::Likely,
            "left right after the server's certificate, without a word",
        ),
        Rejection::Silent => (
            Confidence::Possible,
            "left after the server's certificate, without a word",
        ),
        // What the server said first may be the reason as well.
        Rejection::Late if fault.is_some() && !ending.tls.facts.server_alone_spoke() => (
            Confidence::Likely,
            "completed the handshake and left at once, without asking anything",
        ),
        Rejection::Late => (
            Confidence::Possible,
            "completed the handshake and left at once, without asking anything",
        ),
    };
    let summary = match &fault {
        Some(fault) => format!("The client {what}; {fault}."),
        None => format!("The client {what}."),
    };
    let mut found = ending.found(confidence, summary);
    // A probe that only wants to know whether TLS is spoken does the same.
    if rejection == Rejection::Late && fault.is_none() {
        found.outcome = Outcome::Undetermined;
    }
    if let (Rejection::Hidden, Some(reply)) = (rejection, ending.tls.client_reply) {
        found = found.shown_by(reply.at.packet, "the client's answer: one record of an alert's length");
    }
    if let Some(chain) = &chain {
        found = found.shown_by(chain.at.packet, chain.in_words());
    }
    Some(found.but("The client gave no readable reason: it may have left for another one."))
}

/// What can be held against the certificate, if it can be seen.
fn fault(chain: &Chain<'_>) -> Option<String> {
    let self_signed = || {
        chain.distrust().filter(|distrust| *distrust == Distrust::SelfSigned)?;
        Some("the server's certificate is signed by itself".to_owned())
    };
    chain.dates().or_else(|| chain.wrong_name()).or_else(self_signed)
}
