//! 503 from a proxy that has no backend to ask.

use crate::{
    attempt::Stage,
    diagnosis::{
        legs,
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "proxy.unavailable",
    name: "proxy without a backend",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The answer is 503 with a proxy's own page: No server is available to handle this request (HAProxy), no healthy \
           upstream (Envoy), Service Unavailable (Apache, load balancers).",
    means: "The proxy has nobody to pass the request on to: every backend failed its health check, none is configured for this \
            host, or the connection to the last one failed (RFC 9110 section 15.6.4).",
    ladder: "client          proxy       backend\n\
             |--- GET ------>|    X        |\n\
             |<-- 503 -------|             |",
    confused_with: &[
        (
            "server.overloaded",
            "503 by the application itself, without a proxy's page",
        ),
        ("proxy.bad-gateway", "502: the proxy tried and got no sound answer"),
        ("limits.rate", "nginx answers 503 when a limit is reached"),
    ],
    remedies: &[
        "Look at the proxy's view of its backends: HAProxy stats page, Envoy /clusters, load balancer target health.",
        "A health check that asks a WebSocket path with a plain GET gets 400 or 426 and takes the backend out: give it a path of \
         its own.",
        "Kubernetes: a Service without ready endpoints looks like this; check the readiness probe.",
    ],
    references: &[
        "RFC 9110 section 15.6.4 (503)",
        "HAProxy: errorfiles and status 503",
        "Envoy: response flags UH, UF",
    ],
    check,
};

const SAYINGS: &[&str] = &[
    "no server is available",
    "no available server",
    "no healthy upstream",
    "no healthy backend",
    "upstream connect error",
    "no live upstreams",
    "backend fetch failed",
    "no backend",
    "backend unavailable",
    "backends unavailable",
    "no targets",
    "no route to backend",
    "dns resolution failure",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case).filter(|reply| reply.status() == 503)?;
    let backend = legs::failed_backend(case);
    let page = reply.own_page_of_proxy();
    let said = reply.says(SAYINGS).is_some() || reply.evoked(RULE.id) == Some(Confidence::Confirmed);
    // Apache's own page, which it writes when its backend is down.
    let apache = reply.says(&["maintenance downtime or capacity problems"]).is_some();
    // A connection that failed meanwhile may be another client's: it counts beside the proxy's own page.
    let shown = said || backend.is_some() && page.is_some();
    let (confidence, weight) = match (shown, &page) {
        (true, _) => (Confidence::Confirmed, 70),
        (false, None) if apache || backend.is_some() => (Confidence::Likely, 60),
        (false, Some(_)) => (Confidence::Likely, 60),
        (false, None) => (Confidence::Possible, 45),
    };
    let proxy = page.unwrap_or_else(|| "The proxy".to_owned());
    let summary = format!("{proxy} answered 503: it has no backend to pass the request on to.");
    let found = reply
        .told(confidence, SaidBy::Proxy, summary)
        .weighing(weight)
        .shown_by_all(backend);
    Some(found.but("The answer bears no proxy's own marks; the application itself may have no room."))
}
