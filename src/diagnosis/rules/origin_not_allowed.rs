//! The Origin is not on the server's list, or is not the Host's.

use crate::{
    attempt::{Ordinary, Stage},
    diagnosis::{
        refusal::{Contrast, Differences, Refusal, Relation, unless_proven},
        rule::{Case, Confidence, Evidence, Guide, Match, Rule},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "origin.not-allowed",
    name: "Origin not allowed",
    guide: Some(Guide::Cors),
    stages: &[Stage::Response],
    sees: "The request names an Origin, and is answered with 403 (some servers say 400, 401 or 404). The answer speaks of the \
           origin, or the same path is accepted with another Origin, or the Origin's host is not the one in Host.",
    means: "Browsers let every page open a WebSocket to every server, so a server must look at the Origin itself (RFC 6455 section \
            10.2). Many compare it with Host, others with a list. CORS headers and preflights have no part in this: CORS \
            middleware does not guard WebSocket upgrades, neither by refusing nor by allowing them.",
    ladder: "client                      server\n\
             |--- GET, Origin: a -------->|\n\
             |<-- 403 --------------------|\n\
             |--- GET, Origin: b -------->|\n\
             |<-- 101 --------------------|",
    confused_with: &[
        (
            "host.rewritten-by-proxy",
            "the Origin is right, and a proxy changed the Host that it is compared with",
        ),
        (
            "authn.missing-credentials",
            "the same Origin is accepted with a credential; pages of another site do not send cookies",
        ),
        ("origin.missing", "there is no Origin at all"),
        (
            "origin.preflight-refused",
            "a preflight concerns fetch and XMLHttpRequest, never a WebSocket",
        ),
        ("authz.policy", "forgery checks may use the Origin under another name"),
    ],
    remedies: &[
        "Add the page's Origin, with scheme and port, to the list of the WebSocket server itself. The settings of CORS middleware \
         (FastAPI and Starlette CORSMiddleware, socket.io cors, Spring CorsFilter) do not change what upgrades are accepted.",
        "FastAPI: compare websocket.headers[\"origin\"] with your list before accept. Tornado: check_origin. gorilla/websocket: \
         Upgrader.CheckOrigin. Spring: setAllowedOrigins. Phoenix: check_origin. Rails: allowed_request_origins. Node ws: \
         verifyClient. ASP.NET Core: WebSocketOptions.AllowedOrigins.",
        "Behind a proxy, pass the name that the browser used: proxy_set_header Host $http_host in nginx, ProxyPreserveHost On in \
         Apache, and X-Forwarded-Proto if the scheme is compared.",
    ],
    references: &[
        "RFC 6455 sections 4.2.2 and 10.2",
        "RFC 6454 section 7",
        "Fetch standard, CORS protocol",
    ],
    check,
};

const SAYS: &[&str] = &[
    "cross origin websockets not allowed",
    "cross origin * not allowed",
    "cross origin * forbidden",
    "cross origin * denied",
    "origin * not allowed",
    "origin * not authorized",
    "origin * not permitted",
    "origin * not accepted",
    "origin * not trusted",
    "origin * forbidden",
    "origin * denied",
    "origin * rejected",
    "origin * refused",
    "origin * blocked",
    "origin * mismatch",
    "origin * does not match",
    "origin * doesnt match",
    "origin * disallowed",
    "origin * not in",
    "origin * not match",
    "not an accepted origin",
    "not an allowed origin",
    "not allowed origin",
    "invalid origin",
    "origin * invalid",
    "bad origin",
    "wrong origin",
    "unknown origin",
    "untrusted origin",
    "unauthorized origin",
    "forbidden origin",
    "disallowed origin",
    "disallowed cors origin",
    "illegal origin",
    "unacceptable origin",
    "unexpected origin",
    "origin checking failed",
    "origin check failed",
    "origin validation failed",
    "check origin",
    "verify origin",
    "same origin policy",
    "invalid cors request",
    "allowed origins",
    "not allowed by cors",
    "blocked by cors",
    "blocked because of cors",
    "cors * not allowed",
    "cors policy",
];

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 401, 403, 404])?;
    let origin = refusal.request.and_then(|request| request.origin());
    let said = refusal.says(SAYS).is_some();
    let Some(origin) = origin else {
        return without_origin(&refusal, said);
    };
    let alone = refusal
        .accepted_but_for(Differences::ORIGIN)
        .filter(|contrast| contrast.request.origin().is_some());
    let preflight = case.survey.preflight_refused(case.attempt.connection.server, &origin);
    let others = || {
        refusal
            .accepted()
            .filter(|contrast| contrast.request.origin().is_some_and(|other| other != origin))
    };
    let (confidence, weight) = match refusal.status {
        // An Origin that is the Host is refused by a list alone, or a proxy changed the Host.
        _ if said && refusal.relation() == Some(Relation::Same) => (Confidence::Likely, 72),
        _ if said => (Confidence::Confirmed, 72),
        _ if alone.is_some() => (Confidence::Confirmed, 78),
        // On this path the Origin is welcome.
        _ if refusal
            .accepted()
            .any(|contrast| contrast.request.origin().as_deref() == Some(&origin)) =>
        {
            return None;
        }
        400 => return None,
        _ if refusal.evokes(RULE.id) => (Confidence::Likely, 71),
        403 if is_gorilla(&refusal) => (Confidence::Likely, 70),
        _ if others().any(|contrast| is_close(&contrast)) => (Confidence::Likely, 58),
        _ => (Confidence::Possible, usual(&refusal, &origin, preflight.is_some())?),
    };
    let shown = match refusal.relation() {
        Some(Relation::Same) | None => format!("Origin {origin}"),
        Some(_) => format!(
            "Origin {origin}, Host {}",
            refusal.request.and_then(|request| request.host()).unwrap_or_default()
        ),
    };
    let summary = match confidence {
        Confidence::Possible => format!("The server may have refused the Origin {origin}."),
        _ => format!("The server refused the Origin {origin}."),
    };
    let found = refusal
        .found(confidence, weight, summary)
        .shown_by_all(refusal.asked(shown));
    let found = found
        .shown_by_all(alone.or_else(|| others().next()).map(accepted_with))
        .shown_by_all(preflight.and_then(refused));
    Some(unless_proven(
        found,
        "The answer does not speak of the Origin, and no request on this path differs in it alone.",
    ))
}

/// The words are there, and no Origin: it was not seen, or the server misses it.
fn without_origin(refusal: &Refusal<'_>, said: bool) -> Option<Match> {
    let unseen = said && refusal.request.is_none();
    unseen.then(|| {
        let found = refusal.found(Confidence::Likely, 60, "The server refused the request for its Origin.");
        found.but("The request is not in the capture, or not all of it.")
    })
}

/// gorilla/websocket names the version it speaks in every refusal, and says 403 for the Origin alone.
fn is_gorilla(refusal: &Refusal<'_>) -> bool {
    let version = refusal.response.head.fields.first("sec-websocket-version") == Some(b"13");
    let offered = refusal
        .request
        .and_then(|request| request.head.fields.first("sec-websocket-version"))
        == Some(b"13");
    version && offered && !matches!(refusal.relation(), Some(Relation::Same))
}

/// Whether little else differs than the Origin.
fn is_close(contrast: &Contrast<'_>) -> bool {
    let differs = contrast.differs;
    !(differs.credentials || differs.host || differs.handshake || differs.cookies)
}

/// How usual this reading is without any control experiment on the path.
fn usual(refusal: &Refusal<'_>, origin: &str, preflight: bool) -> Option<u8> {
    let server = refusal.case.attempt.connection.server;
    let known = refusal.case.survey.accepted_from(server, origin.as_bytes()).is_some();
    let weight = match refusal.relation() {
        _ if preflight => 60,
        _ if known => 40,
        Some(Relation::CrossSite | Relation::Null) => 54,
        Some(Relation::OtherPort) => 50,
        Some(Relation::SameSite) | None => 48,
        Some(Relation::Same) => 15,
    };
    match refusal.status {
        403 if refusal.is_of_proxy() => Some(weight / 2),
        403 => Some(weight),
        // Node's ws says 401 unless told otherwise, Rails 404.
        _ if weight > 15 => Some(18),
        _ => None,
    }
}

fn accepted_with(contrast: Contrast<'_>) -> Evidence {
    let origin = contrast.request.origin().unwrap_or_default();
    let alone = if contrast.differs == Differences::ORIGIN {
        ", all else alike"
    } else {
        ""
    };
    contrast.evidence(format!("the same path is accepted with the Origin {origin}{alone}"))
}

fn refused(preflight: &Ordinary) -> Option<Evidence> {
    let (status, at) = preflight.response?;
    let text =
        format!("a preflight from this Origin is answered with {status}: the server has a list, and it is not on it");
    Some(Evidence::new(at.packet, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check};

    fn from(origin: &str) -> Sample {
        Sample::get("/ws").field("Origin", origin)
    }

    fn told(samples: &[Sample]) -> Option<Confidence> {
        check(&RULE, samples).map(|found| found.confidence)
    }

    #[test]
    fn the_answer_speaks_of_it() {
        for body in [
            "Cross origin websockets not allowed",
            "{\"detail\":\"Origin https://a.example is not allowed\"}",
            "request Origin \"a.example\" is not authorized for Host \"server.example\"",
            "Failed to open a WebSocket connection: invalid Origin header: https://a.example.\n",
            "\"https://a.example is not an accepted origin.\"",
            "Invalid CORS request",
            "<title>Error 403 Origin not allowed</title>",
        ] {
            assert_eq!(
                told(&[from("https://a.example").refused(403, body)]),
                Some(Confidence::Confirmed),
                "{body}"
            );
        }
        let elsewhere = "{\"detail\":\"The origin server said Not Found\"}";
        assert_eq!(told(&[from("https://server.example").refused(404, elsewhere)]), None);
    }

    #[test]
    fn another_origin_is_welcome() {
        let refused = || from("https://a.example").refused(403, "");
        let alone = [refused(), from("https://b.example").accepted()];
        assert_eq!((told(&alone), cause(&alone)), (Some(Confidence::Confirmed), RULE.id));
        assert_eq!(
            told(&[refused(), from("https://b.example").field("User-Agent", "x").accepted()]),
            Some(Confidence::Likely)
        );
        assert_eq!(
            told(&[
                refused(),
                from("https://a.example").field("Cookie", "session=1").accepted()
            ]),
            None
        );
        // Whoever sends none is let in by servers that compare what is there.
        assert_eq!(
            told(&[refused(), Sample::get("/ws").accepted()]),
            Some(Confidence::Possible)
        );
    }

    #[test]
    fn without_experiments_the_host_counts() {
        assert_eq!(cause(&[from("https://a.example").refused(403, "")]), RULE.id);
        assert_eq!(
            cause(&[from("https://server.example").refused(403, "")]),
            "authn.missing-credentials"
        );
        let known = Sample::get("/open").field("Origin", "https://a.example").accepted();
        assert_eq!(
            cause(&[from("https://a.example").refused(403, ""), known.clone()]),
            "authn.missing-credentials"
        );
        let preflight = Sample::plain("OPTIONS", "/open").field("Origin", "https://a.example");
        let preflight = preflight.field("Access-Control-Request-Method", "GET").refused(400, "");
        assert_eq!(
            cause(&[from("https://a.example").refused(403, ""), known, preflight]),
            RULE.id
        );
    }

    #[test]
    fn gorilla_says_403_for_the_origin_alone() {
        let answer = "HTTP/1.1 403 Forbidden\r\nSec-Websocket-Version: 13\r\n\r\nForbidden\n";
        assert_eq!(
            told(&[from("https://a.example").answered(answer)]),
            Some(Confidence::Likely)
        );
    }
}
