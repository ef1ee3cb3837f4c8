//! The capture stops before the answer.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::{milliseconds, seconds},
        passage::{FIRST_REPEAT, PATIENCE, is_half_seen},
        rule::{Case, Confidence, Match, Outcome, Rule, SaidBy},
    },
    tcp::{At, Side},
};

pub(super) const RULE: Rule = Rule {
    id: "capture.ended-early",
    name: "capture ended too early",
    guide: None,
    stages: &[Stage::Connect, Stage::Tls, Stage::Request],
    sees: "The capture ends while the attempt is under way: neither end has given up, and an answer, or a repeat, is not yet due.",
    means: "What became of the attempt is not in this capture. It may have succeeded a moment later.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- ACK --------------------|\n\
             ============ end of the capture",
    confused_with: &[
        (
            "server.no-answer",
            "the capture goes on for so long that an answer was due",
        ),
        ("firewall.silent-drop-syn", "the SYN is repeated, so an answer was due"),
        ("capture.gap", "the answer is missing in the middle of the capture"),
    ],
    remedies: &[
        "Capture again, and let it run until the client has reported its error: half a minute longer than its timeout.",
        "A ring of files (tcpdump -W -C, dumpcap -b) may have thrown away the next one: give all files of the set to the analysis.",
    ],
    references: &["RFC 6298 section 2.1"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let facts = &case.attempt.connection;
    let gone = [Side::Client, Side::Server]
        .into_iter()
        .any(|side| case.attempt.connection.left(side).is_some());
    if gone || is_half_seen(case) || !facts.errors.is_empty() || case.attempt.response.is_some() {
        return None;
    }
    let (at, what) = waiting_since(case)?;
    let left = case.survey.left_after(at);
    let forgotten = facts.evicted;
    let end = match forgotten {
        true => "had to be forgotten, to keep the number of live connections within its bound,",
        false => "ends",
    };
    let subject = if forgotten { "The connection" } else { "The capture" };
    let after = match left {
        0 => "right after".to_owned(),
        1..FIRST_REPEAT => format!("{} after", milliseconds(left)),
        _ => format!("{} after", seconds(left)),
    };
    let summary = format!("{subject} {end} {after} {what}: the outcome is not in it.");
    let found = Match::new(Confidence::Likely, Outcome::Undetermined, SaidBy::Unknown, summary)
        .weighing(60)
        .shown_by(at.packet, format!("{what}; the capture ends {after} it"))
        .shown_by(facts.last.packet, "the last packet of this connection")
        .but("The capture goes on long enough for an answer to be due.");
    Some(found)
}

/// Since when something was awaited that was not yet due at the end of the capture, and what came before.
fn waiting_since(case: &Case<'_>) -> Option<(At, &'static str)> {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    let early = |at: At, patience: u64| facts.evicted || case.survey.left_after(at) < patience;
    // A repeat of what nobody acknowledged is due after a second, or after some round trips.
    let due = facts.rtt().unwrap_or(0).saturating_mul(3).max(FIRST_REPEAT);
    if attempt.stage == Stage::Connect {
        let syn = facts
            .from_client
            .syns
            .first()
            .filter(|_| facts.from_client.syns.count() == 1)?
            .at;
        let answers = facts.from_server.syns.count();
        return (answers < 2 && early(syn, due)).then_some((syn, "the SYN"));
    }
    let unacknowledged = facts.from_client.oldest_in_flight().filter(|flight| !flight.repeated);
    if let Some(flight) = unacknowledged {
        return early(flight.at, due).then_some((flight.at, "octets of the client that nothing acknowledges yet"));
    }
    let repeated = [&facts.from_client, &facts.from_server]
        .into_iter()
        .any(|end| end.unheard().is_some());
    if repeated || facts.from_client.has_gaps() || facts.from_server.has_gaps() {
        return None;
    }
    let (at, what) = match (&attempt.tls, &attempt.request) {
        (Some(tls), _) if tls.is_complete() => return None,
        (Some(_), _) => (facts.last, "the latest segment of an unfinished TLS handshake"),
        (None, Some(request)) if request.complete => (request.acknowledged?, "the acknowledgement of the request"),
        (None, Some(_)) => (facts.last, "the latest part of an unfinished request"),
        (None, None) => (facts.established.unwrap_or(facts.last), "the handshake"),
    };
    early(at, PATIENCE).then_some((at, what))
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::ladder::{SHAKEN, cause};

    #[test]
    fn as_long_as_usual_clients_wait_nothing_is_late() {
        let waits = format!("{SHAKEN} 1.021 > GET; 1.041 < A;");
        assert_eq!(cause(&format!("{waits} 5 end")), "capture.ended-early");
        assert_eq!(cause(&format!("{waits} 40 end")), "server.no-answer");
    }
}
