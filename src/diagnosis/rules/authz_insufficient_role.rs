//! The credential is good and lacks the role or scope.

use crate::{
    attempt::{Attempt, Stage},
    diagnosis::{
        credential::{claims, places, presented},
        refusal::{Contrast, Refusal, accepted_at, unless_proven},
        rule::{Case, Confidence, Evidence, Guide, Match, Rule},
    },
    http::Claims,
};

pub(super) const RULE: Rule = Rule {
    id: "authz.insufficient-role",
    name: "role or scope not sufficient",
    guide: Some(Guide::Authorization),
    stages: &[Stage::Response],
    sees: "The request carries a credential and is answered with 403. The same credential opens another path of the server, or a \
           token with other roles is accepted on this path, or the answer speaks of a role, a scope or a permission.",
    means: "The server knows who asks, and that is not enough: 403 says that it understood and refuses, and that the same \
            credential will not do (RFC 9110 section 15.5.4). Roles and scopes stand readable in most tokens.",
    ladder: "client                      server\n\
             |--- GET /a, Bearer aaa ---->|\n\
             |<-- 101 --------------------|\n\
             |--- GET /b, Bearer aaa ---->|\n\
             |<-- 403 --------------------|",
    confused_with: &[
        (
            "authn.invalid-token",
            "the credential is accepted nowhere; a careful server says 401 then",
        ),
        ("authn.expired-token", "the token is over"),
        (
            "authz.policy",
            "roles do not matter: an address, a quota, a forgery check, one resource",
        ),
        (
            "route.not-found",
            "ASGI servers answer the same empty 403 for a path that does not exist",
        ),
    ],
    remedies: &[
        "Compare the roles, scopes or groups in the token with those that the endpoint asks for; both are readable.",
        "After a role was granted, fetch a new token: old ones keep the old claims.",
        "Kubernetes: exec, attach and port-forward over WebSocket need the verb get on pods/exec and the like, besides create; check \
         with kubectl auth can-i.",
    ],
    references: &[
        "RFC 9110 section 15.5.4",
        "RFC 6750 section 3.1 (insufficient_scope)",
        "RFC 9068 section 2.2.3",
    ],
    check,
};

const SAYS: &[&str] = &[
    "not enough permissions",
    "insufficient permissions",
    "insufficient permission",
    "insufficient privileges",
    "insufficient scope",
    "insufficient role",
    "insufficient rights",
    "missing scope",
    "missing required scope",
    "missing permission",
    "missing role",
    "scope * required",
    "required scope",
    "role * required",
    "required role",
    "requires * role",
    "requires role",
    "requires * scope",
    "requires * permission",
    "requires admin",
    "admins only",
    "admin only",
    "required permission",
    "lacks * permission",
    "lacks * role",
    "lacks * scope",
    "not have * role",
    "dont have * role",
    "not have sufficient",
    "cannot * resource",
    "cannot consume this service",
];

/// Said to those whom a server knows: mostly for a role, at times for something else.
const MAY_SAY: &[&str] = &[
    "not have * permission",
    "dont have * permission",
    "doesnt have * permission",
    "not have access",
    "dont have access",
    "doesnt have access",
    "no permission",
    "access denied",
    "access is denied",
    "permission denied",
    "not authorized",
    "unauthorized",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 401, 403])?;
    let said = refusal.says(SAYS).is_some();
    if refusal.request.is_some() && refusal.is_bare() && (!said || refusal.status != 403) {
        return None;
    }
    let roles = other_roles(&refusal);
    let good = refusal
        .accepted_with_same_credential()
        .find(|other| other.path() != refusal.path());
    let known = refusal.knows_401_here();
    let (confidence, weight) = match refusal.status {
        // Without a credential the words may well be said to those whom the server does not know.
        _ if said && refusal.is_bare() => (Confidence::Possible, if refusal.is_of_proxy() { 15 } else { 50 }),
        _ if said && refusal.request.is_none() => (Confidence::Likely, 60),
        _ if said => (Confidence::Confirmed, 80),
        _ if refusal.request.is_none() => return None,
        400 => return None,
        401 if good.is_some() => (Confidence::Possible, 55),
        401 => return None,
        _ if roles.as_ref().is_some_and(|(contrast, _)| is_token_alone(contrast)) => (Confidence::Likely, 78),
        _ if good.is_some() => (Confidence::Likely, 70),
        _ if roles.is_some() => (Confidence::Likely, 60),
        _ if !refusal.is_mute() && refusal.says(MAY_SAY).is_some() => (Confidence::Likely, 55),
        _ if known => (Confidence::Likely, 50),
        _ if refusal.is_of_proxy() => (Confidence::Possible, 20),
        _ if refusal.is_mute() => (Confidence::Possible, 48),
        _ => (Confidence::Possible, 50),
    };
    let doubt = match refusal.is_bare() {
        true => "The request carries no credential: whoever is not known has no role.",
        false => "Nothing shows that the server knows the credential: it may be refused as a whole.",
    };
    let summary = summary(
        said.then(|| refusal.message()),
        good,
        roles.as_ref().map(|(_, lacking)| lacking.as_str()),
    );
    let found = refusal.found(confidence, weight, summary);
    let found = match refusal.request.map(places) {
        Some(places) if !places.is_empty() => found.shown_by_all(refusal.asked(format!("a credential in {places}"))),
        _ => found,
    };
    let found = found.shown_by_all(good.map(accepted_elsewhere));
    let found =
        found.shown_by_all(roles.map(|(contrast, lacking)| contrast.evidence(format!("accepted with {lacking}"))));
    let found = found.shown_by_all(refusal.unknown_are_told_401());
    Some(unless_proven(found, doubt))
}

fn summary(said: Option<String>, good: Option<&Attempt>, lacking: Option<&str>) -> String {
    if let Some(message) = said {
        return format!("The server says that a role, scope or permission is wanting: “{message}”.");
    }
    match (lacking, good.and_then(Attempt::path)) {
        (Some(lacking), _) => {
            format!("The server refused a token that lacks {lacking}, with which this path is accepted.")
        }
        (None, Some(path)) => {
            format!("The server refused a credential that it accepts for {path}: it is good, and not sufficient here.")
        }
        (None, None) => "The server refused a request that carries a credential.".to_owned(),
    }
}

fn accepted_elsewhere(other: &Attempt) -> Evidence {
    let path = other.path().unwrap_or_default();
    Evidence::new(
        accepted_at(other),
        format!("the same credential is accepted for {path}"),
    )
}

fn is_token_alone(contrast: &Contrast<'_>) -> bool {
    let differs = contrast.differs;
    !(differs.origin || differs.host || differs.handshake || differs.cookies)
}

/// An attempt that is accepted on this path with roles that the refused token does not name, and those roles.
fn other_roles<'a>(refusal: &Refusal<'a>) -> Option<(Contrast<'a>, String)> {
    let own: Vec<Claims> = refusal.presented().filter_map(claims).collect();
    if own.is_empty() {
        return None;
    }
    let named = |role: &String| own.iter().any(|claims| claims.roles.contains(role));
    let found = refusal.accepted().filter_map(|contrast| {
        let theirs = presented(contrast.request).find_map(claims)?;
        let lacking: Vec<&str> = theirs
            .roles
            .iter()
            .filter(|role| !named(role))
            .map(String::as_str)
            .take(4)
            .collect();
        (!lacking.is_empty()).then(|| (contrast, format!("the role or scope {}", lacking.join(", "))))
    });
    // The closest experiment first.
    found.min_by_key(|(contrast, _)| !is_token_alone(contrast))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check, jwt};

    fn bearer(path: &str, claims: &str) -> Sample {
        Sample::get(path).field("Authorization", &format!("Bearer {}", jwt(claims)))
    }

    fn told(samples: &[Sample]) -> Option<Confidence> {
        check(&RULE, samples).map(|found| found.confidence)
    }

    #[test]
    fn roles_differ() {
        let samples = [
            bearer("/admin", r#"{"role":"user"}"#).refused(403, ""),
            bearer("/admin", r#"{"role":"admin"}"#).accepted(),
        ];
        let found = check(&RULE, &samples).unwrap();
        assert!(
            found.confidence == Confidence::Likely && found.summary.contains("admin"),
            "{}",
            found.summary
        );
        assert_eq!(cause(&samples), RULE.id);
    }

    #[test]
    fn the_same_credential_opens_another_path() {
        let samples = [
            bearer("/admin", "{}").refused(403, ""),
            bearer("/chat", "{}").accepted(),
        ];
        assert_eq!((told(&samples), cause(&samples)), (Some(Confidence::Likely), RULE.id));
    }

    #[test]
    fn words_tell() {
        assert_eq!(
            told(&[bearer("/a", "{}").refused(403, "Role admin is required")]),
            Some(Confidence::Confirmed)
        );
        assert_eq!(
            told(&[Sample::get("/a").refused(403, "Role admin is required")]),
            Some(Confidence::Possible)
        );
        assert_eq!(told(&[Sample::get("/a").refused(403, "")]), None);
        assert_eq!(told(&[bearer("/a", "{}").refused(401, "")]), None);
    }
}
