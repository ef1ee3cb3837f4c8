//! Too many requests or connections.

use crate::{
    attempt::Stage,
    diagnosis::{
        marks::seconds,
        reply::Reply,
        rule::{Case, Confidence, Evidence, Guide, Match, Rule},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "limits.rate",
    name: "too many requests",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The answer is 429, or another status with words about too many requests; often Retry-After or RateLimit fields are \
           with it. Earlier attempts of the same client may have passed.",
    means: "A counter per client, address, key or path is full (RFC 6585 section 4). nginx answers 503 to it unless \
            limit_req_status says otherwise.",
    ladder: "client                      server\n\
             |--- GET, Upgrade (3rd) ---->|\n\
             |<-- 429, Retry-After -------|",
    confused_with: &[
        (
            "server.overloaded",
            "503 by the application because it has no room for anybody",
        ),
        ("proxy.unavailable", "503 by a proxy that has no backend"),
        ("waf.block", "a block that waiting does not lift"),
    ],
    remedies: &[
        "Wait as long as Retry-After says, and let the client come back more slowly each time (exponential backoff with jitter).",
        "Look for a client that reconnects in a loop: a session that ends at once fills the counter.",
        "nginx: limit_req with burst and nodelay; limit_req_status 429; count per user rather than per address behind NAT.",
    ],
    references: &[
        "RFC 6585 section 4 (429)",
        "RFC 9110 section 10.2.3 (Retry-After)",
        "nginx: limit_req, limit_req_status",
    ],
    check,
};

const SAYINGS: &[&str] = &[
    "too many requests",
    "too many connections",
    "too many attempts",
    "rate limit",
    "rate limited",
    "ratelimit",
    "rate exceeded",
    "request limit",
    "requests limit",
    "connection limit",
    "quota exceeded",
    "limit exceeded",
    "throttled",
    "throttling",
    "slow down",
    "error 1015",
];

/// A counter that was full a moment ago let others pass not long before.
const RECENTLY: u64 = 60_000_000_000;

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    let status = reply.status();
    let may_say = matches!(status, 400 | 403 | 420 | 503 | 509);
    let (confidence, weight) = match status {
        429 => (Confidence::Confirmed, 80),
        _ if may_say && reply.says(SAYINGS).is_some() => (Confidence::Confirmed, 70),
        _ if reply.evoked(RULE.id).is_some() => (reply.evoked(RULE.id)?, 70),
        503 => return nginx(case, &reply),
        _ => return None,
    };
    let summary = format!("The answer is {status}: too many requests{}.", wait(&reply));
    let found = reply.told(confidence, reply.writer(), summary).weighing(weight);
    Some(found.shown_by_all(passed_before(case)))
}

/// nginx has no own 503 page but for its limits, unless it was told to return one: a dead backend makes 502.
fn nginx(case: &Case<'_>, reply: &Reply<'_>) -> Option<Match> {
    reply.own_page_of_proxy()?;
    reply.holds(&["<center>nginx", "<center>openresty"])?;
    let passed = passed_before(case)?;
    let summary = "nginx itself answered 503 shortly after it let the same path pass: one of its limits.";
    let found = reply
        .told(Confidence::Likely, reply.writer(), summary)
        .weighing(70)
        .shown_by_all([passed])
        .but("nginx also answers 503 where its configuration says return 503.");
    Some(found)
}

/// An attempt on the same path that passed shortly before.
fn passed_before(case: &Case<'_>) -> Option<Evidence> {
    let attempt = case.attempt;
    let path = attempt.path()?;
    let passed = case.survey.passed(attempt.connection.server, &path);
    let since = |at: crate::tcp::At| attempt.first().time.since(at.time);
    let before = passed.filter(|other| other.first() < attempt.first() && since(other.first()) < RECENTLY);
    before.last().map(|other| {
        Evidence::new(
            other.first().packet,
            format!(
                "the same path answered 101 to an attempt that began {} earlier",
                seconds(since(other.first()))
            ),
        )
    })
}

fn wait(reply: &Reply<'_>) -> String {
    let wait = reply.response.field("retry-after");
    let seconds = |wait: &String| wait.parse::<u32>().is_ok();
    match wait {
        Some(wait) if seconds(&wait) => format!("; come back in {wait} s"),
        Some(wait) => format!("; come back after {wait}"),
        None => String::new(),
    }
}
