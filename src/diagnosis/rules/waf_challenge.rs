//! A bot challenge that a WebSocket client cannot answer.

use crate::{
    attempt::Stage,
    diagnosis::{
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "waf.challenge",
    name: "bot challenge",
    guide: Some(Guide::Firewall),
    stages: &[Stage::Response],
    sees: "A page that wants a script to run or a person to prove that they are one: cf-mitigated: challenge, \
           x-amzn-waf-action: challenge, Just a moment..., a captcha. The status is 403, 503, 429, 405, 202 or 200.",
    means: "A filter before the application is not sure whether the client is a robot. A browser could answer on a page; on a \
            WebSocket handshake nothing shows the page and nothing runs its script, so the upgrade fails.",
    ladder: "client           WAF        server\n\
             |--- GET ------>|             |\n\
             |<-- challenge -|             |",
    confused_with: &[
        ("waf.block", "the page blocks for good and asks nothing of the client"),
        ("authn.missing-credentials", "a login page of the application"),
    ],
    remedies: &[
        "Skip the challenge for the WebSocket path: a rule on the path in the filter (Cloudflare: WAF custom rule with Skip).",
        "In a browser, let an ordinary page of the same host pass the challenge first: its cookie then goes with the handshake.",
        "For programs, allow the client by address, mTLS or an API token that the filter knows.",
    ],
    references: &[
        "Cloudflare: cf-mitigated header",
        "AWS WAF: challenge and captcha actions",
    ],
    check,
};

const SAYINGS: &[&str] = &[
    "just a moment",
    "checking your browser",
    "checking if the site connection is secure",
    "enable javascript and cookies to continue",
    "verify you are human",
    "verify that you are human",
    "verify you are a human",
    "verify that you are not a robot",
    "verifying you are human",
    "are you a robot",
    "im not a robot",
    "complete the security check",
    "browser verification",
    "ddos protection by",
    "captcha",
    "human verification",
];

/// Scripts of challenge platforms, by the paths and names that only they use.
const SCRIPTS: &[&str] = &[
    "/cdn-cgi/challenge-platform/",
    "_cf_chl_opt",
    "captcha-delivery.com",
    "px-captcha",
    "AwsWafIntegration",
    "awsWafCookieDomainList",
    "sucuri_cloudproxy_js",
    "/_sec/cp_challenge/",
    "challenges.cloudflare.com",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    let field = by_field(&reply);
    let script = reply.holds(SCRIPTS);
    let (confidence, weight) = match (field, script, reply.evoked(RULE.id)) {
        (Some(_), ..) => (Confidence::Confirmed, 85),
        (None, Some(_), _) => (Confidence::Likely, 80),
        (None, None, Some(confidence)) => (confidence, 80),
        (None, None, None) if reply.says(SAYINGS).is_some() => (Confidence::Likely, 72),
        (None, None, None) => return None,
    };
    let mark = field.or(script).map(|mark| format!(" ({mark})")).unwrap_or_default();
    let summary = format!("The answer is a bot challenge{mark}, which a WebSocket handshake cannot answer.");
    let said_by = match reply.writer() {
        SaidBy::Proxy => SaidBy::Proxy,
        _ => SaidBy::Waf,
    };
    let found = reply.told(confidence, said_by, summary).weighing(weight);
    Some(found.but("The words are those of a challenge; an application's own login page may have them too."))
}

/// Fields by which filters say that they challenge.
fn by_field(reply: &Reply<'_>) -> Option<&'static str> {
    let fields = &reply.response.head.fields;
    if fields.has_token("cf-mitigated", "challenge") {
        return Some("cf-mitigated: challenge");
    }
    let amazon = ["challenge", "captcha"]
        .into_iter()
        .any(|action| fields.has_token("x-amzn-waf-action", action));
    amazon.then_some("x-amzn-waf-action")
}
