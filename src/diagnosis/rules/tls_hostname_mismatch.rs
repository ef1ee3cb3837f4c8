//! The server's certificate does not bear the name that the client asked for.

use crate::{
    attempt::Stage,
    diagnosis::{
        chain::Chain,
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::{Ending, Rejection, server_name},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "tls.hostname-mismatch",
    name: "certificate is for another name",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The ClientHello asks for a name; the certificate that comes back does not bear it, and the client leaves with the alert \
           bad_certificate (42), certificate_unknown (46) or handshake_failure (40).",
    means: "A client accepts a certificate only for the names in it (RFC 9525 section 6). The server has no certificate for that \
            name and showed its default one, or the name is served by another machine. There is no alert of its own for this; \
            the names in the capture tell it. In TLS 1.3 they are hidden: then only an alert 42 in the clear hints, since OpenSSL, \
            which sends it in the clear, has other alerts for issuers and dates.",
    ladder: "client                        server\n\
             |--- ClientHello (name a) ---->|\n\
             |<-- Certificate (name b) -----|\n\
             |--- Alert bad_certificate --->|",
    confused_with: &[
        (
            "tls.unknown-ca",
            "the name is in the certificate, its issuer is not trusted",
        ),
        (
            "tls.certificate-expired",
            "the name is in the certificate, its dates are wrong",
        ),
        (
            "tls.unrecognized-name",
            "there the server itself refuses the name, before any certificate",
        ),
    ],
    remedies: &[
        "Get a certificate whose subject alternative names hold the name that clients use; the common name alone is no longer enough.",
        "Give the server the certificate for that name (nginx: a server block with that server_name; others: SNI map), or let the \
         client use a name that the certificate bears.",
        "Clients that connect by address need the address among the alternative names.",
    ],
    references: &[
        "RFC 9525 section 6",
        "RFC 6066 section 3",
        "OpenSSL: X509_V_ERR_HOSTNAME_MISMATCH is told as bad_certificate",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let rejection = ending.rejection()?;
    let Some(chain) = Chain::of(case) else {
        return hidden(&ending, rejection);
    };
    let Some(wrong) = chain.wrong_name() else {
        return address(&ending, rejection, &chain);
    };
    let (confidence, weight) = match rejection {
        Rejection::Told(alert) if alert.description == 42 => (Confidence::Likely, 56),
        Rejection::Told(alert) if matches!(alert.description, 40 | 46) => (Confidence::Likely, 54),
        Rejection::Told(_) => return None,
        Rejection::Hidden | Rejection::Silent | Rejection::Late => (Confidence::Possible, 58),
    };
    let summary = format!("The client rejects the server's certificate, most likely for its name: {wrong}.");
    let found = ending
        .found(confidence, summary)
        .shown_by(chain.at.packet, wrong)
        .weighing(weight);
    Some(found.but("The client did not say that the name is its reason."))
}

/// Certificates are hidden and the alert is not: so writes OpenSSL, which says 42 for names, 48 for issuers, 45 for dates.
fn hidden(ending: &Ending<'_>, rejection: Rejection) -> Option<Match> {
    let Rejection::Told(alert) = rejection else { return None };
    let tls13 = ending.tls.facts.version().is_some_and(|version| version.is_tls13());
    let asked = server_name(ending.tls)?;
    if alert.description != 42 || !tls13 {
        return None;
    }
    let summary = format!(
        "The client rejects the server's certificate as bad; of a client that sends this alert in the clear, that usually means \
         that it is not for {asked}."
    );
    let found = ending.found(Confidence::Likely, summary).weighing(45);
    Some(found.but("The certificate is hidden by TLS 1.3; a weak key or a date in the future would be told alike."))
}

/// The client asked for no name, so it was given an address, and the certificate has none.
fn address(ending: &Ending<'_>, rejection: Rejection, chain: &Chain<'_>) -> Option<Match> {
    let told = matches!(rejection, Rejection::Told(alert) if matches!(alert.description, 40 | 42 | 46));
    if !told || !chain.lacks_address() {
        return None;
    }
    let summary =
        "The client asked for no name, as one does that connects by address, and the certificate bears no address.";
    let found = ending
        .found(Confidence::Possible, summary)
        .shown_by(chain.at.packet, chain.in_words());
    Some(found.but("The client asked for no server name, so it is not known what it compared the certificate with."))
}
