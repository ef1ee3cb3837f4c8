//! The token has expired: by its own exp claim against the capture's clock, or because the answer says so.

use crate::{
    attempt::Stage,
    diagnosis::{
        credential::{claims, duration, lifetime, place, presented},
        refusal::{Contrast, Differences, Refusal, accepted_at, unless_proven},
        rule::{Case, Confidence, Guide, Match, Rule},
    },
    http::Credential,
};

pub(super) const RULE: Rule = Rule {
    id: "authn.expired-token",
    name: "token expired",
    guide: Some(Guide::Authentication),
    stages: &[Stage::Response],
    sees: "The request carries a token whose exp claim lies before the time of the request, or a signed target whose time is \
           over, and is answered with 401 or 403. Or the answer says that a token or session has expired.",
    means: "A token must not be accepted on or after its exp (RFC 7519 section 4.1.4). The claims are encoded, not encrypted, so \
            the capture shows them without any key. Long-lived pages that connect again with the token of their first \
            connection are the usual cause.",
    ladder: "client                      server\n\
             |--- GET, Bearer (exp) ----->|  exp < now\n\
             |<-- 401 or 403 -------------|",
    confused_with: &[
        (
            "authn.invalid-token",
            "the token is not over, and is refused all the same",
        ),
        ("authz.insufficient-role", "the accepted token names other roles"),
        (
            "route.not-found",
            "an ASGI server's empty 403 may mean the path, whatever the token",
        ),
    ],
    remedies: &[
        "Fetch a new token before each connection, and again before each reconnect; do not reuse the one the page was loaded with.",
        "Check both clocks: a client or server whose clock is wrong sees tokens expire at once (NTP).",
        "If sessions are long, accept the upgrade with a short-lived ticket and renew inside the session.",
    ],
    references: &[
        "RFC 7519 section 4.1.4",
        "RFC 6750 section 3.1 (invalid_token)",
        "AWS Signature Version 4, X-Amz-Expires",
    ],
    check,
};

const SAYS: &[&str] = &[
    "token expired",
    "token has expired",
    "token is expired",
    "token * expired",
    "expired token",
    "jwt expired",
    "jwt is expired",
    "jwt has expired",
    "expired jwt",
    "session expired",
    "session has expired",
    "session is expired",
    "session timed out",
    "expired session",
    "signature has expired",
    "signature expired",
    "expired signature",
    "credentials expired",
    "credentials * expired",
    "ticket expired",
    "ticket has expired",
    "cookie expired",
    "request has expired",
    "url has expired",
    "link has expired",
    "login expired",
    "login has expired",
];

/// The word for every token that is not good (RFC 6750 section 3.1), those that are over among them.
const CALLED_INVALID: &[&str] = &[
    "invalid token",
    "invalid or expired",
    "token is invalid",
    "could not validate credentials",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 401, 403])?;
    let said = refusal.says(SAYS).is_some();
    let over = expired(&refusal);
    if refusal.is_bare() || !said && (over.is_none() || refusal.status == 400) {
        return None;
    }
    let other = refusal.accepted_but_for(Differences::CREDENTIALS);
    let fresh =
        over.and_then(|(credential, _)| other.filter(|contrast| is_same_but_fresh(&refusal, credential, contrast)));
    let (confidence, weight) = match over {
        _ if said && refusal.request.is_none() => (Confidence::Likely, 80),
        _ if said => (Confidence::Confirmed, 85),
        _ if fresh.is_some() => (Confidence::Confirmed, 80),
        Some((_, over)) if over >= LEEWAY && refusal.says(CALLED_INVALID).is_some() => (Confidence::Confirmed, 70),
        // Servers forgive clocks that go a little wrong.
        Some((_, over)) if over < LEEWAY => (Confidence::Possible, 58),
        Some(_) if refusal.status == 401 => (Confidence::Likely, 80),
        _ => (Confidence::Likely, 68),
    };
    let summary = match over {
        Some((credential, over)) => format!(
            "The token in {} expired {} before the request.",
            place(credential),
            duration(over)
        ),
        None => "The server says that the token or session has expired.".to_owned(),
    };
    let shown =
        over.map(|(credential, over)| format!("the token in {} expired {} before", place(credential), duration(over)));
    let found = refusal
        .found(confidence, weight, summary)
        .shown_by_all(shown.and_then(|shown| refusal.asked(shown)));
    let found = found.shown_by_all(
        fresh.map(|contrast| contrast.evidence("accepted with a token that is not over, all else alike")),
    );
    Some(unless_proven(
        found,
        "The token is over, but the answer does not say that this is why.",
    ))
}

/// Servers accept tokens for some seconds more, to make up for clocks.
const LEEWAY: i64 = 30;

/// The credential that has expired, and since how many seconds.
fn expired<'a>(refusal: &Refusal<'a>) -> Option<(&'a Credential, i64)> {
    let request = refusal.request?;
    let (now, server) = (refusal.now(), refusal.case.attempt.connection.server);
    let over = |credential: &'a Credential| {
        let over = lifetime(request, credential).over_since(now)?;
        // A server that accepted it when it was over already does not look at the time.
        let expiry = now.saturating_sub(over);
        let mut accepted = refusal.case.survey.accepted_with(server, &credential.value);
        let ignored = accepted.any(|other| {
            let at = other
                .request
                .as_ref()
                .map_or(other.connection.first, |request| request.first.at);
            at.time.0.div_euclid(1_000_000_000) > expiry && accepted_at(other) != refusal.response.first.at.packet
        });
        (!ignored).then_some((credential, over))
    };
    // Of several tokens one may be left over from before; only if none is good, the time is the matter.
    let good = presented(request).any(|credential| {
        let lifetime = lifetime(request, credential);
        lifetime.until.is_some() && lifetime.over_since(now).is_none()
    });
    if good { None } else { presented(request).find_map(over) }
}

/// Whether an accepted token differs from the one that is over in nothing that it says of its bearer.
fn is_same_but_fresh(refusal: &Refusal<'_>, credential: &Credential, accepted: &Contrast<'_>) -> bool {
    let Some(own) = claims(credential) else { return false };
    presented(accepted.request)
        .filter_map(|other| Some((claims(other)?, lifetime(accepted.request, other))))
        .any(|(other, lifetime)| {
            own.roles == other.roles
                && own.iss == other.iss
                && own.aud == other.aud
                && lifetime.over_since(refusal.now()).is_none()
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{NOW, Sample, cause, check, jwt};

    fn bearer(expiry: i64, more: &str) -> Sample {
        let token = jwt(&format!("{{\"exp\":{expiry}{more}}}"));
        Sample::get("/ws").field("Authorization", &format!("Bearer {token}"))
    }

    fn told(samples: &[Sample]) -> Option<Confidence> {
        check(&RULE, samples).map(|found| found.confidence)
    }

    #[test]
    fn the_clock_tells() {
        let found = check(&RULE, &[bearer(NOW - 7200, "").refused(403, "")]).unwrap();
        assert_eq!(found.confidence, Confidence::Likely);
        assert!(found.summary.contains("2 hours before"), "{}", found.summary);
        assert_eq!(
            told(&[bearer(NOW - 5, "").refused(401, "")]),
            Some(Confidence::Possible)
        );
        assert_eq!(told(&[bearer(NOW + 1, "").refused(401, "")]), None);
        assert_eq!(told(&[bearer(NOW - 7200, "").refused(404, "")]), None);
        let both = bearer(NOW - 7200, "").field(
            "Cookie",
            &format!("session={}", jwt(&format!("{{\"exp\":{}}}", NOW + 9))),
        );
        assert_eq!(told(&[both.refused(403, "")]), None);
    }

    #[test]
    fn who_passes_decides() {
        let refused = || bearer(NOW - 7200, "").refused(403, "");
        assert_eq!(
            told(&[refused(), bearer(NOW + 7200, "").accepted()]),
            Some(Confidence::Confirmed)
        );
        assert_eq!(
            told(&[refused(), bearer(NOW + 7200, ",\"role\":\"admin\"").accepted()]),
            Some(Confidence::Likely)
        );
        let ignored = Sample::get("/open").field("Authorization", "").accepted();
        let authorization = format!("Bearer {}", jwt(&format!("{{\"exp\":{}}}", NOW - 7200)));
        assert_eq!(told(&[refused(), ignored.field("Authorization", &authorization)]), None);
    }

    #[test]
    fn a_token_that_is_over_is_called_invalid() {
        let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\n\r\n";
        let samples = [bearer(NOW - 7200, "").answered(answer)];
        assert_eq!(
            (told(&samples), cause(&samples)),
            (Some(Confidence::Confirmed), RULE.id)
        );
        assert_eq!(cause(&[bearer(NOW + 7200, "").answered(answer)]), "authn.invalid-token");
    }

    #[test]
    fn the_answer_tells() {
        let cookie = || Sample::get("/ws").field("Cookie", "session=abc");
        assert_eq!(
            told(&[cookie().refused(401, "{\"code\":\"SESSION_EXPIRED\"}")]),
            Some(Confidence::Confirmed)
        );
        assert_eq!(told(&[Sample::get("/ws").refused(401, "session expired")]), None);
        assert_eq!(told(&[cookie().refused(403, "the licence has expired")]), None);
    }
}
