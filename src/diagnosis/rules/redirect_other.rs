//! Redirected elsewhere.

use crate::{
    attempt::Stage,
    diagnosis::{
        redirect::Redirect,
        refusal::unless_proven,
        rule::{Case, Confidence, Guide, Match, Rule},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "redirect.other",
    name: "redirected elsewhere",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The answer is a redirect to another path or host, or one without a Location.",
    means: "The endpoint has moved, the path is an old one, or something on the way sends the client to a page of its own. Browsers \
            and most libraries do not follow redirects of a WebSocket handshake.",
    ladder: "client                      server\n\
             |--- GET /old, Upgrade ----->|\n\
             |<-- 308 Location: /new -----|",
    confused_with: &[
        ("redirect.https", "the same place over TLS"),
        ("redirect.login", "a place to log in"),
        ("route.trailing-slash", "the same path but for the slash at its end"),
        (
            "firewall.block-page",
            "the redirect was not written by the server: marks of another sender, a filter's host",
        ),
    ],
    remedies: &[
        "Connect to the place that Location names.",
        "If the redirect comes from a proxy that unifies names (www or not), exempt the WebSocket's path or correct the client's URL.",
    ],
    references: &["RFC 9110 sections 10.2.2 and 15.4", "RFC 6455 section 4.1"],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let redirect = Redirect::of(case)?;
    if redirect.is_to_tls() || redirect.is_to_slash() || redirect.is_to_login() {
        return None;
    }
    let refusal = &redirect.refusal;
    let (summary, shown) = match &redirect.to {
        Some(to) => (
            format!("The server redirects to {}.", to.shown()),
            format!("Location: {}", to.shown()),
        ),
        None => (
            "The server redirects and does not say where to.".to_owned(),
            "no Location".to_owned(),
        ),
    };
    let confidence = match &redirect.to {
        Some(_) if !redirect.is_to_other_host() => Confidence::Confirmed,
        _ => Confidence::Likely,
    };
    let found = refusal
        .found(confidence, 45, summary)
        .shown_by(refusal.response.first.at.packet, shown);
    Some(unless_proven(found, "The redirect leads to a place that tells more."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check};

    #[test]
    fn every_other_redirect() {
        let to = |location: &str| Sample::get("/old").answered(&format!("HTTP/1.1 308 x\r\n{location}\r\n\r\n"));
        assert_eq!(cause(&[to("Location: http://server.example/new\r\n")]), RULE.id);
        assert_eq!(
            check(&RULE, &[to("Location: http://other.example/old\r\n")])
                .unwrap()
                .confidence,
            Confidence::Likely
        );
        assert_eq!(check(&RULE, &[to("")]).unwrap().confidence, Confidence::Likely);
        assert!(check(&RULE, &[to("Location: /old/\r\n")]).is_none());
    }
}
