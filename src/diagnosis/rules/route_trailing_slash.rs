//! A slash too many or too few at the end of the path.

use crate::{
    attempt::{Attempt, Stage},
    diagnosis::{
        redirect::Redirect,
        refusal::{Refusal, accepted_at},
        rule::{Case, Confidence, Evidence, Guide, Match, Rule},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "route.trailing-slash",
    name: "slash at the end of the path",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The server redirects to the same path with a slash more or less at its end. Or it refuses the one and accepts upgrades on \
           the other.",
    means: "/ws and /ws/ are two paths. Frameworks redirect ordinary requests from one to the other; WebSocket clients do not follow \
            redirects, and ASGI servers do not even redirect but answer an empty 403.",
    ladder: "client                      server\n\
             |--- GET /ws/, Upgrade ----->|\n\
             |<-- 307 Location: /ws ------|  or 403, 404\n\
             |--- GET /ws, Upgrade ------>|\n\
             |<-- 101 --------------------|",
    confused_with: &[
        ("route.not-found", "the path exists neither with nor without the slash"),
        ("redirect.other", "the redirect leads to another path"),
    ],
    remedies: &[
        "Write the path in the client exactly as the server has it.",
        "Or serve both: a second route; nginx: location = /ws beside location /ws/, since location /ws/ with proxy_pass redirects /ws.",
    ],
    references: &[
        "RFC 3986 section 6.2.4",
        "RFC 6455 section 4.1 (redirects are optional for clients)",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    by_redirect(case).or_else(|| by_sibling(case))
}

fn by_redirect(case: &Case<'_>) -> Option<Match> {
    let redirect = Redirect::of(case)?;
    if !redirect.is_to_slash() {
        return None;
    }
    let to = redirect.to.as_ref()?.shown();
    let summary = format!("The server redirects to {to}: the same path but for the slash at its end.");
    let found = redirect.refusal.found(Confidence::Confirmed, 75, summary);
    Some(found.shown_by(redirect.refusal.response.first.at.packet, format!("Location: {to}")))
}

fn by_sibling(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 403, 404])?;
    let path = refusal.path()?;
    let other = other_path(&path)?;
    let sibling = case.survey.passed(case.attempt.connection.server, &other).next()?;
    // If this very path is accepted for others, the slash is not the matter.
    if refusal.accepted().next().is_some() || refusal.status == 403 && !refusal.is_mute() {
        return None;
    }
    let alike = same_origin_and_credentials(case.attempt, sibling);
    let (confidence, weight) = if alike {
        (Confidence::Likely, 72)
    } else {
        (Confidence::Possible, 50)
    };
    let summary =
        format!("The server accepts upgrades at {other}, and refused {path}: they differ in the slash at the end.");
    let evidence = Evidence::new(accepted_at(sibling), format!("an upgrade at {other} is accepted"));
    let doubt = "The two paths may be two endpoints with rules of their own.";
    Some(
        refusal
            .found(confidence, weight, summary)
            .shown_by_all([evidence])
            .but(doubt),
    )
}

/// The path with the slash more or less.
fn other_path(path: &str) -> Option<String> {
    match path.strip_suffix('/') {
        Some("") => None,
        Some(shorter) => Some(shorter.to_owned()),
        None => Some(format!("{path}/")),
    }
}

fn same_origin_and_credentials(one: &Attempt, other: &Attempt) -> bool {
    let (Some(one), Some(other)) = (&one.request, &other.request) else {
        return false;
    };
    one.origin() == other.origin() && one.credentials == other.credentials
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check};

    #[test]
    fn a_redirect_proves_it() {
        let answer = "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://server.example/ws\r\n\r\n";
        let samples = [Sample::get("/ws/").answered(answer)];
        assert_eq!(check(&RULE, &samples).unwrap().confidence, Confidence::Confirmed);
        assert_eq!(cause(&samples), RULE.id);
    }

    #[test]
    fn a_sibling_tells() {
        let refused = || Sample::get("/ws/").refused(403, "");
        assert_eq!(cause(&[refused(), Sample::get("/ws").accepted()]), RULE.id);
        let known = Sample::get("/ws").field("Cookie", "session=1").accepted();
        assert_eq!(
            check(&RULE, &[refused(), known]).unwrap().confidence,
            Confidence::Possible
        );
        assert!(
            check(
                &RULE,
                &[refused(), Sample::get("/ws").accepted(), Sample::get("/ws/").accepted()]
            )
            .is_none()
        );
        assert_eq!((other_path("/"), other_path("/a")), (None, Some("/a/".to_owned())));
    }
}
