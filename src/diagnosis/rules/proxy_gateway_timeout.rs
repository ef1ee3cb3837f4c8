//! 504, or the leg to the backend on which the proxy waited in vain.

use crate::{
    attempt::{Attempt, Stage},
    diagnosis::{
        legs,
        marks::seconds,
        reply::Reply,
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
        silence,
    },
};

pub(super) const RULE: Rule = Rule {
    id: "proxy.gateway-timeout",
    name: "gateway timeout",
    guide: Some(Guide::Server),
    stages: &[Stage::Request, Stage::Response],
    sees: "The answer is 504 (or Cloudflare's 522 or 524), a round number of seconds after the request. On the leg to the backend: \
           a request with a proxy's fields, acknowledged and never answered, until the proxy closes.",
    means: "The backend took the connection and did not answer before the proxy's patience ended (RFC 9110 section 15.6.5): the \
            handler hangs, waits for something itself, or does not answer upgrades at all.",
    ladder: "client          proxy       backend\n\
             |--- GET ------>|--- GET ---->|\n\
             |               |<-- ACK -----|\n\
             |               |   (60 s)    |\n\
             |<-- 504 -------|--- FIN ---->|",
    confused_with: &[
        ("proxy.bad-gateway", "502: the backend refused or broke off"),
        (
            "server.no-answer",
            "the same on the leg to the backend, without marks of a proxy",
        ),
        (
            "client.gave-up",
            "the client left first, and the proxy closed its other leg for that",
        ),
    ],
    remedies: &[
        "Find out why the backend does not answer this path: capture there, or ask it directly without the proxy.",
        "A backend that ignores upgrade requests (Node without an 'upgrade' listener that answers) makes the proxy wait.",
        "Only if the backend is slow by design: proxy_read_timeout (nginx), timeout server (HAProxy), ProxyTimeout (Apache).",
    ],
    references: &[
        "RFC 9110 section 15.6.5 (504)",
        "nginx: proxy_read_timeout",
        "HAProxy: timeout server",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    match Reply::of(case) {
        Some(reply) => told(case, &reply),
        None => on_the_leg_behind(case),
    }
}

fn told(case: &Case<'_>, reply: &Reply<'_>) -> Option<Match> {
    let status = reply.status();
    // Envoy and others answer 503 with these words.
    let says = status == 503
        && reply
            .says(&["upstream request timeout", "gateway timeout", "gateway time out"])
            .is_some();
    (matches!(status, 504 | 522 | 524) || says).then_some(())?;
    let backend = legs::failed_backend(case);
    let page = reply.own_page_of_proxy();
    let sure = backend.is_some() || page.is_some() || reply.evoked(RULE.id).is_some();
    let confidence = if sure {
        Confidence::Confirmed
    } else {
        Confidence::Likely
    };
    let waited = reply
        .request
        .map(|request| reply.response.first.at.time.since(request.last.at.time));
    let waited = waited
        .map(|waited| format!(" after {}", seconds(waited)))
        .unwrap_or_default();
    let proxy = page.unwrap_or_else(|| "The proxy".to_owned());
    let summary = format!("{proxy} answered {status}{waited}: its backend did not answer in time.");
    let found = reply
        .told(confidence, SaidBy::Proxy, summary)
        .weighing(70)
        .shown_by_all(backend);
    Some(found.but("The answer bears no proxy's own marks; an application can write this status too."))
}

/// A proxy's request that the backend acknowledged and never answered, until the proxy left.
fn on_the_leg_behind(case: &Case<'_>) -> Option<Match> {
    let request = silence::unanswered(case)?;
    let left = silence::left_by_client(case)?;
    let facts = &case.attempt.connection;
    let fin = facts.from_server.fin.as_ref().map(|fin| fin.at);
    if fin.is_some_and(|fin| fin < left) {
        return None;
    }
    let front = legs::in_front(case).next();
    let told = front.filter(|leg| matches!(leg.status(), Some(504 | 502 | 503 | 522 | 524)));
    let field = legs::proxy_field(case.attempt)
        .map(|name| format!("the field {name} shows that a proxy passed this request on"));
    // A front leg that its client left first tells of the client's patience, not the proxy's.
    if told.is_none() && (field.is_none() || front.is_some_and(|leg| left_first(leg, left))) {
        return None;
    }
    let confidence = if told.is_some() {
        Confidence::Confirmed
    } else {
        Confidence::Likely
    };
    let summary = format!(
        "The proxy waited {} for the backend's answer and gave up.",
        seconds(left.time.since(request.last.at.time))
    );
    let answer = told.and_then(|leg| leg.response.as_ref()).map(|response| {
        Evidence::new(
            response.first.at.packet,
            format!(
                "on the client's leg of the same handshake the proxy answers {}",
                response.head.status
            ),
        )
    });
    let mark = field.map(|text| Evidence::new(request.first.at.packet, text));
    let found = Match::new(confidence, Outcome::Abandoned, SaidBy::Proxy, summary)
        .weighing(70)
        .shown_by(request.last.at.packet, "the whole request")
        .shown_by_all(mark)
        .shown_by(left.packet, "the proxy ends the connection; no octet of answer came")
        .shown_by_all(answer)
        .but("The proxy may have left because its own client did.");
    Some(found)
}

fn left_first(front: &Attempt, left: crate::tcp::At) -> bool {
    let facts = &front.connection;
    let fin = facts.from_client.fin.as_ref().map(|fin| fin.at.time);
    let reset = facts.reset_by(crate::tcp::Side::Client).map(|reset| reset.seen.at.time);
    fin.into_iter().chain(reset).any(|time| time <= left.time)
}
