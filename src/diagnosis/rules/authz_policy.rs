//! A rule about this user, address or resource refuses; who they are is not in doubt.

use crate::{
    attempt::Stage,
    diagnosis::{
        refusal::{Differences, Refusal},
        rule::{Case, Confidence, Guide, Match, Rule, Text},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "authz.policy",
    name: "refused by a rule of the application",
    guide: Some(Guide::Authorization),
    stages: &[Stage::Response],
    sees: "The answer is 403 (or 451) in the application's own words: access denied, a forgery check, a plugin, an address that is \
           not welcome. Or the server answers 401 to those whom it does not know, and 403 to this request. Or the very same \
           request is accepted from another address.",
    means: "The server is not in doubt about who asks; a rule about this user, this resource, this address or this hour refuses \
            (RFC 9110 section 15.5.4).",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|\n\
             |<-- 403 \"denied\" -----------|",
    confused_with: &[
        (
            "authz.insufficient-role",
            "the answer or the tokens speak of roles and scopes",
        ),
        (
            "authn.missing-credentials",
            "no credential, and nothing shows that the server knows the client",
        ),
        ("proxy.deny-rule", "the error page is a proxy's, not the application's"),
        ("waf.block", "the page bears a firewall's marks"),
        (
            "origin.not-allowed",
            "forgery checks often look at the Origin: compare it with one that is accepted",
        ),
    ],
    remedies: &[
        "Look into the application's log at the time of the answer; the rule that refused is there, the capture shows only that it \
         did.",
        "Forgery checks (CSRF): send the token that the framework wants with the upgrade, or exempt the WebSocket endpoint and check \
         the Origin instead.",
        "Allow lists of addresses: behind a proxy the application must read the client's address from X-Forwarded-For or the PROXY \
         protocol, and trust that proxy.",
        "Docker: an authorization plugin refuses; its message names it.",
    ],
    references: &["RFC 9110 section 15.5.4", "RFC 7725 section 3"],
    check,
};

const SAYS: &[&str] = &[
    "csrf",
    "xsrf",
    "cross site request forgery",
    "forgery",
    "denied by policy",
    "explicit deny",
    "denied by plugin",
    "authorization denied by",
    "ip not allowed",
    "ip address * not allowed",
    "ip * blocked",
    "your ip",
    "address * not allowed",
    "account * disabled",
    "account * suspended",
    "account * locked",
    "account * blocked",
    "user * disabled",
    "user * suspended",
    "user is banned",
    "banned",
    "blacklisted",
    "not allowed in your country",
    "not available in your",
    "not on the * allowlist",
    "not whitelisted",
    "outside * hours",
];

/// A refusal in words that do not say why.
const MAY_SAY: &[&str] = &[
    "denied",
    "not permitted",
    "forbidden by",
    "not allowed to",
    "no access",
    "restricted",
    "prohibited",
];

/// What engine.io passes on from its application, with 400 as for all else; and what 400s are about otherwise.
const NOT_FOR_YOU: &[&str] = &["not allowed", "forbidden", "denied", "not permitted"];
const FOR_ANOTHER_REASON: &[&str] = &["method", "header", "origin", "host", "protocol", "version"];

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 401, 403, 451])?;
    let cookie = refusal.refused_cookie();
    let same = refusal.accepted_but_for(Differences::NONE);
    let client = refusal.accepted_but_for(Differences::CLIENT);
    let known = refusal.unknown_are_told_401().filter(|_| refusal.status == 403);
    let said = !refusal.is_of_proxy() && refusal.says(SAYS).is_some();
    let hinted = !refusal.is_of_proxy() && !refusal.is_mute() && refusal.says(MAY_SAY).is_some();
    let (confidence, weight) = match refusal.status {
        _ if said => (Confidence::Likely, 65),
        400 if refusal.says(NOT_FOR_YOU).is_some() && refusal.says(FOR_ANOTHER_REASON).is_none() => {
            (Confidence::Possible, 50)
        }
        400 | 401 => return None,
        403 if refusal.request.is_none() && !hinted => return None,
        451 => (Confidence::Likely, 60),
        _ if client.is_some() => (Confidence::Likely, 58),
        _ if cookie.is_some() && known.is_some() => (Confidence::Likely, 56),
        _ if hinted && !refusal.is_bare() => (Confidence::Likely, 45),
        _ if hinted => (Confidence::Possible, 57),
        _ if known.is_some() => (Confidence::Possible, 56),
        _ if same.is_some() => (Confidence::Possible, 48),
        _ if refusal.is_of_proxy() => (Confidence::Possible, 10),
        _ => (Confidence::Possible, 30),
    };
    let summary = match &known {
        _ if client.is_some() => Text::from("The server accepts the same request from another address, and refused this one."),
        _ if said || hinted || refusal.status == 400 => format!(
            "The server refused the request by a rule of its own, and says “{}”.",
            refusal.message()
        )
        .into(),
        Some(_) => {
            "The server answers 401 to clients that it does not know, and 403 to this one: it knows who asks, and refuses."
                .into()
        }
        None => "A rule of the server's own may have refused the request.".into(),
    };
    let found = refusal.found(confidence, weight, summary).shown_by_all(known);
    let found = found
        .shown_by_all(client.map(|contrast| contrast.evidence("the same request is accepted from another address")));
    let found = found.shown_by_all(same.map(|contrast| contrast.evidence("the very same request is accepted here")));
    let found = found
        .shown_by_all(cookie.map(|(name, contrast)| contrast.evidence(format!("accepted with another cookie {name}"))));
    Some(found.but("Nothing in the answer speaks of a rule; only the application's log can show one."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check};

    fn told(samples: &[Sample]) -> Option<Confidence> {
        check(&RULE, samples).map(|found| found.confidence)
    }

    #[test]
    fn the_answer_speaks_of_a_rule() {
        assert_eq!(
            told(&[Sample::get("/ws").refused(403, "{\"error\":\"csrf_check_failed\"}")]),
            Some(Confidence::Likely)
        );
        let denied = Sample::get("/exec")
            .field("Upgrade", "tcp")
            .refused(403, "{\"error\":\"denied\"}");
        assert_eq!(cause(&[denied]), RULE.id);
        assert_eq!(
            told(&[Sample::get("/ws").refused(400, "not allowed")]),
            Some(Confidence::Possible)
        );
        assert_eq!(told(&[Sample::get("/ws").refused(400, "method not allowed")]), None);
        assert_eq!(
            cause(&[Sample::get("/denied").refused(403, "no /denied for you")]),
            "authn.missing-credentials"
        );
    }

    #[test]
    fn a_server_that_says_401_knows_the_others() {
        let get = |cookie: &str| Sample::get("/auth").field("Cookie", &format!("user={cookie}"));
        let samples = [
            get("eve").refused(403, "x"),
            Sample::get("/auth").refused(401, "x"),
            get("root").accepted(),
        ];
        assert_eq!((told(&samples), cause(&samples)), (Some(Confidence::Likely), RULE.id));
    }

    #[test]
    fn another_address_is_welcome() {
        let from = |address: &str| Sample::get("/ws").field("X-Forwarded-For", address);
        let samples = [from("192.0.2.7").refused(403, ""), from("192.0.2.8").accepted()];
        assert_eq!((told(&samples), cause(&samples)), (Some(Confidence::Likely), RULE.id));
    }
}
