//! Resets that somebody else wrote.

use crate::{
    attempt::Stage,
    diagnosis::{marks::Foreign, passage::is_half_seen, rule::Case},
    tcp::{Reset, Side},
};

/// Other attempts at the same server that are asked whether they speak TLS.
const LOOKED_AT: usize = 16;

/// The reset with the most marks of another sender, and they.
pub(super) fn forged_reset<'a>(case: &Case<'a>) -> Option<(&'a Reset, Foreign)> {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    // In answer to a SYN there is nothing of the same connection to compare: that is told elsewhere.
    let refused = attempt.stage == Stage::Connect && facts.from_server.syns.is_empty();
    if refused || is_half_seen(case) {
        return None;
    }
    let relevant = |reset: &&Reset| {
        let closed = |side| facts.from(side).fin.as_ref().is_some_and(|fin| fin.at < reset.seen.at);
        !(closed(Side::Client) && closed(Side::Server))
    };
    let mut best: Option<(&Reset, Foreign)> = None;
    for reset in facts.resets.iter().filter(relevant) {
        let foreign = Foreign::of_reset(case, reset);
        let rank = |foreign: &Foreign| (foreign.strong, foreign.marks.len());
        if !foreign.marks.is_empty() && best.as_ref().is_none_or(|(_, other)| rank(&foreign) > rank(other)) {
            best = Some((reset, foreign));
        }
    }
    best
}

/// Whether the first thing to be said on this connection is a ClientHello: it was said, or this port speaks TLS elsewhere and
/// nothing was said here.
pub(super) fn first_spoken_is_tls(case: &Case<'_>) -> bool {
    let attempt = case.attempt;
    let facts = &attempt.connection;
    if attempt.tls.is_some() {
        return facts.from_server.data.is_none();
    }
    let silent =
        attempt.stage == Stage::Request && facts.from_client.data.is_none() && facts.from_server.data.is_none();
    let mut others = case
        .survey
        .at_server(facts.server)
        .take(LOOKED_AT)
        .filter(|other| !other.connection.is_one_sided());
    silent && others.any(|other| other.tls.as_ref().is_some_and(|tls| tls.client_hello.is_some()))
}
