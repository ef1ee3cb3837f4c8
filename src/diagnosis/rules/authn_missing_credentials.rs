//! The request carries no credential where one is wanted.

use crate::{
    attempt::Stage,
    diagnosis::{
        credential::{place, placeholder, places, presented},
        refusal::{Contrast, Differences, Refusal, Relation, unless_proven},
        rule::{Case, Confidence, Guide, Match, Rule},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "authn.missing-credentials",
    name: "no credentials",
    guide: Some(Guide::Authentication),
    stages: &[Stage::Response],
    sees: "The request has no Authorization field, no cookie that stands for a login, no token in the query and none among the \
           subprotocols, and it is answered with 401 or 403. With 401 a WWW-Authenticate field says what is wanted. Or there is \
           something in the place of a credential that is none: null, undefined, an empty text.",
    means: "The server wants to know who asks. 401 says so by definition (RFC 9110 section 15.5.2). A 403 without a body says \
            nothing: ASGI servers such as uvicorn and hypercorn write it for every refusal before accept, be it the \
            credential, the role, the Origin or a path that does not exist. If a request that differs in the credential alone \
            is accepted, that is the proof.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|  no credential\n\
             |<-- 401 WWW-Authenticate ---|  or a bare 403",
    confused_with: &[
        (
            "route.not-found",
            "on ASGI servers a wrong path gives the same empty 403; try the path with a credential that is good",
        ),
        (
            "origin.not-allowed",
            "another Origin is accepted without any credential",
        ),
        ("authn.invalid-token", "a credential is there and is refused"),
        (
            "authz.policy",
            "the server answers 401 to those it does not know, and 403 to this request",
        ),
    ],
    remedies: &[
        "Send what the server wants. Browsers cannot set Authorization on a WebSocket: use a cookie of the same site, a short-lived \
         ticket in the query, or an offered subprotocol.",
        "Cookies: check SameSite, Secure, Domain and Path; a page of another site does not send a SameSite=Lax cookie with the \
         upgrade.",
        "Behind a proxy: see that Authorization and Cookie reach the backend (nginx passes them unless auth_request or \
         proxy_set_header says otherwise).",
        "FastAPI: a WebSocketException before accept becomes an empty 403. An HTTPException with status 401 in the dependency becomes \
         an answer with status and body (denial response), so that the next capture tells the cause.",
    ],
    references: &[
        "RFC 9110 sections 11.6.1 and 15.5.2",
        "RFC 6750 section 3",
        "ASGI specification, WebSocket Denial Response",
    ],
    check,
};

/// What is said of a credential that is not there, and of nothing else.
const NOT_THERE: &[&str] = &[
    "missing * token",
    "token * missing",
    "no token",
    "no * token provided",
    "token * not provided",
    "token is required",
    "token required",
    "missing authorization",
    "authorization header * missing",
    "authorization header * required",
    "no authorization",
    "missing bearer",
    "missing credentials",
    "no credentials",
    "credentials * not provided",
    "credentials required",
    "credentials are required",
    "missing api key",
    "missing * api key",
    "api key * missing",
    "api key * required",
    "no api key",
    "missing jwt",
    "jwt must be provided",
    "jwt is missing",
    "no jwt",
    "no auth token",
    "missing cookie",
    "session cookie * missing",
    "no session",
    "missing session",
    "missing auth",
    "missing authentication",
    "no authentication",
    "empty token",
];

/// What is said to those whom the server does not know.
const NOT_KNOWN: &[&str] = &[
    "not authenticated",
    "unauthenticated",
    "authentication required",
    "authentication is required",
    "requires authentication",
    "authentication needed",
    "must be authenticated",
    "must authenticate",
    "full authentication is required",
    "authorization required",
    "login required",
    "log in first",
    "please log in",
    "please login",
    "please sign in",
    "must be logged in",
    "must log in",
    "need to log in",
    "not logged in",
    "need a valid user and password",
    "system anonymous",
    "anonymous access",
    "anonymous user",
    "anonymous users",
];

/// Said on pages where people log in, and also on those of networks that want to know their guests.
const LOG_IN_HERE: &[&str] = &["sign in with", "sign in to", "log in to", "log in with"];

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 401, 403])?;
    if refusal.request.is_none() {
        return unseen(&refusal);
    }
    if !refusal.is_bare() {
        return one_more(&refusal).or_else(|| elsewhere(&refusal));
    }
    let (confidence, weight) = weighed(&refusal)?;
    let empty = case.attempt.request.as_deref().and_then(placeholder);
    let (summary, shown) = match empty {
        Some(empty) => (
            format!(
                "The request has nothing in {} where a credential should be, and the server refused it.",
                place(empty)
            ),
            "a credential's place holds null, undefined or nothing",
        ),
        None => (
            "The request carries no credential, and the server refused it.".to_owned(),
            "no Authorization, no login cookie, no token in the query or among the subprotocols",
        ),
    };
    let mut found = refusal
        .found(confidence, weight, summary)
        .shown_by_all(refusal.asked(shown));
    let accepted = refusal
        .accepted()
        .find(|contrast| contrast.differs.credentials || contrast.differs.cookies);
    if let Some(contrast) = accepted {
        let text = format!("the same path is accepted with {}", places_or_cookies(contrast.request));
        found = found.shown_by_all([contrast.evidence(text)]);
    }
    Some(unless_proven(
        found,
        "The request has no credential; whether one is wanted here, the answer does not say.",
    ))
}

fn places_or_cookies(request: &crate::attempt::Request) -> String {
    Some(places(request))
        .filter(|places| !places.is_empty())
        .unwrap_or_else(|| "another cookie".to_owned())
}

/// How sure, of a request without any credential.
fn weighed(refusal: &Refusal<'_>) -> Option<(Confidence, u8)> {
    if refusal.says(NOT_THERE).or_else(|| refusal.says(NOT_KNOWN)).is_some() {
        let sure = if is_of_gateway(refusal) {
            Confidence::Likely
        } else {
            Confidence::Confirmed
        };
        return Some((sure, 80));
    }
    if refusal.status == 400 {
        // engine.io has no other status for what its application does not allow.
        return refusal.says(&["unauthorized"]).map(|_| (Confidence::Likely, 55));
    }
    if refusal.says(LOG_IN_HERE).is_some() {
        return Some((Confidence::Likely, 70));
    }
    if refusal.accepted_with_more().is_some() {
        return Some((Confidence::Confirmed, 75));
    }
    if refusal.status == 401 {
        let challenged = refusal.response.head.fields.has("www-authenticate");
        return Some(if challenged {
            (Confidence::Confirmed, 70)
        } else {
            (Confidence::Likely, 60)
        });
    }
    // A cookie of another name may be the credential; one of the same name was looked at.
    let by_cookie = refusal.accepted_but_for(Differences::COOKIES).is_some();
    // Who passes without a credential proves that none is wanted.
    let open = refusal
        .accepted()
        .any(|contrast| presented(contrast.request).next().is_none());
    if open && !by_cookie || refusal.refused_cookie().is_some() {
        return None;
    }
    let close = |contrast: &Contrast<'_>| {
        let differs = contrast.differs;
        !(differs.origin || differs.host || differs.handshake)
    };
    if refusal.accepted().any(|contrast| close(&contrast)) && !refusal.knows_401_here() {
        return Some((Confidence::Likely, 55));
    }
    Some((Confidence::Possible, usual(refusal)))
}

/// Amazon's API Gateway says that a token is missing for every path that it does not know as well.
fn is_of_gateway(refusal: &Refusal<'_>) -> bool {
    refusal.response.head.fields.has("x-amzn-errortype")
}

/// A 403 without any control experiment: how usual this reading is, beside the others.
fn usual(refusal: &Refusal<'_>) -> u8 {
    let known = refusal.request.and_then(|request| {
        let origin = request.head.fields.first("origin")?;
        refusal
            .case
            .survey
            .accepted_from(refusal.case.attempt.connection.server, origin)
    });
    match refusal.relation() {
        _ if refusal.is_of_proxy() => 20,
        _ if refusal.knows_401_here() => 25,
        Some(Relation::CrossSite | Relation::Null | Relation::OtherPort) if known.is_none() => 45,
        _ => 55,
    }
}

/// The request has a credential, and is accepted with another one beside it.
fn one_more(refusal: &Refusal<'_>) -> Option<Match> {
    let contrast = refusal.accepted_with_more()?;
    let own: Vec<&str> = refusal
        .presented()
        .map(|credential| credential.place.as_str())
        .collect();
    let lacking = presented(contrast.request).find(|credential| !own.contains(&credential.place.as_str()))?;
    let place = place(lacking);
    let summary = format!("The request lacks a credential in {place}: with it, and all else alike, it is accepted.");
    let found = refusal.found(Confidence::Confirmed, 76, summary);
    let found = found.shown_by_all(refusal.asked(format!("no credential in {place}")));
    Some(found.shown_by_all([contrast.evidence(format!("accepted with a credential in {place} as well"))]))
}

/// The request has a credential, and the answer speaks of one that is not there: it is looked for in another place.
fn elsewhere(refusal: &Refusal<'_>) -> Option<Match> {
    refusal.says(NOT_THERE)?;
    let places = places(refusal.request?);
    let summary =
        format!("The server misses a credential, though there is one in {places}: it looks for it in another place.");
    Some(
        refusal
            .found(Confidence::Likely, 65, summary)
            .shown_by_all(refusal.asked(format!("a credential in {places}")))
            .but("The request does carry a credential."),
    )
}

/// The request is not in the capture, or not all of it.
fn unseen(refusal: &Refusal<'_>) -> Option<Match> {
    let told = refusal.says(NOT_THERE).or_else(|| refusal.says(NOT_KNOWN)).is_some();
    let challenge = refusal.response.head.fields.first("www-authenticate");
    // Whoever sent no credential is told of no error (RFC 6750 section 3.1).
    let no_error = challenge.is_some_and(|challenge| memchr::memmem::find(challenge, b"error").is_none());
    let confidence = match refusal.status {
        _ if told => Confidence::Likely,
        401 if no_error => Confidence::Likely,
        401 => Confidence::Possible,
        _ => return None,
    };
    let summary =
        "The server asks for a credential; the request that it answers is not in the capture, or not all of it.";
    Some(
        refusal
            .found(confidence, 50, summary)
            .but("What the request carried cannot be seen."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check};

    fn told(samples: &[Sample]) -> Option<Confidence> {
        check(&RULE, samples).map(|found| found.confidence)
    }

    #[test]
    fn the_answer_says_it() {
        let plain = || Sample::get("/ws");
        let challenge = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\n\r\n";
        assert_eq!(told(&[plain().answered(challenge)]), Some(Confidence::Confirmed));
        assert_eq!(told(&[plain().refused(401, "")]), Some(Confidence::Likely));
        assert_eq!(
            told(&[plain().refused(403, "{\"detail\":\"Not authenticated\"}")]),
            Some(Confidence::Confirmed)
        );
        assert_eq!(told(&[plain().refused(403, "")]), Some(Confidence::Possible));
        assert_eq!(told(&[plain().refused(400, "Bad Request")]), None);
        let anonymous = r#"{"kind":"Status","message":"pods is forbidden: User \"system:anonymous\" cannot get"}"#;
        assert_eq!(told(&[plain().refused(403, anonymous)]), Some(Confidence::Confirmed));
    }

    #[test]
    fn who_passes_decides() {
        let bare = || Sample::get("/ws").refused(403, "");
        let token = || Sample::get("/ws").field("Authorization", "Bearer abc").accepted();
        assert_eq!(told(&[bare(), token()]), Some(Confidence::Confirmed));
        assert_eq!(
            told(&[bare(), token().field("User-Agent", "x")]),
            Some(Confidence::Likely)
        );
        assert_eq!(
            told(&[
                bare(),
                Sample::get("/ws").field("Origin", "https://a.example").accepted()
            ]),
            None
        );
        assert_eq!(
            told(&[bare(), Sample::get("/ws").field("Cookie", "user=root").accepted()]),
            Some(Confidence::Likely)
        );
    }

    #[test]
    fn one_credential_of_two() {
        let cookie = || Sample::get("/ws").field("Cookie", "session=abc");
        let samples = [
            cookie().refused(403, ""),
            cookie().field("Authorization", "Bearer x").accepted(),
        ];
        assert_eq!(
            (told(&samples), cause(&samples)),
            (Some(Confidence::Confirmed), RULE.id)
        );
    }

    #[test]
    fn a_credential_in_another_place() {
        let sample = Sample::get("/ws").field("Cookie", "session=abc");
        assert_eq!(
            told(&[sample.clone().refused(401, "Missing bearer token")]),
            Some(Confidence::Likely)
        );
        assert_eq!(told(&[sample.refused(401, "")]), None);
        let found = check(&RULE, &[Sample::get("/ws?token=undefined").refused(401, "")]).unwrap();
        assert!(found.summary.contains("the query parameter token"), "{}", found.summary);
    }
}
