//! The octets that would tell were cut by the snapshot length.

use crate::{
    attempt::Stage,
    diagnosis::{
        passage::name,
        rule::{Case, Confidence, Match, Outcome, Rule, SaidBy},
    },
    tcp::{At, GapCause, Side},
};

pub(super) const RULE: Rule = Rule {
    id: "capture.snaplen",
    name: "packets cut by the snapshot length",
    guide: None,
    stages: &[Stage::Tls, Stage::Request],
    sees: "Packets are longer on the wire than in the capture, and the part that is cut off is the one that would tell.",
    means: "The capture was taken with a small snapshot length (tcpdump -s). Headers of TCP are there, what they carried is not.",
    ladder: "client                      server\n\
             |--- GET /ws HTTP/1.1 ...[cut]>|\n\
             |<-- HTTP/1.1 ...[cut] --------|",
    confused_with: &[("capture.gap", "whole packets are missing")],
    remedies: &["Capture again without -s, or with -s 0 (262144 octets): tcpdump -s 0 -w out.pcap."],
    references: &["tcpdump(1): -s", "pcap file format: caplen and len"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    // Where the status is there, what is missing is only the rest; and of TLS the inside cannot be read in any case.
    let enough = attempt.response.is_some() || attempt.tls.as_ref().is_some_and(|tls| tls.is_complete());
    let (side, missing, at) = cut_off(case).filter(|_| !enough)?;
    let who = name(side);
    let summary = format!("{missing} octets of the {who} that would tell were cut off by the snapshot length.");
    let found = Match::new(Confidence::Confirmed, Outcome::Undetermined, SaidBy::Unknown, summary)
        .weighing(61)
        .shown_by(
            at.packet,
            format!("{missing} octets were on the wire and are not in the capture"),
        )
        .but("What is cut off may be of no importance.");
    Some(found)
}

fn cut_off(case: &Case<'_>) -> Option<(Side, u64, At)> {
    let attempt = case.attempt;
    if let Some(obstacle) = attempt.obstacle.filter(|obstacle| obstacle.cause == GapCause::Snapped) {
        return Some((obstacle.side, obstacle.missing, obstacle.at));
    }
    [Side::Server, Side::Client].into_iter().find_map(|side| {
        let data = attempt.connection.from(side).data.as_ref()?;
        let gap = data.gaps.iter().find(|gap| gap.cause == GapCause::Snapped)?;
        Some((side, gap.length, gap.at))
    })
}
