//! Tells the copies of one packet, captured at several points on its way, from repeats by its sender.

use crate::{
    packet::{Domain, Flags, Segment},
    tcp::rare::Rare,
};

/// The segments of one direction that came first at another point than the one where the direction was first seen.
///
/// While all comes at one point, or the copies from others come second, it holds nothing and costs one comparison.
#[derive(Debug, Default)]
pub(super) struct Copies {
    /// Where the direction was first seen.
    home: Option<Point>,
    /// The latest segments that were first seen since something new came from elsewhere.
    first: Rare<Vec<Sighting>>,
}

/// A point of the way: an interface, or one network of several whose tagged frames pass there.
type Point = (u32, Domain);

/// A segment and where it was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sighting {
    sequence: u32,
    acknowledgement: u32,
    length: u32,
    flags: Flags,
    point: Point,
}

impl Copies {
    /// As many as may be between a packet and its copy: interfaces are read in turns of some dozen packets at most.
    const KEPT: usize = 32;

    /// Whether everything of this direction, `segment` as well, came at one point first.
    pub(super) fn all_at_home(&mut self, segment: &Segment<'_>) -> bool {
        *self.home.get_or_insert(point(segment)) == point(segment) && self.first.is_empty()
    }

    /// Whether `segment` is the copy of one that was seen at another point; `nothing_new` tells whether all that it
    /// says is known.
    pub(super) fn is_copy(&mut self, segment: &Segment<'_>, nothing_new: impl FnOnce() -> bool) -> bool {
        let sighting = Sighting {
            sequence: segment.sequence,
            acknowledgement: segment.acknowledgement,
            length: segment.payload_length,
            flags: segment.flags,
            point: point(segment),
        };
        // What comes twice at one point is a repeat.
        let here = self.first.contains(&sighting);
        let elsewhere = !self.is_home(segment) || self.first.iter().any(|earlier| earlier.is_alike(&sighting));
        let copy = !here && elsewhere && nothing_new();
        if !copy {
            if self.first.len() == Self::KEPT {
                self.first.remove(0);
            }
            self.first.push(sighting);
        }
        copy
    }

    /// Whether `segment` came at the point where its direction was first seen: there alone TTLs can be compared.
    pub(super) fn is_home(&self, segment: &Segment<'_>) -> bool {
        self.home.is_none_or(|home| home == point(segment))
    }
}

impl Sighting {
    fn is_alike(&self, other: &Sighting) -> bool {
        let point = self.point;
        *self == Sighting { point, ..*other }
    }
}

fn point(segment: &Segment<'_>) -> Point {
    (segment.interface, segment.domain)
}
