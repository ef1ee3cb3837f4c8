//! The answer turns on an extension that was not offered, or frames use one that was not agreed.

use crate::{
    attempt::Stage,
    diagnosis::{
        accepted::{Accepted, Leave},
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    http::printable,
    tcp::Side,
    websocket::Violation,
};

pub(super) const RULE: Rule = Rule {
    id: "handshake.extension-mismatch",
    name: "extension not agreed",
    guide: Some(Guide::Server),
    stages: &[Stage::Open, Stage::Closed],
    sees: "The 101 lists an extension in Sec-WebSocket-Extensions that the client did not offer, and the client leaves. Or a frame \
           has a reserved bit set, such as RSV1 of permessage-deflate, though no extension was agreed.",
    means: "A client must fail the connection if the server turns on what it did not offer (RFC 6455 section 4.1), and an end that \
            meets a reserved bit without an extension must do so too (section 5.2). A proxy that drops or adds \
            Sec-WebSocket-Extensions makes the two ends disagree.",
    ladder: "client                      server\n\
             |--- GET (no extensions) --->|\n\
             |<-- 101, permessage-deflate |\n\
             |--- FIN or Close 1002 ----->|",
    confused_with: &[
        ("session.protocol-error", "other breaches of the frame format"),
        ("handshake.bad-accept", "Accept does not fit"),
    ],
    remedies: &[
        "Switch permessage-deflate off on both ends to see whether that is it: perMessageDeflate: false (Node ws), \
         --ws-per-message-deflate false (uvicorn), compression=None (Python websockets).",
        "Look at Sec-WebSocket-Extensions on both legs of a proxy: they must be the same.",
    ],
    references: &["RFC 6455 sections 4.1, 5.2 and 9.1", "RFC 7692 sections 5 and 6"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let accepted = Accepted::of(case)?;
    by_answer(&accepted).or_else(|| by_frames(&accepted))
}

fn by_answer(accepted: &Accepted<'_>) -> Option<Match> {
    let extension = accepted.answer.unoffered_extension(accepted.offer()?)?;
    let leave = accepted.leave().filter(|leave| leave.side == Side::Client);
    let fits = leave
        .as_ref()
        .is_some_and(|leave| matches!(leave.code, None | Some(1002 | 1006 | 1010)));
    let confidence = match (fits, accepted.is_used()) {
        (true, false) => Confidence::Confirmed,
        (true, true) | (false, false) => Confidence::Likely,
        (false, true) => return None,
    };
    let what = format!(
        "turns on the extension {}, which the client did not offer",
        printable(extension.as_bytes(), 60)
    );
    let said_by = leave.as_ref().map_or(SaidBy::Application, Leave::said_by);
    let found = Match::new(confidence, accepted.outcome(), said_by, format!("The 101 {what}."))
        .weighing(80)
        .shown_by(accepted.request.first.at.packet, "the request does not offer it")
        .shown_by(accepted.response.first.at.packet, format!("the 101 {what}"))
        .shown_by_all(leave.as_ref().map(Leave::evidence))
        .but("The client did not leave for it.");
    Some(found)
}

/// A frame uses what was not agreed on, and the other end leaves for it.
fn by_frames(accepted: &Accepted<'_>) -> Option<Match> {
    let agreed = !accepted.answer.extensions.is_empty();
    let session = accepted.session().filter(|_| !agreed)?;
    let violation = session
        .violations
        .iter()
        .find(|violation| violation.kind == Violation::ReservedBit)?;
    let leave = accepted.leave();
    let said_by = leave.as_ref().map_or(SaidBy::Application, Leave::said_by);
    let summary = "A frame has a reserved bit set, as compression does, though no extension was agreed.";
    let found = Match::new(Confidence::Likely, Outcome::Upgraded, said_by, summary)
        .weighing(78)
        .shown_by(accepted.response.first.at.packet, "the 101 turns on no extension")
        .shown_by(violation.at.packet, "a frame with a reserved bit")
        .shown_by_all(leave.as_ref().map(Leave::evidence))
        .but("Octets that are no frames at all look like this, too.");
    Some(found)
}
