//! Only one direction was captured.

use crate::{
    attempt::Stage,
    diagnosis::rule::{Case, Confidence, Match, Outcome, Rule, SaidBy},
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "capture.one-direction",
    name: "only one direction captured",
    guide: None,
    stages: &[Stage::Connect, Stage::Tls, Stage::Request],
    sees: "All segments of the connection come from one end, and that end acknowledges octets of the other, or goes on as only somebody \
           does who has got answers.",
    means: "The other direction goes past the capture point: asymmetric routing, a mirror port that copies one direction only, or a \
            capture filter. What the other end said cannot be told.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |        (never seen)        |\n\
             |--- ACK of octet 130 ------>|",
    confused_with: &[
        (
            "firewall.silent-drop-syn",
            "the client repeats its SYN: it has got no answer either",
        ),
        (
            "server.no-answer",
            "the server's acknowledgements are seen, and no answer",
        ),
        ("capture.gap", "some segments of both ends are there"),
    ],
    remedies: &[
        "Capture on the client or on the server itself, where both directions pass.",
        "Mirror port: copy both directions (Cisco: monitor session 1 source interface ... both); taps have two outputs.",
        "Check the capture filter: src host or dst port catch one direction only.",
    ],
    references: &["RFC 9293 section 3.4"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    let own = facts.is_one_sided();
    let silent = facts.from_server.segments == 0 && facts.resets.is_empty() && facts.errors.is_empty();
    if attempt.response.is_some() || !(own || case.survey.is_one_sided() && silent) {
        return None;
    }
    let seen = if facts.from_client.segments > 0 {
        Side::Client
    } else {
        Side::Server
    };
    let (speaks, unseen) = match seen {
        Side::Client => ("client", &facts.from_server),
        Side::Server => ("server", &facts.from_client),
    };
    let summary = format!("Only what the {speaks} sent was captured; what it got for answer cannot be told.");
    let (confidence, shown) = match unseen.acknowledged_at {
        Some(at) => (
            Confidence::Confirmed,
            (at, format!("the {speaks} acknowledges octets that were never seen")),
        ),
        None if own => (
            Confidence::Likely,
            (facts.last, format!("the {speaks} goes on as if it had got answers")),
        ),
        None => (
            Confidence::Possible,
            (
                facts.first,
                "most connections of this capture show one end only".to_owned(),
            ),
        ),
    };
    let found = Match::new(confidence, Outcome::Undetermined, SaidBy::Unknown, summary)
        .weighing(70)
        .shown_by(shown.0.packet, shown.1)
        .but("Both directions are in the capture.");
    Some(found)
}
