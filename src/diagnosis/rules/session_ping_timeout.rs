//! An end closed because its pings stayed unanswered.

use crate::{
    attempt::Stage,
    diagnosis::{
        closing::{Closing, How},
        marks::seconds,
        rule::{Case, Confidence, Guide, Match, Outcome, Rule},
        tls_handshake::name,
    },
    tcp::{At, Side},
};

pub(super) const RULE: Rule = Rule {
    id: "session.ping-timeout",
    name: "pings not answered",
    guide: Some(Guide::Server),
    stages: &[Stage::Open, Stage::Closed],
    sees: "One end sends ping frames, no pong comes back, and after a pause the same end closes: with 1011 and the reason “keepalive ping \
           timeout”, or without a Close frame.",
    means: "A pong is due as soon as it is practical (RFC 6455 section 5.5.2). The other end's program is busy or stuck (its host still \
            acknowledges), or it cannot be reached any more (nothing is acknowledged).",
    ladder: "client                        server\n\
             |<-- ping ---------------------|\n\
             |--- ACK --------------------->|\n\
             |        (no pong)             |\n\
             |<-- Close 1011, or FIN -------|",
    confused_with: &[
        (
            "firewall.idle-timeout",
            "the pings themselves are not acknowledged, after a silence",
        ),
        ("session.server-error", "1011 with another reason"),
    ],
    remedies: &[
        "Look for code that blocks the event loop of the end that does not answer.",
        "Give it more time (websockets and uvicorn: ping_timeout, --ws-ping-timeout; ws: a longer interval of your heartbeat).",
    ],
    references: &["RFC 6455 sections 5.5.2 and 5.5.3", "websockets: keepalive and latency"],
    check,
};

/// A pong that has not come within this time, in nanoseconds, is late on any way.
const LATE: u64 = 1_000_000_000;

fn check(case: &Case<'_>) -> Option<Match> {
    let closing = Closing::of(case)?;
    let named = speaks_of_pings(&closing.reason());
    let pings = closing.session.pings[if closing.by == Side::Client { 0 } else { 1 }];
    let waiting = pings.filter(|(_, since)| closing.at.time.since(since.time) >= LATE);
    let confidence = match (closing.how, named, waiting) {
        (How::Frame(_), true, _) => Confidence::Confirmed,
        (How::Frame(_), false, Some(_)) if matches!(closing.code(), Some(1000 | 1001)) => Confidence::Possible,
        (_, _, Some(_)) => Confidence::Likely,
        _ => return None,
    };
    let pause = waiting
        .map(|(_, since)| format!(" for {}", seconds(closing.at.time.since(since.time))))
        .unwrap_or_default();
    let summary = format!(
        "The {}'s pings stayed unanswered{pause}, and it closed.",
        name(closing.by)
    );
    let mut found = closing.found(confidence, summary).weighing(70);
    if let Some((count, since)) = waiting {
        found = found.shown_by(since.packet, format!("the first of {count} pings without a pong"));
        if !is_heard(case, closing.by.other(), since) {
            found.outcome = Outcome::Lost;
        }
    }
    Some(found.but("The end that closed did not name its pings as the reason."))
}

/// Whether a reason, in small letters, is about pings.
pub(super) fn speaks_of_pings(reason: &str) -> bool {
    const WORDS: [&str; 4] = ["ping", "pong", "keepalive", "heartbeat"];
    let late = reason.contains("time") || reason.contains("late") || reason.contains("miss");
    late && WORDS.iter().any(|word| reason.contains(word))
}

/// Whether anything came from that side since then, be it only an acknowledgement.
fn is_heard(case: &Case<'_>, side: Side, since: At) -> bool {
    case.attempt.connection.from(side).last.is_some_and(|last| last > since)
}
