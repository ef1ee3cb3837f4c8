//! A fatal alert that no other cause explains.

use crate::{
    attempt::Stage,
    diagnosis::{
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::{Ending, Reached, name},
    },
    tcp::Side,
    tls::Alert,
};

pub(super) const RULE: Rule = Rule {
    id: "tls.alert-other",
    name: "another fatal TLS alert",
    guide: Some(Guide::Server),
    stages: &[Stage::Tls],
    sees: "One end ends the handshake with a fatal alert other than those that have a cause of their own.",
    means: "The alert's name tells what its sender minds (RFC 8446 section 6.2). Most such alerts come from faults of a TLS library, from \
            boxes that change what passes through, or from ends that fit badly.",
    ladder: "client                        server\n\
             |--- ClientHello ------------->|\n\
             |<-- Alert --------------------|",
    confused_with: &[
        (
            "tls.no-shared-cipher",
            "alerts 40 and 71 by the server in answer to the ClientHello",
        ),
        ("tls.bad-certificate", "alerts 42, 43 and 46 after a certificate"),
    ],
    remedies: &["Look the alert up in the sender's log: the program that sent it also wrote down why."],
    references: &["RFC 8446 section 6.2", "IANA: TLS Alerts"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let ending = Ending::of(case)?;
    let alert = ending
        .alert(ending.by)
        .filter(|&alert| !has_its_own_cause(&ending, alert))?;
    let who = name(ending.by);
    let summary = match meaning(alert) {
        Some(meaning) => format!("The {who} ended the handshake with the alert {alert}: {meaning}."),
        None => format!("The {who} ended the handshake with the alert {alert}."),
    };
    // These two say only that something failed.
    let (confidence, weight) = if matches!(alert.description, 40 | 80) {
        (Confidence::Likely, 30)
    } else {
        (Confidence::Confirmed, 40)
    };
    Some(
        ending
            .found(confidence, summary)
            .weighing(weight)
            .but("The alert gives no reason; what else the capture shows does."),
    )
}

/// Whether another rule of the catalogue is about this alert at this place.
fn has_its_own_cause(ending: &Ending<'_>, alert: Alert) -> bool {
    match (ending.by, alert.description) {
        (_, 42 | 43 | 45 | 46 | 70) => true,
        (Side::Client, 44 | 48) => ending.reached >= Reached::Answer,
        (Side::Server, 112 | 116 | 120) => true,
        (Side::Server, 40 | 71) => ending.reached == Reached::Hello,
        _ => false,
    }
}

/// What the sender minds.
fn meaning(alert: Alert) -> Option<&'static str> {
    Some(match alert.description {
        10 => "a message came that has no place there",
        20 | 21 => "a record could not be decrypted; keys differ, or a box changed what it carried",
        22 => "a record is too long",
        30 => "something could not be decompressed",
        40 => "what was offered cannot be used, it does not say why",
        47 => "a field of the other end's message does not make sense",
        49 => "the certificate is valid, but its bearer is not let in",
        50 => "a message could not be parsed",
        51 => "a signature or a Finished is wrong",
        60 => "export rules of old forbid it",
        71 => "what was offered is too weak",
        80 => "something failed inside it; servers also say so if they have no certificate for the name asked for",
        86 => "the client came back with a lower version than the server speaks, after a first try that failed",
        100 => "it does not negotiate anew on a connection",
        109 => "an extension is missing that the version requires",
        110 => "an extension came that was not asked for",
        111 => "it could not fetch a certificate",
        113 => "the OCSP answer that the server sent along is not acceptable",
        114 => "a certificate does not fit its hash",
        115 => "it does not know the pre-shared key's name",
        121 => "it insists on an encrypted ClientHello",
        _ => return None,
    })
}
