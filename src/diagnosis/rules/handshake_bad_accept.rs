//! 101 with a Sec-WebSocket-Accept that does not belong to the key.

use crate::{
    attempt::Stage,
    diagnosis::{
        accepted::{Accepted, Leave},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    http::connection_lists_upgrade,
    websocket::{AcceptState, KeyState},
};

pub(super) const RULE: Rule = Rule {
    id: "handshake.bad-accept",
    name: "Sec-WebSocket-Accept does not fit",
    guide: Some(Guide::Server),
    stages: &[Stage::Open, Stage::Closed],
    sees: "The answer is 101, but its Sec-WebSocket-Accept is not the one that belongs to the request's key, or is missing or there \
           twice. The client leaves at once, often without a frame.",
    means: "Accept is base64(SHA-1(key + a fixed GUID)); it proves that the server read this very handshake. A client must fail the \
            connection if it does not fit (RFC 6455 section 4.1). A wrong one comes from a hand-written server, a cache, or a proxy \
            that makes a handshake of its own to the backend and passes the backend's Accept back.",
    ladder: "client                      server\n\
             |--- GET, key -------------->|\n\
             |<-- 101, wrong accept ------|\n\
             |--- FIN ------------------->|",
    confused_with: &[
        (
            "handshake.subprotocol-mismatch",
            "Accept fits, and the subprotocol is one that was not offered",
        ),
        (
            "session.abnormal-close",
            "the handshake is sound and the connection ends later",
        ),
    ],
    remedies: &[
        "Compute Accept from the key as it came, without trimming or decoding: SHA-1 over key + \
         258EAFA5-E914-47DA-95CA-C5AB0DC85B11, then base64.",
        "If the capture holds both legs and their keys differ, the proxy between them must compute its own Accept.",
        "Let no cache keep a 101, and no proxy rewrite Sec-WebSocket-* fields.",
    ],
    references: &["RFC 6455 sections 1.3, 4.1 and 4.2.2"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let accepted = Accepted::of(case)?;
    let key = accepted.offer()?.key;
    let leave = accepted.leave();
    let sure = if accepted.works() {
        Confidence::Likely
    } else {
        Confidence::Confirmed
    };
    let (confidence, what) = match accepted.answer.accept {
        // Of several keys the server may have taken another one.
        AcceptState::Wrong if key == KeyState::Repeated => {
            (Confidence::Possible, "does not belong to the first of several keys")
        }
        AcceptState::Wrong => (sure, "does not belong to the request's key"),
        AcceptState::Repeated => (sure, "is there more than once"),
        AcceptState::Missing => (sure, "is missing"),
        AcceptState::Good if leave.is_some() && !accepted.is_used() && !names_upgrade(&accepted) => {
            return Some(half_a_switch(&accepted, leave.as_ref()));
        }
        AcceptState::Good | AcceptState::Unchecked => return None,
    };
    // It is the client that must fail the connection (RFC 6455 section 4.1), whoever closes it in the end.
    let said_by = SaidBy::Client;
    let summary = format!("The server answered 101, but its Sec-WebSocket-Accept {what}.");
    let found = Match::new(confidence, Outcome::Broken, said_by, summary)
        .weighing(85)
        .shown_by(accepted.request.first.at.packet, "the request with its Sec-WebSocket-Key")
        .shown_by(accepted.response.first.at.packet, format!("101 whose Sec-WebSocket-Accept {what}"))
        .shown_by_all(leave.as_ref().map(Leave::evidence))
        .shown_by_all(other_key(case))
        .but("Both ends went on all the same, or the request has several keys of which the server may have taken another.");
    Some(found)
}

/// The 101 has a sound Accept, and not the fields that make it a switch.
fn half_a_switch(accepted: &Accepted<'_>, leave: Option<&Leave>) -> Match {
    let summary = "The server answered 101 without Upgrade: websocket or without Connection: Upgrade; the client left.";
    Match::new(Confidence::Likely, Outcome::Broken, SaidBy::Client, summary)
        .weighing(85)
        .shown_by(
            accepted.response.first.at.packet,
            "101 without one of the fields that RFC 6455 section 4.1 wants",
        )
        .shown_by_all(leave.map(Leave::evidence))
        .but("Sec-WebSocket-Accept fits, and some clients do not look at the other fields.")
}

/// Whether the 101 itself says what it switches to (RFC 6455 section 4.1, steps 2 and 3 of the client's checks).
fn names_upgrade(accepted: &Accepted<'_>) -> bool {
    let fields = &accepted.response.head.fields;
    fields.has_token("upgrade", "websocket") && connection_lists_upgrade(fields)
}

/// The leg behind a proxy that made a handshake of its own: its answer has this very Accept.
fn other_key(case: &Case<'_>) -> Option<Evidence> {
    let accept = |attempt: &crate::attempt::Attempt| {
        let response = attempt.response.as_deref()?;
        response.head.fields.first("sec-websocket-accept").map(<[u8]>::to_vec)
    };
    let own = accept(case.attempt)?;
    let response = case.attempt.response.as_deref()?;
    let proxy = case.attempt.connection.server.address;
    let mut legs = case.survey.begun_by(proxy, case.attempt.first(), response.first.at);
    let leg = legs.find(|leg| accept(leg).as_ref() == Some(&own))?;
    let packet = leg.response.as_deref()?.first.at.packet;
    Some(Evidence::new(
        packet,
        "the same Accept on another leg, where it answers another key",
    ))
}
