//! Frames broke the rules, or an end says that they did.

use crate::{
    attempt::{Stage, Violation},
    diagnosis::{
        closing::Closing,
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
        tls_handshake::name,
    },
    tcp::Side,
    websocket,
};

pub(super) const RULE: Rule = Rule {
    id: "session.protocol-error",
    name: "frames break the rules",
    guide: Some(Guide::Server),
    stages: &[Stage::Open, Stage::Closed],
    sees: "A Close frame with 1002 (protocol error), 1003 (unsupported data), 1007 (invalid payload) or 1010 (extension missing). Or \
           frames that RFC 6455 forbids: a client's without a mask, a server's with one, reserved bits or opcodes, fragments of \
           control frames, HTTP text in the place of a frame.",
    means: "The two ends do not agree on what is on the wire: an extension that only one uses (compression behind a proxy that passes its \
            field on), a proxy that writes into the stream, a server that answers HTTP after its 101, a faulty library.",
    ladder: "client                        server\n\
             |<-- 101 ----------------------|\n\
             |<-- frame with RSV1 set ------|\n\
             |--- Close 1002 -------------->|",
    confused_with: &[
        (
            "handshake.extension-mismatch",
            "the fault is in the 101 already: an extension that was not offered",
        ),
        (
            "handshake.data-after-101",
            "what follows the 101 at once is no frame at all",
        ),
        ("session.policy-violation", "1008 and codes of the application"),
        (
            "capture.gap",
            "octets are missing from the capture, and what follows is misread",
        ),
    ],
    remedies: &[
        "Turn compression off on one end to see whether it is the cause (websockets: compression=None; ws: perMessageDeflate: false).",
        "Compare the frames on both sides of the proxy: what differs was written by it.",
        "Update the library whose frames break the rules.",
    ],
    references: &["RFC 6455 sections 5.1, 5.2, 5.4, 5.5 and 7.4.1", "RFC 7692 section 6"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let session = case.attempt.session.as_deref().filter(|session| session.framed)?;
    let violation = session.violations.first();
    let closing = Closing::of(case);
    let complaint = closing
        .as_ref()
        .filter(|closing| matches!(closing.code(), Some(1002 | 1003 | 1007 | 1010)));
    match (complaint, violation) {
        (Some(closing), violation) => Some(complained(closing, violation)),
        (None, Some(violation)) => broken(case, closing.as_ref(), violation),
        (None, None) => None,
    }
}

/// An end says so.
fn complained(closing: &Closing<'_>, violation: Option<&Violation>) -> Match {
    let summary = format!(
        "The {} found fault with the other end's frames and closed: {}.",
        name(closing.by),
        closing.told()
    );
    let found = closing.found(Confidence::Confirmed, summary).weighing(60);
    match violation.filter(|violation| violation.side != closing.by) {
        Some(violation) => found.shown_by(violation.at.packet, violation.kind.to_string()),
        None => found,
    }
}

/// Nobody says so, but it is there to be seen. A fault that both ends overlooked does no harm.
fn broken(case: &Case<'_>, closing: Option<&Closing<'_>>, violation: &Violation) -> Option<Match> {
    let harmless = closing.is_some_and(|closing| {
        matches!(closing.code(), Some(1000 | 1001)) || closing.frame().is_some() && closing.code().is_none()
    });
    let illegal_close = matches!(
        violation.kind,
        websocket::Violation::IllegalCloseCode | websocket::Violation::HalfCloseCode
    );
    if harmless && !illegal_close {
        return None;
    }
    // Where octets are missing, what follows may be misread.
    let gaps = [Side::Client, Side::Server]
        .into_iter()
        .any(|side| case.attempt.connection.from(side).has_gaps());
    let confidence = if gaps { Confidence::Possible } else { Confidence::Likely };
    let said_by = if violation.side == Side::Client {
        SaidBy::Client
    } else {
        SaidBy::Application
    };
    let summary = format!(
        "The {} sent {}, which breaks RFC 6455.",
        name(violation.side),
        violation.kind
    );
    let found = Match::new(confidence, Outcome::Upgraded, said_by, summary).weighing(65);
    let found = found.shown_by(violation.at.packet, violation.kind.to_string());
    let found = match closing {
        Some(closing) => found.shown_by(closing.at.packet, closing.in_words()),
        None => found,
    };
    Some(found.but("Neither end complained of it."))
}
