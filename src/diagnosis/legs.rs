//! Other legs of the same handshake: what a proxy on the way made of it.

use std::{borrow::Cow, net::IpAddr};

use crate::{
    attempt::{Attempt, Ordinary, Request, Stage},
    diagnosis::{
        marks::seconds,
        rule::{Case, Evidence},
    },
    packet::Endpoint,
    tcp::{At, Side},
};

/// Fields that proxies add to what they pass on (RFC 7239, RFC 9110 section 7.6.3, and what came before them).
const PROXY_FIELDS: [&str; 12] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-server",
    "x-real-ip",
    "forwarded",
    "via",
    "x-envoy-external-address",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "cf-ray",
    "true-client-ip",
];

/// The field by which a proxy shows that it passed the request on.
pub(super) fn proxy_field(attempt: &Attempt) -> Option<&'static str> {
    let request = attempt.request.as_deref()?;
    PROXY_FIELDS.into_iter().find(|name| request.head.fields.has(name))
}

/// Whether Host is an address other than the one that the connection goes to: something between turned it here, a proxy or a
/// translation of addresses.
pub(super) fn host_is_elsewhere(attempt: &Attempt) -> bool {
    let host = attempt.request.as_deref().and_then(Request::host).unwrap_or_default();
    let bare = match host.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    bare.parse::<IpAddr>()
        .is_ok_and(|address| address != attempt.connection.server.address)
}

/// Whether a request at `at` lies inside the exchange of `front`: after its request and before its answer. The same key alone
/// does not make two legs of one handshake, since test tools send the same one each time.
fn encloses(front: &Attempt, at: At) -> bool {
    let Some(request) = &front.request else { return false };
    (request.first.at.time..=answered(front).time).contains(&at.time)
}

/// When an attempt was answered, or the end of its connection.
fn answered(attempt: &Attempt) -> At {
    let answer = attempt.response.as_ref().map(|response| response.first.at);
    answer.unwrap_or(attempt.connection.last)
}

/// Later legs of the attempt's handshake: what a proxy made of it.
pub(super) fn behind<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Attempt> {
    let attempt = case.attempt;
    let legs = case.survey.other_legs(attempt);
    legs.filter(move |leg| {
        is_apart(leg, attempt)
            && leg
                .request
                .as_ref()
                .is_some_and(|sent| encloses(attempt, sent.first.at))
    })
}

/// Earlier legs of the attempt's handshake: what the proxy got of its own client.
pub(super) fn in_front<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Attempt> {
    let attempt = case.attempt;
    let sent = attempt.request.as_ref().map(|request| request.first.at);
    let legs = case.survey.other_legs(attempt);
    legs.filter(move |leg| is_apart(leg, attempt) && sent.is_some_and(|at| encloses(leg, at)))
}

/// A later leg on which the handshake is an ordinary request.
pub(super) fn ordinary_behind<'a>(case: &Case<'a>) -> Option<&'a Ordinary> {
    let legs = case.survey.stripped_legs(case.attempt);
    legs.iter().copied().find(|leg| encloses(case.attempt, leg.request))
}

/// The leg behind a proxy that makes a handshake of its own: the only one like it that the proxy's host sends meanwhile.
pub(super) fn rekeyed_behind<'a>(case: &Case<'a>) -> Option<&'a Attempt> {
    let attempt = case.attempt;
    let proxy = attempt.connection.server.address;
    let begun = case.survey.begun_by(proxy, attempt.first(), answered(attempt));
    only(begun.filter(|leg| passes_on(attempt, leg)))
}

/// The leg in front of a proxy that makes a handshake of its own: the only one like it that waits at the proxy's host.
pub(super) fn rekeyed_in_front<'a>(case: &Case<'a>) -> Option<&'a Attempt> {
    let attempt = case.attempt;
    let waiting = case.survey.asked_by(attempt.connection.client.address, attempt.first());
    only(waiting.filter(|leg| passes_on(leg, attempt)))
}

/// Whether `back` may be what a proxy made of `front`: sent by the host that `front` asks, before it answers, for the same
/// protocol, and for the same path or from the same Origin. On one host everybody is everybody's neighbour, so that there
/// time tells nothing.
fn passes_on(front: &Attempt, back: &Attempt) -> bool {
    let (Some(asked), Some(sent)) = (&front.request, &back.request) else {
        return false;
    };
    let proxy = front.connection.server.address;
    let origin = |request: &Request| request.head.fields.first("origin").map(<[u8]>::to_vec);
    proxy == back.connection.client.address
        && proxy != front.connection.client.address
        && proxy != back.connection.server.address
        && encloses(front, sent.first.at)
        && front.protocol() == back.protocol()
        && (asked.path() == sent.path() || origin(asked).is_some() && origin(asked) == origin(sent))
}

fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

fn is_apart(one: &Attempt, other: &Attempt) -> bool {
    one.connection.client != other.connection.client || one.connection.server != other.connection.server
}

/// The leg on which this proxy's backend failed it: the same handshake without an answer, or a connection that the proxy's
/// host tried meanwhile and that came to nothing.
pub(super) fn failed_backend(case: &Case<'_>) -> Option<Evidence> {
    let same_key = behind(case).filter(|leg| leg.response.is_none()).map(Cow::Borrowed);
    let leg = same_key.chain(tried_meanwhile(case)).next()?;
    Some(Evidence::new(leg.first().packet, failure(&leg)))
}

/// Connections that the proxy's host began between the request and its answer, and that never carried a request.
fn tried_meanwhile<'a>(case: &Case<'a>) -> impl Iterator<Item = Cow<'a, Attempt>> {
    let proxy = case.attempt.connection.server.address;
    case.survey
        .tried_by(proxy, case.attempt.first(), answered(case.attempt))
}

fn failure(leg: &Attempt) -> String {
    let Endpoint { address, port } = leg.connection.server;
    let facts = &leg.connection;
    let how = match leg.stage {
        Stage::Connect if facts.reset_by(Side::Server).is_some() => "is refused by a reset".to_owned(),
        Stage::Connect if !facts.errors.is_empty() => "is refused by an ICMP error".to_owned(),
        Stage::Connect => "is not answered".to_owned(),
        _ if facts.reset_by(Side::Server).is_some() => "carries the same handshake and is reset".to_owned(),
        _ => format!(
            "carries the same handshake and gets no answer in {}",
            seconds(facts.last.time.since(leg.first().time))
        ),
    };
    format!("the connection to the backend {address} port {port} {how}")
}

#[cfg(test)]
mod tests {
    use crate::{
        attempt::Ordinary,
        diagnosis::{rule::Confidence, sample::Sample, staged::Staged},
        http::Version,
        tcp::Side,
    };

    /// The same handshake as an ordinary request on the leg behind.
    fn without_upgrade(staged: &Staged) -> Ordinary {
        let mut ordinary = None;
        staged.clone().behind().with(|attempt, facts| {
            let request = attempt.request.as_deref().unwrap();
            ordinary = Some(Ordinary {
                client: facts.client,
                server: facts.server,
                method: "GET".to_owned(),
                path: request.path(),
                origin: None,
                host: None,
                key: request.head.fields.first("sec-websocket-key").map(<[u8]>::to_vec),
                version: Version::HTTP_10,
                field_names: vec!["Host".to_owned(), "X-Pgrde".to_owned()],
                connection_field: Some("close".to_owned()),
                upgrade_field: None,
                request: request.last.at,
                response: None,
            });
        });
        ordinary.unwrap()
    }

    #[test]
    fn an_upgrade_that_is_lost_between_two_legs() {
        for (status, body) in [(404, ""), (200, "page"), (400, "x"), (403, "no")] {
            let front = Staged::of(&Sample::get("/ws").refused(status, body));
            let leg = without_upgrade(&front);
            let staged = front.ordinary(leg);
            assert_eq!(
                staged.cause(),
                ("proxy.upgrade-header-stripped", Some(Confidence::Confirmed)),
                "{status}"
            );
            let evidence = staged.finding().cause.unwrap().found.evidence;
            assert!(
                evidence
                    .iter()
                    .any(|shown| shown.text.contains("Connection: close") && shown.text.contains("X-Pgrde"))
            );
        }
    }

    #[test]
    fn a_connection_field_that_is_changed_between_two_legs() {
        let front = Staged::of(&Sample::get("/ws").refused(404, ""));
        let back = Staged::of(&Sample::get("/ws").field("Connection", "close").refused(404, "")).behind();
        let id = ("proxy.upgrade-header-stripped", Some(Confidence::Confirmed));
        assert_eq!(front.clone().beside(&back, 1).cause(), id);
        assert_eq!(back.delayed(1).beside(&front, 0).cause(), id);
    }

    #[test]
    fn the_same_key_again_is_no_other_leg() {
        // A test tool tries once more after the refusal, with other fields and the same key.
        let first = Staged::of(&Sample::get("/ws").refused(403, "no"));
        let again = Staged::of(&Sample::get("/ws").field("Connection", "close").refused(404, ""));
        assert_ne!(
            first.clone().beside(&again, 50).cause().0,
            "proxy.upgrade-header-stripped"
        );
        assert_ne!(
            again.delayed(50).beside(&first, 0).cause().0,
            "proxy.upgrade-header-stripped"
        );
        let mut ordinary = without_upgrade(&first);
        ordinary.request.time.0 += 50_000_000;
        assert_ne!(first.ordinary(ordinary).cause().0, "proxy.upgrade-header-stripped");
    }

    #[test]
    fn a_backend_that_does_not_answer() {
        let front = Staged::of(&Sample::get("/ws").refused(504, ""));
        assert_eq!(front.cause(), ("proxy.gateway-timeout", Some(Confidence::Likely)));
        let back = Staged::of(&Sample::get("/ws")).behind().fin(Side::Client, 2000);
        let timeout = ("proxy.gateway-timeout", Some(Confidence::Confirmed));
        assert_eq!(front.clone().beside(&back, 1).cause(), timeout);
        // On the leg behind, the front leg or a proxy's field must show that it is one.
        assert_ne!(back.cause().0, "proxy.gateway-timeout");
        let marked = Staged::of(&Sample::get("/ws").field("X-Forwarded-For", "192.0.2.9")).behind();
        assert_eq!(
            marked.clone().fin(Side::Client, 2000).cause(),
            ("proxy.gateway-timeout", Some(Confidence::Likely))
        );
        assert_ne!(marked.fin(Side::Server, 2000).cause().0, "proxy.gateway-timeout");
    }

    #[test]
    fn a_backend_that_refuses() {
        let front = Staged::of(&Sample::get("/ws").refused(502, ""));
        assert_eq!(front.cause(), ("proxy.bad-gateway", Some(Confidence::Likely)));
        let back = Staged::of(&Sample::get("/ws")).behind().reset(Side::Server, 5, true);
        assert_eq!(
            front.beside(&back, 1).cause(),
            ("proxy.bad-gateway", Some(Confidence::Confirmed))
        );
    }
}
