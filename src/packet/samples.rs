//! Hand-made frames for the tests of this room.

use super::{Decoded, decode};
use crate::capture::{Frame, LinkType, PacketId, Time};

/// A frame that owns its octets.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) link: u16,
    pub(super) octets: Vec<u8>,
    /// 0: as many as were captured.
    pub(super) original_length: u32,
}

impl Sample {
    pub(super) fn new(link: u16, octets: &[u8]) -> Self {
        Sample {
            link,
            octets: octets.to_vec(),
            original_length: 0,
        }
    }

    pub(super) fn raw(datagram: &[u8]) -> Self {
        Sample::new(101, datagram)
    }

    pub(super) fn ethernet(frame: &[u8]) -> Self {
        Sample::new(1, frame)
    }

    pub(super) fn frame(&self) -> Frame<'_> {
        Frame {
            packet: PacketId::new(1, 7),
            time: Some(Time(1_000)),
            link: LinkType(self.link),
            interface: 0,
            original_length: self.original_length,
            octets: &self.octets,
        }
    }

    pub(super) fn decoded(&self) -> Decoded<'_> {
        decode(&self.frame())
    }
}

/// A segment from port 50000 to port 443 with PSH and ACK and no options.
pub(super) fn tcp(payload: &[u8]) -> Vec<u8> {
    let header = [
        0xc3, 0x50, 1, 0xbb, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x18, 0xfa, 0xf0, 0, 0, 0, 0,
    ];
    [&header[..], payload].concat()
}

/// From 192.0.2.1 to 198.51.100.2.
pub(super) fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = (payload.len() as u16 + 20).to_be_bytes();
    let header = [
        0x45, 0, high, low, 0xab, 0xcd, 0x40, 0, 64, protocol, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2,
    ];
    [&header[..], payload].concat()
}

/// From 2001:db8::1 to 2001:db8::2.
pub(super) fn ipv6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = (payload.len() as u16).to_be_bytes();
    let address = |last: u8| [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    [
        &[0x60, 0, 0, 0, high, low, next_header, 63][..],
        &address(1),
        &address(2),
        payload,
    ]
    .concat()
}

/// An ICMP or ICMPv6 message with the four octets `field` in its header.
pub(super) fn icmp(kind: u8, code: u8, field: u32, body: &[u8]) -> Vec<u8> {
    [&[kind, code, 0, 0][..], &field.to_be_bytes(), body].concat()
}

/// An Ethernet frame.
pub(super) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    [&[2; 6][..], &[4; 6], &ether_type.to_be_bytes(), payload].concat()
}
