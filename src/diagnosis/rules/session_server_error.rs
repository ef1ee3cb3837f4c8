//! The server failed after the switch.

use crate::{
    attempt::Stage,
    diagnosis::{
        closing::{Closing, How, SOON},
        marks::milliseconds,
        rule::{Case, Confidence, Guide, Match, Rule, SaidBy},
        tls_handshake::name,
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "session.server-error",
    name: "server failed after the switch",
    guide: Some(Guide::Server),
    stages: &[Stage::Open, Stage::Closed],
    sees: "A Close frame with 1011 (internal error), 1014 (bad gateway) or an application's 45xx. Or the server sends FIN without a Close \
           frame at once after the switch or after a message of the client.",
    means: "The application met an error that it did not expect. Some servers then say 1011 (Tornado, websockets, ws by choice), some only \
            close the connection (uvicorn): clients report 1006.",
    ladder: "client                        server\n\
             |--- GET /ws, Upgrade -------->|\n\
             |<-- 101 ----------------------|\n\
             |--- message ----------------->|\n\
             |<-- Close 1011, or FIN -------|",
    confused_with: &[
        ("session.ping-timeout", "1011 with the reason keepalive ping timeout"),
        (
            "session.abnormal-close",
            "FIN without a Close frame for any reason: server stopped, proxy reloaded",
        ),
        ("proxy.idle-timeout", "FIN after a silence of a round length"),
    ],
    remedies: &[
        "Look for an exception in the application's log at that moment.",
        "Catch it in the handler and close with a code of its own, so that clients know.",
    ],
    references: &[
        "RFC 6455 section 7.4.1 (1011)",
        "IANA: WebSocket Close Code Number Registry (1014)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let closing = Closing::of(case)?;
    match closing.code() {
        Some(1011) if !super::session_ping_timeout::speaks_of_pings(&closing.reason()) => {
            let summary = format!(
                "The {} met an error after the switch and closed: {}.",
                name(closing.by),
                closing.told()
            );
            Some(closing.found(Confidence::Confirmed, summary).weighing(60))
        }
        Some(1014) => {
            let summary = format!(
                "A proxy lost its backend after the switch and closed: {}.",
                closing.told()
            );
            let mut found = closing.found(Confidence::Confirmed, summary).weighing(60);
            found.said_by = if closing.by == Side::Server {
                SaidBy::Proxy
            } else {
                found.said_by
            };
            Some(found)
        }
        Some(4500..=4599) => {
            let summary = format!(
                "The {} closed with a code that stands for an error of its own: {}.",
                name(closing.by),
                closing.told()
            );
            Some(closing.found(Confidence::Likely, summary).weighing(60))
        }
        Some(_) => None,
        None => left_at_once(&closing),
    }
}

/// No Close frame, but a moment that points at what came before.
fn left_at_once(closing: &Closing<'_>) -> Option<Match> {
    /// An application that fails over a message does so at once, in nanoseconds.
    const AT_ONCE: u64 = 100_000_000;
    let session = closing.session;
    let (client, server) = (session.last_octets[0], session.last_octets[1]);
    let after_message =
        client.is_some_and(|at| at > server.unwrap_or(at) || server.is_none()) && closing.waited() < AT_ONCE;
    let after_switch = session.frames == [0, 0] && closing.age() < SOON;
    if !matches!(closing.how, How::Fin) || closing.by != Side::Server || !(after_message || after_switch) {
        return None;
    }
    let what = if after_message {
        "a message of the client"
    } else {
        "the switch"
    };
    let summary = format!(
        "The server closed the connection without a Close frame {} after {what}, as one does whose application fails.",
        milliseconds(closing.waited())
    );
    Some(
        closing
            .found(Confidence::Possible, summary)
            .weighing(55)
            .but("A server that is stopped closes alike."),
    )
}
