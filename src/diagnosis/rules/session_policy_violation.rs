//! The switch was accepted, and then an end closed for a reason of policy: refused after accepting.

use crate::{
    attempt::Stage,
    diagnosis::{
        closing::{Closing, SOON},
        rule::{Case, Confidence, Guide, Match, Rule},
        tls_handshake::name,
    },
    tcp::Side,
};

pub(super) const RULE: Rule = Rule {
    id: "session.policy-violation",
    name: "refused after accepting",
    guide: Some(Guide::Authentication),
    stages: &[Stage::Open, Stage::Closed],
    sees: "The answer is 101, and the server soon sends a Close frame with 1008 (policy violation), 3000 or 3003, or a code of the \
           application that follows HTTP: 4401, 4403, 4429.",
    means: "The server looks at credentials only when the WebSocket is open: it waits for a first message with a token, or its framework \
            must accept before it can close with a code. For the client the upgrade worked, and then it was thrown out.",
    ladder: "client                        server\n\
             |--- GET /ws, Upgrade -------->|\n\
             |<-- 101 ----------------------|\n\
             |<-- Close 1008 ---------------|\n\
             |--- Close 1008 -------------->|",
    confused_with: &[
        (
            "authn.missing-credentials",
            "there the server refuses with a status, before any switch",
        ),
        (
            "session.protocol-error",
            "the other end's frames broke the rules: 1002, 1003, 1007",
        ),
        ("session.server-error", "the server failed: 1011"),
    ],
    remedies: &[
        "Send the token that the server waits for: with the request (cookie, query, subprotocol), or as the first message within its \
         time limit (graphql-ws: connection_init; Socket.IO: auth; SignalR: access_token).",
        "Look up the code in the application's documentation: codes from 4000 on are its own (RFC 6455 section 7.4.2).",
        "FastAPI: raise WebSocketException before accept() to refuse with 403, or send a denial response to give a status of your own.",
    ],
    references: &[
        "RFC 6455 sections 7.4.1 and 7.4.2",
        "IANA: WebSocket Close Code Number Registry",
        "graphql-transport-ws: close codes",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let closing = Closing::of(case)?;
    let code = closing.code()?;
    let (confidence, what) = match code {
        1008 => (Confidence::Confirmed, "for a reason of policy"),
        3000 => (Confidence::Confirmed, "because the client is not authenticated"),
        3003 => (Confidence::Confirmed, "because the client is not let in"),
        4401 => (
            Confidence::Likely,
            "most likely because the client is not authenticated",
        ),
        4403 => (Confidence::Likely, "most likely because the client is not let in"),
        4429 => (Confidence::Likely, "most likely because of too many requests"),
        // Many applications give their codes the last digits of a status of HTTP.
        4400..=4499 => (Confidence::Likely, "with a code that stands for a refusal"),
        _ if !(3000..=4999).contains(&code) => return None,
        _ if speaks_of_access(&closing.reason()) => (Confidence::Likely, "and speaks of access"),
        _ if closing.by == Side::Server && closing.age() < SOON => (Confidence::Possible, "with a code of its own"),
        _ => return None,
    };
    let summary = format!(
        "The switch was accepted; then the {} closed {what}: {}.",
        name(closing.by),
        closing.told()
    );
    Some(
        closing
            .found(confidence, summary)
            .weighing(60)
            .but("What the code means is known to the application only."),
    )
}

/// Whether a reason, in small letters, is about who may come in.
fn speaks_of_access(reason: &str) -> bool {
    const WORDS: [&str; 14] = [
        "auth",
        "token",
        "login",
        "log in",
        "forbidden",
        "denied",
        "permission",
        "credential",
        "not allowed",
        "expired",
        "jwt",
        "policy",
        "rate limit",
        "banned",
    ];
    WORDS.iter().any(|word| reason.contains(word))
}
