//! SYNs are repeated and nothing answers.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::seconds,
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
    },
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
            "network.host-unreachable",
            "an ICMP error comes, or ARP/ND asks for the host in vain",
        ),
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
        "Capture at the server at the same time: if the SYNs arrive there, the filter is on the way back.",
    ],
    references: &[
        "RFC 9293 section 3.10.7",
        "RFC 6298 section 2 (the pauses between repeats)",
    ],
    check,
};

/// A repeat is due one second after the SYN (RFC 6298 section 2.1); before that, silence says nothing.
const FIRST_REPEAT: u64 = 1_000_000_000;

fn check(case: &Case<'_>) -> Option<Match> {
    let facts = &case.attempt.connection;
    let syns = &facts.from_client.syns;
    let (first, last) = (syns.first()?, syns.last()?);
    let silent = facts.from_server.segments == 0 && facts.resets.is_empty() && facts.errors.is_empty();
    let waited = facts
        .last
        .time
        .since(first.at.time)
        .max(case.survey.left_after(first.at));
    if !silent || syns.count() == 1 && waited < FIRST_REPEAT || case.survey.is_one_sided() {
        return None;
    }
    let listening = case.survey.listening(facts.server);
    let alive = listening.first_answer.map(|at| Evidence {
        packet: at.packet,
        text: format!(
            "the same port answers another connection ({} in all)",
            listening.answered
        ),
    });
    let confidence = if alive.is_some() && syns.count() > 1 {
        Confidence::Likely
    } else {
        Confidence::Possible
    };
    let times = match syns.count() {
        1 => "once".to_owned(),
        count => format!("{count} times in {}", seconds(last.at.time.since(first.at.time))),
    };
    let summary = format!("The client sent SYN {times}; nothing at all came back.");
    let repeats = syns.iter().skip(1).map(|syn| Evidence {
        packet: syn.at.packet,
        text: format!(
            "SYN again, {} after the first",
            seconds(syn.at.time.since(first.at.time))
        ),
    });
    let found = Match::new(confidence, Outcome::FirewallDrop, SaidBy::Firewall, summary)
        .shown_by(first.at.packet, "SYN, never answered")
        .shown_by_all(repeats)
        .shown_by_all(alive)
        .but("Silence has other readings: a host that is down, a full accept queue, answers that take another way.");
    Some(found)
}
