//! One direction's octets put in order: what comes in order is handed on as it is, only what is early is copied.

use std::collections::BTreeMap;

use crate::tcp::{
    facts::Seen,
    rare::{Blank, Rare},
};

/// What it costs to hold octets besides themselves: a place in the tree and an allocation. So many small segments are no
/// way around the bound.
const PIECE_COST: usize = 96;

/// Octets that came before their time.
#[derive(Clone, Debug)]
struct Early {
    octets: Box<[u8]>,
    seen: Seen,
}

/// The order of one direction's octets; offsets are those of [`crate::tcp::sequence::Space`].
#[derive(Clone, Debug, Default)]
pub(super) struct Reassembly {
    /// The next offset to hand on.
    next: u64,
    held: Rare<Held>,
}

/// What came before its time.
#[derive(Clone, Debug, Default)]
struct Held {
    /// By offset; never empty, never overlapping, never before what is next.
    early: BTreeMap<u64, Early>,
    /// Octets in `early`.
    octets: usize,
}

impl Blank for Held {
    const BLANK: &'static Self = &Held {
        early: BTreeMap::new(),
        octets: 0,
    };
}

/// What a segment was, compared with what had been handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Its octets, or some, were next.
    InOrder,
    /// All of it had been handed on or is held already.
    Repeat,
    /// It is held until the octets before it come.
    Early,
    /// It came early, and no more may be held.
    Refused,
}

impl Reassembly {
    /// The next offset to hand on.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Octets held because they came early.
    pub(super) fn held(&self) -> usize {
        self.held.octets
    }

    /// In how many pieces they are held.
    pub(super) fn pieces(&self) -> usize {
        self.held.early.len()
    }

    /// What holding them costs, in octets of memory.
    pub(super) fn cost(&self) -> usize {
        self.held.octets + self.held.early.len() * PIECE_COST
    }

    /// Whether all octets from `start` to `end` were handed on or are held.
    pub(super) fn has(&self, start: u64, end: u64) -> bool {
        let mut at = start.max(self.next);
        while at < end {
            let before = self.held.early.range(..=at).next_back();
            match before.map(|(start, early)| start + early.octets.len() as u64) {
                Some(reached) if reached > at => at = reached,
                _ => return false,
            }
        }
        true
    }

    /// Where the first octets that are held begin.
    pub(super) fn held_from(&self) -> Option<u64> {
        self.held.early.keys().next().copied()
    }

    /// Takes the octets of one segment: those that are next go to `deliver`, with what follows them among the early ones.
    ///
    /// Where two segments claim the same place, the first octets win. What is held costs at most `room`.
    pub(super) fn accept(
        &mut self,
        offset: u64,
        octets: &[u8],
        seen: Seen,
        room: usize,
        deliver: &mut impl FnMut(u64, &[u8], &Seen),
    ) -> Arrival {
        let end = offset.saturating_add(octets.len() as u64);
        if end <= self.next || octets.is_empty() {
            return Arrival::Repeat;
        }
        if offset > self.next {
            return self.hold(offset, octets, seen, room);
        }
        let fresh = octets.get((self.next - offset) as usize..).unwrap_or_default();
        self.deliver_up_to_held(fresh, &seen, deliver);
        self.drain(deliver);
        Arrival::InOrder
    }

    /// Gives up on the octets before `offset`: they are not in the capture. Those held after them go to `deliver`.
    pub(super) fn skip_to(&mut self, offset: u64, deliver: &mut impl FnMut(u64, &[u8], &Seen)) {
        if offset <= self.next {
            return;
        }
        self.next = offset;
        while let Some((&start, _)) = self.held.early.range(..offset).next() {
            let Some(early) = self.held.early.remove(&start) else {
                break;
            };
            self.held.octets -= early.octets.len();
            let rest = early.octets.get((offset - start) as usize..).unwrap_or_default();
            if !rest.is_empty() {
                self.held.octets += rest.len();
                self.held.early.insert(
                    offset,
                    Early {
                        octets: rest.into(),
                        seen: early.seen,
                    },
                );
            }
        }
        self.drain(deliver);
    }

    /// Counts octets as handed on that nobody wants: nothing is held any more.
    pub(super) fn jump_to(&mut self, offset: u64) {
        self.next = self.next.max(offset);
        self.held = Rare::default();
    }

    /// Hands on `fresh`, which begins at `next`; where early octets came first, those win.
    fn deliver_up_to_held(&mut self, fresh: &[u8], seen: &Seen, deliver: &mut impl FnMut(u64, &[u8], &Seen)) {
        let mut rest = fresh;
        while !rest.is_empty() {
            let free = match self.held.early.first_key_value() {
                Some((&start, _)) => usize::try_from(start - self.next).unwrap_or(usize::MAX).min(rest.len()),
                None => rest.len(),
            };
            let (now, after) = rest.split_at(free);
            if !now.is_empty() {
                deliver(self.next, now, seen);
                self.next += now.len() as u64;
            }
            let before = self.next;
            self.drain(deliver);
            rest = after.get((self.next - before) as usize..).unwrap_or_default();
            if free == 0 && self.next == before {
                break;
            }
        }
    }

    /// Hands on what is held and has become next.
    fn drain(&mut self, deliver: &mut impl FnMut(u64, &[u8], &Seen)) {
        if self.held.early.is_empty() {
            return;
        }
        while let Some(entry) = self.held.early.first_entry() {
            if *entry.key() != self.next {
                break;
            }
            let early = entry.remove();
            self.held.octets -= early.octets.len();
            deliver(self.next, &early.octets, &early.seen);
            self.next += early.octets.len() as u64;
        }
    }

    /// Holds those octets of a segment that are not held yet.
    fn hold(&mut self, offset: u64, octets: &[u8], seen: Seen, room: usize) -> Arrival {
        let end = offset + octets.len() as u64;
        let mut at = offset;
        let mut arrival = Arrival::Repeat;
        let first_before = self.held.early.range(..offset).next_back();
        if let Some((&start, early)) = first_before {
            at = at.max(start + early.octets.len() as u64);
        }
        while at < end {
            let (free_until, resume) = match self.held.early.range(at..end).next() {
                Some((&start, early)) => (start, start + early.octets.len() as u64),
                None => (end, end),
            };
            if free_until > at {
                let piece = octets
                    .get((at - offset) as usize..(free_until - offset) as usize)
                    .unwrap_or_default();
                if self.cost() + piece.len() + PIECE_COST > room {
                    return Arrival::Refused;
                }
                self.held.octets += piece.len();
                self.held.early.insert(
                    at,
                    Early {
                        octets: piece.into(),
                        seen,
                    },
                );
                arrival = Arrival::Early;
            }
            at = resume;
        }
        arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        capture::{PacketId, Time},
        tcp::facts::{At, Marks},
    };

    fn seen() -> Seen {
        let marks = Marks {
            ttl: 64,
            ip_id: None,
            window: 0,
            timestamp: None,
        };
        Seen {
            at: At {
                packet: PacketId::new(0, 1),
                time: Time(0),
            },
            marks,
        }
    }

    /// Random segments of random streams, against a model that remembers who wrote each octet first.
    #[test]
    fn agrees_with_a_simple_model() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..3000 {
            let length = random.usize(1..60);
            let mut model: Vec<Option<u8>> = vec![None; length];
            let mut reassembly = Reassembly::default();
            let mut out: Vec<u8> = Vec::new();
            for round in 0..random.u8(1..40) {
                let start = random.usize(0..length);
                let end = random.usize(start..length) + 1;
                let octets = vec![round; end - start];
                for (place, &octet) in model[start..end].iter_mut().zip(&octets) {
                    place.get_or_insert(octet);
                }
                reassembly.accept(start as u64, &octets, seen(), usize::MAX, &mut |offset, octets, _| {
                    assert_eq!(offset, out.len() as u64);
                    out.extend_from_slice(octets);
                });
                let known: Vec<u8> = model.iter().map_while(|octet| *octet).collect();
                assert_eq!(out, known);
                assert_eq!(reassembly.next(), out.len() as u64);
                let held = model[out.len()..].iter().filter(|octet| octet.is_some()).count();
                assert_eq!(reassembly.held(), held);
            }
        }
    }

    #[test]
    fn holds_no_more_than_it_may() {
        let mut reassembly = Reassembly::default();
        let mut deliver = |_: u64, _: &[u8], _: &Seen| {};
        assert_eq!(
            reassembly.accept(10, &[0; 50], seen(), 200, &mut deliver),
            Arrival::Early
        );
        assert_eq!(
            reassembly.accept(100, &[0; 50], seen(), 200, &mut deliver),
            Arrival::Refused
        );
        assert_eq!(reassembly.held(), 50);
    }

    #[test]
    fn goes_on_after_a_hole_that_is_given_up() {
        let mut reassembly = Reassembly::default();
        let mut out = Vec::new();
        let mut deliver = |offset: u64, octets: &[u8], _: &Seen| out.push((offset, octets.to_vec()));
        reassembly.accept(5, b"later", seen(), 200, &mut deliver);
        reassembly.skip_to(7, &mut deliver);
        assert_eq!(out, [(7, b"ter".to_vec())]);
        assert_eq!(reassembly.next(), 10);
    }
}
