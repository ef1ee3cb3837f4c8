//! No rule tells it: the last thing seen is reported as it is.

use crate::{
    attempt::{Attempt, Stage},
    diagnosis::rule::{Case, Confidence, Match, Outcome, Rule, SaidBy},
};

pub(super) const RULE: Rule = Rule {
    id: "other",
    name: "no known cause",
    guide: None,
    stages: &[Stage::Connect, Stage::Tls, Stage::Request, Stage::Response],
    sees: "An attempt that failed, or whose end is not in the capture, without the marks of any cause that is known.",
    means: "The report tells the last thing that was seen, and no more.",
    ladder: "client                      server\n\
             |--- ... ------------------->|\n\
             |<-- ? ----------------------|",
    confused_with: &[],
    remedies: &["Open the packets named as evidence in Wireshark, and look at what came before and after them."],
    references: &[],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    let (outcome, summary) = last_seen(attempt);
    let packet = attempt
        .response
        .as_ref()
        .map_or(attempt.connection.last, |response| response.first.at)
        .packet;
    let found = Match::new(Confidence::Possible, outcome, SaidBy::Unknown, summary.clone()).weighing(0);
    Some(found.shown_by(packet, summary))
}

fn last_seen(attempt: &Attempt) -> (Outcome, String) {
    if let Some(response) = &attempt.response {
        let status = response.head.status;
        return (Outcome::of_status(status), format!("The answer was {status}."));
    }
    let told = match attempt.stage {
        Stage::Connect => "The connection was not established.",
        Stage::Tls => "The TLS handshake is not seen to complete.",
        Stage::Request => "No answer to the request was seen.",
        Stage::Response | Stage::Open | Stage::Closed => "What came as an answer is no HTTP.",
    };
    (Outcome::Undetermined, told.to_owned())
}
