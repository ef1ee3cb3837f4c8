//! 500: an exception before the switch.

use crate::{
    attempt::Stage,
    diagnosis::{
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "server.exception",
    name: "exception in the server",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The answer is 500, or a page with a stack trace.",
    means: "The handler failed before it accepted or refused (RFC 9110 section 15.6.1): a bug, a database or cache that is not \
            there, a dependency that raises in the middle. Some frameworks also answer 500 where no route matches.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- 500 --------------------|",
    confused_with: &[
        (
            "route.not-found",
            "Django Channels and older Starlette raise where no route matches, and that is a 500",
        ),
        (
            "authn.missing-credentials",
            "older FastAPI made a 500 of an HTTPException in a WebSocket dependency",
        ),
        (
            "proxy.deny-rule",
            "HAProxy's tarpit answers 500 with its own page after a pause",
        ),
        (
            "session.server-error",
            "the exception comes after the switch: close code 1011 or no close frame",
        ),
    ],
    remedies: &[
        "The server's log has the stack trace of this second: look there first.",
        "FastAPI: raise WebSocketException in WebSocket dependencies, not HTTPException, on versions before the denial response.",
        "Catch what the handler's first lines may raise (database, cache, token parsing), and close with a code that tells.",
    ],
    references: &["RFC 9110 section 15.6.1 (500)", "FastAPI: WebSocketException"],
    check,
};

const TRACES: &[&str] = &[
    "traceback",
    "stack trace",
    "stacktrace",
    "exception report",
    "unhandled exception",
    "uncaught exception",
    "uncaught error",
    "fatal error",
    "null pointer exception",
    "nullreferenceexception",
    "no route found",
    "typeerror",
    "type error",
    "runtime error",
    "panic",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    let status = reply.status();
    let trace = matches!(status, 400..=599).then(|| reply.says(TRACES)).flatten();
    let own_page = reply.own_page_of_proxy().is_some();
    let (confidence, weight) = match (status, trace) {
        (500, Some(_)) => (Confidence::Confirmed, 70),
        (500, None) if own_page => (Confidence::Possible, 50),
        (500, None) => (Confidence::Likely, 55),
        (501..=599, Some(_)) if !own_page => (Confidence::Possible, 50),
        _ => return None,
    };
    let summary = match trace {
        Some(_) => format!("The answer is {status}, and it shows an exception in the server."),
        None => format!("The server answered {status}: its handler failed before the switch."),
    };
    let said_by = if own_page { reply.writer() } else { SaidBy::Application };
    let found = reply.told(confidence, said_by, summary).weighing(weight);
    Some(found.but("A 500 says that something failed and not what; the server's log tells."))
}
