//! One captured frame, and how packets are named and timed.

use std::num::NonZeroU64;

/// Names a packet: the capture file it stands in and its number there, 1-based and equal to Wireshark's `frame.number`.
///
/// The order of ids is the order of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketId(NonZeroU64);

impl PacketId {
    const NUMBER_BITS: u32 = 40;

    /// The id of packet `number` (1 to 2^40 - 1) of the capture with index `capture` (0 to 2^24 - 1).
    pub fn new(capture: u32, number: u64) -> Self {
        let id = u64::from(capture) << Self::NUMBER_BITS | number & ((1 << Self::NUMBER_BITS) - 1);
        // Not zero, since packets are counted from 1: so what may have no packet takes no more room than what has one.
        PacketId(NonZeroU64::new(id).unwrap_or(NonZeroU64::MIN))
    }

    /// The index of the capture file, in the order of the report's `captures`.
    pub fn capture(self) -> u32 {
        (self.0.get() >> Self::NUMBER_BITS) as u32
    }

    /// The 1-based number in that file, equal to Wireshark's `frame.number`.
    pub fn number(self) -> u64 {
        self.0.get() & ((1 << Self::NUMBER_BITS) - 1)
    }
}

/// A point of the capture's clock: nanoseconds since 1970-01-01T00:00:00Z, before it if negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// Nanoseconds from `earlier` to this point; 0 if the clock ran backwards.
    pub fn since(self, earlier: Time) -> u64 {
        u64::try_from(i128::from(self.0) - i128::from(earlier.0)).unwrap_or(0)
    }
}

/// A link-layer type, by its number in the registry of <https://www.tcpdump.org/linktypes.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

/// One frame as it was captured.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'w> {
    /// Which packet of which file this is.
    pub packet: PacketId,
    /// When it was captured; `None` in blocks that bear no time (pcapng simple packet blocks).
    pub time: Option<Time>,
    /// What kind of link it was captured on.
    pub link: LinkType,
    /// The number of the interface that it was captured on, in its section of a pcapng file; else 0.
    pub interface: u16,
    /// How many octets the frame had on the wire; more than were captured if the snapshot length cut it.
    pub original_length: u32,
    /// The octets that were captured.
    pub octets: &'w [u8],
}
