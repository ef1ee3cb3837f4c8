//! A proxy changed Host, so that a right Origin no longer matches it.

use crate::{
    attempt::{Request, Stage},
    diagnosis::{
        refusal::{Refusal, Relation, relation, unless_proven},
        rule::{Case, Confidence, Evidence, Guide, Match, Rule, SaidBy},
    },
};

pub(super) const RULE: Rule = Rule {
    id: "host.rewritten-by-proxy",
    name: "Host rewritten by a proxy",
    guide: Some(Guide::Cors),
    stages: &[Stage::Response],
    sees: "Two connections carry the same Sec-WebSocket-Key: on the client's leg Host and Origin name the same host, on the backend's \
           leg Host names another one, and the backend answers 403. With the backend's leg alone, X-Forwarded-Host or Forwarded \
           tells the Host that the client sent. With the client's leg alone, the answer says that the Origin is another one than \
           Host, and it is not.",
    means: "The backend compares Origin with Host, as many libraries do unless told otherwise. The proxy wrote its own idea of Host \
            (nginx: the name in proxy_pass), so a right Origin looks like one of another site.",
    ladder: "client         proxy         server\n\
             |-- Host: a --->|              |\n\
             |   Origin: a   |              |\n\
             |               |-- Host: b -->|\n\
             |               |   Origin: a  |\n\
             |<---- 403 -----|<---- 403 ----|",
    confused_with: &[
        (
            "origin.not-allowed",
            "the Origin names another host than the client's own Host does",
        ),
        (
            "proxy.upgrade-header-stripped",
            "the backend's leg lacks Upgrade or Connection",
        ),
    ],
    remedies: &[
        "Pass the client's Host: proxy_set_header Host $http_host (nginx), ProxyPreserveHost On (Apache), header_up Host \
         {host} (Caddy), passHostHeader: true (Traefik).",
        "Or name the public Origin in the backend's list instead of comparing with Host.",
    ],
    references: &[
        "RFC 6455 section 10.2",
        "RFC 9110 section 7.2",
        "nginx, ngx_http_proxy_module, proxy_set_header",
    ],
    check,
};

/// Said by servers that compare the Origin with Host, and keep no list.
const COMPARED: &[&str] = &[
    "cross origin websockets not allowed",
    "cross origin * not allowed",
    "not authorized for host",
    "same origin policy",
    "origin * match host",
];
const SPEAKS_OF_ORIGIN: &[&str] = &["origin", "cors", "csrf"];

fn check(case: &Case<'_>) -> Option<Match> {
    let refusal = Refusal::of(case, &[400, 401, 403, 404])?;
    let request = refusal.request?;
    let origin = request.origin()?;
    let Some((changed, evidence)) =
        by_legs(&refusal, request, &origin).or_else(|| by_forwarding(&refusal, request, &origin))
    else {
        return by_contradiction(&refusal, &origin);
    };
    let speaks = refusal.says(SPEAKS_OF_ORIGIN).is_some() || refusal.evokes("origin.not-allowed");
    let confidence = match refusal.status {
        _ if speaks => Confidence::Confirmed,
        403 => Confidence::Likely,
        _ => Confidence::Possible,
    };
    let summary = format!(
        "The Origin {origin} fits the Host that the client sent, not the Host {changed} that a proxy made of it."
    );
    let mut found = refusal.found(confidence, 80, summary).shown_by_all([evidence]);
    if !refusal.is_of_proxy() {
        found.said_by = SaidBy::Application;
    }
    Some(unless_proven(
        found,
        "The answer does not say that Origin and Host were compared.",
    ))
}

/// The answer finds that Origin and Host differ, and here they do not: somebody changed the Host behind this leg.
fn by_contradiction(refusal: &Refusal<'_>, origin: &str) -> Option<Match> {
    refusal
        .says(COMPARED)
        .filter(|_| refusal.relation() == Some(Relation::Same))?;
    let summary = format!(
        "The server finds that the Origin {origin} is not its Host, but it is the Host that this request names: a proxy behind this leg must have changed it."
    );
    let shown = format!("Origin {origin}, Host {}", refusal.request?.host().unwrap_or_default());
    let found = refusal
        .found(Confidence::Likely, 82, summary)
        .shown_by_all(refusal.asked(shown));
    Some(found.but("The leg behind the proxy is not in the capture."))
}

/// The other leg of the same handshake: on one of the two the Host fits the Origin, on the other it does not.
fn by_legs(refusal: &Refusal<'_>, request: &Request, origin: &str) -> Option<(String, Evidence)> {
    let own = request.host()?;
    let legs = refusal.case.survey.other_legs(refusal.case.attempt);
    legs.filter_map(|leg| leg.request.as_deref()).find_map(|leg| {
        let host = leg.host()?;
        let (fits, other_fits) = (fits(origin, &own), fits(origin, &host));
        let same_origin = leg.origin().as_deref() == Some(origin);
        let changed = if fits { host.clone() } else { own.clone() };
        let evidence = Evidence::new(
            leg.first.at.packet,
            format!("the same handshake on the other leg, with the Host {host}"),
        );
        (same_origin && fits != other_fits).then_some((changed, evidence))
    })
}

/// The proxy tells the Host that it was asked for (RFC 7239 section 5.3, and the field that came before it).
fn by_forwarding(refusal: &Refusal<'_>, request: &Request, origin: &str) -> Option<(String, Evidence)> {
    let own = request.host()?;
    let forwarded = request.field("forwarded").and_then(|forwarded| {
        let mut pairs = forwarded.split([';', ',']).map(str::trim).map(str::to_owned);
        pairs.find_map(|pair| Some(pair.strip_prefix("host=")?.trim_matches('"').to_owned()))
    });
    let asked = request.field("x-forwarded-host").or(forwarded)?;
    let told = !fits(origin, &own) && fits(origin, &asked);
    told.then(|| refusal.asked(format!("the proxy was asked for the Host {asked}, and writes {own}")))
        .flatten()
        .map(|evidence| (own, evidence))
}

fn fits(origin: &str, host: &str) -> bool {
    relation(origin, host) == Relation::Same
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::sample::{Sample, cause, check};

    fn at(host: &str) -> Sample {
        Sample::get("/ws")
            .field("Host", host)
            .field("Origin", "https://a.example")
    }

    #[test]
    fn two_legs_tell() {
        let backend = || at("127.0.0.1:8000").at_port(8000).refused(403, "");
        let client = || at("a.example").at_port(443).refused(403, "");
        for legs in [[backend(), client()], [client(), backend()]] {
            let found = check(&RULE, &legs).unwrap();
            assert!(
                found.confidence == Confidence::Likely && found.summary.contains("127.0.0.1:8000"),
                "{}",
                found.summary
            );
            assert_eq!(cause(&legs), RULE.id);
        }
        let other = client().field("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
        assert!(check(&RULE, &[backend(), other]).is_none());
        let evil = |sample: Sample| sample.field("Origin", "https://evil.example");
        assert!(check(&RULE, &[evil(backend()), evil(client())]).is_none());
    }

    #[test]
    fn a_contradiction_tells() {
        let sample = |origin: &str| {
            Sample::get("/ws")
                .field("Origin", origin)
                .refused(403, "Cross origin websockets not allowed")
        };
        assert_eq!(cause(&[sample("https://server.example")]), RULE.id);
        assert!(check(&RULE, &[sample("https://a.example")]).is_none());
    }

    #[test]
    fn one_leg_may_tell() {
        let forwarded = |name: &str, value: &str| {
            at("backend")
                .field(name, value)
                .refused(403, "Cross origin websockets not allowed")
        };
        for (name, value) in [
            ("X-Forwarded-Host", "a.example"),
            ("Forwarded", "for=192.0.2.1;host=\"a.example\""),
        ] {
            assert_eq!(
                check(&RULE, &[forwarded(name, value)]).map(|found| found.confidence),
                Some(Confidence::Confirmed)
            );
            assert_eq!(cause(&[forwarded(name, value)]), RULE.id);
        }
        assert!(check(&RULE, &[forwarded("X-Forwarded-Host", "b.example")]).is_none());
    }
}
