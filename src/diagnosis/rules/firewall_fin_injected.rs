//! A FIN with marks of another sender.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::Foreign,
        passage::{controls, is_half_seen, name},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    tcp::{At, Side},
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.fin-injected",
    name: "injected FIN",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Tls, Stage::Request, Stage::Open, Stage::Closed],
    sees: "A FIN ends one direction, and it bears marks of another machine than the one whose address it carries: another TTL, no TCP \
           timestamp where both ends agreed on them, an IP identification out of its sender's count. Or the true end sends more \
           octets behind it.",
    means: "A box on the way closes the connection in the name of one end. That looks like an orderly close without an answer, and \
            programs report it as such.",
    ladder: "client             box             server\n\
             |--- GET, Upgrade ->|               |\n\
             |<-- FIN, ACK ------| (TTL of box)  |\n\
             |<----------------------- 101 ------| (too late)",
    confused_with: &[
        (
            "server.closed-without-answer",
            "the FIN has the server's own marks, and nothing follows it",
        ),
        ("firewall.rst-injected", "a reset in place of the FIN"),
        ("firewall.block-page", "the FIN comes with a page in the server's name"),
    ],
    remedies: &[
        "Capture at both ends: the FIN arrives at one and was sent by nobody at the other.",
        "Ask for IPS, application control or a transparent proxy on the way, and allow WebSocket for this server.",
    ],
    references: &[
        "RFC 9293 section 3.6",
        "RFC 7323 section 3.2",
        "Raman et al. (SIGCOMM 2023)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    if is_half_seen(case) {
        return None;
    }
    let attempt = case.attempt;
    let fins = [Side::Server, Side::Client]
        .into_iter()
        .filter_map(|side| Some((side, Foreign::of_fin(case, side)?)));
    let (side, foreign) =
        fins.max_by_key(|(side, foreign)| (foreign.strong, foreign.marks.len(), *side == Side::Server))?;
    let confidence = foreign.confidence()?;
    let fin = attempt.connection.from(side).fin.as_ref()?;
    if follows_forged_alert(case, side, fin.at) {
        return None;
    }
    // A true answer that comes after the forged FIN comes too late.
    let late = attempt.is_upgraded()
        && attempt
            .response
            .as_ref()
            .is_none_or(|response| response.last.at < fin.at);
    let hint = confidence == Confidence::Possible;
    // A session ends with FIN by itself; a client's FIN before the answer too: there, a hint is not enough.
    if hint && (attempt.is_upgraded() || side == Side::Client) {
        return None;
    }
    let (who, marks) = (name(side), foreign.marks.len());
    let s = if marks == 1 { "" } else { "s" };
    let summary = format!("A FIN in the {who}'s name bears {marks} mark{s} of another sender.");
    let outcome = if late { Outcome::Lost } else { Outcome::FirewallDrop };
    let asked = attempt.request.as_ref().map(|request| request.last.at.packet);
    let found = Match::new(confidence, outcome, SaidBy::Firewall, summary)
        .weighing(if hint { 35 } else { 75 })
        .shown_by(fin.at.packet, format!("FIN in the {who}'s name"))
        .shown_by_all(foreign.marks)
        .shown_by_all(asked.map(|packet| Evidence::new(packet, "the request before it")))
        .shown_by_all(if late { Vec::new() } else { controls(case) })
        .but("Load balancers and proxies may close for an end with marks of their own.");
    Some(found)
}

/// The FIN behind a forged alert only completes it: the alert is what the client acts on (`firewall.sni-fake-alert`).
fn follows_forged_alert(case: &Case<'_>, side: Side, fin: At) -> bool {
    let alert = case.attempt.tls.as_ref().and_then(|tls| tls.fatal_alert());
    alert.is_some_and(|(by, _, seen)| {
        *by == side && seen.at <= fin && Foreign::of_segment(case, side, seen).confidence().is_some()
    })
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{GOOD, SHAKEN, told, verdict},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn the_true_end_goes_on() {
        let asked = format!("{GOOD}{SHAKEN} 1.021 > GET; 1.041 < A;");
        let forged = told(&format!("{asked} 1.045 < F bare ttl=60; 1.046 > A; 1.05 < x30"));
        assert_eq!(
            forged,
            ("firewall.fin-injected", Confidence::Confirmed, Outcome::FirewallDrop)
        );
        let own = verdict(&format!("{asked} 1.045 < F; 1.046 > A"));
        assert!(own.cause.is_none_or(|cause| cause.rule.id != "firewall.fin-injected"));
    }
}
