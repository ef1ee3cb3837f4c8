//! The server wants a certificate of the client, and got none or one that it does not accept.

use crate::{
    attempt::Stage,
    diagnosis::{
        rule::{Case, Confidence, Guide, Match, Outcome, Rule},
        speaker::speaker,
        tls_handshake::{ClientCertificate, Ending},
    },
    tcp::Side,
    tls,
};

pub(super) const RULE: Rule = Rule {
    id: "tls.client-certificate-required",
    name: "client certificate required",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls, Stage::Response],
    sees: "The server asks for a certificate (CertificateRequest), the client answers with an empty one, and the server ends the \
           handshake: alert certificate_required (116), handshake_failure (40), bad_certificate (42), or a bare FIN. In TLS 1.3 all \
           this is hidden, but an empty Certificate is a record of 25 octets in front of Finished. Some servers complete the \
           handshake and refuse the request instead (nginx: 400).",
    means: "The server lets in only clients that prove who they are by a certificate (mutual TLS). The client has none, was not \
            told to use it, or its certificate is not from an issuer that the server trusts.",
    ladder: "client                          server\n\
             |--- ClientHello --------------->|\n\
             |<-- ServerHello, {request} -----|\n\
             |--- {25: no certificate} ------>|\n\
             |--- {Finished} ---------------->|\n\
             |<-- {19: alert}, FIN -----------|",
    confused_with: &[
        ("tls.no-shared-cipher", "alert 40 before any certificate"),
        (
            "tls.server-closed",
            "the server closes without having asked for a certificate",
        ),
        (
            "tls.bad-certificate",
            "there the client rejects the server's certificate",
        ),
    ],
    remedies: &[
        "Give the client its certificate and key (curl: --cert, --key; websockets: SSLContext.load_cert_chain; Node.js: cert, key; \
         browsers: import it and choose it when asked).",
        "If it has one, see that the server trusts its issuer (nginx: ssl_client_certificate; HAProxy: ca-file; uvicorn: \
         --ssl-ca-certs), that it is not expired and allows client authentication.",
        "If clients need none, let the server not ask (nginx: ssl_verify_client off or optional; uvicorn: --ssl-cert-reqs 0).",
    ],
    references: &[
        "RFC 8446 sections 4.3.2, 4.4.2 and 6.2 (certificate_required)",
        "RFC 5246 section 7.4.6",
        "nginx: ssl_verify_client",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    match case.attempt.stage {
        Stage::Response => refused_inside(case),
        _ => in_handshake(&Ending::of(case)?),
    }
}

fn in_handshake(ending: &Ending<'_>) -> Option<Match> {
    let alert = ending.alert(Side::Server).map(|alert| alert.description);
    if alert == Some(116) {
        return Some(ending.found(
            Confidence::Confirmed,
            "The server requires a certificate of the client, and got none.",
        ));
    }
    let chain = ending.tls.facts.client_certificates.is_some();
    let found = match (ending.client_certificate()?, alert) {
        // RFC 5246 section 7.4.6 has this very alert for it.
        (ClientCertificate::Missing, Some(40)) if chain => ending.found(Confidence::Confirmed, MISSING),
        (ClientCertificate::Missing, _) if chain => ending.found(Confidence::Likely, MISSING),
        (ClientCertificate::Missing, _) => ending.found(
            Confidence::Likely,
            "The client answered the server with records of the lengths of an empty certificate and Finished, and the server ended \
             the connection: it seems to require a certificate.",
        ),
        (ClientCertificate::Refused, Some(42..=44 | 46 | 48 | 49)) => ending.found(Confidence::Confirmed, REFUSED),
        (ClientCertificate::Refused, _) => ending.found(Confidence::Likely, REFUSED),
    };
    let found = match ending.tls.client_reply {
        Some(reply) => found.shown_by(reply.at.packet, answer_in_words(ending)),
        None => found,
    };
    Some(found.weighing(70).but("The server gave no reason that can be read."))
}

/// What the client answered to the server's flight, for evidence.
fn answer_in_words(ending: &Ending<'_>) -> String {
    let own = ending
        .tls
        .facts
        .encrypted_of(tls::Side::Client)
        .take(2)
        .map(|record| format!("{} octets", record.length));
    let lengths: Vec<String> = own.collect();
    match &ending.tls.facts.client_certificates {
        Some(chain) if chain.is_empty() => "the client answers with an empty Certificate".to_owned(),
        Some(_) => "the client answers with its certificate".to_owned(),
        None => format!("the client answers with protected records of {}", lengths.join(" and ")),
    }
}

const MISSING: &str = "The server asked for a certificate of the client, got none, and ended the handshake.";
const REFUSED: &str = "The server ended the handshake over the certificate that the client gave.";

/// A server that completes the handshake first says it in its answer.
fn refused_inside(case: &Case<'_>) -> Option<Match> {
    const PHRASES: &[&str] = &[
        "no required ssl certificate was sent",
        "the ssl certificate error",
        "client certificate * required",
        "client certificate required",
        "requires * client certificate",
        "client certificate * untrusted",
        "client certificate * revoked",
    ];
    case.words().say(PHRASES)?;
    let response = case.attempt.response.as_ref()?;
    let summary = format!(
        "The server answered {} for want of a client certificate that it accepts.",
        response.head.status
    );
    let found = Match::new(
        Confidence::Confirmed,
        Outcome::of_status(response.head.status),
        speaker(case),
        summary,
    );
    Some(
        found
            .shown_by(response.first.at.packet, case.quoted().to_owned())
            .weighing(70),
    )
}
