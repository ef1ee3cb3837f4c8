//! Reads ARP and IPv6 Neighbour Discovery: who asked for an address on the link, and who answered.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::{ArpHardwareId, ArpOperation, ArpPacketSlice, EtherType};

use super::captured::Captured;
use super::decode::Origin;
use super::ip::Ip;
use super::{Neighbour, Skip};
use crate::octets::Octets;

/// The ICMPv6 type that asks (RFC 4861 section 4.3).
pub(super) const SOLICITATION: u8 = 135;
/// The ICMPv6 type that answers (RFC 4861 section 4.4).
pub(super) const ADVERTISEMENT: u8 = 136;

/// Reads a request or reply for an IPv4 address on Ethernet (RFC 826).
///
/// Who announces himself is his own sender and target (RFC 5227 section 2.3): that is an answer nobody asked for. A sender
/// that is not known yet probes whether anybody has the address (section 2.1.1): silence is what he hopes for, so that is
/// none of our questions.
pub(super) fn arp(origin: Origin, packet: Captured<'_>) -> Result<Neighbour, Skip> {
    let arp = ArpPacketSlice::from_slice(packet.octets).map_err(|error| packet.lacks(error.required_len))?;
    if (arp.hw_addr_type(), arp.proto_addr_type()) != (ArpHardwareId::ETHERNET, EtherType::IPV4) {
        return Err(Skip::NotIp);
    }
    let (Some(sender), Some(target)) = (
        v4_address(arp.sender_protocol_addr()),
        v4_address(arp.target_protocol_addr()),
    ) else {
        return Err(Skip::Malformed);
    };
    match arp.operation() {
        _ if sender.is_unspecified() => Err(Skip::NotIp),
        ArpOperation::REPLY => Ok(neighbour(origin, IpAddr::V4(sender), true)),
        ArpOperation::REQUEST => Ok(neighbour(origin, IpAddr::V4(target), sender == target)),
        _ => Err(Skip::NotIp),
    }
}

fn v4_address(octets: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(octets).ok().map(Ipv4Addr::from)
}

/// Reads a neighbour solicitation or advertisement, by the octets behind the ICMPv6 header.
///
/// It counts only with a hop limit of 255: no router let it through (RFC 4861 section 7.1). Who has no address yet asks
/// whether anybody has his (RFC 4862 section 5.4.2), which is as with ARP.
pub(super) fn discovery(origin: Origin, ip: Ip<'_>, kind: u8, body: Captured<'_>) -> Result<Neighbour, Skip> {
    if ip.ttl != 255 || ip.source.is_unspecified() {
        return Err(Skip::NotTcp);
    }
    let target = Octets::new(body.octets).array::<16>().ok_or_else(|| body.lacks(16))?;
    Ok(neighbour(origin, IpAddr::from(target), kind == ADVERTISEMENT))
}

fn neighbour(origin: Origin, target: IpAddr, answer: bool) -> Neighbour {
    Neighbour {
        packet: origin.packet,
        time: origin.time,
        domain: origin.domain,
        target,
        answer,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Sample, ethernet, icmp, ipv6};
    use super::super::{Decoded, Skip};

    fn arp(operation: u8, sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
        let head = [0, 1, 8, 0, 6, 4, 0, operation];
        let packet = [&head[..], &[2; 6], &sender, &[0; 6], &target, &[0; 18]].concat();
        ethernet(0x0806, &packet)
    }

    /// The target, and whether it is an answer.
    fn read(sample: Sample) -> Result<(String, bool), Skip> {
        match sample.decoded() {
            Decoded::Neighbour(neighbour) => Ok((neighbour.target.to_string(), neighbour.answer)),
            Decoded::Skipped(skip) => Err(skip),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn arp_asks_and_answers() {
        let (asker, asked) = ([192, 0, 2, 1], [192, 0, 2, 9]);
        assert_eq!(
            read(Sample::ethernet(&arp(1, asker, asked))),
            Ok(("192.0.2.9".into(), false))
        );
        assert_eq!(
            read(Sample::ethernet(&arp(2, asked, asker))),
            Ok(("192.0.2.9".into(), true))
        );
        assert_eq!(read(Sample::ethernet(&arp(3, asked, asker))), Err(Skip::NotIp));
    }

    #[test]
    fn a_gratuitous_arp_is_an_answer() {
        let own = [192, 0, 2, 9];
        assert_eq!(
            read(Sample::ethernet(&arp(1, own, own))),
            Ok(("192.0.2.9".into(), true))
        );
        assert_eq!(
            read(Sample::ethernet(&arp(2, own, own))),
            Ok(("192.0.2.9".into(), true))
        );
    }

    #[test]
    fn a_probe_is_no_question() {
        assert_eq!(
            read(Sample::ethernet(&arp(1, [0; 4], [192, 0, 2, 9]))),
            Err(Skip::NotIp)
        );
    }

    #[test]
    fn arp_may_be_cut_or_of_another_kind() {
        let whole = arp(1, [192, 0, 2, 1], [192, 0, 2, 9]);
        assert_eq!(read(Sample::ethernet(&whole[..41])), Err(Skip::Malformed));
        assert_eq!(
            read(Sample {
                original_length: 60,
                ..Sample::ethernet(&whole[..41])
            }),
            Err(Skip::CutShort)
        );
        let mut infiniband = whole.clone();
        infiniband[15] = 32;
        assert_eq!(read(Sample::ethernet(&infiniband)), Err(Skip::NotIp));
        let mut short = whole;
        short[19] = 3;
        assert_eq!(read(Sample::ethernet(&short)), Err(Skip::Malformed));
    }

    #[test]
    fn discovery_asks_and_answers() {
        let target: std::net::Ipv6Addr = "2001:db8::9".parse().unwrap();
        let message = |kind: u8, hop_limit: u8| {
            let mut packet = ipv6(58, &icmp(kind, 0, 0, &target.octets()));
            packet[7] = hop_limit;
            packet
        };
        assert_eq!(read(Sample::raw(&message(135, 255))), Ok(("2001:db8::9".into(), false)));
        assert_eq!(read(Sample::raw(&message(136, 255))), Ok(("2001:db8::9".into(), true)));
        assert_eq!(read(Sample::raw(&message(136, 254))), Err(Skip::NotTcp));
        let mut detection = message(135, 255);
        detection[8..24].fill(0);
        assert_eq!(read(Sample::raw(&detection)), Err(Skip::NotTcp));
    }
}
