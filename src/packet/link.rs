//! Peels the link layer off a frame: Ethernet with its tags, Linux cooked, raw IP and loopback.

use etherparse::{EtherType, Ethernet2Slice};

use super::captured::Captured;
use super::{Domain, Skip};
use crate::capture::{Frame, LinkType};
use crate::octets::Octets;

const NULL: LinkType = LinkType(0);
const ETHERNET: LinkType = LinkType(1);
const RAW_BSD: LinkType = LinkType(12);
const RAW_OPENBSD: LinkType = LinkType(14);
const RAW: LinkType = LinkType(101);
const LOOP: LinkType = LinkType(108);
const LINUX_COOKED: LinkType = LinkType(113);
const IPV4: LinkType = LinkType(228);
const IPV6: LinkType = LinkType(229);
const LINUX_COOKED_V2: LinkType = LinkType(276);

/// No network stacks more tags than two or three; the bound is for frames made to keep us busy.
const MAX_TAGS: usize = 4;

/// What the link layer carried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peeled<'w> {
    /// The protocol of the next header.
    pub(super) protocol: EtherType,
    /// From the first octet of that header.
    pub(super) octets: Captured<'w>,
    /// The network that the tags name.
    pub(super) domain: Domain,
}

/// Peels a frame of link-layer type `link` (<https://www.tcpdump.org/linktypes.html>).
#[inline]
pub(super) fn peel(link: LinkType, frame: Captured<'_>) -> Result<Peeled<'_>, Skip> {
    let (protocol, octets) = match link {
        ETHERNET => ethernet(frame)?,
        LINUX_COOKED => linux_cooked(frame)?,
        LINUX_COOKED_V2 => linux_cooked_v2(frame)?,
        RAW | RAW_BSD | RAW_OPENBSD => (raw(frame)?, frame),
        IPV4 => (EtherType::IPV4, frame),
        IPV6 => (EtherType::IPV6, frame),
        NULL | LOOP => (loopback(link, frame)?, frame.after(4)?),
        _ => return Err(Skip::UnknownLink),
    };
    untag(protocol, octets)
}

/// The interface that a frame was captured on, as far as the capture or the link layer tells.
///
/// A capture on all interfaces of a Linux host has an index in each header, or at least whether the frame came in or went
/// out, which tells apart the two copies of what the host forwarded.
#[inline]
pub(super) fn interface(frame: &Frame<'_>) -> u32 {
    const OUTGOING: u16 = 4;
    let mut header = Octets::new(frame.octets);
    let told = match frame.link {
        LINUX_COOKED => header.u16().map(|packet_type| u32::from(packet_type == OUTGOING)),
        LINUX_COOKED_V2 => header.u32().and_then(|_| header.u32()),
        _ => None,
    };
    u32::from(frame.interface) << 16 ^ told.unwrap_or(0)
}

/// Steps over 802.1Q, 802.1ad and SNAP headers, to the protocol behind them.
#[inline]
fn untag(mut protocol: EtherType, mut octets: Captured<'_>) -> Result<Peeled<'_>, Skip> {
    let mut domain = Domain::default();
    for _ in 0..=MAX_TAGS {
        // Asked first, for nearly all is IP: that saves a fifth of the time of decoding.
        if matches!(protocol, EtherType::IPV4 | EtherType::IPV6) {
            return Ok(Peeled {
                protocol,
                octets,
                domain,
            });
        }
        let mut header = Octets::new(octets.octets);
        match protocol {
            EtherType::VLAN_TAGGED_FRAME | EtherType::PROVIDER_BRIDGING | EtherType::VLAN_DOUBLE_TAGGED_FRAME => {
                let (Some(tag), Some(inner)) = (header.u16(), header.u16()) else {
                    return Err(octets.lacks(4));
                };
                domain = within(domain, tag & VLAN_IDENTIFIER);
                protocol = EtherType(inner);
                octets = octets.after(4)?;
            }
            EtherType(0..=MAX_LENGTH) => {
                let (Some(snap), Some(inner)) = (header.array(), header.u16()) else {
                    return Err(octets.lacks(8));
                };
                if snap != SNAP {
                    return Err(Skip::NotIp);
                }
                protocol = EtherType(inner);
                octets = octets.after(8)?;
            }
            _ => {
                return Ok(Peeled {
                    protocol,
                    octets,
                    domain,
                });
            }
        }
    }
    Err(Skip::NotIp)
}

const VLAN_IDENTIFIER: u16 = 0x0fff;
/// An EtherType up to this is a length, and a header of 802.2 follows (IEEE 802.3 clause 3.2.6).
const MAX_LENGTH: u16 = 1500;
/// The 802.2 header, and the organisation of SNAP, in front of an EtherType (RFC 1042).
const SNAP: [u8; 6] = [0xaa, 0xaa, 3, 0, 0, 0];

/// The domain named by a tag inside another domain; the null identifier names none (IEEE 802.1Q clause 9.6).
fn within(domain: Domain, identifier: u16) -> Domain {
    match identifier {
        0 => domain,
        _ => Domain(domain.0.rotate_left(12) ^ u32::from(identifier)),
    }
}

#[inline]
fn ethernet(frame: Captured<'_>) -> Result<(EtherType, Captured<'_>), Skip> {
    let header =
        Ethernet2Slice::from_slice_without_fcs(frame.octets).map_err(|error| frame.lacks(error.required_len))?;
    Ok((header.ether_type(), frame.after(header.header_len())?))
}

/// <https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html>
fn linux_cooked(frame: Captured<'_>) -> Result<(EtherType, Captured<'_>), Skip> {
    let mut header = Octets::new(frame.octets);
    let (Some(_packet_type), Some(hardware), Some(_address), Some(protocol)) =
        (header.u16(), header.u16(), header.array::<10>(), header.u16())
    else {
        return Err(frame.lacks(16));
    };
    Ok((cooked(hardware, protocol)?, frame.after(16)?))
}

/// <https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html>
fn linux_cooked_v2(frame: Captured<'_>) -> Result<(EtherType, Captured<'_>), Skip> {
    let mut header = Octets::new(frame.octets);
    let (Some(protocol), Some(_interface), Some(hardware), Some(_address)) =
        (header.u16(), header.array::<6>(), header.u16(), header.array::<10>())
    else {
        return Err(frame.lacks(20));
    };
    Ok((cooked(hardware, protocol)?, frame.after(20)?))
}

/// The protocol is an EtherType, or 4 for a header of 802.2, but not for all kinds of hardware.
fn cooked(hardware: u16, protocol: u16) -> Result<EtherType, Skip> {
    const FRAME_RELAY: u16 = 770;
    const RADIOTAP: u16 = 803;
    const NETLINK: u16 = 824;
    match hardware {
        FRAME_RELAY | RADIOTAP | NETLINK => Err(Skip::NotIp),
        _ => Ok(EtherType(protocol)),
    }
}

/// The version of IP tells itself.
fn raw(frame: Captured<'_>) -> Result<EtherType, Skip> {
    match frame.octets.first().ok_or_else(|| frame.lacks(1))? >> 4 {
        4 => Ok(EtherType::IPV4),
        6 => Ok(EtherType::IPV6),
        _ => Err(Skip::NotIp),
    }
}

/// The address family of the capturing host's system: of LOOP in network order, of NULL in the order of its processor.
fn loopback(link: LinkType, frame: Captured<'_>) -> Result<EtherType, Skip> {
    let family = Octets::new(frame.octets).u32().ok_or_else(|| frame.lacks(4))?;
    match if link == NULL && family > 0xffff {
        family.swap_bytes()
    } else {
        family
    } {
        2 => Ok(EtherType::IPV4),
        // Linux; Winsock; NetBSD, OpenBSD and Npcap; Solaris; FreeBSD; Darwin.
        10 | 23 | 24 | 26 | 28 | 30 => Ok(EtherType::IPV6),
        _ => Err(Skip::NotIp),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::ethernet;
    use super::*;

    const IP: &[u8] = &[0x45, 1, 2, 3];

    fn peeled(link: u16, frame: &[u8]) -> Result<(u16, Vec<u8>, u32), Skip> {
        let peeled = peel(LinkType(link), Captured::new(frame, 0))?;
        Ok((peeled.protocol.0, peeled.octets.octets.to_vec(), peeled.domain.0))
    }

    fn behind(header: &[u8]) -> Vec<u8> {
        [header, IP].concat()
    }

    #[test]
    fn ethernet_tells_the_protocol() {
        assert_eq!(peeled(1, &ethernet(0x0800, IP)), Ok((0x0800, IP.to_vec(), 0)));
        assert_eq!(peeled(1, &ethernet(0x86dd, IP)), Ok((0x86dd, IP.to_vec(), 0)));
        assert_eq!(peeled(1, &ethernet(0x0806, IP)), Ok((0x0806, IP.to_vec(), 0)));
        assert_eq!(peeled(1, &ethernet(0x88cc, IP)), Ok((0x88cc, IP.to_vec(), 0)));
        assert_eq!(peeled(1, &[0; 13]), Err(Skip::Malformed));
    }

    #[test]
    fn tags_name_the_domain() {
        let one = ethernet(0x8100, &behind(&[0xe0, 7, 8, 0]));
        assert_eq!(peeled(1, &one), Ok((0x0800, IP.to_vec(), 7)));
        let two = ethernet(0x88a8, &behind(&[0, 7, 0x81, 0, 0, 9, 8, 0]));
        assert_eq!(peeled(1, &two), Ok((0x0800, IP.to_vec(), 7 << 12 | 9)));
        let swapped = ethernet(0x9100, &behind(&[0, 9, 0x81, 0, 0, 7, 8, 0]));
        assert_eq!(peeled(1, &swapped), Ok((0x0800, IP.to_vec(), 9 << 12 | 7)));
    }

    #[test]
    fn a_priority_tag_names_no_domain() {
        let alone = ethernet(0x8100, &behind(&[0xe0, 0, 8, 0]));
        assert_eq!(peeled(1, &alone), Ok((0x0800, IP.to_vec(), 0)));
        let inner = ethernet(0x88a8, &behind(&[0, 7, 0x81, 0, 0xe0, 0, 8, 0]));
        assert_eq!(peeled(1, &inner), Ok((0x0800, IP.to_vec(), 7)));
    }

    #[test]
    fn four_tags_are_stepped_over_and_no_more() {
        let tag = [0, 1, 0x81, 0];
        let four = [&tag[..], &tag, &tag, &[0, 1, 8, 0], IP].concat();
        assert_eq!(
            peeled(1, &ethernet(0x8100, &four)).map(|(protocol, ..)| protocol),
            Ok(0x0800)
        );
        let five = [&tag[..], &four].concat();
        assert_eq!(peeled(1, &ethernet(0x8100, &five)), Err(Skip::NotIp));
    }

    #[test]
    fn every_link_header_may_be_cut() {
        let tag = ethernet(0x8100, &[0, 7, 8]);
        let snap = ethernet(12, &[0xaa, 0xaa, 3, 0, 0, 0, 8]);
        let cuts: [(u16, &[u8]); 8] = [
            (1, &tag),
            (1, &snap),
            (1, &[2; 13]),
            (113, &[0; 15]),
            (276, &[0; 19]),
            (101, &[]),
            (0, &[2, 0]),
            (108, &[0; 3]),
        ];
        for (link, octets) in cuts {
            let with = |length: usize| {
                peel(LinkType(link), Captured::new(octets, length as u32))
                    .map(|_| ())
                    .unwrap_err()
            };
            assert_eq!(with(octets.len()), Skip::Malformed, "{link}");
            assert_eq!(with(100), Skip::CutShort, "{link}");
        }
    }

    #[test]
    fn snap_carries_an_ether_type() {
        let snap = behind(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]);
        assert_eq!(peeled(1, &ethernet(12, &snap)), Ok((0x0800, IP.to_vec(), 0)));
        let spanning_tree = ethernet(12, &behind(&[0x42, 0x42, 3, 0, 0, 0, 8, 0]));
        assert_eq!(peeled(1, &spanning_tree), Err(Skip::NotIp));
    }

    #[test]
    fn linux_cooked_tells_the_protocol() {
        let v1 = behind(&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0]);
        assert_eq!(peeled(113, &v1), Ok((0x0800, IP.to_vec(), 0)));
        let v2 = behind(&[0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(peeled(276, &v2), Ok((0x86dd, IP.to_vec(), 0)));
        let tagged = behind(&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x81, 0, 0, 5, 8, 0]);
        assert_eq!(peeled(113, &tagged), Ok((0x0800, IP.to_vec(), 5)));
        let netlink = behind(&[0, 4, 3, 56, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0]);
        assert_eq!(peeled(113, &netlink), Err(Skip::NotIp));
    }

    #[test]
    fn cooked_frames_tell_their_interface() {
        let on = |link: u16, number: u16, octets: &[u8]| {
            let sample = super::super::samples::Sample::new(link, octets);
            interface(&Frame {
                interface: number,
                ..sample.frame()
            })
        };
        let v1 = |packet_type: u8| behind(&[0, packet_type, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0]);
        assert_eq!(on(113, 0, &v1(0)), on(113, 0, &v1(3)));
        assert_ne!(on(113, 0, &v1(0)), on(113, 0, &v1(4)));
        let v2 = |index: u8| behind(&[8, 0, 0, 0, 0, 0, 0, index, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0]);
        assert_eq!(on(276, 0, &v2(3)), on(276, 0, &v2(3)));
        assert_ne!(on(276, 0, &v2(3)), on(276, 0, &v2(4)));
        assert_ne!(on(1, 0, &ethernet(0x0800, IP)), on(1, 1, &ethernet(0x0800, IP)));
        assert_eq!(on(276, 5, &[0; 7]), on(276, 5, &[]));
    }

    #[test]
    fn raw_frames_tell_their_version() {
        for link in [101, 12, 14] {
            assert_eq!(peeled(link, IP), Ok((0x0800, IP.to_vec(), 0)));
            assert_eq!(peeled(link, &[0x60]), Ok((0x86dd, vec![0x60], 0)));
            assert_eq!(peeled(link, &[0x50]), Err(Skip::NotIp));
            assert_eq!(peeled(link, &[]), Err(Skip::Malformed));
        }
        assert_eq!(peeled(228, IP), Ok((0x0800, IP.to_vec(), 0)));
        assert_eq!(peeled(229, IP), Ok((0x86dd, IP.to_vec(), 0)));
    }

    #[test]
    fn loopback_tells_the_family_of_its_system() {
        assert_eq!(peeled(0, &behind(&[2, 0, 0, 0])), Ok((0x0800, IP.to_vec(), 0)));
        assert_eq!(peeled(0, &behind(&[0, 0, 0, 2])), Ok((0x0800, IP.to_vec(), 0)));
        assert_eq!(peeled(108, &behind(&[0, 0, 0, 2])), Ok((0x0800, IP.to_vec(), 0)));
        assert_eq!(peeled(108, &behind(&[2, 0, 0, 0])), Err(Skip::NotIp));
        for family in [10, 24, 28, 30] {
            assert_eq!(peeled(0, &behind(&[family, 0, 0, 0])), Ok((0x86dd, IP.to_vec(), 0)));
            assert_eq!(peeled(108, &behind(&[0, 0, 0, family])), Ok((0x86dd, IP.to_vec(), 0)));
        }
    }

    #[test]
    fn other_links_are_named_unknown() {
        assert_eq!(peeled(105, IP), Err(Skip::UnknownLink));
    }
}
