//! The answer names a subprotocol that was not offered, or none of those offered, and the client leaves.

use crate::{
    attempt::Stage,
    diagnosis::{
        accepted::{Accepted, Leave},
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    http::printable,
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "handshake.subprotocol-mismatch",
    name: "no subprotocol in common",
    guide: Some(Guide::Server),
    stages: &[Stage::Open, Stage::Closed],
    sees: "The 101 names a Sec-WebSocket-Protocol that the client did not offer, or none although the client offered some; then the \
           client leaves without a message. Or a Close frame says that the subprotocol is not acceptable.",
    means: "A client must fail the connection if the server names what it did not offer (RFC 6455 section 4.1). Chromium and Node's \
            ws also fail it if they offered some and the server names none; others go on without.",
    ladder: "client                      server\n\
             |--- GET, Protocol: a, b --->|\n\
             |<-- 101, Protocol: c -------|\n\
             |--- FIN ------------------->|",
    confused_with: &[
        ("handshake.bad-accept", "Accept does not fit"),
        (
            "session.policy-violation",
            "a Close frame whose code or reason speaks of something else",
        ),
    ],
    remedies: &[
        "Let the server choose one of the client's list and echo it letter by letter: FastAPI: await \
         websocket.accept(subprotocol=...); Node ws: handleProtocols; aiohttp: WebSocketResponse(protocols=...).",
        "A client that puts a token into the subprotocols must offer a real one beside it, which the server echoes.",
        "GraphQL: graphql-transport-ws and graphql-ws are two protocols; server and client must speak the same.",
    ],
    references: &[
        "RFC 6455 sections 1.9, 4.1 and 4.2.2",
        "graphql-ws PROTOCOL.md (close code 4406)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let accepted = Accepted::of(case)?;
    by_answer(&accepted).or_else(|| by_close(case, &accepted))
}

fn by_answer(accepted: &Accepted<'_>) -> Option<Match> {
    let offer = accepted.offer()?;
    let unoffered = accepted.answer.unoffered_subprotocol(offer);
    let leave = accepted.left_unused();
    let (confidence, what) = match (unoffered, &leave) {
        (Some(name), Some(_)) => (
            Confidence::Confirmed,
            format!("names the subprotocol {}, which the client did not offer", shown(name)),
        ),
        (Some(name), None) if !accepted.is_used() => (
            Confidence::Likely,
            format!("names the subprotocol {}, which the client did not offer", shown(name)),
        ),
        (None, Some(leave)) if accepted.answer.ignores_subprotocols(offer) && is_at_once(accepted, leave) => (
            Confidence::Likely,
            "names no subprotocol, though the client offered some".to_owned(),
        ),
        (None, Some(_)) if accepted.answer.subprotocol_is_empty => {
            (Confidence::Likely, "has an empty Sec-WebSocket-Protocol".to_owned())
        }
        _ => return None,
    };
    let said_by = SaidBy::Client;
    let summary = match &leave {
        Some(_) => format!("The 101 {what}; the client left at once."),
        None => format!("The 101 {what}."),
    };
    let offered = if offer.subprotocols.is_empty() {
        "no subprotocol"
    } else {
        "its subprotocols"
    };
    let found = Match::new(confidence, Outcome::Broken, said_by, summary)
        .weighing(80)
        .shown_by(
            accepted.request.first.at.packet,
            format!("the request offers {offered}"),
        )
        .shown_by(accepted.response.first.at.packet, format!("the 101 {what}"))
        .shown_by_all(leave.as_ref().map(Leave::evidence))
        .but("Many clients go on without a subprotocol, and may have left for another reason.");
    Some(found)
}

/// A Close frame that names the subprotocol, or graphql-ws's code for it.
fn by_close(case: &Case<'_>, accepted: &Accepted<'_>) -> Option<Match> {
    let session = accepted.session()?;
    let names = |reason: &str| {
        let reason = reason.to_ascii_lowercase();
        reason.contains("subprotocol") || reason.contains("sub-protocol")
    };
    let close = session
        .closes
        .iter()
        .find(|close| names(&close.reason) || close.code.is_some_and(|code| code.0 == 4406))?;
    let named = names(&close.reason);
    let confidence = if named {
        Confidence::Confirmed
    } else {
        Confidence::Likely
    };
    let said_by = if close.side == Side::Client {
        SaidBy::Client
    } else {
        SaidBy::Application
    };
    let code = close.code.map(|code| format!(" with {code}")).unwrap_or_default();
    let summary = format!("The session was closed{code} because of its subprotocol.");
    let reason = printable(close.reason.as_bytes(), 80);
    let packet = case.attempt.response.as_deref()?.first.at.packet;
    let found = Match::new(confidence, Outcome::Upgraded, said_by, summary)
        .weighing(75)
        .shown_by(packet, "101")
        .shown_by(close.at.packet, format!("Close frame{code}, reason “{reason}”"));
    Some(found)
}

/// A client that fails the handshake itself leaves as soon as it has read it, without a word.
fn is_at_once(accepted: &Accepted<'_>, leave: &Leave) -> bool {
    const AT_ONCE: u64 = 1_000_000_000;
    leave.at.time.since(accepted.response.last.at.time) < AT_ONCE
}

/// A subprotocol may hold a token that the client offered; one that it did not offer is the server's own word.
fn shown(name: &str) -> String {
    printable(name.as_bytes(), 60)
}
