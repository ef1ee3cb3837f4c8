//! The client ended it before an answer came.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::{Foreign, seconds},
        passage::{PATIENCE, is_half_seen, near},
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
        waiting::Waiting,
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "client.gave-up",
    name: "given up by the client",
    guide: Some(Guide::Server),
    stages: &[Stage::Connect, Stage::Request],
    sees: "The client sends FIN or a reset before any octet of an answer came, and before the server closed.",
    means: "The client ended the attempt itself: its timeout ran out, the user left the page, or it had opened several connections \
            and took another one. Whether the server would have answered is not to be seen.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- ACK --------------------|\n\
             |            ...             |\n\
             |--- FIN ------------------->|",
    confused_with: &[
        (
            "server.no-answer",
            "the client waited long enough: the fault is the server's",
        ),
        (
            "firewall.rst-injected",
            "a reset in the client's name bears marks of another sender",
        ),
        ("firewall.l7-drop-response", "the answer was sent and got lost"),
    ],
    remedies: &[
        "Raise the client's timeout if the server is known to be slow: websockets open_timeout, gorilla HandshakeTimeout, \
         undici/ws handshakeTimeout.",
        "Find out why the server needs so long: see server.no-answer.",
        "A client that gives up after a fraction of a second was cancelled: by a page that was left, or by its own code.",
    ],
    references: &[
        "RFC 9293 section 3.6",
        "websockets: open_timeout",
        "RFC 8305 (several connections at once)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    if is_half_seen(case) {
        return None;
    }
    match case.attempt.stage {
        Stage::Connect => refused_handshake(case),
        _ => while_waiting(case).or_else(|| without_request(case)),
    }
}

/// The client left while it waited for the answer.
fn while_waiting(case: &Case<'_>) -> Option<Match> {
    let waiting = Waiting::of(case)?;
    let at = waiting.left_by(Side::Client)?;
    // Whoever waited that long was right to go: then it is the server that did not answer.
    let weight = if waiting.waited < PATIENCE / 2 { 65 } else { 50 };
    let waited = seconds(waiting.waited);
    let summary = format!("The client gave up {waited} after its request, before any octet of an answer came.");
    let found = Match::new(Confidence::Likely, Outcome::Abandoned, SaidBy::Client, summary)
        .weighing(weight)
        .shown_by_all(waiting.evidence())
        .but(format!(
            "The server had {waited} to answer and did not (packet {}).",
            at.packet.number()
        ));
    Some(found)
}

/// The client left without having sent a whole request; seen from its side.
fn without_request(case: &Case<'_>) -> Option<Match> {
    let facts = &case.attempt.connection;
    let (established, at) = (facts.established?, facts.left(Side::Client)?);
    let first = facts.left(Side::Server).is_none_or(|server| server > at) && facts.from_server.data.is_none();
    let sent = case.attempt.request.as_ref().is_some_and(|request| request.complete);
    if !first || sent || near(case) != Some(Side::Client) || facts.from_client.unacknowledged() > 0 {
        return None;
    }
    let after = seconds(at.time.since(established.time));
    let what = if case.attempt.request.is_some() {
        "a whole request"
    } else {
        "a request"
    };
    let summary = format!("The client closed the connection {after} after it was established, without {what}.");
    let found = Match::new(Confidence::Possible, Outcome::Abandoned, SaidBy::Client, summary)
        .weighing(55)
        .shown_by(established.packet, "the connection is established")
        .shown_by(at.packet, "the client closes or resets")
        .but("Browsers open spare connections that they never use; it need not have been an attempt.");
    Some(found)
}

/// The client answers the SYN-ACK with a reset: it does not want the connection any more.
fn refused_handshake(case: &Case<'_>) -> Option<Match> {
    let facts = &case.attempt.connection;
    let answer = facts.from_server.syns.first()?.at;
    let reset = facts.reset_by(Side::Client).filter(|reset| reset.seen.at > answer)?;
    let foreign = Foreign::of_reset(case, reset);
    if facts.from_client.syns.is_empty() || foreign.strong > 0 {
        return None;
    }
    let after = seconds(reset.seen.at.time.since(facts.first.time));
    let summary = format!("The client answered the SYN-ACK with a reset, {after} after its SYN: it had given up.");
    let found = Match::new(Confidence::Likely, Outcome::Abandoned, SaidBy::Client, summary)
        .shown_by(facts.first.packet, "SYN")
        .shown_by(answer.packet, "SYN-ACK")
        .shown_by(reset.seen.at.packet, "the client resets the connection")
        .but("A scanner, or a host whose address was used by another, answers so as well.");
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{SHAKEN, cause, told},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn patience_decides_whose_fault_it_is() {
        let waits = format!("{SHAKEN} 1.021 > GET; 1.041 < A;");
        assert_eq!(
            told(&format!("{waits} 3 > F; 3.02 < F; 3.03 > A")),
            ("client.gave-up", Confidence::Likely, Outcome::Abandoned)
        );
        assert_eq!(
            cause(&format!("{waits} 31 > F; 31.02 < F; 31.03 > A")),
            "server.no-answer"
        );
        assert_eq!(
            cause(&format!("{waits} 3 > F; 3.02 < A; 20 end")),
            "server.not-accepting"
        );
    }

    #[test]
    fn a_spare_connection_is_no_more_than_that() {
        assert_eq!(
            told(&format!("{SHAKEN} 5 > F; 5.02 < F; 5.021 > A")).1,
            Confidence::Possible
        );
    }
}
