//! A certificate is out of its dates.

use crate::{
    attempt::Stage,
    diagnosis::{
        chain::Chain,
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::{Ending, Rejection},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "tls.certificate-expired",
    name: "certificate expired or not yet valid",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "Right after the certificate comes the alert certificate_expired (45). Clients that have only one alert for all \
           certificates send 42 or 46 instead; then the certificate's dates against the capture's clock tell it.",
    means: "A certificate is trusted only between its two dates (RFC 5280 section 4.1.2.5). If the dates are right by the \
            capture's clock and the client says they are not, the client's clock is wrong, or the certificate in question is \
            not the leaf.",
    ladder: "client                           server\n\
             |--- ClientHello ---------------->|\n\
             |<-- ServerHello, Certificate ----|\n\
             |--- Alert certificate_expired -->|",
    confused_with: &[
        (
            "tls.unknown-ca",
            "the dates are right, the issuer is not trusted: alert 48 where the client is that precise",
        ),
        ("tls.hostname-mismatch", "the dates are right, the name is missing"),
    ],
    remedies: &[
        "Renew the certificate and have the server load it again: many servers read it only at their start.",
        "If its dates are right, set the clock of the end that complains (containers and small devices often start in the past).",
    ],
    references: &["RFC 8446 section 6.2 (certificate_expired)", "RFC 5280 section 4.1.2.5"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    if ending.alert(Side::Server).is_some_and(|alert| alert.description == 45) {
        return Some(ending.found(
            Confidence::Confirmed,
            "The server says that the client's certificate is out of its dates.",
        ));
    }
    let chain = Chain::of(case);
    let dates = chain.as_ref().and_then(Chain::dates);
    let (confidence, weight) = match ending.rejection()? {
        Rejection::Told(alert) if alert.description == 45 => (Confidence::Confirmed, 50),
        // Go looks at the dates first and says bad_certificate to all; Java says certificate_unknown and begins with the issuer.
        Rejection::Told(alert) if alert.description == 42 && dates.is_some() => (Confidence::Likely, 60),
        Rejection::Told(alert) if alert.description == 46 && dates.is_some() => (Confidence::Likely, 58),
        Rejection::Hidden | Rejection::Silent | Rejection::Late if dates.is_some() => (Confidence::Possible, 62),
        _ => return None,
    };
    let summary = match &dates {
        Some(dates) => format!("The client rejects the server's certificate for its dates: {dates}."),
        None => "The client says that the server's certificate is out of its dates.".to_owned(),
    };
    let found = ending.found(confidence, summary).weighing(weight);
    let found = match &chain {
        Some(chain) => found.shown_by(chain.at.packet, dates.clone().unwrap_or_else(|| chain.in_words())),
        None => found,
    };
    let found = match (&chain, &dates) {
        (Some(_), None) => found
            .advising("By the capture's clock the certificate's dates are right: compare it with the client's clock."),
        _ => found,
    };
    Some(found.but("The client did not say that the dates are its reason."))
}
