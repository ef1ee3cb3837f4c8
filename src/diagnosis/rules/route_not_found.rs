//! There is no such path.

use crate::{
    attempt::Stage,
    diagnosis::{
        refusal::{Refusal, accepted_at},
        rule::{Case, Confidence, Evidence, Guide, Match, Rule},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "route.not-found",
    name: "no such path",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The answer is 404, with the page of a framework, a proxy or nothing. ASGI servers (uvicorn, hypercorn) answer an empty 403 \
           to a WebSocket path that does not exist, Node's ws says 400 Bad Request to a path that is not its own.",
    means: "Nobody serves this path as a WebSocket: a slip in the path or a prefix, a proxy that sends it to the wrong backend, or a \
            path that the framework knows only with other methods. A proxy that loses the upgrade leads to the same 404, for then \
            the backend looks among its ordinary routes.",
    ladder: "client                      server\n\
             |--- GET /wss, Upgrade ----->|\n\
             |<-- 404 Not Found ----------|  ASGI: an empty 403",
    confused_with: &[
        (
            "proxy.upgrade-header-stripped",
            "the path exists, the upgrade was lost on the way: look at the backend's leg",
        ),
        (
            "server.ws-not-supported",
            "the server serves the path, and has no WebSocket support",
        ),
        ("route.trailing-slash", "the path exists with a slash more or less"),
        (
            "authn.missing-credentials",
            "on ASGI servers the same empty 403 means a missing credential at least as often",
        ),
        (
            "origin.not-allowed",
            "Rails answers 404 to an Origin that it does not want",
        ),
    ],
    remedies: &[
        "Compare the path with the server's routes, prefixes of mounts and proxies included; open it with a client beside the server.",
        "nginx: location and the path in proxy_pass; a trailing slash in proxy_pass removes the prefix.",
        "FastAPI: @app.websocket and include_router(prefix=...); an @app.get of the same path does not serve upgrades.",
    ],
    references: &[
        "RFC 9110 section 15.5.5",
        "ASGI specification, WebSocket close before accept (403)",
    ],
    check,
};

const SAYS: &[&str] = &[
    "not found",
    "cannot get",
    "no route",
    "no such",
    "unknown path",
    "unknown route",
    "unknown endpoint",
    "page not found",
    "nothing matches",
    "does not exist",
    "resource not found",
    "was not found",
    "no handler",
    "no endpoint",
    "invalid path",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 403, 404, 410])?;
    if refusal.request.is_none() && refusal.status != 404 {
        return None;
    }
    let elsewhere = refusal.accepted_elsewhere();
    let exists = refusal.accepted().next().is_some();
    let (confidence, weight) = match refusal.status {
        404 | 410 if exists => (Confidence::Possible, 25),
        // Such an upgrade is offered and not asked for: the answer is about the path, not about the upgrade.
        404 | 410 if is_offer(&refusal) => (Confidence::Possible, 40),
        404 | 410 if elsewhere.is_some() => (Confidence::Likely, 60),
        404 | 410 if refusal.says(SAYS).is_some() => (Confidence::Likely, 50),
        404 | 410 => (Confidence::Likely, 45),
        _ if exists => return None,
        400 if is_bare_bad_request(&refusal) && elsewhere.is_some() => (Confidence::Possible, 45),
        400 => return None,
        // A server that says 404 elsewhere would say it here.
        _ if case.survey.answered(case.attempt.connection.server, 404).is_some() || !refusal.is_mute() => return None,
        _ if refusal.accepted_with_same_credential().next().is_some() => (Confidence::Possible, 44),
        _ if elsewhere.is_some() => (Confidence::Possible, 42),
        _ => (Confidence::Possible, 35),
    };
    let path = refusal.path().unwrap_or_else(|| "of the request".to_owned());
    let summary = match refusal.status {
        403 => format!("The server may have no WebSocket at {path}: ASGI servers answer that with the same empty 403."),
        _ => format!("The server has no WebSocket at {path}."),
    };
    let evidence = elsewhere.map(|other| {
        Evidence::new(
            accepted_at(other),
            format!("the server accepts upgrades at {}", other.path().unwrap_or_default()),
        )
    });
    let found = refusal.found(confidence, weight, summary).shown_by_all(evidence);
    Some(found.but(match refusal.status {
        403 => "Nothing shows that the path does not exist; an ordinary request for it would not tell either.",
        _ => "A proxy that loses the upgrade, or a server without WebSocket support, leads to the same answer.",
    }))
}

/// Whether the client would be content without the switch: HTTP/2 and TLS (RFC 9110 section 7.8, RFC 2817 section 3.1).
fn is_offer(refusal: &Refusal<'_>) -> bool {
    let protocol = refusal.case.attempt.protocol().unwrap_or_default();
    protocol == "h2c" || protocol.starts_with("tls")
}

/// Node's ws, given a path of its own, says no more than this to all others.
fn is_bare_bad_request(refusal: &Refusal<'_>) -> bool {
    refusal.response.body.trim_ascii().eq_ignore_ascii_case(b"Bad Request")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check};

    fn told(samples: &[Sample]) -> Option<(Confidence, u8)> {
        check(&RULE, samples).map(|found| (found.confidence, found.weight))
    }

    #[test]
    fn a_404_says_it_but_does_not_prove_it() {
        let refused = || Sample::get("/nowhere").refused(404, "");
        assert_eq!(told(&[refused()]).unwrap().0, Confidence::Likely);
        assert_eq!(cause(&[refused(), Sample::get("/ws").accepted()]), RULE.id);
        assert_eq!(
            told(&[refused(), Sample::get("/nowhere").accepted()]).unwrap().0,
            Confidence::Possible
        );
    }

    #[test]
    fn an_empty_403_may_mean_it() {
        let refused = || Sample::get("/nope").refused(403, "");
        let without = told(&[refused()]).unwrap();
        assert_eq!(without.0, Confidence::Possible);
        assert!(told(&[refused(), Sample::get("/ws").accepted()]).unwrap() > without);
        assert_eq!(cause(&[refused()]), "authn.missing-credentials");
        assert_eq!(told(&[refused(), Sample::get("/other").refused(404, "")]), None);
        assert_eq!(
            told(&[refused(), Sample::get("/nope").field("Cookie", "session=1").accepted()]),
            None
        );
        assert_eq!(told(&[Sample::get("/nope").refused(403, "Forbidden")]), None);
    }
}
