//! The upgrade is asked for in HTTP/1.0.

use crate::{
    attempt::{Attempt, Request, Stage},
    diagnosis::{
        defects::{self, Defect},
        legs,
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Outcome, Rule},
        silence,
    },
    http::Version,
};

pub(super) const RULE: Rule = Rule {
    id: "handshake.http10",
    name: "upgrade asked for in HTTP/1.0",
    guide: Some(Guide::Server),
    stages: &[Stage::Request, Stage::Response],
    sees: "The request line ends in HTTP/1.0, and the request has Upgrade. The answer is 400, 426 or 505, an ordinary page, or \
           the end of the connection.",
    means: "A server must ignore Upgrade in HTTP/1.0 (RFC 9110 section 7.8), and a WebSocket handshake needs HTTP/1.1 (RFC 6455 \
            section 4.1). No WebSocket client sends this by itself: a proxy in front speaks 1.0 to its backend, as nginx did by \
            default before 1.29.7.",
    ladder: "proxy                      backend\n\
             |--- GET ... HTTP/1.0 ------>|\n\
             |    Upgrade: websocket      |\n\
             |<-- 400 / 426 / 505 --------|",
    confused_with: &[
        (
            "handshake.bad-version",
            "that is the version of WebSocket, in Sec-WebSocket-Version",
        ),
        (
            "proxy.upgrade-header-stripped",
            "there Upgrade itself is gone; nginx without its WebSocket lines does both at once",
        ),
    ],
    remedies: &[
        "nginx: proxy_http_version 1.1; beside proxy_set_header Upgrade $http_upgrade; and proxy_set_header Connection \"upgrade\";",
        "ab and other old tools speak HTTP/1.0: test with a WebSocket client.",
    ],
    references: &[
        "RFC 9110 section 7.8",
        "RFC 6455 section 4.1",
        "nginx: proxy_http_version",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    match Reply::of(case) {
        Some(reply) => match reply.websocket()? {
            request if request.head.version < Version::HTTP_11 => {
                let what = format!("asks for an upgrade in HTTP/{}", request.head.version);
                defects::blame(&reply, Defect::Http10, &what)
            }
            _ => behind_proxy(case, &reply),
        },
        None => closed(case),
    }
}

/// The same handshake went on to a backend in HTTP/1.0, and was refused there in the same way.
fn behind_proxy(case: &Case<'_>, reply: &Reply<'_>) -> Option<Match> {
    let is_old = |other: &&Attempt| {
        let old = |request: &Request| request.head.version < Version::HTTP_11;
        other.request.as_deref().is_some_and(old) && !other.is_upgraded()
    };
    let other = legs::behind(case).find(is_old)?;
    let request = other.request.as_deref()?;
    let same = other.status() == Some(reply.status());
    let confidence = if same {
        Confidence::Confirmed
    } else {
        Confidence::Likely
    };
    let summary = format!(
        "The proxy passed the upgrade on in HTTP/1.0; the backend refused it, and the answer is {}.",
        reply.status()
    );
    let found = reply
        .told(confidence, reply.writer(), summary)
        .weighing(70)
        .shown_by(
            request.first.at.packet,
            "the same handshake (same Sec-WebSocket-Key) goes to the backend in HTTP/1.0",
        )
        .but("The status that came back is not the one that the backend gave.");
    Some(found)
}

/// Some servers end the connection at once (RFC 6455 section 4.2.1 leaves the choice).
fn closed(case: &Case<'_>) -> Option<Match> {
    let request = case
        .attempt
        .request
        .as_deref()
        .filter(|request| request.head.version < Version::HTTP_11)?;
    let end = silence::end_by_server(case).filter(|end| end.is_own())?;
    let summary = "The upgrade was asked for in HTTP/1.0; the server ended the connection without an answer.";
    let found = Match::new(Confidence::Possible, Outcome::Broken, end.writer(), summary)
        .weighing(70)
        .shown_by(request.first.at.packet, "the request is HTTP/1.0 and has Upgrade")
        .shown_by_all(end.evidence())
        .but("The end of the connection does not say why.");
    Some(found)
}
