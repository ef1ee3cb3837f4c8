//! SYNs are repeated and nothing answers.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::seconds,
        passage::{loss, near},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy, Text},
        silent_syn::{evidence, silent_syns},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.silent-drop-syn",
    name: "SYN dropped in silence",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Connect],
    sees: "The client sends SYN, and sends it again after growing pauses. No SYN-ACK, no reset and no ICMP error comes back.",
    means: "A host that is up answers every SYN: with SYN-ACK if somebody listens, with a reset if nobody does (RFC 9293 section \
            3.10.7). Silence means that the SYN or its answer was thrown away on the way, as packet filters do with DROP rules. If \
            the same server answers other connections in the same capture, the host is up and the way is open for them.",
    ladder: "client                      server\n\
             |--- SYN ------------->X       |\n\
             |--- SYN (after 1 s) ->X       |\n\
             |--- SYN (after 2 s) ->X       |",
    confused_with: &[
        (
            "server.accept-queue-full",
            "the host answers other clients and ignores SYNs only while its queue is full; it recovers by itself",
        ),
        (
            "firewall.rate-limit-drop",
            "connections pass up to a rate; the very SYN that was dropped passes a little later",
        ),
        (
            "firewall.drop-synack",
            "the server does answer, and its answers are dropped: only a capture at the server shows it",
        ),
        (
            "network.host-unreachable",
            "an ICMP error comes, or ARP/ND asks for the host in vain",
        ),
        ("network.loss", "other segments between the two hosts get lost as well"),
        (
            "capture.ended-early",
            "the capture stops before the first repeat was due",
        ),
        (
            "capture.one-direction",
            "the answers are not in the capture, but the client goes on as if it had them",
        ),
    ],
    remedies: &[
        "Ask for the rule that drops this port on every filter between the two hosts: security groups, host firewall, network ACLs.",
        "Capture at the server at the same time: if the SYNs arrive there, the filter is on the server's host or on the way back.",
    ],
    references: &[
        "RFC 9293 section 3.10.7",
        "RFC 6298 section 2 (the pauses between repeats)",
    ],
    check,
};

/// A client that is content with one SYN is no usual one, or had no time: only after the second repeat was due too is its
/// silence more than an early end.
const ONE_SYN: u64 = 3_000_000_000;

fn check(case: &Case<'_>) -> Option<Match> {
    let syns = silent_syns(case)?;
    let facts = &case.attempt.connection;
    if syns.count == 1 && syns.waited < ONE_SYN {
        return None;
    }
    let alive = alive(case);
    let loss = loss(case);
    let sure = alive.is_some() && (syns.count > 2 || syns.count > 1 && syns.waited >= ONE_SYN) && loss.is_none();
    let confidence = if sure { Confidence::Likely } else { Confidence::Possible };
    let took = seconds(syns.last.time.since(syns.first.time));
    let summary = match syns.count {
        1 => Text::from("The client sent SYN once; nothing at all came back."),
        count => format!("The client sent SYN {count} times in {took}; nothing at all came back.").into(),
    };
    let found = Match::new(confidence, Outcome::FirewallDrop, SaidBy::Firewall, summary)
        .shown_by_all(evidence(case))
        .shown_by_all(alive)
        .but(match loss {
            Some(loss) => Text::from(format!("Loss explains it as well: {}.", loss.text)),
            None => {
                "Silence has other readings: a host that is down, a full accept queue, answers that take another way."
                    .into()
            }
        });
    let found = match near(case) {
        Some(Side::Server) => found.advising(format!(
            "The SYNs arrive near {}, where this was captured: look at that host's own firewall first.",
            facts.server.address
        )),
        _ => found,
    };
    Some(found)
}

/// What shows that the host is up: the same port answers others, or another port does.
fn alive(case: &Case<'_>) -> Option<Evidence> {
    let server = case.attempt.connection.server;
    let own = case.listening();
    let port = own.first_answer.map(|at| {
        Evidence::new(
            at.packet,
            format!("the same port answers another connection ({} in all)", own.answered),
        )
    });
    port.or_else(|| {
        let mut others = case.survey.listening_on(server.address);
        let (endpoint, at) = others.find_map(|(endpoint, other)| Some((endpoint, other.first_answer?)))?;
        Some(Evidence::new(
            at.packet,
            format!("the host answers on another port, {}", endpoint.port),
        ))
    })
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{GOOD, cause, told},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn silence_is_likely_a_filter_where_the_port_answers_others() {
        let silence = "1 > S lost; 2 > S lost; 4 > S lost; 8 end";
        let drop = "firewall.silent-drop-syn";
        assert_eq!(
            told(&format!("{GOOD}{silence}")),
            (drop, Confidence::Likely, Outcome::FirewallDrop)
        );
        assert_eq!(told(silence), (drop, Confidence::Possible, Outcome::FirewallDrop));
    }

    #[test]
    fn what_was_not_yet_due_is_not_missing() {
        assert_eq!(cause("1 > S lost; 1.9 end"), "capture.ended-early");
        assert_eq!(
            cause("1 > S lost; 2.0 > S; 2.02 < SA; 2.03 > A; 2.04 > GET; 2.05 < A; 2.06 < 101; 2.07 > A"),
            "none"
        );
    }
}
