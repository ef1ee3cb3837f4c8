//! A certificate was rejected as bad, and nothing in the capture says more.

use crate::{
    attempt::Stage,
    diagnosis::{
        chain::Chain,
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::{Ending, name},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "tls.bad-certificate",
    name: "certificate rejected as bad",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "The alert bad_certificate (42), unsupported_certificate (43) or certificate_unknown (46) after a certificate whose name, \
           dates and issuer show no fault, or cannot be seen.",
    means: "Alerts 42 and 46 stand for anything: several TLS libraries send the same one whatever is wrong. Where name, dates and \
            issuer are in order, a weak key or signature, a purpose that does not fit, a pinned key or a check of the application \
            are left.",
    ladder: "client                        server\n\
             |--- ClientHello ------------->|\n\
             |<-- ServerHello, Certificate -|\n\
             |--- Alert 42, 43 or 46 ------>|",
    confused_with: &[
        (
            "tls.unknown-ca",
            "Go and Java send 42 and 46 for issuers that they do not trust as well",
        ),
        (
            "tls.hostname-mismatch",
            "OpenSSL, Go and Java send 42 or 46 for a wrong name as well",
        ),
        (
            "tls.client-certificate-required",
            "the alert comes from the server, after the client's certificate",
        ),
    ],
    remedies: &[
        "Read the client's own error message: it is more precise than the alert.",
        "Check key size and signature algorithm, extended key usage (server authentication), and pinned keys in the client.",
    ],
    references: &["RFC 8446 section 6.2 (bad_certificate, unsupported_certificate, certificate_unknown)"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let alert = ending.alert(ending.by)?;
    let what = match alert.description {
        42 => "bad",
        43 => "of a kind that it does not support",
        46 => "not acceptable",
        _ => return None,
    };
    let summary = format!(
        "The {} rejects the certificate of the other end as {what}, and does not say why.",
        name(ending.by)
    );
    // Unsupported is a reason; bad and unknown only say that there is one.
    let (confidence, weight) = if alert.description == 43 {
        (Confidence::Confirmed, 50)
    } else {
        (Confidence::Likely, 40)
    };
    let found = ending.found(confidence, summary).weighing(weight);
    let found = found.but("The alert gives no reason; what else the capture shows does.");
    Some(match Chain::of(case) {
        Some(chain) => found.shown_by(chain.at.packet, chain.in_words()),
        None => found,
    })
}
