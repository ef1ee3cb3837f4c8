//! A reset to the SYN that bears the host's own marks.

use crate::{
    attempt::Stage,
    diagnosis::{
        refused_syn::{foreign, refusal},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy, Text},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "server.port-closed",
    name: "port closed",
    guide: Some(Guide::Server),
    stages: &[Stage::Connect],
    sees: "The SYN is answered by a reset with ACK and sequence number 0, and with the TTL of the host's other segments.",
    means: "The host is up and the way to it is open, but no program listens on this port: the service is stopped, crashed, listens \
            on another port, or only on another address (127.0.0.1). That is what RFC 9293 section 3.10.7.1 asks of a host.",
    ladder: "client                      server\n\
             |--- SYN ------------------->|\n\
             |<-- RST, ACK ---------------|",
    confused_with: &[
        (
            "firewall.reject-rst",
            "the same form, but the TTL is another than that of the host's other segments",
        ),
        ("firewall.silent-drop-syn", "nothing comes back at all"),
    ],
    remedies: &[
        "On the server: ss -ltnp. Is the service running, on this port, and on 0.0.0.0 or [::] rather than 127.0.0.1?",
        "uvicorn: --host 0.0.0.0 --port 8000; containers: is the port published?",
        "A host firewall that rejects with tcp-reset on the server itself looks exactly the same: look at its rules too.",
    ],
    references: &["RFC 9293 section 3.10.7.1", "RFC 9293 section 3.5.2"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let reset = refusal(case)?;
    let facts = &case.attempt.connection;
    let foreign = foreign(case, reset);
    let confidence = match foreign.confidence() {
        None => Confidence::Likely,
        // That the port was open before speaks for a stopped service as much as for a filter.
        Some(_) if foreign.agreeing.contains(&"TTL") => Confidence::Likely,
        Some(_) => Confidence::Possible,
    };
    let like = match foreign.agreeing.as_slice() {
        [] => Text::from("reset to the SYN; there is nothing to compare its marks with"),
        agreeing => {
            let agreeing = agreeing.join(", ");
            format!("reset to the SYN; {agreeing} as in the host's other segments").into()
        }
    };
    let before = case.listening().first_answer.filter(|at| *at < reset.seen.at);
    let before = before.map(|at| Evidence::new(at.packet, "the same port was open before"));
    let summary = format!(
        "Nobody listens on port {}: the host answered the SYN with a reset.",
        facts.server.port
    );
    let found = Match::new(confidence, Outcome::Unreachable, SaidBy::ServerHost, summary)
        .shown_by(facts.first.packet, "SYN")
        .shown_by(reset.seen.at.packet, like)
        .shown_by_all(before)
        .but(match foreign.marks.first() {
            Some(mark) => Text::from(format!("A mark speaks for another sender: {}.", mark.text)),
            None => "A filter on the host itself that rejects with a reset cannot be told from a closed port.".into(),
        });
    Some(found)
}

#[cfg(test)]
mod tests {
    use crate::diagnosis::{
        ladder::{GOOD, told},
        rule::{Confidence, Outcome},
    };

    #[test]
    fn a_reset_with_the_hosts_own_marks_is_the_hosts() {
        let closed = ("server.port-closed", Confidence::Likely, Outcome::Unreachable);
        assert_eq!(told("1 > S; 1.02 < RA"), closed);
        assert_eq!(told(&format!("{GOOD} 1 > S port=81; 1.02 < RA port=81")), closed);
        assert_eq!(told(&format!("{GOOD} 1 > S; 1.02 < RA")), closed);
    }
}
