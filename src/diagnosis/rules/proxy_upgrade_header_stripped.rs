//! A hop took Upgrade or Connection away: the server saw an ordinary request.

use crate::{
    attempt::{Attempt, Ordinary, Stage},
    diagnosis::{
        defects::{Defect, OTHER_MATTERS, defects},
        legs,
        plain::{self, Sign},
        reply::Reply,
        rule::{Case, Confidence, Guide, Match, Rule},
    },
    packet::Endpoint,
};

pub(super) const RULE: Rule = Rule {
    id: "proxy.upgrade-header-stripped",
    name: "Upgrade lost on a hop",
    guide: Some(Guide::Server),
    stages: &[Stage::Response],
    sees: "The client's request is a sound handshake. The answer is one for an ordinary request: 404 or 200 of the application's \
           HTTP side, 426 Upgrade Required, Can \"Upgrade\" only to \"WebSocket\". If the capture holds the leg behind the proxy, the \
           same Sec-WebSocket-Key stands there without Upgrade.",
    means: "Upgrade and Connection are hop-by-hop (RFC 9110 section 7.6.1): a proxy drops them unless it is told to pass them on. \
            The application got a plain GET and answered that. Its HTTP routes do not know the path, so 404 is usual.",
    ladder: "client          proxy       server\n\
             |--- GET ------>|--- GET ---->|\n\
             |    Upgrade    |    (none)   |\n\
             |<-- 404 -------|<-- 404 -----|",
    confused_with: &[
        (
            "server.ws-not-supported",
            "the same octets, from a server that has no WebSocket library; no proxy's marks",
        ),
        (
            "route.not-found",
            "the path does not exist for WebSocket either; other paths of this server upgrade",
        ),
        (
            "handshake.bad-upgrade-header",
            "the client's own request lacks the fields",
        ),
        (
            "upgrade.ignored",
            "a 200 with a page that the proxy or a static server wrote itself",
        ),
    ],
    remedies: &[
        "nginx, in the location: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \
         $connection_upgrade; with map $http_upgrade $connection_upgrade { default upgrade; '' close; }",
        "Apache: ProxyPass \"/ws\" \"http://backend/ws\" upgrade=websocket, or RewriteRule with [P] to ws://; enable \
         mod_proxy_wstunnel.",
        "lighttpd: proxy.header = ( \"upgrade\" => \"enable\" ); h2o: proxy.websocket: ON; Envoy: upgrade_configs: websocket; Varnish: \
         pipe requests with Upgrade.",
        "AWS ALB, API gateways and CDNs: WebSocket must be switched on, or needs a listener or API of its own kind.",
    ],
    references: &[
        "RFC 9110 sections 7.6.1 and 7.8",
        "nginx: WebSocket proxying",
        "Apache: mod_proxy, upgrade parameter",
        "ASGI specification: websocket.close",
    ],
    check,
};

fn check(case: &Case<'_>) -> Option<Match> {
    let reply = Reply::of(case)?;
    reply.websocket()?;
    by_ordinary_leg(case, &reply)
        .or_else(|| by_other_leg(case, &reply))
        .or_else(|| by_answer(case, &reply))
}

/// The same key stands in an ordinary request elsewhere in the capture.
fn by_ordinary_leg(case: &Case<'_>, reply: &Reply<'_>) -> Option<Match> {
    let leg = legs::ordinary_behind(case)?;
    let Endpoint { address, port } = leg.server;
    let connection = match leg.connection_field.as_deref() {
        Some(value) => format!("with Connection: {value}"),
        None => "without Connection".to_owned(),
    };
    let lost = match strangers(case.attempt, leg).as_slice() {
        [] => String::new(),
        names => format!(", and with fields that the client did not send: {}", names.join(", ")),
    };
    let summary = format!(
        "The handshake lost its Upgrade on the way to {address} port {port}: the server saw an ordinary request."
    );
    let found = reply
        .told(Confidence::Confirmed, reply.writer(), summary)
        .weighing(85)
        .shown_by(
            request_packet(reply)?,
            "the client's request has Upgrade and Connection",
        )
        .shown_by(
            leg.request.packet,
            format!(
                "the same Sec-WebSocket-Key without Upgrade, in HTTP/{}, {connection}{lost}",
                leg.version
            ),
        );
    Some(found)
}

/// Fields of the other leg that the client did not send: proxies add theirs, and some boxes misspell what they take away.
fn strangers(attempt: &Attempt, leg: &Ordinary) -> Vec<String> {
    const SHOWN: usize = 4;
    let Some(request) = attempt.request.as_deref() else {
        return Vec::new();
    };
    let new = leg.field_names.iter().filter(|name| !request.head.fields.has(name));
    new.take(SHOWN).cloned().collect()
}

/// Another leg of the same handshake still has Upgrade, and lost a part of what makes it count; this leg comes before or after.
fn by_other_leg(case: &Case<'_>, reply: &Reply<'_>) -> Option<Match> {
    let lost = |attempt: &Attempt| {
        let lacks = |defect: &Defect| matches!(defect, Defect::Connection | Defect::Upgrade);
        attempt
            .request
            .as_deref()
            .is_some_and(|request| defects(request).iter().any(lacks))
    };
    let (sound, broken) = if lost(case.attempt) {
        (legs::in_front(case).find(|leg| !lost(leg))?, case.attempt)
    } else {
        (case.attempt, legs::behind(case).find(|leg| lost(leg))?)
    };
    let packet = |attempt: &Attempt| attempt.request.as_ref().map(|request| request.first.at.packet);
    let summary = "A hop passed the handshake on with Upgrade or Connection changed.";
    let found = reply
        .told(Confidence::Confirmed, reply.writer(), summary)
        .weighing(85)
        .shown_by(packet(sound)?, "the handshake as its client sent it")
        .shown_by(
            packet(broken)?,
            "the same Sec-WebSocket-Key, with Upgrade or Connection changed",
        );
    Some(found)
}

/// The answer alone suggests it.
fn by_answer(case: &Case<'_>, reply: &Reply<'_>) -> Option<Match> {
    let proxy = reply.passed_on_by();
    let upgraded = case.survey.upgraded_at(case.attempt.connection.server);
    let (confidence, weight, why) = match (plain::sign(reply), &proxy) {
        (Some(Sign::Complains), _) => (
            Confidence::Likely,
            75,
            "the answer asks for an Upgrade that the request has",
        ),
        (Some(Sign::OrdinaryOnly(why)), _) => (Confidence::Likely, 75, why),
        (Some(Sign::AsgiHttp), Some(_)) => (
            Confidence::Likely,
            65,
            "an ASGI server refuses a WebSocket with 403: its HTTP side wrote this",
        ),
        (Some(Sign::AsgiHttp), None) if upgraded.is_some() => (
            Confidence::Likely,
            66,
            "an ASGI server refuses a WebSocket with 403: its HTTP side wrote this",
        ),
        (Some(Sign::AsgiHttp), None) => (Confidence::Possible, 60, "the server's HTTP side wrote this"),
        (Some(Sign::NodeHttp), Some(_)) if upgraded.is_none() => (
            Confidence::Likely,
            55,
            "Node's HTTP side wrote this: no upgrade listener was asked",
        ),
        (Some(Sign::NodeHttp), _) => (Confidence::Possible, 50, "Node's HTTP side wrote this"),
        (None, Some(_)) if looks_plain(reply) => {
            let plain = reply.status() != 404 && upgraded.is_none() && !is_file(reply);
            (
                if plain {
                    Confidence::Likely
                } else {
                    Confidence::Possible
                },
                45,
                "the application behind the proxy answered as to an ordinary request",
            )
        }
        (None, None) if is_mute(reply) => (Confidence::Possible, 20, "a 400 without a reason"),
        (None, _) => return None,
    };
    let by = proxy.map(|proxy| format!(" behind {proxy}")).unwrap_or_default();
    let summary = format!(
        "The server{by} answered {} as to an ordinary request: the Upgrade seems to be lost on the way.",
        reply.status()
    );
    let found = reply
        .told(confidence, reply.writer(), summary)
        .weighing(weight)
        .shown_by(request_packet(reply)?, format!("a sound handshake; {why}"))
        .but("The leg behind the proxy is not in the capture; the same answer comes from a server that has no WebSocket on this path.");
    Some(found)
}

/// An application's answer to a GET, passed on by a proxy.
fn looks_plain(reply: &Reply<'_>) -> bool {
    let sound = reply.websocket().is_some_and(|request| defects(request).is_empty());
    sound && matches!(reply.status(), 200..=299 | 404) && reply.own_page_of_proxy().is_none()
}

/// A 400 to a sound handshake that does not say what is wrong with it.
fn is_mute(reply: &Reply<'_>) -> bool {
    const SHORT: u64 = 64;
    let sound = reply.websocket().is_some_and(|request| defects(request).is_empty());
    let short = reply.response.body_length < SHORT && reply.says(OTHER_MATTERS).is_none();
    sound && short && reply.status() == 400
}

/// A file that a web server keeps, rather than an application's answer.
pub(super) fn is_file(reply: &Reply<'_>) -> bool {
    let fields = &reply.response.head.fields;
    fields.has("last-modified") || fields.has("accept-ranges")
}

fn request_packet(reply: &Reply<'_>) -> Option<crate::capture::PacketId> {
    reply.request.map(|request| request.first.at.packet)
}
