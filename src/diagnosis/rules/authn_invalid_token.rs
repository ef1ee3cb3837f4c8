//! A token, a session cookie or a signed value is there and is refused.

use crate::{
    attempt::{Request, Stage},
    diagnosis::{
        credential::{Kind, claims, duration, lifetime, payload, place, presented},
        refusal::{Differences, Refusal, unless_proven},
        rule::{Case, Confidence, Guide, Match, Rule},
    },
    http::Credential,
};

pub(super) const RULE: Rule = Rule {
    id: "authn.invalid-token",
    name: "token or session not valid",
    guide: Some(Guide::Authentication),
    stages: &[Stage::Response],
    sees: "The request carries a bearer token, a session cookie, a ticket in the query or a token among the subprotocols, and is \
           answered with 401, or with 403.",
    means: "The server looked at the token and did not find it good: a signature that does not fit, a session that it does not \
            know, another issuer or audience, a token that is not valid yet. The proof is a request that differs in the token \
            alone and is accepted, above all if both tokens make the same claims.",
    ladder: "client                      server\n\
             |--- GET, Bearer aaa ------->|\n\
             |<-- 401 or 403 -------------|\n\
             |--- GET, Bearer bbb ------->|\n\
             |<-- 101 --------------------|",
    confused_with: &[
        (
            "authn.expired-token",
            "the token's own exp claim lies before the capture's clock",
        ),
        (
            "authz.insufficient-role",
            "the very same token opens another path, or the accepted token names other roles",
        ),
        ("origin.not-allowed", "the same token is accepted from another Origin"),
        (
            "authn.missing-credentials",
            "a cookie that has nothing to do with logins is no credential",
        ),
    ],
    remedies: &[
        "Compare key, issuer and audience of the server's verifier with those of the issuer of tokens; after a key rotation old \
         tokens stop to verify.",
        "A cookie that is refused often belongs to a session that the server has forgotten: restarted, other instance without a \
         shared store, another signing secret (SECRET_KEY, express-session secret).",
        "Look for a second copy of the token in an encoded form: a token in a query must be percent-encoded once, not twice.",
    ],
    references: &[
        "RFC 6750 section 3.1",
        "RFC 7519 sections 4.1 and 7.2",
        "RFC 9110 section 15.5.2",
    ],
    check,
};

const SAYS: &[&str] = &[
    "invalid token",
    "invalid * token",
    "token is invalid",
    "token invalid",
    "token * not valid",
    "invalid jwt",
    "jwt malformed",
    "malformed jwt",
    "malformed token",
    "invalid signature",
    "signature verification failed",
    "signature * invalid",
    "signature * does not match",
    "token verification failed",
    "could not validate credentials",
    "couldnt validate",
    "could not verify",
    "unable to verify",
    "token rejected",
    "token revoked",
    "token * revoked",
    "bad token",
    "invalid bearer",
    "invalid session",
    "session * not valid",
    "session invalid",
    "invalid cookie",
    "invalid ticket",
    "invalid * ticket",
    "jwt verification fails",
    "jwt issuer",
    "audiences in jwt",
    "invalid audience",
    "audience invalid",
    "invalid issuer",
    "issuer invalid",
    "jwt not active",
    "not yet valid",
    "unrecognized client",
    "security token * is invalid",
    "token decode",
    "decode token",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 401, 403])?;
    let Some(credential) = refusal.suspect(|kind| kind == Kind::Token) else {
        return by_cookie(&refusal);
    };
    let request = refusal.request?;
    let now = refusal.now();
    let early = lifetime(request, credential).begins_in(now);
    let over = lifetime(request, credential).over_since(now);
    let other = refusal.accepted_without(credential);
    let forged = other.filter(|contrast| only_signature_differs(credential, contrast.request));
    let before = refusal.accepted_but_for(Differences::NONE);
    let good = refusal.is_good(credential);
    let dated = claims(credential).is_some_and(|claims| !claims.roles.is_empty() && claims.exp.is_some());
    let known = refusal.knows_401_here();
    let (confidence, weight) = match refusal.status {
        // A token that is over is called invalid as well (RFC 6750 section 3.1).
        _ if refusal.says(SAYS).is_some() && over.is_some() => (Confidence::Likely, 65),
        _ if refusal.says(SAYS).is_some() => (Confidence::Confirmed, 65),
        _ if before.is_some() => (Confidence::Possible, 50),
        _ if good => return None,
        400 => return None,
        _ if forged.is_some() => (Confidence::Confirmed, 70),
        _ if early.is_some() => (Confidence::Likely, 70),
        _ if over.is_some() => (Confidence::Possible, 30),
        401 => (Confidence::Likely, if other.is_some() { 60 } else { 55 }),
        _ if other.is_some() && !known => (Confidence::Likely, 55),
        // A token that is in date and names roles is rather good and not sufficient.
        _ if refusal.is_mute() => (Confidence::Possible, if dated { 46 } else { 52 }),
        _ if known => (Confidence::Possible, 25),
        _ => (Confidence::Possible, 42),
    };
    let place = place(credential);
    let summary = match early {
        _ if forged.is_some() => {
            format!("The token in {place} makes the same claims as one that is accepted; its signature differs.")
        }
        Some(wait) => format!(
            "The token in {place} is not valid before {} after the request.",
            duration(wait)
        ),
        None => format!("The server refused the token in {place}."),
    };
    let found = refusal
        .found(confidence, weight, summary)
        .shown_by_all(refusal.asked(format!("a token in {place}")));
    let found =
        found.shown_by_all(other.map(|contrast| contrast.evidence("accepted with another token, all else alike")));
    let found = found.shown_by_all(before.map(|contrast| contrast.evidence("the very same request is accepted here")));
    let doubt =
        "The answer does not say that the token is bad; a role, the Origin or the path may be the cause as well.";
    Some(unless_proven(
        found,
        if over.is_some() {
            "The token is over: that is reason enough."
        } else {
            doubt
        },
    ))
}

/// Whether an accepted request carries the same header and claims with another signature.
fn only_signature_differs(credential: &Credential, accepted: &Request) -> bool {
    payload(credential).is_some_and(|own| {
        presented(accepted).any(|other| other.value != credential.value && payload(other) == Some(own))
    })
}

/// Cookies whose names do not tell, and another value of one of them is accepted.
fn by_cookie(refusal: &Refusal<'_>) -> Option<Match> {
    let (name, other) = refusal.refused_cookie()?;
    let known = refusal.status == 403 && refusal.knows_401_here();
    let (confidence, weight) = if known {
        (Confidence::Possible, 40)
    } else {
        (Confidence::Likely, 45)
    };
    let summary = format!("The server refused the value of the cookie {name}: another value is accepted.");
    let shown = format!("accepted with another value of the cookie {name}, all else alike");
    let found = refusal
        .found(confidence, weight, summary)
        .shown_by_all([other.evidence(shown)]);
    Some(found.but("The server may know who asks and refuse them."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, check, jwt};

    fn bearer(token: &str) -> Sample {
        Sample::get("/ws").field("Authorization", &format!("Bearer {token}"))
    }

    fn told(samples: &[Sample]) -> Option<Confidence> {
        check(&RULE, samples).map(|found| found.confidence)
    }

    #[test]
    fn another_signature_is_proof() {
        let token = |signature: &str| format!("{}{signature}", jwt(r#"{"sub":"a"}"#));
        let samples = [bearer(&token("x")).refused(403, ""), bearer(&token("y")).accepted()];
        assert_eq!(told(&samples), Some(Confidence::Confirmed));
        let other = jwt(r#"{"sub":"b"}"#);
        assert_eq!(
            told(&[bearer(&token("x")).refused(403, ""), bearer(&other).accepted()]),
            Some(Confidence::Likely)
        );
    }

    #[test]
    fn words_and_status() {
        assert_eq!(told(&[bearer("abc").refused(401, "")]), Some(Confidence::Likely));
        assert_eq!(told(&[bearer("abc").refused(403, "")]), Some(Confidence::Possible));
        assert_eq!(
            told(&[bearer("abc").refused(403, "Invalid session")]),
            Some(Confidence::Confirmed)
        );
        assert_eq!(told(&[Sample::get("/ws").refused(401, "Invalid session")]), None);
        let soon = jwt(r#"{"nbf":1767229200}"#);
        let found = check(&RULE, &[bearer(&soon).refused(403, "")]).unwrap();
        assert!(
            found.confidence == Confidence::Likely && found.summary.contains("60 minutes"),
            "{}",
            found.summary
        );
    }

    #[test]
    fn a_token_that_opens_another_path_is_good() {
        let elsewhere = Sample::get("/open").field("Authorization", "Bearer abc").accepted();
        assert_eq!(told(&[bearer("abc").refused(403, ""), elsewhere]), None);
    }

    #[test]
    fn a_cookie_without_a_telling_name() {
        let cookie = |value: &str| Sample::get("/ws").field("Cookie", &format!("u={value}"));
        assert_eq!(
            told(&[cookie("a").refused(403, ""), cookie("b").accepted()]),
            Some(Confidence::Likely)
        );
        assert_eq!(told(&[cookie("a").refused(403, "")]), None);
    }
}
