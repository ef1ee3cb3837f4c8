//! Seen at the server: the handshake completes and no request comes, or its place in the sequence space stays empty.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::seconds,
        passage::{is_half_seen, name, near},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "network.request-never-arrived",
    name: "request never arrived",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Request, Stage::Tls],
    sees: "In a capture at the server: the TCP handshake completes, and then no octet of a request comes. Or a part of it is \
           missing: later segments of the client stand further on in its sequence space.",
    means: "Clients send their request at once after the handshake. If the server does not get it, the client did not send it, or \
            it was lost or taken away on the way. The server's side cannot tell which; a capture at the client does: if the \
            request is repeated there, a filter or a link drops it.",
    ladder: "client            (?)              server\n\
             |--- SYN, SYN-ACK, ACK ------------>|\n\
             |--- GET, Upgrade -->?              |\n\
             |                          (nothing)|",
    confused_with: &[
        (
            "client.gave-up",
            "the client closes or resets by itself, or only opened the connection in advance",
        ),
        ("capture.ended-early", "the capture stops before a request was due"),
        (
            "firewall.l7-drop-after-request",
            "what a capture at the client would say, if it shows repeats without acknowledgement",
        ),
        (
            "firewall.mtu-blackhole",
            "what it would say if only full-size segments are missing",
        ),
    ],
    remedies: &[
        "Capture at the client at the same time and compare.",
        "Browsers open spare connections on which nothing is sent: only those that carry a user's attempt count.",
    ],
    references: &[
        "RFC 9293 section 3.5",
        "Raman et al., SIGCOMM 2023: signatures after ACK",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    let begun = attempt.request.is_some() || attempt.tls.as_ref().is_some_and(|tls| tls.client_hello.is_some());
    let incomplete = facts.from_client.lost_before();
    let (Some(established), true) = (facts.established, facts.opening_seen()) else {
        return None;
    };
    if is_half_seen(case) || begun && incomplete == 0 || attempt.response.is_some() || facts.from_client.has_gaps() {
        return None;
    }
    if facts.from_client.data.is_some() && incomplete == 0 {
        return None;
    }
    let near = near(case);
    let (confidence, weight) = match (incomplete, near) {
        // Next to the client, what it sends is seen: it has sent nothing.
        (0, Some(Side::Client)) => return None,
        (0, Some(Side::Server)) => (Confidence::Possible, 60),
        (0, None) => (Confidence::Possible, 40),
        (_, _) => (Confidence::Likely, 60),
    };
    let waited = facts
        .last
        .time
        .since(established.time)
        .max(case.survey.left_after(established));
    let summary = match incomplete {
        0 => format!(
            "The handshake completed at the server; within {} no octet of a request came.",
            seconds(waited)
        ),
        octets => format!("{octets} octets that the client sent never arrived where this was captured."),
    };
    let end = [Side::Client, Side::Server]
        .into_iter()
        .find_map(|side| Some((side, case.attempt.connection.left(side)?)));
    let end = end.map(|(side, at)| Evidence::new(at.packet, format!("the {} closes or resets", name(side))));
    let further = facts.from_client.last.filter(|_| incomplete > 0).map(|at| {
        Evidence::new(
            at.packet,
            format!("the client's sequence number is {incomplete} octets further on than what came"),
        )
    });
    let found = Match::new(confidence, Outcome::Undetermined, SaidBy::Unknown, summary)
        .weighing(weight)
        .shown_by(established.packet, "the handshake is complete")
        .shown_by_all(further)
        .shown_by_all(end)
        .but("Only a capture at the client can tell whether the request was sent.");
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{cause, told},
        rule::{Confidence, Outcome},
    };

    const AT_SERVER: &str = "1 > S ttl=57; 1.001 < SA ttl=64; 1.021 > A ttl=57;";

    #[test]
    fn at_the_server_nothing_comes() {
        let never = told(&format!("{AT_SERVER} 20 end"));
        assert_eq!(
            never,
            (
                "network.request-never-arrived",
                Confidence::Possible,
                Outcome::Undetermined
            )
        );
        let empty_place = told(&format!("{AT_SERVER} 5 > F on=180 ttl=57; 5.001 < A ttl=64"));
        assert_eq!(
            empty_place,
            (
                "network.request-never-arrived",
                Confidence::Likely,
                Outcome::Undetermined
            )
        );
    }

    #[test]
    fn at_the_client_it_is_the_client_that_sent_nothing() {
        assert_eq!(
            cause("1 > S; 1.02 < SA; 1.021 > A; 5 > F; 5.02 < F; 5.021 > A"),
            "client.gave-up"
        );
    }
}
