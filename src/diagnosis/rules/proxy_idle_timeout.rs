//! An established session that a proxy ended after a round idle time, in order.

use crate::{
    attempt::{Attempt, Stage},
    diagnosis::{
        legs,
        marks::{Foreign, seconds},
        rule::{Case, Confidence, Evidence, Guide, Match, Outcome, Rule, SaidBy},
    },
    fingerprint::Role,
    tcp::{At, Side},
};

pub(super) const RULE: Rule = Rule {
    id: "proxy.idle-timeout",
    name: "idle session closed by a proxy",
    guide: Some(Guide::Server),
    stages: &[Stage::Open, Stage::Closed],
    sees: "After the switch nothing is said for a round number of seconds; then FIN comes from the server's side, without a Close \
           frame before it. If the capture holds the leg to the backend, the proxy closes that one at the same moment.",
    means: "A proxy or load balancer closes tunnels over which nothing goes for so long: 60 s (nginx proxy_read_timeout, AWS ALB), \
            100 s (Cloudflare), 5 min and 1 h (Envoy), 10 min (API Gateway). Neither end wanted it; a client reports 1006.",
    ladder: "client          proxy       server\n\
             |<-- frames --->|<-- frames ->|\n\
             |    (60 s of silence)        |\n\
             |<-- FIN -------|--- FIN ---->|",
    confused_with: &[
        (
            "firewall.idle-timeout",
            "nothing is closed: the next segment after the silence is lost or reset",
        ),
        ("session.abnormal-close", "the pause before the FIN is not round"),
        (
            "session.ping-timeout",
            "an end closes because its own pings stay unanswered",
        ),
        ("session.going-away", "a Close frame with 1001 comes before the FIN"),
    ],
    remedies: &[
        "Send pings at less than half of that time: uvicorn --ws-ping-interval, ws.ping() in Node, pingInterval of Socket.IO. A \
         browser cannot ping: let the server do it.",
        "Raise the timeout: nginx proxy_read_timeout and proxy_send_timeout; HAProxy timeout tunnel; ALB idle timeout; Envoy \
         stream_idle_timeout; Apache ProxyTimeout.",
        "Let the client connect again when a session ends without a Close frame.",
    ],
    references: &[
        "nginx: proxy_read_timeout",
        "HAProxy: timeout tunnel",
        "AWS: ALB connection idle timeout",
        "RFC 6455 section 5.5.2 (Ping)",
    ],
    check,
};

/// Idle times in seconds that makers ship or recommend.
const USUAL: [u64; 21] = [
    10, 15, 20, 30, 50, 55, 60, 75, 90, 100, 120, 180, 230, 240, 270, 300, 350, 600, 900, 1800, 3600,
];
/// A timer that ran out shows in hundredths: timers are checked every so often.
const SLACK: u64 = 100;
/// Timers of whole seconds are met to a few hundredths of a second, whatever their length.
const NEAR: u64 = 40_000_000;
const SECOND: u64 = 1_000_000_000;
/// Shorter pauses are the application's own.
const SHORTEST: u64 = 2 * SECOND;
/// Two legs that end within this time were ended by the same timer.
const TOGETHER: u64 = SECOND / 4;

fn check(case: &Case<'_>) -> Option<Match> {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    let session = attempt.session.as_deref().filter(|session| session.closes.is_empty())?;
    // On the leg behind, the proxy is the client.
    let is_behind = legs::in_front(case).next().is_some();
    let may_be_proxy = is_behind || legs::proxy_field(attempt).is_some() || legs::host_is_elsewhere(attempt);
    let by_proxy_behind = facts.from_client.fin.as_deref().filter(|_| may_be_proxy);
    let server_fin = facts.from_server.fin.as_deref();
    let (side, fin) = match (server_fin, by_proxy_behind) {
        (Some(server), Some(client)) if client.at < server.at => (Side::Client, client),
        (Some(server), _) => (Side::Server, server),
        (None, Some(client)) => (Side::Client, client),
        (None, None) => return None,
    };
    let other_fin = facts.from(side.other()).fin.as_ref();
    if other_fin.is_some_and(|other| other.at < fin.at) || facts.from(side).has_gaps() {
        return None;
    }
    let last = session
        .last_octets
        .into_iter()
        .flatten()
        .chain(attempt.response.as_ref().map(|response| response.last.at))
        .max()?;
    let idle = fin.at.time.since(last.time);
    // An end that asks in vain whether the other is still there closes for that.
    let asks = match side {
        Side::Client => session.pings[0],
        Side::Server => session.pings[1],
    };
    if asks.is_some() || idle < SHORTEST || Foreign::of_segment(case, side, fin).confidence().is_some() {
        return None;
    }
    let both = closed_together(case, side, fin.at);
    if both.is_none() && others(case).any(|leg| far_end_closed(leg, side, fin.at)) {
        return None;
    }
    let (usual, whole) = (is_usual(idle), is_whole(idle));
    let confidence = match (&both, usual, whole) {
        (Some(_), true, _) | (Some(_), _, true) => Confidence::Confirmed,
        (Some(_), false, false) => Confidence::Likely,
        (None, ..) if side == Side::Client && is_behind => return None,
        (None, true, _) | (None, _, true) if side == Side::Client => Confidence::Likely,
        (None, true, _) => Confidence::Likely,
        (None, false, true) if has_proxy(case) || repeats(case, idle) => Confidence::Likely,
        (None, false, true) => Confidence::Possible,
        (None, false, false) => return None,
    };
    let summary = format!(
        "The session was closed after {} of silence, without a Close frame: a proxy's idle timeout.",
        seconds(idle)
    );
    let found = Match::new(confidence, Outcome::Lost, SaidBy::Proxy, summary)
        .weighing(72)
        .shown_by(last.packet, "the last octets of the session")
        .shown_by(
            fin.at.packet,
            format!("FIN after {} of silence, no Close frame before it", seconds(idle)),
        )
        .shown_by_all(both)
        .but("An application can close after a pause of its own.");
    Some(found)
}

/// Other legs of the session.
fn others<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Attempt> {
    legs::behind(case).chain(legs::in_front(case))
}

/// The proxy ended its other leg at the same moment: it was not the end beyond that closed.
fn closed_together(case: &Case<'_>, side: Side, fin: At) -> Option<Evidence> {
    let near = |other: At| other.time.since(fin.time).max(fin.time.since(other.time)) <= TOGETHER;
    let ended_by_proxy = |leg: &Attempt| {
        let facts = &leg.connection;
        // The proxy is the server of the one leg and the client of the other.
        let own = facts.from(side.other()).fin.as_ref()?.at;
        let first = facts.from(side).fin.as_ref().is_none_or(|fin| own < fin.at);
        (first && near(own)).then_some(own)
    };
    let at = others(case).find_map(ended_by_proxy)?;
    Some(Evidence::new(
        at.packet,
        "the proxy sends FIN on its other leg of this session at the same moment",
    ))
}

/// Whether the end beyond the proxy closed the other leg before: then the proxy only passed that on.
fn far_end_closed(leg: &Attempt, side: Side, fin: At) -> bool {
    let facts = &leg.connection;
    let (far, own) = (facts.from(side).fin.as_ref(), facts.from(side.other()).fin.as_ref());
    far.is_some_and(|far| far.at <= fin && own.is_none_or(|own| far.at < own.at))
}

fn is_usual(idle: u64) -> bool {
    USUAL
        .iter()
        .any(|seconds| idle.abs_diff(seconds * SECOND) <= seconds * SECOND / SLACK)
}

fn is_whole(idle: u64) -> bool {
    let rest = idle % SECOND;
    rest.min(SECOND - rest) <= NEAR
}

/// Whether the 101 bears a proxy's marks.
fn has_proxy(case: &Case<'_>) -> bool {
    case.author.role == Role::Proxy || case.author.relayed_by.is_some()
}

/// Whether another session of the same server ended after the same silence.
fn repeats(case: &Case<'_>, idle: u64) -> bool {
    /// Sessions that are looked at.
    const LOOKED_AT: usize = 16;
    let silence = |other: &Attempt| {
        let fin = other.connection.from_server.fin.as_ref()?;
        let last = other.session.as_ref()?.last_octets.into_iter().flatten().max()?;
        Some(fin.at.time.since(last.time))
    };
    let own = case.attempt.connection.first;
    let others = case.survey.at_server(case.attempt.connection.server).take(LOOKED_AT);
    let others = others.filter(|other| other.connection.first != own);
    others
        .filter_map(silence)
        .any(|other| other.abs_diff(idle) <= NEAR + idle / SLACK)
}
