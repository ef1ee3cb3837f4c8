//! What one frame comes to: a TCP segment, an ICMP error about one, a fragment, a word of ARP or ND, or a reason to skip it.

use std::net::IpAddr;

use super::Options;
use crate::capture::{PacketId, Time};

/// What one frame came to.
#[derive(Clone, Debug)]
pub enum Decoded<'w> {
    /// A TCP segment.
    Segment(Segment<'w>),
    /// An ICMP or ICMPv6 error that quotes a TCP segment.
    IcmpError(IcmpError),
    /// A fragment of an IP datagram, to be put together with its fellows before it says anything.
    Fragment(Fragment<'w>),
    /// An ARP or Neighbour Discovery message.
    Neighbour(Neighbour),
    /// Nothing for us, and why.
    Skipped(Skip),
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The IP address.
    pub address: IpAddr,
    /// The TCP port.
    pub port: u16,
}

/// The logical network that a segment was captured on: 802.1Q tags and tunnel identifiers, mixed into one number; 0 without any.
///
/// The same addresses on two of these may be two hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(pub u32);

/// TCP control bits (RFC 9293 section 3.1), as they stand in the header's low twelve bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// No more data from the sender.
    pub const FIN: Flags = Flags(0x001);
    /// Synchronise sequence numbers.
    pub const SYN: Flags = Flags(0x002);
    /// Reset the connection.
    pub const RST: Flags = Flags(0x004);
    /// Push.
    pub const PSH: Flags = Flags(0x008);
    /// The acknowledgement field is significant.
    pub const ACK: Flags = Flags(0x010);

    /// All of them, and none of the data offset in front of them.
    pub(super) const MASK: u16 = 0x0fff;

    /// Whether they ask for a connection (RFC 9293 section 3.5): SYN without ACK.
    pub fn ask(self) -> bool {
        self.has(Flags::SYN) && !self.has(Flags::ACK)
    }

    /// Whether every bit of `other` is set.
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }
}

/// A TCP segment and what its datagram tells of the sender.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'w> {
    /// The packet that carried it (of a fragmented datagram: the one that completed it).
    pub packet: PacketId,
    /// When it was captured.
    pub time: Time,
    /// Tells apart the interfaces of one capture: one packet may be seen on several on its way.
    pub interface: u32,
    /// Sender.
    pub source: Endpoint,
    /// Receiver.
    pub destination: Endpoint,
    /// The logical network.
    pub domain: Domain,
    /// Sequence number of the first octet, or of the SYN.
    pub sequence: u32,
    /// Acknowledgement number; meaningful if ACK is set.
    pub acknowledgement: u32,
    /// Control bits.
    pub flags: Flags,
    /// Window field, not scaled.
    pub window: u16,
    /// IPv4 time to live or IPv6 hop limit.
    pub ttl: u8,
    /// IPv4 identification; `None` over IPv6.
    pub ip_id: Option<u16>,
    /// The TCP options that we read; none if the snapshot length cut them.
    pub options: Options,
    /// The octets of payload that were captured.
    pub payload: &'w [u8],
    /// How many octets of payload the segment had on the wire, by the IP header; more than captured if it was cut.
    pub payload_length: u32,
}

/// An ICMP (RFC 792) or ICMPv6 (RFC 4443) error that quotes a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// The packet that carried it.
    pub packet: PacketId,
    /// When it was captured.
    pub time: Time,
    /// Who sent the error.
    pub reporter: IpAddr,
    /// Who it was sent to.
    pub addressee: IpAddr,
    /// TTL or hop limit of the error itself.
    pub ttl: u8,
    /// Whether it is ICMPv6.
    pub v6: bool,
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// Next-hop MTU in octets, of "fragmentation needed" and "packet too big".
    pub mtu: Option<u32>,
    /// The logical network.
    pub domain: Domain,
    /// Source of the quoted segment.
    pub quoted_source: Endpoint,
    /// Destination of the quoted segment.
    pub quoted_destination: Endpoint,
    /// Sequence number of the quoted segment, if that much was quoted.
    pub quoted_sequence: Option<u32>,
    /// Control bits of the quoted segment, if that much was quoted.
    pub quoted_flags: Option<Flags>,
}

/// A fragment of an IP datagram (RFC 791 section 3.2, RFC 8200 section 4.5).
#[derive(Clone, Copy, Debug)]
pub struct Fragment<'w> {
    /// The packet that carried it.
    pub packet: PacketId,
    /// When it was captured.
    pub time: Time,
    /// Tells apart the interfaces of one capture.
    pub interface: u32,
    /// The logical network.
    pub domain: Domain,
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Protocol of the whole datagram's payload.
    pub protocol: u8,
    /// Identification.
    pub identification: u32,
    /// Where its octets stand in the datagram's payload.
    pub offset: u32,
    /// Whether more fragments follow.
    pub more: bool,
    /// TTL or hop limit.
    pub ttl: u8,
    /// The octets that were captured.
    pub payload: &'w [u8],
    /// How many it had on the wire.
    pub payload_length: u32,
}

/// A word of ARP (RFC 826) or IPv6 Neighbour Discovery (RFC 4861).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The packet that carried it.
    pub packet: PacketId,
    /// When it was captured.
    pub time: Time,
    /// The logical network.
    pub domain: Domain,
    /// The address that is asked for, or that answers.
    pub target: IpAddr,
    /// Whether this is the answer; else the question.
    pub answer: bool,
}

/// Why a frame says nothing about TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// Neither IP nor a word of ARP or ND.
    NotIp,
    /// IP with another protocol than TCP, or an ICMP message that quotes no segment.
    NotTcp,
    /// The link-layer type is not known.
    UnknownLink,
    /// A header ends before its time or contradicts itself.
    Malformed,
    /// The snapshot length cut off the headers.
    CutShort,
}
