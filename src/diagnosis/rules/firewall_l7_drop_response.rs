//! The request is acknowledged, the answer never gets through.

use crate::{
    attempt::{Response, Stage},
    diagnosis::{
        passage::{FIRST_REPEAT, FITS, controls, is_half_seen, loss, may_be_too_large, near, repeats, times, vanished},
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "firewall.l7-drop-response",
    name: "answer dropped on the way back",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Request, Stage::Response, Stage::Open, Stage::Closed],
    sees: "At the server: the answer is sent, and sent again after growing pauses; the client never acknowledges it. At the client: \
           the request is acknowledged and no answer comes, but later segments of the server stand further on in its sequence \
           space, so it did send octets that never arrived.",
    means: "The request got through and was answered. Something on the way back took the answer, and its repeats, while it let bare \
            acknowledgements through: a filter that looks into answers, for example for \"101 Switching Protocols\".",
    ladder: "client            filter           server\n\
             |--- GET, Upgrade ----------------->|\n\
             |<-- ACK ---------------------------|\n\
             |              X<---------- 101 ----|\n\
             |              X<---------- 101 ----| (again)",
    confused_with: &[
        (
            "server.no-answer",
            "the server sends nothing: its sequence numbers stay where they were",
        ),
        ("firewall.mtu-blackhole", "only full-size segments vanish"),
        ("client.gave-up", "the client closes while the server is still at work"),
        ("network.loss", "other connections lose segments as well, and recover"),
    ],
    remedies: &[
        "Ask for inspection of answers on the way (IPS, proxy in transparent mode, DPI), and allow WebSocket there.",
        "Use wss://: what cannot be read cannot be sorted out.",
        "Capture at both ends at once: the answer leaves the one and does not reach the other.",
    ],
    references: &["RFC 9293 section 3.8", "RFC 6298 section 5"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    repeated_in_vain(case).or_else(|| never_seen(case))
}

/// The answer was captured on its way out, and nobody acknowledged it.
fn repeated_in_vain(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    let lost = vanished(case, Side::Server)?;
    let answer: Option<&Response> = attempt.response.as_deref();
    let of_answer = answer.is_none_or(|response| lost.offset < response.span.1);
    if !of_answer || attempt.request.is_none() || may_be_too_large(case, Side::Server, lost.length) {
        return None;
    }
    let loss = loss(case);
    // What a refusal says is told by others; that it did not get through comes second to them.
    let refusal = attempt.stage == Stage::Response;
    let sure = lost.repeats > 1 && loss.is_none() && !refusal;
    let confidence = if sure { Confidence::Likely } else { Confidence::Possible };
    let status = answer.map_or("answer".to_owned(), |response| {
        format!("answer {}", response.head.status)
    });
    let summary = format!(
        "The server's {status} was sent {} and never acknowledged by the client.",
        times(&lost)
    );
    let found = Match::new(confidence, Outcome::FirewallDrop, SaidBy::Firewall, summary)
        .weighing(70)
        .shown_by_all(repeats(case, Side::Server, &lost, "the answer, never acknowledged"))
        .shown_by_all(controls(case))
        .but(match loss {
            Some(loss) => format!("Loss explains it as well: {}.", loss.text),
            None => "A client that vanished (switched off, out of reach) would not acknowledge it either.".to_owned(),
        });
    Some(match near(case) {
        Some(Side::Client) => {
            found.advising("The answer was captured at the client: look at its own host firewall first.")
        }
        _ => found,
    })
}

/// The answer never came to the capture point; the server's later segments show that it was sent.
fn never_seen(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    let request = attempt
        .request
        .as_ref()
        .filter(|_| attempt.stage == Stage::Request && attempt.response.is_none())?;
    let (octets, at) = (facts.from_server.lost_before(), facts.from_server.last?);
    if octets == 0 || facts.from_server.data.is_some() || is_half_seen(case) {
        return None;
    }
    let acknowledged = request.acknowledged?;
    // An answer that was sent soon was also sent again, and lost again.
    let long = at.time.since(acknowledged.time) > FIRST_REPEAT;
    let sure = long && octets < u64::from(FITS) && loss(case).is_none();
    let confidence = if sure { Confidence::Likely } else { Confidence::Possible };
    let summary =
        format!("The server acknowledged the request and sent {octets} octets of an answer that never arrived.");
    let found = Match::new(confidence, Outcome::FirewallDrop, SaidBy::Firewall, summary)
        .weighing(70)
        .shown_by(request.last.at.packet, "the request")
        .shown_by(acknowledged.packet, "the server acknowledges it")
        .shown_by(
            at.packet,
            format!("the server's sequence number is {octets} octets further on; none of them was seen"),
        )
        .shown_by_all(controls(case))
        .but("The server may have sent its answer only after the client had closed; loss would look the same.");
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{SHAKEN, cause, told},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn the_answer_is_sent_in_vain() {
        let ladder = format!(
            "{SHAKEN} 1.021 > GET; 1.03 < A; 1.04 < 101 lost; 1.3 < again lost; 2 < again lost; 4 < again lost"
        );
        assert_eq!(
            told(&ladder),
            ("firewall.l7-drop-response", Confidence::Likely, Outcome::FirewallDrop)
        );
    }

    #[test]
    fn the_servers_numbers_tell_of_an_answer_that_was_not_seen() {
        let waits = format!("{SHAKEN} 1.021 > GET; 1.041 < A; 6 > F;");
        let ladder = format!("{waits} 6.02 < A on=150");
        assert_eq!(
            told(&ladder),
            ("firewall.l7-drop-response", Confidence::Likely, Outcome::FirewallDrop)
        );
        assert_ne!(cause(&format!("{waits} 6.02 < A")), "firewall.l7-drop-response");
    }
}
