//! A reset on the ClientHello with marks of another sender.

use crate::{
    attempt::Stage,
    diagnosis::{
        hello::{asked_name, client_hello, other_names},
        injected::{first_spoken_is_tls, forged_reset},
        passage::name,
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.sni-rst",
    name: "reset injected on the ClientHello",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Tls, Stage::Request],
    sees: "The TCP handshake completes. In answer to the ClientHello, or in its place, comes a reset that bears marks of another \
           machine than the one whose address it carries.",
    means: "The ClientHello names the server in the clear (SNI). A filter that reads it resets connections to names that it does \
            not allow, in the name of one end or of both. If another name passes to the same address, the name is what it minds.",
    ladder: "client             box             server\n\
             |--- ClientHello -->|               |\n\
             |<-- RST -----------| (TTL of box)  |\n\
             |                   |--- RST ------>|",
    confused_with: &[
        ("tls.server-reset-on-hello", "the reset bears the server's own marks"),
        ("firewall.sni-drop", "the ClientHello vanishes, nothing comes back"),
        ("firewall.sni-fake-alert", "a TLS alert in place of the reset"),
        (
            "firewall.rst-injected",
            "the same, after the handshake or on plain HTTP",
        ),
    ],
    remedies: &[
        "Ask for URL, SNI or TLS filters on the way, and have the server's name allowed.",
        "Try another name that leads to the same server; if it passes, the filter goes by the name.",
        "Capture at the server: the reset arrives there in the client's name, or the ClientHello does not arrive.",
    ],
    references: &[
        "RFC 6066 section 3 (SNI)",
        "Raman et al.: Global, Passive Detection of Connection Tampering (SIGCOMM 2023)",
        "Weaver, Sommer, Paxson (NDSS 2009)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    if !first_spoken_is_tls(case) {
        return None;
    }
    let (reset, foreign) = forged_reset(case)?;
    let confidence = foreign.confidence()?;
    let marks = foreign.marks.len();
    let s = if marks == 1 { "" } else { "s" };
    let hello = case.attempt.tls.as_ref().and_then(|tls| tls.client_hello);
    let what = match (hello, asked_name(case.attempt)) {
        (Some(_), Some(name)) => format!("In answer to the ClientHello for {name}"),
        (Some(_), None) => "In answer to the ClientHello".to_owned(),
        (None, _) => "In place of the ClientHello".to_owned(),
    };
    let summary = format!("{what} came a reset that bears {marks} mark{s} of another sender.");
    let weight = if confidence == Confidence::Possible { 45 } else { 80 };
    let found = Match::new(confidence, Outcome::FirewallDrop, SaidBy::Firewall, summary)
        .weighing(weight)
        .shown_by_all(client_hello(case.attempt))
        .shown_by(
            reset.seen.at.packet,
            format!("reset in the {}'s name", name(reset.side)),
        )
        .shown_by_all(foreign.marks)
        .shown_by_all(other_names(case))
        .but("Load balancers answer for their servers, with marks of their own.");
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{GOOD, SHAKEN, cause, told},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn the_hello_is_answered_by_a_box() {
        let ladder = format!("{GOOD}{SHAKEN} 1.021 > HELLO; 1.041 < RA ttl=112");
        assert_eq!(
            told(&ladder),
            ("firewall.sni-rst", Confidence::Likely, Outcome::FirewallDrop)
        );
        assert_ne!(
            cause(&format!("{GOOD}{SHAKEN} 1.021 > HELLO; 1.041 < A; 1.05 < RA")),
            "firewall.sni-rst"
        );
    }
}
