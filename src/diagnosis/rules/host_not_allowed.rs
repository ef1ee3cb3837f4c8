//! The Host is not on the server's list.

use crate::{
    attempt::Stage,
    diagnosis::{
        refusal::{Differences, Refusal, unless_proven},
        rule::{Case, Confidence, Guide, Match, Rule},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "host.not-allowed",
    name: "Host not allowed",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The answer speaks of the Host (400 Invalid host header, 403 Blocked host, 421 Misdirected Request), or the same request is \
           accepted with another Host.",
    means: "The server serves certain names only, as a guard against DNS rebinding or because several sites share the address, and \
            the name (or address) in Host is none of them.",
    ladder: "client                      server\n\
             |--- GET, Host: 192.0.2.1 -->|\n\
             |<-- 400 Invalid host -------|\n\
             |--- GET, Host: a.example -->|\n\
             |<-- 101 --------------------|",
    confused_with: &[
        (
            "host.rewritten-by-proxy",
            "the client sent the right Host, and a proxy changed it",
        ),
        ("origin.not-allowed", "the name that is refused is the Origin's"),
        (
            "route.not-found",
            "an unknown Host may end at a default site, which does not know the path",
        ),
    ],
    remedies: &[
        "Connect by a name that the server knows, or add the name: TrustedHostMiddleware(allowed_hosts) in Starlette and FastAPI, \
         ALLOWED_HOSTS in Django, config.hosts in Rails, server.allowedHosts in Vite and webpack-dev-server, AllowedHosts in ASP.NET \
         Core.",
        "Behind a proxy: pass the client's Host (proxy_set_header Host $http_host), or add the name that the proxy writes.",
        "Health checks and port forwards connect by address: exempt them, or set the Host that they send.",
    ],
    references: &["RFC 9110 sections 7.2 and 15.5.20"],
    check,
};

const SAYS: &[&str] = &[
    "invalid host header",
    "invalid host",
    "invalid hostname",
    "hostname is invalid",
    "host not allowed",
    "host is not allowed",
    "host * not allowed",
    "host * not permitted",
    "host * not authorized",
    "disallowed host",
    "blocked host",
    "blocked hosts",
    "unknown host",
    "unrecognized host",
    "untrusted host",
    "unknown virtual host",
    "non local host",
    "invalid http host header",
    "host header * not",
    "bad host header",
    "misdirected request",
    "misdirected",
    "wrong host",
    "invalid sni",
];

/// Said of the Host, or of the client's.
const MAY_SAY: &[&str] = &["host * blocked", "host * forbidden", "host * rejected", "host * denied"];

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 403, 404, 421])?;
    let host = refusal.request.and_then(|request| request.host());
    let said = refusal.says(SAYS).is_some();
    let hinted = refusal.says(MAY_SAY).is_some() || refusal.evokes(RULE.id);
    let alone = refusal.accepted_but_for(Differences::HOST);
    let (confidence, weight) = match refusal.status {
        _ if alone.is_some() => (Confidence::Confirmed, 77),
        421 => (Confidence::Confirmed, 70),
        404 => return None,
        _ if said => (Confidence::Confirmed, 71),
        _ if hinted => (Confidence::Likely, 71),
        _ => return None,
    };
    let host = host.unwrap_or_else(|| "of the request".to_owned());
    let found = refusal.found(
        confidence,
        weight,
        format!("The server does not serve the Host {host}."),
    );
    let found = found.shown_by_all(refusal.asked(format!("Host {host}")));
    let found = found.shown_by_all(alone.map(|contrast| {
        let other = contrast.request.host().unwrap_or_default();
        contrast.evidence(format!(
            "the same path is accepted with the Host {other}, all else alike"
        ))
    }));
    Some(unless_proven(
        found,
        "The host that the answer speaks of may be another one.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check};

    #[test]
    fn the_host_is_refused() {
        let told = |samples: &[Sample]| check(&RULE, samples).map(|found| found.confidence);
        let at = |host: &str| Sample::get("/ws").field("Host", host);
        assert_eq!(
            told(&[at("192.0.2.2").refused(400, "Invalid host header")]),
            Some(Confidence::Confirmed)
        );
        let vite = "Blocked request. This host (\"a.example\") is not allowed.";
        assert_eq!(told(&[at("a.example").refused(403, vite)]), Some(Confidence::Confirmed));
        assert_eq!(told(&[at("192.0.2.2").refused(421, "")]), Some(Confidence::Confirmed));
        assert_eq!(told(&[at("192.0.2.2").refused(403, "")]), None);
        let alone = [at("192.0.2.2").refused(403, ""), at("a.example").accepted()];
        assert_eq!((told(&alone), cause(&alone)), (Some(Confidence::Confirmed), RULE.id));
    }
}
