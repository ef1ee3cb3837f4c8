//! The server finds nothing in the ClientHello that it could work with.

use crate::{
    attempt::{Attempt, Stage},
    diagnosis::{
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::{Ending, Reached},
    },
    tcp::Side,
    tls::{ClientHello, cipher_suite_name, is_grease},
};

pub(super) const RULE: Rule = Rule {
    id: "tls.no-shared-cipher",
    name: "no cipher suite in common",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The server answers the ClientHello with the alert handshake_failure (40) or insufficient_security (71), and nothing else.",
    means: "Of the cipher suites, groups and signature algorithms that the client offers, the server allows none, or none that goes \
            with its certificate: an RSA certificate cannot serve a client that offers ECDSA suites only (RFC 8446 section 4.1.1). \
            Some servers and content networks also say 40 to a name that they do not know.",
    ladder: "client                        server\n\
             |--- ClientHello (suites) ---->|\n\
             |<-- Alert handshake_failure --|\n\
             |<-- FIN ----------------------|",
    confused_with: &[
        (
            "tls.protocol-version",
            "alert 70; but some servers say 40 to a version that they do not want",
        ),
        (
            "tls.unrecognized-name",
            "the same offer passes with another server name",
        ),
        (
            "tls.client-certificate-required",
            "alert 40 after the client's empty certificate",
        ),
    ],
    remedies: &[
        "Compare the suites that the client offers with those that the server allows (nginx: ssl_ciphers; HAProxy: \
         ssl-default-bind-ciphers; OpenSSL: @SECLEVEL): current ECDHE suites with AES-GCM or ChaCha20 on both sides.",
        "See that the kind of the server's certificate (RSA or ECDSA) goes with the suites, or give the server one of each.",
    ],
    references: &[
        "RFC 8446 sections 4.1.1 and 6.2 (handshake_failure, insufficient_security)",
        "RFC 9325 section 4.2",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let alert = ending.alert(Side::Server)?;
    let facts = &ending.tls.facts;
    let retried = facts.hello_retry_request && facts.server_hello.is_none();
    let fits = match alert.description {
        40 | 71 => ending.reached == Reached::Hello || retried,
        47 => retried,
        _ => false,
    };
    let hello = facts.client_hello.as_ref().filter(|_| fits)?;
    let summary = format!(
        "The server accepts nothing of what the client offers ({}).",
        offer(hello)
    );
    let (confidence, passed) = match control(case, hello) {
        Some(Control::OtherSuites(other)) => (Confidence::Confirmed, Some(other)),
        Some(Control::OtherName) => (Confidence::Possible, None),
        None if alert.description == 71 => (Confidence::Confirmed, None),
        None => (Confidence::Likely, None),
    };
    let found = ending.found(confidence, summary).weighing(60);
    let found = found.but("The alert names no reason, and the same offer passes with another server name.");
    Some(match passed.and_then(|other| other.tls.as_ref()?.client_hello) {
        Some(other) => found.shown_by(other.at.packet, "the same server name passes with other cipher suites"),
        None => found,
    })
}

/// What another handshake with this server, which completed, did differently.
enum Control<'a> {
    /// The same name, other cipher suites.
    OtherSuites(&'a Attempt),
    /// The same cipher suites, another name.
    OtherName,
}

fn control<'a>(case: &Case<'a>, hello: &ClientHello) -> Option<Control<'a>> {
    let mut passed = case
        .survey
        .handshakes_at(case.attempt.connection.server)
        .filter_map(|other| {
            let theirs = other.tls.as_ref()?.facts.client_hello.as_ref()?;
            match (theirs.sni == hello.sni, theirs.cipher_suites == hello.cipher_suites) {
                (true, false) => Some(Control::OtherSuites(other)),
                (false, true) => Some(Control::OtherName),
                _ => None,
            }
        });
    passed.next()
}

/// The client's offer, for reading.
fn offer(hello: &ClientHello) -> String {
    const TOLD: usize = 3;
    // Signals are no suites: TLS_EMPTY_RENEGOTIATION_INFO_SCSV and TLS_FALLBACK_SCSV.
    let real = |&suite: &u16| !is_grease(suite) && !matches!(suite, 0x00ff | 0x5600);
    let suites: Vec<u16> = hello.cipher_suites.iter().copied().filter(real).collect();
    let names: Vec<String> = suites
        .iter()
        .take(TOLD)
        .map(|&suite| cipher_suite_name(suite))
        .collect();
    match suites.len().saturating_sub(TOLD) {
        0 => names.join(", "),
        more => format!("{} and {more} more cipher suites", names.join(", ")),
    }
}
