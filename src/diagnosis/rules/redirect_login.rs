//! Redirected to a login page.

use crate::{
    attempt::Stage,
    diagnosis::{
        credential::places,
        redirect::Redirect,
        rule::{Case, Confidence, Guide, Match, Rule},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "redirect.login",
    name: "redirected to a login page",
    guide: Some(Guide::Authentication),
    stages: &[Stage::Response],
    sees: "The answer is a redirect whose Location leads to a place to log in: /login, /oauth2/start, an identity provider, an \
           authorization request with client_id.",
    means: "Something in front of the WebSocket (an authenticating proxy, the framework's login guard) found no session and sends \
            people to log in. A WebSocket client is no browser window: it does not follow, and could not log in.",
    ladder: "client                      server\n\
             |--- GET, Upgrade ---------->|  no session\n\
             |<-- 302 Location: /login ---|",
    confused_with: &[
        ("redirect.https", "the same path over TLS"),
        ("redirect.other", "nothing in the Location speaks of logging in"),
        (
            "authn.missing-credentials",
            "the server says 401 instead of redirecting",
        ),
    ],
    remedies: &[
        "Log in first, on the same host, so that the session cookie goes with the upgrade; check its Domain, Path and SameSite.",
        "Have the guard answer 401 to upgrades instead of redirecting: oauth2-proxy: skip_auth_routes or --api-route; nginx: no \
         error_page 401 in the WebSocket location; Spring Security: an entry point for the path.",
        "Programs: use a token that the proxy accepts instead of a session.",
    ],
    references: &[
        "RFC 9110 section 15.4",
        "RFC 6455 section 4.1",
        "RFC 6749 section 4.1.1",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let redirect = Redirect::of(case)?;
    if redirect.is_to_tls() || redirect.is_to_slash() || !redirect.is_to_login() {
        return None;
    }
    let to = redirect.to.as_ref()?.shown();
    let refusal = &redirect.refusal;
    // A box on the way may send people to a page of its own.
    let confidence = if redirect.is_to_other_host() {
        Confidence::Likely
    } else {
        Confidence::Confirmed
    };
    let places = refusal.request.map(places).unwrap_or_default();
    let (summary, shown) = match (refusal.is_bare(), places.is_empty()) {
        (true, _) => (
            format!("The server found no session and redirects to the login at {to}."),
            "no credential".to_owned(),
        ),
        (_, false) => (
            format!("The server did not take the credential in {places} and redirects to the login at {to}."),
            format!("a credential in {places}"),
        ),
        (_, true) => (
            format!("The server redirects to the login at {to}."),
            "the request".to_owned(),
        ),
    };
    let found = refusal
        .found(confidence, 75, summary)
        .shown_by(refusal.response.first.at.packet, format!("Location: {to}"));
    Some(found.shown_by_all(refusal.asked(shown)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check};

    #[test]
    fn a_login_is_wanted() {
        let to =
            |location: &str| Sample::get("/ws").answered(&format!("HTTP/1.1 302 x\r\nLocation: {location}\r\n\r\n"));
        assert_eq!(cause(&[to("/accounts/login/?next=/ws")]), RULE.id);
        assert_eq!(cause(&[to("https://server.example/login")]), RULE.id);
        let found = check(
            &RULE,
            &[to("https://id.example/oauth2/v1?client_id=x&state=secret").field("Cookie", "session=old")],
        )
        .unwrap();
        assert_eq!(found.confidence, Confidence::Likely);
        assert!(
            found.summary.contains("the cookie session") && !found.summary.contains("secret"),
            "{}",
            found.summary
        );
        assert!(check(&RULE, &[to("/elsewhere")]).is_none());
    }
}
