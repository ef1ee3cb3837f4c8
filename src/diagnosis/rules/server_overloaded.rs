//! 503 by the application itself.

use crate::{
    attempt::Stage,
    diagnosis::{
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "server.overloaded",
    name: "server overloaded",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The answer is 503, and nothing in it speaks for a proxy. Retry-After may be with it.",
    means: "The application has no room now: a limit on connections or workers is reached, it is starting or stopping, or it is \
            under maintenance (RFC 9110 section 15.6.4).",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- 503, Retry-After -------|",
    confused_with: &[
        ("proxy.unavailable", "a proxy's own page: it has no backend"),
        (
            "limits.rate",
            "a limit of this client or path, with words or fields that say so",
        ),
    ],
    remedies: &[
        "Look at the number of open sessions: every WebSocket holds a connection, often a worker and a file descriptor.",
        "uvicorn: --limit-concurrency; Tomcat: maxConnections; Node and Go: ulimit -n.",
        "Let clients come back more slowly each time, with jitter, so that a restart is not followed by a rush.",
    ],
    references: &["RFC 9110 section 15.6.4 (503)", "uvicorn: --limit-concurrency"],
    check,
};

const SAYINGS: &[&str] = &[
    "overloaded",
    "too busy",
    "server busy",
    "server is busy",
    "at capacity",
    "under maintenance",
    "maintenance mode",
    "down for maintenance",
    "scheduled maintenance",
    "starting up",
    "shutting down",
    "no capacity",
    "server full",
    "server is full",
    "concurrency limit",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case).filter(|reply| reply.status() == 503)?;
    let said = reply.says(SAYINGS).is_some();
    let (confidence, weight) = match reply.writer() {
        SaidBy::Application if said => (Confidence::Likely, 70),
        SaidBy::Application => (Confidence::Likely, 50),
        _ => (Confidence::Possible, 30),
    };
    let summary = "The application answered 503: it has no room for the connection now.";
    let found = reply.told(confidence, SaidBy::Application, summary).weighing(weight);
    Some(found.but("A 503 does not say whether the application or something before it wrote it."))
}
