//! The octets that would tell were not captured, though they were acknowledged.

use crate::{
    attempt::Stage,
    diagnosis::{
        passage::{is_half_seen, name},
        rule::{Case, Confidence, Match, Outcome, Rule, SaidBy},
    },
    tcp::{At, GapCause, Side},
};

pub(super) const RULE: Rule = Rule {
    id: "capture.gap",
    name: "gap in the capture",
    guide: None,
    stages: &[Stage::Connect, Stage::Tls, Stage::Request],
    sees: "Octets are missing where the request or the answer would be. The receiver acknowledges them, so they crossed the network.",
    means: "The capture lost them, not the network: the capturing machine was too slow, its buffer too small, or the mirror port \
            overloaded. What they said cannot be told.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |        (not captured)      |\n\
             |--- ACK of octet 143 ------>|",
    confused_with: &[
        (
            "network.loss",
            "what is lost on the way is not acknowledged, and sent again",
        ),
        ("capture.snaplen", "the segment is there, its end is cut off"),
        ("firewall.l7-drop-response", "the answer is not acknowledged either"),
    ],
    remedies: &[
        "tcpdump reports \"packets dropped by kernel\" at its end: give it a larger buffer (-B 65536) and a narrower filter.",
        "Write to a fast disk, without name resolution (-n); on busy links capture on the host itself.",
    ],
    references: &["RFC 9293 section 3.4", "tcpdump(1): -B"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    // Where the status is there, what is missing is only the rest; and of TLS the inside cannot be read in any case.
    let enough = attempt.response.is_some() || attempt.tls.as_ref().is_some_and(|tls| tls.is_complete());
    // Of a connection that began before the capture, everything is missing (`capture.mid-stream`).
    let begun = attempt.connection.opening_seen() || attempt.request.is_some() || attempt.tls.is_some();
    if enough || !begun || is_half_seen(case) {
        return None;
    }
    let (side, missing, at) = missing(case)?;
    let forgotten = attempt
        .obstacle
        .is_some_and(|obstacle| obstacle.cause == GapCause::Forgotten);
    let (why, confidence) = match forgotten {
        true => ("too much came out of order to be kept", Confidence::Likely),
        false => ("the capture missed them", Confidence::Confirmed),
    };
    let who = name(side);
    let summary = format!("{missing} octets of the {who} that would tell are not in the capture: {why}.");
    let found = Match::new(confidence, Outcome::Undetermined, SaidBy::Unknown, summary)
        .weighing(60)
        .shown_by(
            at.packet,
            format!("{missing} octets of the {who} before this packet are missing, though they were acknowledged"),
        )
        .but("What is missing may be of no importance.");
    Some(found)
}

/// Whose octets are missing, how many, and by which packet that is known.
fn missing(case: &Case<'_>) -> Option<(Side, u64, At)> {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    if let Some(obstacle) = attempt.obstacle.filter(|obstacle| obstacle.cause != GapCause::Snapped) {
        return Some((obstacle.side, obstacle.missing, obstacle.at));
    }
    // Behind the request, all that the server sent belongs to the answer.
    let asked = attempt.request.as_ref().map(|request| request.first.at);
    [Side::Server, Side::Client].into_iter().find_map(|side| {
        let data = facts.from(side).data.as_ref()?;
        let counts = |at: At| side == Side::Client || asked.is_none_or(|asked| at > asked);
        let gap = data
            .gaps
            .iter()
            .find(|gap| gap.cause != GapCause::Snapped && counts(gap.at))?;
        Some((side, gap.length, gap.at))
    })
}
