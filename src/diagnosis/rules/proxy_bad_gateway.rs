//! 502: the proxy could not talk to its backend.

use crate::{
    attempt::Stage,
    diagnosis::{
        legs,
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "proxy.bad-gateway",
    name: "bad gateway",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The answer is 502 (or one of Cloudflare's 520 to 527), written by the proxy itself. If the capture holds the leg to \
           the backend: a refused connection, a reset, or an answer that is no HTTP.",
    means: "The proxy understood the request and tried its backend, and got no sound answer from there (RFC 9110 section 15.6.3): \
            the backend is down, its port is wrong, it broke off, it speaks TLS where the proxy does not or the other way round.",
    ladder: "client          proxy       backend\n\
             |--- GET ------>|             |\n\
             |               |--- SYN ---->|\n\
             |               |<-- RST -----|\n\
             |<-- 502 -------|             |",
    confused_with: &[
        (
            "proxy.unavailable",
            "503: the proxy knew that it has no backend, and did not try",
        ),
        (
            "proxy.gateway-timeout",
            "504: the backend took the request and did not answer in time",
        ),
        ("server.exception", "500 comes from the application itself"),
    ],
    remedies: &[
        "Look at the proxy's error log at this second: it names the backend and what went wrong (connect refused, reset, invalid \
         header).",
        "Check that the backend runs, and listens on the address and port that the proxy is told; in containers 127.0.0.1 is the \
         proxy itself.",
        "nginx: proxy_pass http:// for a plain backend, https:// for one with TLS. If the backend closes idle connections sooner \
         than the proxy, raise its keep-alive timeout above the proxy's.",
    ],
    references: &[
        "RFC 9110 section 15.6.3 (502)",
        "Cloudflare: 5xx errors",
        "nginx: ngx_http_proxy_module",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    let status = reply.status();
    // Cloudflare's own codes for what its origin did.
    matches!(status, 502 | 520 | 521 | 523 | 525 | 526 | 527 | 530).then_some(())?;
    let backend = legs::failed_backend(case);
    let page = reply.own_page_of_proxy();
    let sure = backend.is_some() || page.is_some() || reply.evoked(RULE.id).is_some();
    let confidence = if sure {
        Confidence::Confirmed
    } else {
        Confidence::Likely
    };
    let proxy = page.unwrap_or_else(|| "The proxy".to_owned());
    let summary = format!("{proxy} answered {status}: it got no sound answer from its backend.");
    let found = reply
        .told(confidence, SaidBy::Proxy, summary)
        .weighing(70)
        .shown_by_all(backend);
    Some(found.but("The answer bears no proxy's own marks; an application can write this status too."))
}
