//! A web application firewall's block page.

use crate::{
    attempt::Stage,
    diagnosis::{
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    fingerprint::Role,
};

pub(super) const RULE: Rule = Rule {
    id: "waf.block",
    name: "blocked by a web application firewall",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Response],
    sees: "A page or fields of a web application firewall: words about blocking, attacks or a security service, an incident, support \
           or reference number, a vendor's cookies. The status is often 403, but also 200, 406, 429, 501 or 503.",
    means: "A filter in front of the application took the request for an attack or a robot: no User-Agent, a tool's User-Agent, a \
            strange Origin or query, a bad address reputation, or the Upgrade itself. The application never saw it.",
    ladder: "client           WAF        server\n\
             |--- GET ------>|             |\n\
             |<-- 403 page --|             |",
    confused_with: &[
        (
            "waf.challenge",
            "the page wants a browser to prove itself; blocked for good is another matter",
        ),
        (
            "proxy.deny-rule",
            "a proxy's plain 403 page without words about security",
        ),
        (
            "firewall.block-page",
            "the page comes from a machine that is not the server: TTL and other marks differ",
        ),
        ("upgrade.ignored", "a 200 whose page is the application's own"),
    ],
    remedies: &[
        "Give the number on the page (incident, support ID, reference, Ray ID) to whoever runs the filter: it names the rule.",
        "Ask for an exception for this path and the upgrade request; many rule sets score a missing User-Agent or Accept field.",
        "Send a User-Agent, and the Origin of the real site.",
    ],
    references: &[
        "OWASP Core Rule Set 920xxx (protocol enforcement)",
        "makers' documentation of block pages",
    ],
    check,
};

/// Words that only a filter writes.
const STRONG: &[&str] = &[
    "requested url was rejected",
    "request rejected",
    "incapsula incident",
    "web application firewall",
    "website firewall",
    "web server firewall",
    "mod security",
    "modsecurity",
    "you have been blocked",
    "youve been blocked",
    "request has been blocked",
    "request was blocked",
    "request is blocked",
    "request blocked",
    "requests have been blocked",
    "access has been blocked",
    "blocked by * firewall",
    "blocked by * security",
    "blocked by * waf",
    "blocked for security",
    "blocked due to security",
    "security service to protect",
    "security rule",
    "security rules",
    "security violation",
    "security incident",
    "attack detected",
    "attack attempt",
    "malicious request",
    "malicious activity",
    "potentially malicious",
    "suspicious request",
    "suspicious activity",
    "bot detected",
    "violates * security",
];

/// Numbers by which a filter's owner finds the event.
const NUMBERS: &[&str] = &[
    "support id",
    "incident id",
    "incident number",
    "ray id",
    "event id",
    "block id",
    "reference id",
    "reference number",
    "transaction id",
    "attack id",
    "case number",
];

const DENIALS: &[&str] = &[
    "blocked",
    "access denied",
    "denied",
    "rejected",
    "firewall",
    "security",
    "forbidden",
    "not acceptable",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case).filter(|reply| case.author.role != Role::Filter && reply.status() != 401)?;
    let says = reply.says(STRONG);
    let is_page = reply.response.body.trim_ascii_start().starts_with(b"<");
    let pair = || Some(reply.says(NUMBERS)?).filter(|_| is_page).zip(reply.says(DENIALS));
    let evoked = reply.evoked(RULE.id).or_else(|| {
        let by_waf = case.author.role == Role::Waf && case.author.evokes.is_none();
        by_waf.then_some(Confidence::Likely)
    });
    let (confidence, weight) = match (evoked, says) {
        (Some(confidence), _) => (confidence, 75),
        (None, Some(_)) => (Confidence::Likely, 68),
        (None, None) if pair().is_some() => (Confidence::Likely, 66),
        (None, None) => return None,
    };
    let status = reply.status();
    let hidden = if Outcome::of_status(status) == Outcome::Refused && status < 300 {
        " hidden in a 2xx"
    } else {
        ""
    };
    let filter = case.author.program.as_deref().filter(|_| case.author.role == Role::Waf);
    let filter = filter.unwrap_or("A web application firewall");
    let said_by = match reply.writer() {
        SaidBy::Proxy => SaidBy::Proxy,
        _ => SaidBy::Waf,
    };
    let summary = format!("{filter} blocked the request: the {status} is its block page{hidden}.");
    let found = reply.told(confidence, said_by, summary).weighing(weight);
    Some(found.but("The words of the page are a filter's, but its maker is not known by it."))
}
