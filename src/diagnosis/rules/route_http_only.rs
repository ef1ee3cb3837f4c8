//! The path exists for plain HTTP, not for an upgrade.

use crate::{
    attempt::Stage,
    diagnosis::{
        refusal::Refusal,
        rule::{Case, Confidence, Guide, Match, Rule},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "route.http-only",
    name: "path for plain HTTP only",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The upgrade is refused with 403, 404, 400 or 405, and an ordinary GET of the same path is answered with 200.",
    means: "The server serves the path to ordinary requests and has no WebSocket there: frameworks keep two lists of routes, and the \
            path stands in the other one. ASGI servers say an empty 403.",
    ladder: "client                      server\n\
             |--- GET /items ------------>|\n\
             |<-- 200 --------------------|\n\
             |--- GET /items, Upgrade --->|\n\
             |<-- 403 or 404 -------------|",
    confused_with: &[
        (
            "route.not-found",
            "the path does not exist for ordinary requests either",
        ),
        ("upgrade.ignored", "the upgrade itself is answered with the page, 200"),
        (
            "authn.missing-credentials",
            "the ordinary request carried a credential that the upgrade lacks",
        ),
    ],
    remedies: &[
        "Add a WebSocket route for the path (FastAPI: @app.websocket), or correct the client's URL.",
        "If the path is meant for both, see that the router looks at the upgrade before the method.",
    ],
    references: &["ASGI specification, HTTP and WebSocket connection scopes"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 403, 404, 405, 501])?;
    let (plain, evidence) = refusal.ordinary("GET", |status| (200..300).contains(&status))?;
    if refusal.accepted().next().is_some() {
        return None;
    }
    let credentials = |name: &String| name.eq_ignore_ascii_case("authorization") || name.eq_ignore_ascii_case("cookie");
    let known = plain.field_names.iter().any(credentials);
    let (confidence, weight) = match refusal.status {
        404 | 405 => (Confidence::Likely, 65),
        403 if known && refusal.is_bare() => (Confidence::Possible, 50),
        403 if refusal.is_mute() => (Confidence::Likely, 62),
        _ => (Confidence::Possible, 40),
    };
    let path = refusal.path().unwrap_or_default();
    let found = refusal.found(
        confidence,
        weight,
        format!("The server serves {path} to ordinary requests and refused the upgrade."),
    );
    Some(
        found
            .shown_by_all([evidence])
            .but("The path may serve both, and refuse the upgrade for another reason."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check};

    #[test]
    fn an_ordinary_request_passes() {
        let refused = || Sample::get("/items").refused(403, "");
        let plain = || Sample::plain("GET", "/items").refused(200, "[]");
        assert_eq!(cause(&[refused(), plain()]), RULE.id);
        assert!(check(&RULE, &[refused(), Sample::plain("GET", "/other").refused(200, "")]).is_none());
        assert!(check(&RULE, &[refused(), Sample::plain("GET", "/items").refused(404, "")]).is_none());
        assert!(
            check(
                &RULE,
                &[
                    refused(),
                    plain(),
                    Sample::get("/items").field("Origin", "https://a.example").accepted()
                ]
            )
            .is_none()
        );
        let known = plain().field("Cookie", "session=1");
        assert_eq!(
            check(&RULE, &[refused(), known]).unwrap().confidence,
            Confidence::Possible
        );
    }
}
