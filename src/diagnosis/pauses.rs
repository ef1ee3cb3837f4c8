//! Silence and loss on a connection, as rules about its end look at them.

use crate::tcp::{At, Facts, Repeat, Side};

/// Nanoseconds of silence before that moment: since the latest octets of either end before it, as far as they are known.
pub(super) fn silence_before(facts: &Facts, at: At) -> u64 {
    let before = |side| {
        facts
            .from(side)
            .data
            .as_ref()
            .map(|data| data.last)
            .filter(|last| *last < at)
    };
    before(Side::Client)
        .max(before(Side::Server))
        .map_or(0, |last| at.time.since(last.time))
}

/// Whether octets of either end did not arrive: sent again in vain, or missing before others that came. Who leaves then does so
/// for that reason.
pub(super) fn is_starved(facts: &Facts) -> bool {
    [Side::Client, Side::Server].into_iter().any(|side| {
        let sent = facts.from(side);
        let in_vain = |repeat: &Repeat| repeat.offset >= sent.acknowledged;
        sent.repeats_unacknowledged().any(in_vain) || sent.data.as_ref().is_some_and(|data| data.beyond_hole > 0)
    })
}
