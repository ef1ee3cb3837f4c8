//! A rule of the reverse proxy refuses, with the proxy's own page.

use crate::{
    attempt::Stage,
    diagnosis::{
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "proxy.deny-rule",
    name: "denied by a rule of the proxy",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Response],
    sees: "The answer is 403 and bears the proxy's own page: nginx in the page's last line, Request forbidden by administrative \
           rules (HAProxy), RBAC: access denied (Envoy), an empty 403 of Caddy.",
    means: "The proxy refused by itself and did not ask the application: allow and deny lists, an address filter, an ACL on path, \
            method, Origin or User-Agent, client certificate rules. The application's log has no trace of it.",
    ladder: "client          proxy       backend\n\
             |--- GET ------>|             |\n\
             |<-- 403 -------|             |",
    confused_with: &[
        (
            "origin.not-allowed",
            "the rule is about Origin: the same path passes with another Origin",
        ),
        ("waf.block", "a filter's page speaks of attacks, incidents or security"),
        (
            "authz.policy",
            "the application refuses, and the proxy only passes its answer on",
        ),
        ("proxy.connect-denied", "the request is CONNECT to an explicit proxy"),
    ],
    remedies: &[
        "nginx: look for deny, return 403, satisfy, if ($http_...), geo and map in the server and location that match this path; \
         the error log says access forbidden by rule.",
        "HAProxy: look for http-request deny; the log's termination state is PR.",
        "Envoy and Istio: RBAC filters and AuthorizationPolicy; an upgrade type that is not enabled in upgrade_configs is a 403 too.",
        "Apache: look for Require; the error log says client denied by server configuration.",
    ],
    references: &[
        "RFC 9110 section 15.5.4 (403)",
        "nginx: ngx_http_access_module",
        "HAProxy: http-request deny",
        "Envoy: RBAC filter, upgrade_configs",
    ],
    check,
};

/// What proxies say of their own rules.
const SAYINGS: &[&str] = &[
    "forbidden by administrative rules",
    "rbac access denied",
    "client denied by server configuration",
    "ip forbidden",
    "access control configuration prevents",
];

/// HAProxy's page of a request that it kept waiting.
const TARPIT: &str = "An internal server error occurred.\n</body></html>";

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    if is_connect(&reply) {
        return None;
    }
    let page = reply.own_page_of_proxy();
    let evoked = reply.evoked(RULE.id);
    let (confidence, weight) = match reply.status() {
        403 if reply.says(SAYINGS).is_some() => (Confidence::Likely, 65),
        400..=499 if evoked.is_some() => (Confidence::Likely, 65),
        403 if page.is_some() => (Confidence::Likely, 55),
        // HAProxy's tarpit keeps the client waiting and then answers 500 with its own page.
        500 if page.is_some() && reply.holds(&[TARPIT]).is_some() => (Confidence::Possible, 55),
        _ => return None,
    };
    let proxy = page.unwrap_or_else(|| "The proxy".to_owned());
    let status = reply.status();
    let summary = format!("{proxy} answered {status} itself: one of its own rules refuses this request.");
    let found = reply.told(confidence, SaidBy::Proxy, summary).weighing(weight);
    Some(found.but("The proxy's page does not say which rule it was."))
}

/// Whether the request was for a tunnel.
fn is_connect(reply: &Reply<'_>) -> bool {
    reply.request.is_some_and(|request| &*request.head.method == b"CONNECT")
}
