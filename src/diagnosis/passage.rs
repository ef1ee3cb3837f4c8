//! How segments fared between the two ends: what vanished and what passed, and at which end the capture stood.

use crate::{
    diagnosis::{
        marks::{is_unrouted, seconds},
        rule::{Case, Evidence},
    },
    tcp::{At, Side, Unheard},
};

/// A repeat is due one second after the first sending (RFC 6298 section 2.1); before that, silence says nothing.
pub(super) const FIRST_REPEAT: u64 = 1_000_000_000;
/// As long as this, the least patient of usual clients waits for its answer (websockets' `open_timeout` is 10 s); where less
/// than that is left of the capture, a missing answer says nothing.
pub(super) const PATIENCE: u64 = 10_000_000_000;
/// Octets of payload that fit through any usual way: IPv6 asks for an MTU of 1280 (RFC 8200 section 5).
pub(super) const FITS: u32 = 1200;
/// How much longer one round trip must be than the other to tell which end is near.
const FARTHER: u64 = 8;
/// Ordinary exchanges that are looked through for one of the same client.
const LOOKED_AT: usize = 64;

/// The end at which the capture was taken, if that can be told.
pub(super) fn near(case: &Case<'_>) -> Option<Side> {
    let facts = &case.attempt.connection;
    let unrouted = |side| facts.from(side).first.map(|first| is_unrouted(first.marks.ttl));
    match (unrouted(Side::Client), unrouted(Side::Server)) {
        (Some(true), Some(false)) => Some(Side::Client),
        (Some(false), Some(true)) => Some(Side::Server),
        _ => match (facts.client_rtt, facts.server_rtt) {
            (Some(client), Some(server)) if client.saturating_mul(FARTHER) < server => Some(Side::Client),
            (Some(client), Some(server)) if server.saturating_mul(FARTHER) < client => Some(Side::Server),
            _ => None,
        },
    }
}

/// Control experiments: what passed between the same hosts.
pub(super) fn controls(case: &Case<'_>) -> Vec<Evidence> {
    let facts = &case.attempt.connection;
    let ordinary = case.survey.ordinary_at(facts.server).iter().take(LOOKED_AT);
    let mut answered = ordinary.filter(|ordinary| ordinary.client.address == facts.client.address);
    let ordinary =
        answered
            .find_map(|ordinary| Some((ordinary, ordinary.response?)))
            .map(|(ordinary, (status, at))| {
                Evidence::new(
                    at.packet,
                    format!(
                        "an ordinary {} without an upgrade passes on the same way: {status}",
                        ordinary.method
                    ),
                )
            });
    let upgraded = case
        .survey
        .upgraded_at(facts.server)
        .and_then(|other| other.response.as_ref())
        .map(|response| Evidence::new(response.first.at.packet, "another upgrade at this server passes"));
    ordinary.into_iter().chain(upgraded).collect()
}

/// A sign that the server's host was up and reachable after `at`: it sent something on another connection.
pub(super) fn alive_after(case: &Case<'_>, at: At) -> Option<Evidence> {
    let facts = &case.attempt.connection;
    let last = case.host(Side::Server)?.last;
    let elsewhere = Some(last) != facts.from_server.last;
    (elsewhere && last > at).then(|| {
        Evidence::new(
            last.packet,
            format!(
                "the server's host still speaks on another connection {} later",
                seconds(last.time.since(at.time))
            ),
        )
    })
}

/// A sign that the way between the two hosts loses segments of any kind: octets of both ends, or on several connections, came
/// through only when they were sent again.
pub(super) fn loss(case: &Case<'_>) -> Option<Evidence> {
    const SEVERAL: u64 = 3;
    let path = case.lossy()?;
    let [client, server] = path.recovered;
    let often = (client + server).saturating_mul(5) >= path.connections;
    let lossy = often && (client > 0 && server > 0 || client + server >= SEVERAL);
    let at = path.example.filter(|_| lossy)?;
    let text = format!(
        "the way loses segments: on {client} connections octets of the client, on {server} octets of the server came through \
         only when sent again"
    );
    Some(Evidence::new(at.packet, text))
}

/// Octets of `side` that were sent again and never acknowledged, up to the end of the connection.
pub(super) fn vanished(case: &Case<'_>, side: Side) -> Option<Unheard> {
    let facts = &case.attempt.connection;
    let ignored = facts.ignored_acknowledgement().is_some();
    facts.from(side).unheard().filter(|_| !ignored && !is_half_seen(case))
}

/// Whether a segment of `side` with `length` octets is larger than anything that is known to have passed, and large enough to
/// be too large for some link on the way.
pub(super) fn may_be_too_large(case: &Case<'_>, side: Side, length: u32) -> bool {
    let facts = &case.attempt.connection;
    let path = case.survey.path(facts.client.address, facts.server.address);
    let [client, server] = path.largest_passed;
    let passed = if side == Side::Client { client } else { server };
    length > FITS && length > passed
}

/// Whether only one direction was captured, of this connection or of most.
pub(super) fn is_half_seen(case: &Case<'_>) -> bool {
    case.attempt.connection.is_one_sided() || case.survey.is_one_sided()
}

/// The first sending and the repeats of what vanished, as evidence.
pub(super) fn repeats(case: &Case<'_>, side: Side, lost: &Unheard, what: &str) -> Vec<Evidence> {
    let first = Evidence::new(lost.first.packet, format!("{what} ({} octets)", lost.length));
    let repeats = case.attempt.connection.from(side).repeats_unacknowledged();
    let repeats = repeats.filter(|repeat| repeat.offset == lost.offset).map(|repeat| {
        Evidence::new(
            repeat.seen.at.packet,
            format!(
                "the same again, {} after the first time",
                seconds(repeat.seen.at.time.since(lost.first.time))
            ),
        )
    });
    std::iter::once(first).chain(repeats).collect()
}

/// How often and for how long something was sent in vain, for a sentence.
pub(super) fn times(lost: &Unheard) -> String {
    let span = seconds(lost.last.time.since(lost.first.time));
    match lost.repeats {
        1 => format!("twice within {span}"),
        repeats => format!("{} times within {span}", repeats + 1),
    }
}

/// Who is meant, for a sentence.
pub(super) fn name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}
