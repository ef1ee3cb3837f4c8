//! TLS completed and its inside cannot be read.

use crate::{
    attempt::{Attempt, Stage, Tls},
    diagnosis::{
        protected::{Looks, looks, weighs_like},
        rule::{Case, Confidence, Match, Outcome, Rule, SaidBy},
        tls_handshake::{AT_ONCE, Ending, Rejection, asked_nothing},
    },
    tcp::Side,
    tls::{Decryption, FirstExchange},
};

pub(super) const RULE: Rule = Rule {
    id: "tls.opaque",
    name: "inside of TLS not readable",
    guide: None,
    stages: &[Stage::Tls],
    sees: "The TLS handshake completes and protected records go both ways. Request and answer are in them, and the secrets to \
           read them are not at hand.",
    means: "Whether an upgrade was asked for, and what was answered, cannot be told from the outside. Lengths and the way it ended may \
            hint at the answer: a short answer after which the server says goodbye looks like a refusal, an answer of the weight of a 101 \
            and small records after it look like a WebSocket. A hint is not a verdict.",
    ladder: "client                      server\n\
             |--- ClientHello ----------->|\n\
             |<-- ServerHello, ... -------|\n\
             |--- protected records ----->|\n\
             |<-- protected records ------|",
    confused_with: &[
        ("tls.handshake-timeout", "there the handshake does not complete"),
        (
            "tls.client-certificate-required",
            "the handshake completes for the client, and the server ends it for want of a certificate",
        ),
        (
            "tls.client-rejected-certificate",
            "the client completes the handshake and leaves without asking anything",
        ),
    ],
    remedies: &[
        "Capture again with the client's or server's TLS secrets: set SSLKEYLOGFILE for the client, or capture behind the point \
         where TLS ends.",
    ],
    references: &["RFC 8446 section 5.2", "NSS key log format", "RFC 6455 section 4"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let tls = case
        .attempt
        .tls
        .as_deref()
        .filter(|tls| tls.is_complete() || asked_nothing(tls))?;
    let at = tls.completed.or(tls.last_record.map(|(_, at)| at))?;
    if Ending::of(case).is_some_and(|ending| ended_by_handshake(&ending)) {
        return None;
    }
    let lacking = match tls.facts.decryption {
        Decryption::Opened => "TLS completed, and nothing was asked inside it that can be read.",
        Decryption::NoSecrets => "TLS completed; its inside cannot be read, for none of the secrets given is for it.",
        Decryption::Failed => "TLS completed; its inside cannot be read, for the secrets given do not open it.",
        Decryption::Unsupported => {
            "TLS completed; its inside cannot be read, for its cipher suite is not one that is opened here."
        }
        Decryption::Untried => "TLS completed; its inside cannot be read without its secrets.",
    };
    let summary = match hint(case.attempt, tls) {
        Some(hint) => format!("{lacking} A hint, no verdict: {hint}."),
        None => lacking.to_owned(),
    };
    let found = Match::new(Confidence::Confirmed, Outcome::Undetermined, SaidBy::Unknown, summary).shown_by(
        at.packet,
        "the TLS handshake is complete; from here on everything is protected",
    );
    let closed = first_to_close(case.attempt).and_then(|side| case.attempt.connection.from(side).fin.as_deref());
    Some(match closed {
        Some(fin) => found.shown_by(fin.at.packet, "the first FIN"),
        None => found,
    })
}

/// Whether it ended over the handshake, though that looks complete: over a certificate, or at the client's Finished.
fn ended_by_handshake(ending: &Ending<'_>) -> bool {
    let at_finished = !ending.tls.is_complete() && ending.left(Side::Server) && ending.waited() < AT_ONCE;
    at_finished || ending.client_certificate().is_some() || ending.rejection() == Some(Rejection::Late)
}

/// What lengths, offers and the end look like.
fn hint(attempt: &Attempt, tls: &Tls) -> Option<String> {
    if asked_nothing(tls) {
        return Some("the client asked nothing inside it".to_owned());
    }
    let offers = &tls.facts.client_hello.as_ref()?.alpn;
    // HTTP/2 has small frames of its own, so that lengths say little.
    if offers.iter().any(|name| **name == *b"h2") {
        return None;
    }
    let exchange = FirstExchange::of(&tls.facts)?;
    let (asked, answered) = (exchange.asked, exchange.answered());
    let about = if exchange.tolerance > 0 { "about " } else { "" };
    let looks = match looks(&exchange, first_to_close(attempt)) {
        Looks::Switch => format!(
            "{about}{asked} octets were asked, the first answer has {about}{} and small records follow, as after a switch to a WebSocket",
            exchange.answers.first()?
        ),
        Looks::Refusal => format!(
            "{about}{asked} octets were asked, and nothing followed an answer of {about}{answered}, as after a refusal{}",
            weighs_like(&exchange)
                .map(|whose| format!(" ({whose} has that length)"))
                .unwrap_or_default()
        ),
        Looks::NoAnswer => format!("{about}{asked} octets were asked, and the server left without an answer"),
        Looks::TooShort => {
            format!("{about}{asked} octets were asked, fewer than the handshake of a WebSocket takes")
        }
        Looks::Nothing => format!("{about}{asked} octets were asked and {about}{answered} answered"),
    };
    let alone = matches!(offers.as_slice(), [one] if **one == *b"http/1.1");
    let offer = if alone {
        "; the client offers http/1.1 alone, as browsers do for WebSockets"
    } else {
        ""
    };
    Some(format!("{looks}{offer}"))
}

/// The side whose FIN came first.
fn first_to_close(attempt: &Attempt) -> Option<Side> {
    let fin = |side| Some((attempt.connection.from(side).fin.as_deref()?.at, side));
    [Side::Client, Side::Server]
        .into_iter()
        .filter_map(fin)
        .min()
        .map(|(_, side)| side)
}
