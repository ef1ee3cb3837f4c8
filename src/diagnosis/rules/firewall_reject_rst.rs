//! A reset to the SYN that something other than the host wrote.

use crate::{
    attempt::Stage,
    diagnosis::{
        refused_syn::{foreign, refusal},
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy, Text},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.reject-rst",
    name: "SYN rejected with a reset",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Connect],
    sees: "The SYN is answered by a reset that bears marks of another machine than the server: another TTL than the SYN-ACKs of the \
           same port, a form that hosts do not use, an answer sooner than the way takes.",
    means: "A filter on the way answers in the server's name (REJECT with tcp-reset), so that the client fails at once. Linux, \
            pf and most hardware firewalls can do it. If the same port accepts other connections, somebody does listen there.",
    ladder: "client            filter           server\n\
             |--- SYN ---------->|\n\
             |<-- RST, ACK ------|  (TTL of the filter)",
    confused_with: &[
        (
            "server.port-closed",
            "the reset has the TTL of the host's other segments, and the port accepts nobody",
        ),
        (
            "firewall.rst-injected",
            "the handshake completes, the reset comes later",
        ),
    ],
    remedies: &[
        "Count the hops: the TTL of the reset tells how far away the filter is from the capture point.",
        "Look for reject rules with tcp-reset on the way: nft list ruleset, iptables -L -n -v, pfctl -sr.",
        "Other ports of the same address may be forwarded to other machines (NAT): then another TTL means another machine, and \
         the port is merely closed there.",
    ],
    references: &[
        "RFC 9293 section 3.10.7.1",
        "iptables-extensions(8): REJECT",
        "nft(8): reject",
        "pf.conf(5): block return-rst",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let reset = refusal(case)?;
    let foreign = foreign(case, reset);
    let confidence = foreign.confidence();
    // Without another TTL, an open port that is closed now is a service that was stopped, or the host's own filter.
    let confidence = match foreign.agreeing.contains(&"TTL") {
        true => Confidence::Possible,
        false => confidence.unwrap_or(Confidence::Possible),
    };
    let summary = match foreign.marks.len() {
        0 => Text::from("The SYN was answered by a reset that a filter may have written."),
        1 => "The SYN was answered by a reset with a mark of another sender.".into(),
        count => format!("The SYN was answered by a reset with {count} marks of another sender.").into(),
    };
    let weight = if foreign.marks.is_empty() { 20 } else { 45 };
    let found = Match::new(confidence, Outcome::FirewallDrop, SaidBy::Firewall, summary)
        .weighing(weight)
        .shown_by(reset.seen.at.packet, "reset to the SYN")
        .shown_by_all(foreign.marks.iter().cloned())
        .but("No mark proves another sender; a filter on the host itself would leave none.");
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{GOOD, cause, told},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn another_ttl_than_the_same_ports_and_an_open_port_make_two_marks() {
        let ladder = format!("{GOOD} 1 > S; 1.001 < RA ttl=60");
        assert_eq!(
            told(&ladder),
            ("firewall.reject-rst", Confidence::Likely, Outcome::FirewallDrop)
        );
    }

    #[test]
    fn another_ttl_than_other_ports_may_be_another_machine() {
        assert_eq!(
            cause(&format!("{GOOD} 1 > S port=81; 1.02 < RA ttl=60 port=81")),
            "server.port-closed"
        );
    }
}
