//! The capture starts after the request.

use crate::{
    attempt::Stage,
    diagnosis::{
        passage::is_half_seen,
        rule::{Case, Confidence, Match, Outcome, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "capture.mid-stream",
    name: "capture starts in mid-connection",
    guide: None,
    stages: &[Stage::Connect, Stage::Tls, Stage::Request],
    sees: "The connection has no opening in the capture, and its first octets are neither a request nor an answer nor the start of TLS.",
    means: "The connection was there before the capture. Whether it carries an upgraded session, and how it came to that, is not in \
            it.",
    ladder: "============ start of the capture\n\
             client                      server\n\
             |--- data ------------------>|\n\
             |<-- data -------------------|",
    confused_with: &[
        ("capture.gap", "the opening is there, and something after it is missing"),
        ("capture.one-direction", "one end is never seen"),
    ],
    remedies: &[
        "Start the capture before the client connects, or let the client reconnect while it runs.",
        "Give all files of a rotated capture to the analysis: the opening may be in an earlier one.",
    ],
    references: &["RFC 9293 section 3.5"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    let begun = attempt
        .tls
        .as_ref()
        .is_some_and(|tls| tls.client_hello.is_some() || tls.facts.server_hello.is_some());
    let known = facts.opening_seen() || attempt.request.is_some() || attempt.response.is_some() || begun;
    if known || is_half_seen(case) {
        return None;
    }
    let summary = "The capture has no opening of this connection: what it carries began before.";
    let found = Match::new(Confidence::Likely, Outcome::Undetermined, SaidBy::Unknown, summary)
        .weighing(60)
        .shown_by(
            facts.first.packet,
            "the first packet of the connection, in the middle of it",
        )
        .but("The opening is in the capture.");
    Some(found)
}
