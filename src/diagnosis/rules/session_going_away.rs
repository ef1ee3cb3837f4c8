//! The server closed because it goes away, restarts or has no room.

use crate::{
    attempt::Stage,
    diagnosis::{
        closing::Closing,
        rule::{Case, Confidence, Guide, Match, Rule},
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "session.going-away",
    name: "server going away",
    guide: Some(Guide::Server),
    stages: &[Stage::Open, Stage::Closed],
    sees: "The server sends a Close frame with 1001 (going away), 1012 (service restart) or 1013 (try again later).",
    means: "The server or its worker is stopped or restarted, or sheds load. That is orderly; clients are expected to come back. The same \
            1001 from a client only means that its page was left, and is not told as a cause.",
    ladder: "client                        server\n\
             |<-- 101 ----------------------|\n\
             |        (messages)            |\n\
             |<-- Close 1001 or 1012 -------|\n\
             |--- Close ------------------->|",
    confused_with: &[
        (
            "session.abnormal-close",
            "the same without a Close frame: killed instead of stopped",
        ),
        ("session.ping-timeout", "1001 or 1011 with a reason that names pings"),
    ],
    remedies: &[
        "Let the client connect again after a short random pause.",
        "If it comes at the same age of all connections, look for a limit on their age (gateways, load balancers, reload of a proxy).",
    ],
    references: &[
        "RFC 6455 section 7.4.1 (1001)",
        "IANA: WebSocket Close Code Number Registry (1012, 1013)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let closing = Closing::of(case).filter(|closing| closing.by == Side::Server)?;
    let what = match closing.code()? {
        1001 => "goes away",
        1012 => "restarts",
        1013 => "has no room now",
        _ => return None,
    };
    let summary = format!("The server {what} and closed: {}.", closing.told());
    Some(closing.found(Confidence::Confirmed, summary).weighing(60))
}
