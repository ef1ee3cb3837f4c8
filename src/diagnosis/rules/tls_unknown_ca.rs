//! The client does not trust whoever issued the server's certificate.

use crate::{
    attempt::Stage,
    diagnosis::{
        chain::{Chain, Distrust},
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::{Ending, Rejection},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "tls.unknown-ca",
    name: "issuer of the certificate not trusted",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "Right after the server's certificate the client sends the alert unknown_ca (48) and leaves. Clients that have only one \
           alert for all certificates send 42 or 46 instead; then a certificate that is signed by itself, or that comes without \
           its issuer, tells it.",
    means: "The client found no way from the server's certificate to an issuer that it trusts: the certificate is signed by \
            itself, its issuer is private, or the server does not send the certificates in between (RFC 8446 section 6.2). The \
            upgrade was never asked for.",
    ladder: "client                      server\n\
             |--- ClientHello ----------->|\n\
             |<-- ServerHello, Certificate|\n\
             |--- Alert unknown_ca (48) ->|\n\
             |--- FIN ------------------->|",
    confused_with: &[
        (
            "tls.hostname-mismatch",
            "the issuer is fine, the name is not: alert 42 or 46, and a leaf that lacks the server name",
        ),
        (
            "tls.certificate-expired",
            "the dates are wrong by the capture's clock: alert 45 where the client is that precise",
        ),
        (
            "tls.client-certificate-required",
            "there the server rejects the client's certificate: the alert comes from the server",
        ),
    ],
    remedies: &[
        "Let the server send its whole chain, leaf first and the certificates in between behind it (nginx: ssl_certificate with \
         fullchain.pem; uvicorn: --ssl-certfile with the chain).",
        "For a private issuer, give its root to the client: the system's trust store, SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, a Java \
         truststore. Do not turn verification off.",
        "If the issuer's name is that of an inspecting proxy, have the proxy's root installed or the host exempted from inspection.",
    ],
    references: &[
        "RFC 8446 section 6.2 (unknown_ca)",
        "RFC 5280 section 6",
        "OpenSSL: s_client -showcerts, verify error codes 18 to 21",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let chain = Chain::of(case);
    match ending.rejection()? {
        Rejection::Told(alert) if alert.description == 48 => Some(told(&ending, chain.as_ref())),
        Rejection::Told(alert) if matches!(alert.description, 42 | 46) => {
            concluded(&ending, &chain?, alert.description == 46)
        }
        Rejection::Told(_) => None,
        Rejection::Hidden | Rejection::Silent | Rejection::Late => guessed(&ending, &chain?),
    }
}

/// The client says so.
fn told(ending: &Ending<'_>, chain: Option<&Chain<'_>>) -> Match {
    let summary = match chain {
        Some(chain) => format!(
            "The client does not trust the issuer of the server's certificate: {}.",
            reason(chain)
        ),
        None => "The client does not trust the issuer of the server's certificate.".to_owned(),
    };
    with_certificate(ending.found(Confidence::Confirmed, summary), chain)
}

/// The alert only says that the certificate is bad; the chain says why.
fn concluded(ending: &Ending<'_>, chain: &Chain<'_>, unknown: bool) -> Option<Match> {
    let distrust = chain.distrust()?;
    let summary = format!(
        "The client rejects the server's certificate, most likely for its issuer: {}.",
        reason(chain)
    );
    // Java says certificate_unknown, and looks for the issuer before anything else; Go says bad_certificate, and looks for it last.
    let weight = match (distrust, unknown) {
        (Distrust::SelfSigned, true) => 64,
        (_, true) => 50,
        (_, false) => 48,
    };
    let found = with_certificate(ending.found(Confidence::Likely, summary), Some(chain)).weighing(weight);
    Some(found.but(
        "The alert only says that the certificate is bad; an issuer that is not public may be known to this client.",
    ))
}

/// The client says nothing, but it had a reason.
fn guessed(ending: &Ending<'_>, chain: &Chain<'_>) -> Option<Match> {
    chain.distrust().filter(|distrust| *distrust == Distrust::SelfSigned)?;
    let summary = "The client left after the server's certificate, which is signed by itself.";
    let found = with_certificate(ending.found(Confidence::Possible, summary), Some(chain)).weighing(60);
    Some(found.but("The client gave no reason; a certificate that is signed by itself is one."))
}

fn reason(chain: &Chain<'_>) -> String {
    match chain.distrust() {
        Some(Distrust::SelfSigned) => "it is signed by itself".to_owned(),
        Some(Distrust::PrivateRoot) => format!(
            "it was issued by {} under a root that the server sends along",
            chain.issuer()
        ),
        Some(Distrust::Alone) => format!(
            "it was issued by {}, and the server sends no certificate of that issuer",
            chain.issuer()
        ),
        None => format!("it was issued by {}", chain.issuer()),
    }
}

fn with_certificate(found: Match, chain: Option<&Chain<'_>>) -> Match {
    match chain {
        Some(chain) => found.shown_by(chain.at.packet, chain.in_words()),
        None => found,
    }
}
