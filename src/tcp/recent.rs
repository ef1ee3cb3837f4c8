//! Remembers how the latest segments of a direction began, to find two that say different things about one place.

use crate::{
    capture::PacketId,
    tcp::{
        facts::{Conflict, Seen},
        few::make_room,
        rare::Rare,
    },
};

/// How the latest segments of a direction began.
#[derive(Debug, Default)]
pub(super) struct Recent {
    beginnings: Rare<Vec<Beginning>>,
}

#[derive(Debug)]
struct Beginning {
    offset: u64,
    packet: PacketId,
    length: u8,
    octets: [u8; Beginning::OCTETS],
}

impl Recent {
    const KEPT: usize = 8;
    /// Who writes in another's name does so where requests and answers are, not deep in a session.
    const DEEPEST: u64 = 65_536;

    /// Notes a segment; tells if it contradicts one that came before.
    pub(super) fn note(&mut self, offset: u64, octets: &[u8], seen: &Seen) -> Option<Conflict> {
        if offset > Self::DEEPEST || octets.is_empty() {
            return None;
        }
        let conflict = self.beginnings.iter().find_map(|earlier| {
            Some(Conflict {
                seen: *seen,
                earlier: earlier.packet,
                offset: earlier.differs(offset, octets)?,
            })
        });
        if !self.beginnings.iter().any(|earlier| earlier.offset == offset) {
            if self.beginnings.len() == Self::KEPT {
                self.beginnings.remove(0);
            }
            make_room(&mut self.beginnings);
            self.beginnings.push(Beginning::of(offset, octets, seen.at.packet));
        }
        conflict
    }
}

impl Beginning {
    const OCTETS: usize = 32;

    fn of(offset: u64, octets: &[u8], packet: PacketId) -> Self {
        let mut kept = [0; Self::OCTETS];
        kept.iter_mut().zip(octets).for_each(|(kept, &octet)| *kept = octet);
        Beginning {
            offset,
            packet,
            length: octets.len().min(Self::OCTETS) as u8,
            octets: kept,
        }
    }

    /// The first offset at which `octets`, which begin at `offset`, differ from it.
    fn differs(&self, offset: u64, octets: &[u8]) -> Option<u64> {
        let known = self.octets.get(..usize::from(self.length)).unwrap_or_default();
        let start = self.offset.max(offset);
        let known = known.get(usize::try_from(start - self.offset).ok()?..)?;
        let octets = octets.get(usize::try_from(start - offset).ok()?..)?;
        let same = known.iter().zip(octets).position(|(a, b)| a != b)?;
        Some(start + same as u64)
    }
}
