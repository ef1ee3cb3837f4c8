//! An attempt as it is kept from the end of its connection until it is judged.

use std::{borrow::Cow, sync::Arc};

use crate::{
    attempt::{conclude::silent, dialogue::Dialogue, facts::Attempt},
    capture::PacketId,
    packet::Endpoint,
    tcp::{At, Knocks},
};

/// An attempt that waits to be judged, which none can be before all are known.
///
/// A scan makes attempts by the million of which a few SYNs and resets are all. Kept as these they take a third of the memory
/// that an attempt takes, and what they come to is read again from them when it is asked for.
#[derive(Clone, Debug)]
pub enum Pending {
    /// It came further than knocks, or may have.
    Whole(Box<Attempt>),
    /// All of its connection.
    Knocks(Box<Knocks>),
}

impl From<Attempt> for Pending {
    fn from(attempt: Attempt) -> Self {
        Pending::Whole(Box::new(attempt))
    }
}

impl Pending {
    /// The attempt.
    pub fn attempt(&self) -> Cow<'_, Attempt> {
        match self {
            Pending::Whole(attempt) => Cow::Borrowed(attempt),
            Pending::Knocks(knocks) => Cow::Owned(silent(Arc::new(knocks.facts::<Dialogue>()))),
        }
    }

    /// The attempt, unless only knocks came.
    pub fn whole(&self) -> Option<&Attempt> {
        match self {
            Pending::Whole(attempt) => Some(attempt),
            Pending::Knocks(_) => None,
        }
    }

    /// The first packet that tells of it.
    pub fn first(&self) -> At {
        match self {
            Pending::Whole(attempt) => attempt.first(),
            Pending::Knocks(knocks) => knocks.first(),
        }
    }

    /// The first packet of its connection, and its place in the connection: what attempts are ordered by.
    pub fn order(&self) -> (PacketId, u32) {
        match self {
            Pending::Whole(attempt) => (attempt.connection.first.packet, attempt.nth),
            Pending::Knocks(knocks) => (knocks.first().packet, 0),
        }
    }

    /// Its client and its server.
    pub fn ends(&self) -> (Endpoint, Endpoint) {
        match self {
            Pending::Whole(attempt) => (attempt.connection.client, attempt.connection.server),
            Pending::Knocks(knocks) => knocks.ends(),
        }
    }

    /// Something of each part that is looked at first: see [`crate::tcp::Facts::glance`].
    pub fn glance(&self) -> u64 {
        match self {
            Pending::Whole(attempt) => attempt.glance(),
            Pending::Knocks(knocks) => knocks.glance(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attempt::{Conclusion, Stage, conclude},
        tcp::{
            Table,
            sample::{LIMITS, Packet, client, server},
        },
    };

    fn pending(packets: &[Packet]) -> Pending {
        let mut table: Table<Dialogue> = Table::new(LIMITS);
        for (packet, number) in packets.iter().zip(1..) {
            table.segment(&packet.segment(number));
        }
        table.end_all();
        let mut attempts = table.number(&[7]).map(conclude).flat_map(Conclusion::into_attempts);
        let one = attempts.next().unwrap();
        assert!(attempts.next().is_none());
        one
    }

    #[test]
    fn knocks_wait_as_knocks_and_tell_the_same() {
        for (packets, resets, whole) in [
            (vec![client().syn()], 0, false),
            (vec![client().syn(), client().syn(), server().rst(0).ack(0)], 1, false),
            (vec![client().syn(), server().syn().ack(0)], 0, true),
            (vec![client().syn(), server().syn().ack(0), server().rst(0)], 1, true),
        ] {
            let pending = pending(&packets);
            assert_eq!(pending.whole().is_some(), whole);
            let attempt = pending.attempt();
            let facts = &attempt.connection;
            assert_eq!((attempt.stage, attempt.presumed), (Stage::Connect, true));
            assert_eq!((facts.stream, facts.resets.count()), (7, resets));
            assert_eq!(pending.first(), attempt.first());
            assert_eq!(pending.order(), (facts.first.packet, attempt.nth));
            assert_eq!(pending.ends(), (facts.client, facts.server));
        }
    }
}
