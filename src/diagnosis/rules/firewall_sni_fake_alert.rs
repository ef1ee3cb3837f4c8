//! A TLS alert with marks of another sender.

use crate::{
    attempt::Stage,
    diagnosis::{
        hello::{asked_name, client_hello, other_names},
        marks::Foreign,
        passage::is_half_seen,
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.sni-fake-alert",
    name: "forged TLS alert",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Tls],
    sees: "The ClientHello is answered by a fatal alert in the clear. The segment that carries it bears marks of another machine than \
           the server: another TTL, no TCP timestamp where both ends agreed on them, an answer sooner than the way takes; or the \
           true server's ServerHello follows for the same place in the stream.",
    means: "A filter that reads the name in the ClientHello (SNI) writes an alert in the server's name, so that the client sees a TLS \
            error and no reset. Web filters of schools and companies do it.",
    ladder: "client             box             server\n\
             |--- ClientHello -->|               |\n\
             |<-- Alert ---------| (TTL of box)  |\n\
             |<-- FIN or RST ----|               |",
    confused_with: &[
        (
            "tls.unrecognized-name",
            "alert 112 by the server itself, with its own marks",
        ),
        (
            "tls.no-shared-cipher",
            "alert 40 by the server itself, with its own marks",
        ),
        ("firewall.sni-rst", "a reset in place of the alert"),
    ],
    remedies: &[
        "Ask for the web filter on the way, and have the server's name allowed.",
        "Capture at the server: the ClientHello does not arrive there, or the server's answer differs.",
    ],
    references: &[
        "RFC 6066 section 3 (SNI)",
        "RFC 8446 section 6.2",
        "RFC 7323 section 3.2",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let tls = case.attempt.tls.as_ref().filter(|_| !is_half_seen(case))?;
    let (_, alert, seen) = tls.fatal_alert().filter(|(side, ..)| *side == Side::Server)?;
    let mut foreign = Foreign::of_segment(case, Side::Server, seen);
    foreign.sooner_than_hello(case, seen);
    let confidence = foreign.confidence()?;
    let marks = foreign.marks.len();
    let s = if marks == 1 { "" } else { "s" };
    let name = asked_name(case.attempt)
        .map(|name| format!(" for {name}"))
        .unwrap_or_default();
    let summary = format!(
        "The ClientHello{name} was answered by {alert}, with {marks} mark{s} of another sender than the server."
    );
    let weight = if confidence == Confidence::Possible { 35 } else { 90 };
    let found = Match::new(confidence, Outcome::FirewallDrop, SaidBy::Firewall, summary)
        .weighing(weight)
        .shown_by_all(client_hello(case.attempt))
        .shown_by(seen.at.packet, format!("{alert} in the server's name"))
        .shown_by_all(foreign.marks)
        .shown_by_all(other_names(case))
        .but("Load balancers end TLS for their servers, with marks of their own.");
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{GOOD, SHAKEN, cause, told},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn the_alert_is_not_the_servers() {
        let ladder = format!("{GOOD}{SHAKEN} 1.021 > HELLO; 1.041 < ALERT ttl=112 bare");
        assert_eq!(
            told(&ladder),
            ("firewall.sni-fake-alert", Confidence::Likely, Outcome::FirewallDrop)
        );
        assert_ne!(
            cause(&format!("{GOOD}{SHAKEN} 1.021 > HELLO; 1.03 < A; 1.041 < ALERT")),
            "firewall.sni-fake-alert"
        );
    }
}
