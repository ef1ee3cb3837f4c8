//! SYNs that nothing answered.

use crate::{
    diagnosis::{
        marks::seconds,
        passage::is_half_seen,
        rule::{Case, Evidence, Text},
    },
    tcp::At,
};

/// SYNs of one connection, none of them answered by anybody.
pub(super) struct SilentSyns {
    /// The first.
    pub(super) first: At,
    /// The latest.
    pub(super) last: At,
    /// How many.
    pub(super) count: u32,
    /// Nanoseconds from the first one to the last moment at which an answer could have been seen.
    pub(super) waited: u64,
}

/// The SYNs, if neither a segment nor an ICMP error answered them.
pub(super) fn silent_syns(case: &Case<'_>) -> Option<SilentSyns> {
    let facts = &case.attempt.connection;
    let syns = &facts.from_client.syns;
    let (first, last) = (syns.first()?.at, syns.last()?.at);
    let silent = facts.from_server.segments == 0 && facts.resets.is_empty() && facts.errors.is_empty();
    let waited = facts.last.time.since(first.time).max(case.survey.left_after(first));
    (silent && !is_half_seen(case)).then(|| SilentSyns {
        first,
        last,
        count: syns.count(),
        waited,
    })
}

/// The SYN and its repeats.
pub(super) fn evidence(case: &Case<'_>) -> Vec<Evidence> {
    let syns = &case.attempt.connection.from_client.syns;
    let start = syns.first().map(|syn| syn.at.time);
    let text = |at: At| match start.map(|start| at.time.since(start)) {
        None | Some(0) => Text::from("SYN, never answered"),
        Some(since) => format!("SYN again, {} after the first", seconds(since)).into(),
    };
    syns.iter()
        .map(|syn| Evidence::new(syn.at.packet, text(syn.at)))
        .collect()
}
