//! From a frame to what it says about TCP.

use etherparse::err::tcp::HeaderSliceError as TcpError;
use etherparse::{EtherType, TcpHeaderSlice, ip_number};

use super::captured::Captured;
use super::ip::{self, Ip, Part};
use super::{Decoded, Domain, Endpoint, Flags, Fragment, Options, Segment, Skip, icmp, link, neighbour};
use crate::capture::{Frame, PacketId, Time};
use crate::octets::Octets;

/// What `frame` says about TCP: one step inwards for each layer, and nothing behind the TCP header is touched.
///
/// Lengths come from the IP header. Checksums are not looked at: a sender's capture has them wrong if the network card was
/// to fill them in. A frame without time is decoded as of `Time::default()`.
pub fn decode<'w>(frame: &Frame<'w>) -> Decoded<'w> {
    let peeled = match link::peel(frame.link, Captured::new(frame.octets, frame.original_length)) {
        Ok(peeled) => peeled,
        Err(skip) => return Decoded::Skipped(skip),
    };
    let origin = Origin {
        packet: frame.packet,
        time: frame.time.unwrap_or_default(),
        interface: link::interface(frame),
        domain: peeled.domain,
    };
    match peeled.protocol {
        EtherType::IPV4 => ip::v4(peeled.octets).map_or_else(Decoded::Skipped, |ip| carried(origin, ip)),
        EtherType::IPV6 => ip::v6(peeled.octets).map_or_else(Decoded::Skipped, |ip| carried(origin, ip)),
        EtherType::ARP => neighbour::arp(origin, peeled.octets).map_or_else(Decoded::Skipped, Decoded::Neighbour),
        _ => Decoded::Skipped(Skip::NotIp),
    }
}

/// Where and when something was captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) packet: PacketId,
    pub(super) time: Time,
    pub(super) interface: u32,
    pub(super) domain: Domain,
}

/// What the datagram `ip` carries.
///
/// Nearly always it is a segment and nothing stands in between. That way is kept free of calls, and of results that would be
/// moved from place to place: it makes decoding twice as fast.
#[inline]
pub(super) fn carried<'w>(origin: Origin, ip: Ip<'w>) -> Decoded<'w> {
    if ip.protocol == ip_number::TCP && ip.part.is_none() {
        segment(origin, ip)
    } else {
        uncommon(origin, ip).unwrap_or_else(Decoded::Skipped)
    }
}

/// The same for all that is rare. (A tunnel would be one more protocol here: its header peeled, its identifier stepped into
/// the domain, and the inner datagram read in turn, to a limited depth.)
#[inline(never)]
fn uncommon<'w>(origin: Origin, ip: Ip<'w>) -> Result<Decoded<'w>, Skip> {
    let ip = ip.past_extensions()?;
    if let Some(part) = ip.part {
        return Ok(Decoded::Fragment(fragment(origin, ip, part)));
    }
    match ip.protocol {
        ip_number::TCP => Ok(segment(origin, ip)),
        ip_number::ICMP if ip.source.is_ipv4() => icmp::v4(origin, ip),
        ip_number::IPV6_ICMP if ip.source.is_ipv6() => icmp::v6(origin, ip),
        _ => Err(Skip::NotTcp),
    }
}

fn fragment<'w>(origin: Origin, ip: Ip<'w>, part: Part) -> Fragment<'w> {
    Fragment {
        packet: origin.packet,
        time: origin.time,
        interface: origin.interface,
        domain: origin.domain,
        source: ip.source,
        destination: ip.destination,
        protocol: ip.protocol.0,
        identification: part.identification,
        offset: part.offset,
        more: part.more,
        ttl: ip.ttl,
        payload: ip.payload.octets,
        payload_length: ip.payload.length,
    }
}

#[inline(always)]
fn segment<'w>(origin: Origin, ip: Ip<'w>) -> Decoded<'w> {
    let tcp = match TcpHeaderSlice::from_slice(ip.payload.octets) {
        Ok(tcp) => tcp,
        Err(TcpError::Len(_)) => return cut_segment(origin, ip).map_or_else(Decoded::Skipped, Decoded::Segment),
        Err(TcpError::Content(_)) => return Decoded::Skipped(Skip::Malformed),
    };
    let (Ok(payload), Some((fixed, options))) = (
        ip.payload.after(tcp.slice().len()),
        tcp.slice().split_first_chunk::<{ MIN_HEADER as usize }>(),
    ) else {
        return Decoded::Skipped(Skip::Malformed);
    };
    Decoded::Segment(Segment {
        packet: origin.packet,
        time: origin.time,
        interface: origin.interface,
        source: Endpoint {
            address: ip.source,
            port: tcp.source_port(),
        },
        destination: Endpoint {
            address: ip.destination,
            port: tcp.destination_port(),
        },
        domain: origin.domain,
        sequence: tcp.sequence_number(),
        acknowledgement: tcp.acknowledgment_number(),
        flags: Flags(u16::from_be_bytes([fixed[12], fixed[13]]) & Flags::MASK),
        window: tcp.window_size(),
        ttl: ip.ttl,
        ip_id: ip.ip_id,
        // Read here, while the header is at hand.
        options: Options::read(options),
        payload: payload.octets,
        payload_length: payload.length,
    })
}

/// A segment whose header is not all there, if it is because the snapshot length cut it.
///
/// Ports, numbers, data offset and control bits stand in the first fourteen octets; less is of no use.
fn cut_segment<'w>(origin: Origin, ip: Ip<'w>) -> Result<Segment<'w>, Skip> {
    let mut header = Octets::new(ip.payload.octets);
    let (Some(source), Some(destination), Some(sequence), Some(acknowledgement), Some(offset_and_flags)) =
        (header.u16(), header.u16(), header.u32(), header.u32(), header.u16())
    else {
        return Err(ip.payload.lacks(MIN_HEADER as usize));
    };
    let header_length = u32::from(offset_and_flags >> 12) * 4;
    if header_length < MIN_HEADER || header_length > ip.payload.length {
        return Err(Skip::Malformed);
    }
    Ok(Segment {
        packet: origin.packet,
        time: origin.time,
        interface: origin.interface,
        source: Endpoint {
            address: ip.source,
            port: source,
        },
        destination: Endpoint {
            address: ip.destination,
            port: destination,
        },
        domain: origin.domain,
        sequence,
        acknowledgement,
        flags: Flags(offset_and_flags & Flags::MASK),
        window: header.u16().unwrap_or_default(),
        ttl: ip.ttl,
        ip_id: ip.ip_id,
        options: Options::default(),
        payload: &[],
        payload_length: ip.payload.length - header_length,
    })
}

/// A TCP header without options, in octets (RFC 9293 section 3.1).
const MIN_HEADER: u32 = 20;

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;
    use fastrand::Rng;

    use super::super::samples::{Sample, ethernet, icmp, ipv4, ipv6, tcp};
    use super::super::{Fragments, Segment};
    use super::*;

    fn segment(sample: &Sample) -> Segment<'_> {
        match sample.decoded() {
            Decoded::Segment(segment) => segment,
            other => panic!("{other:?}"),
        }
    }

    fn skipped(sample: &Sample) -> Skip {
        match sample.decoded() {
            Decoded::Skipped(skip) => skip,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_segment_tells_all_that_its_headers_do() {
        let builder = PacketBuilder::ethernet2([1; 6], [2; 6])
            .single_vlan(5.try_into().unwrap())
            .ipv4([192, 0, 2, 1], [198, 51, 100, 2], 61)
            .tcp(50000, 443, 0xfffffff0, 1234)
            .syn()
            .ack(77)
            .ece()
            .options_raw(&[2, 4, 5, 0xb4])
            .unwrap();
        let mut octets = Vec::new();
        builder.write(&mut octets, b"payload").unwrap();
        octets.extend([0; 9]);
        let sample = Sample::ethernet(&octets);
        let segment = segment(&sample);
        assert_eq!((segment.packet, segment.time), (PacketId::new(1, 7), Time(1_000)));
        assert_eq!(
            (segment.source.address.to_string(), segment.source.port),
            ("192.0.2.1".into(), 50000)
        );
        assert_eq!(
            (segment.destination.address.to_string(), segment.destination.port),
            ("198.51.100.2".into(), 443)
        );
        assert_eq!(
            (segment.sequence, segment.acknowledgement, segment.flags),
            (0xfffffff0, 77, Flags(0x052))
        );
        assert_eq!(
            (segment.window, segment.ttl, segment.ip_id, segment.domain),
            (1234, 61, Some(0), Domain(5))
        );
        assert_eq!((segment.options.mss, segment.options.timestamp), (Some(1460), None));
        assert_eq!((segment.payload, segment.payload_length), (&b"payload"[..], 7));
    }

    #[test]
    fn ipv6_has_no_identification() {
        let sample = Sample::raw(&ipv6(6, &tcp(b"abc")));
        let segment = segment(&sample);
        assert_eq!((segment.ip_id, segment.ttl, segment.payload), (None, 63, &b"abc"[..]));
        assert_eq!(segment.source.address.to_string(), "2001:db8::1");
    }

    #[test]
    fn all_twelve_flags_are_kept() {
        let mut header = tcp(b"");
        header[12..14].copy_from_slice(&[0x5f, 0xff]);
        assert_eq!(segment(&Sample::raw(&ipv4(6, &header))).flags, Flags(0x0fff));
    }

    #[test]
    fn a_frame_without_time_is_decoded() {
        let sample = Sample::raw(&ipv4(6, &tcp(b"")));
        let decoded = decode(&Frame {
            time: None,
            ..sample.frame()
        });
        assert!(matches!(decoded, Decoded::Segment(segment) if segment.time == Time(0)));
    }

    #[test]
    fn the_payload_may_be_cut() {
        let whole = ipv4(6, &tcp(&[7; 1000]));
        let sample = Sample::raw(&whole[..140]);
        assert_eq!(
            (segment(&sample).payload, segment(&sample).payload_length),
            (&[7; 100][..], 1000)
        );
    }

    #[test]
    fn an_offloaded_segment_is_as_long_as_its_frame() {
        let mut datagram = ipv4(6, &tcp(&[7; 100]));
        datagram[2..4].fill(0);
        let sample = Sample {
            original_length: 14 + 40 + 80_000,
            ..Sample::ethernet(&ethernet(0x0800, &datagram))
        };
        assert_eq!(
            (segment(&sample).payload, segment(&sample).payload_length),
            (&[7; 100][..], 80_000)
        );
    }

    #[test]
    fn a_cut_header_is_read_as_far_as_it_goes() {
        let mut header = tcp(&[7; 1000]);
        header[12] = 0x80;
        let whole = ipv4(6, &header);
        let cut = |header: usize| Sample::raw(&whole[..20 + header]);
        for length in 14..32 {
            let sample = cut(length);
            let segment = segment(&sample);
            assert_eq!((segment.source.port, segment.destination.port), (50000, 443));
            assert_eq!((segment.sequence, segment.acknowledgement), (0x01020304, 0x05060708));
            assert_eq!(
                (segment.flags, segment.window),
                (Flags(0x018), if length < 16 { 0 } else { 0xfaf0 })
            );
            assert_eq!(
                (segment.options, segment.payload, segment.payload_length),
                (Options::default(), &[][..], 988)
            );
        }
        for length in 0..14 {
            assert_eq!(skipped(&cut(length)), Skip::CutShort);
        }
    }

    #[test]
    fn a_data_offset_that_cannot_be_is_malformed() {
        let with = |offset: u8, cut: usize| {
            let mut header = tcp(b"abc");
            header[12] = offset << 4;
            let whole = ipv4(6, &header);
            skipped(&Sample::raw(&whole[..whole.len() - cut]))
        };
        for cut in [0, 5] {
            assert_eq!(with(4, cut), Skip::Malformed);
            assert_eq!(with(6, cut), Skip::Malformed);
        }
        assert_eq!(skipped(&Sample::raw(&ipv4(6, &tcp(b"")[..19]))), Skip::Malformed);
        assert_eq!(skipped(&Sample::raw(&ipv4(6, &tcp(b"")[..9]))), Skip::Malformed);
    }

    #[test]
    fn a_fragment_is_only_a_fragment() {
        let mut datagram = ipv4(6, &tcp(b"abcd"));
        datagram[6..8].copy_from_slice(&[0x20, 0]);
        let sample = Sample::raw(&datagram);
        let Decoded::Fragment(fragment) = sample.decoded() else {
            panic!()
        };
        assert_eq!(
            (fragment.identification, fragment.offset, fragment.more),
            (0xabcd, 0, true)
        );
        assert_eq!((fragment.protocol, fragment.ttl, fragment.payload_length), (6, 64, 24));
        assert_eq!(
            (fragment.packet, fragment.payload),
            (PacketId::new(1, 7), &tcp(b"abcd")[..])
        );
    }

    #[test]
    fn what_is_no_ip_is_skipped() {
        for ether_type in [0x88cc, 0x8847, 0x8864, 0x888e] {
            assert_eq!(
                skipped(&Sample::ethernet(&ethernet(ether_type, &ipv4(6, &tcp(b""))))),
                Skip::NotIp
            );
        }
        assert_eq!(skipped(&Sample::new(105, &ipv4(6, &tcp(b"")))), Skip::UnknownLink);
    }

    #[test]
    fn other_protocols_are_skipped() {
        for protocol in [0, 17, 41, 47, 50, 58, 132] {
            assert_eq!(skipped(&Sample::raw(&ipv4(protocol, &tcp(b"")))), Skip::NotTcp);
        }
        for protocol in [1, 17, 41, 47, 50, 59, 132] {
            assert_eq!(skipped(&Sample::raw(&ipv6(protocol, &tcp(b"")))), Skip::NotTcp);
        }
    }

    /// One frame of each kind.
    fn samples() -> Vec<Sample> {
        let (tcp, quoted) = (tcp(b"some payload"), ipv6(6, &tcp(b"")));
        let extensions = [
            &[44, 0, 1, 4, 0, 0, 0, 0][..],
            &[60, 0, 0, 1, 0, 0, 0, 9],
            &[6, 0, 1, 4, 0, 0, 0, 0],
            &tcp,
        ]
        .concat();
        let mut fragment = ipv4(6, &tcp);
        fragment[6] = 0x20;
        let arp = [
            &[0, 1, 8, 0, 6, 4, 0, 1][..],
            &[2; 6],
            &[192, 0, 2, 1],
            &[0; 6],
            &[192, 0, 2, 9],
        ]
        .concat();
        let datagrams = [
            ipv4(6, &tcp),
            ipv6(6, &tcp),
            fragment,
            ipv6(0, &extensions),
            ipv4(1, &icmp(3, 4, 1400, &ipv4(6, &tcp))),
            ipv6(58, &icmp(2, 0, 1400, &quoted)),
            ipv6(58, &icmp(135, 0, 0, &[3; 16])),
        ];
        let mut samples = vec![Sample::ethernet(&ethernet(0x0806, &arp))];
        for datagram in datagrams {
            let v4 = datagram[0] >> 4 == 4;
            let (ether_type, family) = if v4 { (0x0800, 2) } else { (0x86dd, 30) };
            let [high, low] = u16::to_be_bytes(ether_type);
            let behind = |link: u16, header: &[u8]| Sample::new(link, &[header, &datagram].concat());
            samples.extend([
                Sample::ethernet(&ethernet(ether_type, &datagram)),
                behind(1, &ethernet(0x88a8, &[0, 1, 0x81, 0, 0, 2, high, low])),
                behind(1, &ethernet(12, &[0xaa, 0xaa, 3, 0, 0, 0, high, low])),
                behind(113, &[0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, high, low]),
                behind(276, &[high, low, 0, 0, 0, 0, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0]),
                behind(101, &[]),
                behind(if v4 { 228 } else { 229 }, &[]),
                behind(0, &[family, 0, 0, 0]),
                behind(108, &[0, 0, 0, family]),
            ]);
        }
        samples
    }

    #[test]
    fn every_link_carries_every_kind() {
        for sample in samples() {
            assert!(
                !matches!(sample.decoded(), Decoded::Skipped(skip) if skip != Skip::NotTcp),
                "{sample:?}"
            );
        }
    }

    /// Whether `part` lies inside `whole`, or is empty.
    fn inside(part: &[u8], whole: &[u8]) -> bool {
        let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
        part.is_empty() || (whole.start <= part.start && part.end <= whole.end)
    }

    #[test]
    fn damaged_frames_never_lead_outside() {
        let mut random = Rng::with_seed(4);
        let samples = samples();
        let mut pool = Fragments::default();
        let (mut segments, mut skips) = (0, 0);
        for _ in 0..400_000 {
            let mut sample = samples[random.usize(..samples.len())].clone();
            for _ in 0..random.usize(0..4) {
                let at = random.usize(..sample.octets.len());
                sample.octets[at] = if random.bool() {
                    random.u8(..)
                } else {
                    sample.octets[at] ^ 1 << random.u8(0..8)
                };
            }
            if random.bool() {
                sample.octets.truncate(random.usize(..=sample.octets.len()));
            }
            sample.original_length = if random.bool() {
                random.u32(..2000)
            } else {
                random.u32(..)
            };
            match sample.decoded() {
                Decoded::Segment(segment) => {
                    assert!(inside(segment.payload, &sample.octets));
                    assert!(segment.payload.len() <= segment.payload_length as usize);
                    segments += 1;
                }
                Decoded::Fragment(fragment) => {
                    assert!(inside(fragment.payload, &sample.octets));
                    assert!(fragment.payload.len() <= fragment.payload_length as usize);
                    if let Some(datagram) = pool.add(&fragment) {
                        datagram.decoded();
                    }
                }
                Decoded::Skipped(_) => skips += 1,
                Decoded::IcmpError(_) | Decoded::Neighbour(_) => (),
            }
        }
        assert!(
            segments > 50_000 && skips > 50_000,
            "{segments} segments, {skips} skips"
        );
    }
}
