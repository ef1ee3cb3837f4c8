//! After the 101 come HTTP octets, not frames.

use crate::{
    attempt::Stage,
    diagnosis::rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
    tcp::Side,
    websocket::Violation,
};

pub(super) const RULE: Rule = Rule {
    id: "handshake.data-after-101",
    name: "HTTP after the switch",
    guide: Some(Guide::Server),
    stages: &[Stage::Open, Stage::Closed],
    sees: "The answer is 101, and where the server's first frame should begin stands HTTP text: another status line, or a page.",
    means: "After the 101 both ends speak frames (RFC 6455 section 5). One part of the server switched, and another answered the \
            request as HTTP: two handlers on one socket, an error written after the switch, a library whose protocol version is not \
            the client's. Clients say Invalid frame header, or close with 1002.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- 101 --------------------|\n\
             |<-- HTTP/1.1 400 ... -------|",
    confused_with: &[
        ("session.protocol-error", "frames that break the rules, but frames"),
        ("server.not-http", "no 101 comes first"),
        ("handshake.bad-accept", "the 101 itself is not sound"),
    ],
    remedies: &[
        "Let only one handler answer an upgrade: in Node, check the path in each 'upgrade' listener before it touches the socket.",
        "Socket.IO: a client of version 2 (EIO=3) at a server of version 3 or later gets this; allowEIO3: true, or update the client.",
        "A reverse proxy must stop speaking HTTP on the connection after a 101.",
    ],
    references: &[
        "RFC 6455 sections 4.2.2 and 5.2",
        "RFC 9110 section 15.2.2 (101)",
        "Socket.IO: allowEIO3",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    let session = attempt.session.as_deref()?;
    let response = attempt
        .response
        .as_deref()
        .filter(|response| response.head.status == 101)?;
    let text = session
        .violations
        .iter()
        .find(|found| found.kind == Violation::HttpText && found.side == Side::Server)?;
    let at_once = session.frames[1] == 0;
    let confidence = if at_once {
        Confidence::Confirmed
    } else {
        Confidence::Likely
    };
    let summary = "After its 101 the server went on in HTTP in place of frames.";
    let found = Match::new(confidence, Outcome::Broken, SaidBy::Application, summary)
        .weighing(88)
        .shown_by(response.first.at.packet, "101: from here on frames are due")
        .shown_by(text.at.packet, "HTTP text where a frame should begin")
        .but("Frames came before it.");
    Some(found)
}
