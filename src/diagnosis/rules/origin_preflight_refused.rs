//! A CORS preflight beside the upgrade is refused: it is not why an upgrade fails, and people think that it is.

use crate::{
    attempt::Stage,
    diagnosis::{
        refusal::Refusal,
        rule::{Case, Confidence, Evidence, Guide, Match, Rule},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "origin.preflight-refused",
    name: "preflight refused",
    guide: Some(Guide::Cors),
    stages: &[Stage::Response],
    sees: "An OPTIONS request with Access-Control-Request-Method is answered with an error, beside an upgrade that failed or on its \
           own.",
    means: "CORS middleware as such does not guard WebSocket upgrades: browsers send no preflight before them and do not look at \
            Access-Control-Allow-Origin in their answers. A preflight belongs to fetch and XMLHttpRequest, for example to the \
            request that fetches a ticket, or to the polling transports of socket.io and SockJS. It tells one thing about the \
            upgrade: which Origins the server was told to welcome.",
    ladder: "client                      server\n\
             |--- OPTIONS, Origin ------->|\n\
             |<-- 400 --------------------|\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- 101 or not, regardless -|",
    confused_with: &[(
        "origin.not-allowed",
        "the WebSocket server itself looks at the Origin of the upgrade, and refuses",
    )],
    remedies: &[
        "Allow the Origin, method and fields in the CORS settings for the HTTP endpoints that the page calls; this does not open the \
         WebSocket, whose Origin check is another setting.",
        "FastAPI: CORSMiddleware(allow_origins=[...]) answers preflights and nothing else; check websocket.headers[\"origin\"] in the \
         endpoint.",
    ],
    references: &[
        "Fetch standard, CORS-preflight fetch",
        "WebSockets standard, opening handshake",
        "RFC 6455 section 10.2",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 401, 403, 404, 405, 501])?;
    let request = refusal.request?;
    let origin = request.origin()?;
    if &*request.head.method == b"OPTIONS" && request.head.fields.has("access-control-request-method") {
        let summary = format!("The server refused a preflight from the Origin {origin}.");
        return Some(
            refusal
                .found(Confidence::Confirmed, 80, summary)
                .shown_by_all(refusal.asked("a preflight")),
        );
    }
    let preflight = case.survey.preflight_refused(case.attempt.connection.server, &origin)?;
    let (status, at) = preflight.response?;
    let summary = format!("A preflight from the Origin {origin} was refused beside the upgrade.");
    let shown = Evidence::new(
        at.packet,
        format!("a preflight from the same Origin is answered with {status}"),
    );
    let doubt =
        "CORS middleware does not guard WebSocket upgrades: no preflight precedes them, and none can stop them.";
    Some(
        refusal
            .found(Confidence::Possible, 4, summary)
            .shown_by_all([shown])
            .but(doubt),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check, verdict};

    #[test]
    fn a_preflight_is_told_and_never_wins() {
        let upgrade = Sample::get("/ws").field("Origin", "https://a.example").refused(403, "");
        let preflight = Sample::plain("OPTIONS", "/api").field("Origin", "https://a.example");
        let preflight = preflight
            .field("Access-Control-Request-Method", "POST")
            .refused(400, "Disallowed CORS origin");
        let finding = verdict(&[upgrade.clone(), preflight.clone()]);
        assert_eq!(finding.cause.unwrap().rule.id, "origin.not-allowed");
        let told = finding
            .also_considered
            .iter()
            .find(|considered| considered.rule.id == RULE.id);
        assert!(told.is_some_and(|considered| considered.why_not.starts_with("CORS middleware does not guard")));
        let other = preflight.field("Origin", "https://b.example");
        assert!(check(&RULE, &[upgrade, other]).is_none());
    }

    /// `curl --http2` adds Upgrade to whatever it asks.
    #[test]
    fn a_preflight_that_asks_for_an_upgrade_is_told_as_a_preflight() {
        let preflight = Sample::plain("OPTIONS", "/ws").field("Origin", "https://a.example");
        let preflight = preflight.field("Access-Control-Request-Method", "GET");
        let asking = preflight.field("Connection", "Upgrade").field("Upgrade", "h2c");
        assert_eq!(cause(&[asking.refused(400, "Disallowed CORS origin")]), RULE.id);
    }
}
