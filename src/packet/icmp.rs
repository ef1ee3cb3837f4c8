//! Reads ICMP and ICMPv6 errors down to the TCP segment that they quote.

use etherparse::ip_number;

use super::captured::Captured;
use super::decode::Origin;
use super::ip::{self, Ip};
use super::{Decoded, Endpoint, Flags, IcmpError, Skip, neighbour};
use crate::octets::Octets;

/// What an ICMP message says of a TCP segment: destination unreachable, source quench, redirect, time exceeded and
/// parameter problem quote one (RFC 1122 section 3.2.2).
pub(super) fn v4<'w>(origin: Origin, ip: Ip<'w>) -> Result<Decoded<'w>, Skip> {
    const UNREACHABLE: u8 = 3;
    const FRAGMENTATION_NEEDED: u8 = 4;
    const SOURCE_QUENCH: u8 = 4;
    const REDIRECT: u8 = 5;
    const TIME_EXCEEDED: u8 = 11;
    const PARAMETER_PROBLEM: u8 = 12;
    let message = Message::read(ip.payload)?;
    let mtu = match (message.kind, message.code) {
        // The lower half; routers older than RFC 1191 (section 4) leave it 0.
        (UNREACHABLE, FRAGMENTATION_NEEDED) => message.field & 0xffff,
        (UNREACHABLE | SOURCE_QUENCH | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM, _) => 0,
        _ => return Err(Skip::NotTcp),
    };
    error(origin, ip, &message, mtu, ip::v4(message.body)?)
}

/// What an ICMPv6 message says of a TCP segment (RFC 4443 section 3) or of a neighbour.
pub(super) fn v6<'w>(origin: Origin, ip: Ip<'w>) -> Result<Decoded<'w>, Skip> {
    const UNREACHABLE: u8 = 1;
    const PACKET_TOO_BIG: u8 = 2;
    const TIME_EXCEEDED: u8 = 3;
    const PARAMETER_PROBLEM: u8 = 4;
    let message = Message::read(ip.payload)?;
    let mtu = match message.kind {
        PACKET_TOO_BIG => message.field,
        UNREACHABLE | TIME_EXCEEDED | PARAMETER_PROBLEM => 0,
        neighbour::SOLICITATION | neighbour::ADVERTISEMENT => {
            return neighbour::discovery(origin, ip, message.kind, message.body).map(Decoded::Neighbour);
        }
        _ => return Err(Skip::NotTcp),
    };
    error(origin, ip, &message, mtu, ip::v6(message.body)?)
}

/// The header that all messages share, and what stands behind it.
struct Message<'w> {
    kind: u8,
    code: u8,
    /// The four octets of which each kind makes its own use.
    field: u32,
    body: Captured<'w>,
}

impl<'w> Message<'w> {
    fn read(message: Captured<'w>) -> Result<Self, Skip> {
        let mut header = Octets::new(message.octets);
        let (Some(kind), Some(code), Some(_checksum), Some(field)) =
            (header.u8(), header.u8(), header.u16(), header.u32())
        else {
            return Err(message.lacks(8));
        };
        Ok(Message {
            kind,
            code,
            field,
            body: message.after(8)?,
        })
    }
}

/// Most senders quote no more than eight octets of the segment, as RFC 792 asks, so all behind the ports may be missing.
fn error<'w>(origin: Origin, ip: Ip<'w>, message: &Message<'_>, mtu: u32, quoted: Ip<'_>) -> Result<Decoded<'w>, Skip> {
    let quoted = quoted.first_part()?;
    if quoted.protocol != ip_number::TCP {
        return Err(Skip::NotTcp);
    }
    let mut header = Octets::new(quoted.payload.octets);
    let (Some(source), Some(destination)) = (header.u16(), header.u16()) else {
        return Err(quoted.payload.lacks(4));
    };
    let quoted_sequence = header.u32();
    let offset_and_flags = header.u32().and_then(|_acknowledgement| header.u16());
    Ok(Decoded::IcmpError(IcmpError {
        packet: origin.packet,
        time: origin.time,
        reporter: ip.source,
        addressee: ip.destination,
        ttl: ip.ttl,
        v6: ip.source.is_ipv6(),
        kind: message.kind,
        code: message.code,
        mtu: (mtu != 0).then_some(mtu),
        domain: origin.domain,
        quoted_source: Endpoint {
            address: quoted.source,
            port: source,
        },
        quoted_destination: Endpoint {
            address: quoted.destination,
            port: destination,
        },
        quoted_sequence,
        // A quotation that was filled up with zeros (RFC 4884 section 4) has no data offset.
        quoted_flags: offset_and_flags
            .filter(|both| both >> 12 >= 5)
            .map(|both| Flags(both & Flags::MASK)),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Sample, icmp, ipv4, ipv6, tcp};
    use super::super::{Decoded, IcmpError, Skip};

    fn error(datagram: &[u8]) -> IcmpError {
        match Sample::raw(datagram).decoded() {
            Decoded::IcmpError(error) => error,
            other => panic!("{other:?}"),
        }
    }

    fn skipped(datagram: &[u8]) -> Skip {
        match Sample::raw(datagram).decoded() {
            Decoded::Skipped(skip) => skip,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_error_that_quotes_a_segment_is_read() {
        let quoted = ipv4(6, &tcp(b""));
        for kind in [3, 4, 5, 11, 12] {
            let error = error(&ipv4(1, &icmp(kind, 1, 0, &quoted)));
            assert_eq!((error.kind, error.code, error.v6, error.mtu), (kind, 1, false, None));
            assert_eq!(error.reporter.to_string(), "192.0.2.1");
            assert_eq!(error.addressee.to_string(), "198.51.100.2");
            assert_eq!((error.quoted_source.port, error.quoted_destination.port), (50000, 443));
            assert_eq!(error.quoted_sequence, Some(0x01020304));
            assert_eq!(error.quoted_flags.map(|flags| flags.0), Some(0x018));
        }
        let quoted = ipv6(6, &tcp(b""));
        for kind in [1, 2, 3, 4] {
            let error = error(&ipv6(58, &icmp(kind, 3, 0, &quoted)));
            assert_eq!((error.kind, error.code, error.v6, error.mtu), (kind, 3, true, None));
            assert_eq!(error.quoted_sequence, Some(0x01020304));
        }
    }

    #[test]
    fn other_messages_quote_nothing() {
        let quoted = ipv4(6, &tcp(b""));
        for kind in [0, 8, 9, 13, 14] {
            assert_eq!(skipped(&ipv4(1, &icmp(kind, 0, 0, &quoted))), Skip::NotTcp);
        }
        assert_eq!(skipped(&ipv6(58, &icmp(128, 0, 0, &ipv6(6, &tcp(b""))))), Skip::NotTcp);
        assert_eq!(skipped(&ipv4(1, &icmp(3, 3, 0, &ipv4(17, &tcp(b""))))), Skip::NotTcp);
        assert_eq!(skipped(&ipv4(58, &icmp(1, 0, 0, &quoted))), Skip::NotTcp);
        assert_eq!(skipped(&ipv6(1, &icmp(3, 0, 0, &quoted))), Skip::NotTcp);
    }

    #[test]
    fn the_mtu_is_told_by_two_messages() {
        let quoted = ipv4(6, &tcp(b""));
        assert_eq!(error(&ipv4(1, &icmp(3, 4, 0xffff_0578, &quoted))).mtu, Some(1400));
        assert_eq!(error(&ipv4(1, &icmp(3, 4, 0, &quoted))).mtu, None);
        assert_eq!(error(&ipv4(1, &icmp(3, 3, 1400, &quoted))).mtu, None);
        assert_eq!(
            error(&ipv6(58, &icmp(2, 0, 70_000, &ipv6(6, &tcp(b""))))).mtu,
            Some(70_000)
        );
    }

    #[test]
    fn eight_quoted_octets_are_enough() {
        let whole = ipv4(6, &tcp(&[0; 1000]));
        let of = |octets: usize| error(&ipv4(1, &icmp(3, 1, 0, &whole[..20 + octets])));
        assert_eq!((of(8).quoted_sequence, of(8).quoted_flags), (Some(0x01020304), None));
        assert_eq!(
            (of(14).quoted_sequence, of(14).quoted_flags.is_some()),
            (Some(0x01020304), true)
        );
        assert_eq!((of(6).quoted_sequence, of(6).quoted_flags), (None, None));
    }

    #[test]
    fn a_quotation_filled_up_with_zeros_has_no_flags() {
        let mut quoted = ipv4(6, &tcp(&[0; 1000]));
        quoted[28..].fill(0);
        quoted.truncate(128);
        let error = error(&ipv4(1, &icmp(11, 0, 0x0020_0000, &quoted)));
        assert_eq!((error.quoted_sequence, error.quoted_flags), (Some(0x01020304), None));
    }

    #[test]
    fn a_quoted_fragment_has_ports_only_if_it_is_the_first() {
        let mut quoted = ipv4(6, &tcp(b""));
        quoted[6] = 0x20;
        assert_eq!(error(&ipv4(1, &icmp(11, 1, 0, &quoted))).quoted_source.port, 50000);
        quoted[7] = 1;
        assert_eq!(skipped(&ipv4(1, &icmp(11, 1, 0, &quoted))), Skip::NotTcp);
    }

    #[test]
    fn quoted_extension_headers_are_stepped_over() {
        let first = [&[60, 0, 0, 1, 0, 0, 0, 9][..], &[6, 0, 1, 4, 0, 0, 0, 0], &tcp(b"")].concat();
        assert_eq!(
            error(&ipv6(58, &icmp(2, 0, 1280, &ipv6(44, &first))))
                .quoted_source
                .port,
            50000
        );
    }
}
