//! The answer's head ends in the middle.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::Foreign,
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
        silence,
    },
    http::printable,
    tcp::{At, Side},
};

pub(super) const RULE: Rule = Rule {
    id: "server.truncated-response",
    name: "answer cut off in its head",
    guide: Some(Guide::Server),
    stages: &[Stage::Request, Stage::Response, Stage::Open, Stage::Closed],
    sees: "The answer begins, and the connection ends with FIN or reset before the empty line that would end the head. Nothing \
           is missing from the capture.",
    means: "The server began to answer and stopped: its program crashed or was killed in the middle, or wrote an answer that is \
            not whole. A client cannot use a head without its end (RFC 9112 section 2.1), whatever the status line says.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- HTTP/1.1 101 Switch ----|\n\
             |<-- FIN or RST -------------|",
    confused_with: &[
        (
            "capture.gap",
            "the client acknowledges octets that are not in the capture",
        ),
        (
            "capture.snaplen",
            "the capture kept only the first octets of each packet",
        ),
        ("firewall.rst-injected", "the reset bears marks of another sender"),
        (
            "firewall.l7-drop-response",
            "the rest is sent again and again, and not acknowledged",
        ),
    ],
    remedies: &[
        "Look at the server's log at this second: a crash or a kill while the answer was written.",
        "A hand-written answer must end its head with an empty line: \\r\\n\\r\\n.",
    ],
    references: &["RFC 9112 sections 2.1 and 8"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    let from_server = &facts.from_server;
    let request = attempt.request.as_deref()?;
    let missed = attempt.obstacle.is_some() || from_server.has_gaps() || case.survey.is_one_sided();
    if missed || attempt.not_http.is_some() {
        return None;
    }
    let begun = match attempt.response.as_deref() {
        Some(response) if response.complete || response.head.cut => return None,
        Some(response) => response.first.at,
        None => silence::half_a_status(case, request)?.at,
    };
    let (ended, text, said_by) = end(case, begun)?;
    let so_far = match attempt.response.as_deref() {
        Some(response) => {
            let reason = printable(&response.head.reason, 40);
            format!(
                "after “{} {reason}” and {} fields",
                response.head.status,
                response.head.fields.len()
            )
        }
        None => "before its status line was whole".to_owned(),
    };
    let summary = format!("The answer ended in the middle of its head, {so_far}.");
    // Of less than a status line it is not certain that it was to be one.
    let confidence = if attempt.response.is_some() {
        Confidence::Confirmed
    } else {
        Confidence::Likely
    };
    let found = Match::new(confidence, Outcome::Broken, said_by, summary)
        .weighing(60)
        .shown_by(
            begun.packet,
            "the answer begins; the empty line that ends a head never comes",
        )
        .shown_by(ended.packet, text);
    Some(found)
}

/// The end of the connection after the first octet of the answer, if it is the server's own.
fn end(case: &Case<'_>, begun: At) -> Option<(At, &'static str, SaidBy)> {
    let facts = &case.attempt.connection;
    if let Some(fin) = facts.from_server.fin.as_deref().filter(|fin| fin.at >= begun) {
        let own = Foreign::of_segment(case, Side::Server, fin).confidence().is_none();
        return own.then_some((fin.at, "FIN by the server", SaidBy::Application));
    }
    let mut resets = facts.resets.iter();
    let reset = resets.find(|reset| reset.side == Side::Server && reset.seen.at >= begun)?;
    let own = Foreign::of_reset(case, reset).confidence().is_none();
    own.then_some((reset.seen.at, "reset by the server", SaidBy::ServerHost))
}
