//! Reads IPv4 and IPv6 headers: who sent what to whom, and how long it was.

use std::net::IpAddr;

use etherparse::err::ipv4::HeaderSliceError as Ipv4Error;
use etherparse::err::ipv6::HeaderSliceError as Ipv6Error;
use etherparse::{IpNumber, Ipv4HeaderSlice, Ipv6HeaderSlice, ip_number};

use super::Skip;
use super::captured::Captured;
use crate::octets::Octets;

/// Each extension header should occur at most once, destination options twice (RFC 8200 section 4.1): so six are as many
/// as anybody has use for, and a few more are forgiven.
const MAX_EXTENSIONS: usize = 8;

/// An IP header, read, and what it carries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ip<'w> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// Time to live or hop limit.
    pub(super) ttl: u8,
    /// The identification field of IPv4.
    pub(super) ip_id: Option<u16>,
    /// What the payload starts with: an extension header or that of the upper layer.
    pub(super) protocol: IpNumber,
    /// Which part of the datagram the payload is, if not all of it.
    pub(super) part: Option<Part>,
    pub(super) payload: Captured<'w>,
}

/// The place of a fragment in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) identification: u32,
    /// In octets from the start of the datagram's payload.
    pub(super) offset: u32,
    /// Whether more fragments follow.
    pub(super) more: bool,
}

/// Reads an IPv4 header (RFC 791 section 3.1); what stands behind the datagram, such as Ethernet's padding, is left out.
#[inline]
pub(super) fn v4(octets: Captured<'_>) -> Result<Ip<'_>, Skip> {
    let header = Ipv4HeaderSlice::from_slice(octets.octets).map_err(|error| match error {
        Ipv4Error::Len(length) => octets.lacks(length.required_len),
        Ipv4Error::Content(_) => Skip::Malformed,
    })?;
    let datagram = match header.total_len() {
        // Captured before the network card cut it up (TCP segmentation offload): the length did not fit the field.
        0 => octets,
        length => octets.limited(u32::from(length)),
    };
    Ok(Ip {
        source: IpAddr::V4(header.source_addr()),
        destination: IpAddr::V4(header.destination_addr()),
        ttl: header.ttl(),
        ip_id: Some(header.identification()),
        protocol: header.protocol(),
        part: header.is_fragmenting_payload().then(|| Part {
            identification: u32::from(header.identification()),
            offset: u32::from(header.fragments_offset().byte_offset()),
            more: header.more_fragments(),
        }),
        payload: datagram.after(header.slice().len())?,
    })
}

/// Reads an IPv6 header (RFC 8200 section 3), not its extension headers; what stands behind the packet is left out.
#[inline]
pub(super) fn v6(octets: Captured<'_>) -> Result<Ip<'_>, Skip> {
    let header = Ipv6HeaderSlice::from_slice(octets.octets).map_err(|error| match error {
        Ipv6Error::Len(length) => octets.lacks(length.required_len),
        Ipv6Error::Content(_) => Skip::Malformed,
    })?;
    let rest = octets.after(header.header_len())?;
    Ok(Ip {
        source: IpAddr::V6(header.source_addr()),
        destination: IpAddr::V6(header.destination_addr()),
        ttl: header.hop_limit(),
        ip_id: None,
        protocol: header.next_header(),
        part: None,
        payload: match header.payload_length() {
            // A jumbogram (RFC 2675 section 3), or segmentation offload as in IPv4.
            0 => rest,
            length => rest.limited(u32::from(length)),
        },
    })
}

impl Ip<'_> {
    /// The start of the upper layer's header, if this is the start of its datagram.
    pub(super) fn first_part(self) -> Result<Self, Skip> {
        let mut ip = self.past_extensions()?;
        match ip.part.take() {
            None => Ok(ip),
            Some(part) if part.offset == 0 => ip.past_extensions(),
            Some(_) => Err(Skip::NotTcp),
        }
    }

    /// Steps over extension headers, to the upper layer's header or into a fragment.
    ///
    /// The payload of a fragment that is not the first starts anywhere, so nothing is stepped over in fragments at all.
    pub(super) fn past_extensions(mut self) -> Result<Self, Skip> {
        for _ in 0..=MAX_EXTENSIONS {
            if self.part.is_some() || !self.extended() {
                return Ok(self);
            }
            self.past_extension()?;
        }
        Err(Skip::Malformed)
    }

    /// Whether the payload starts with an extension header (RFC 8200 section 4); IPv4 knows only that of RFC 4302.
    #[inline]
    fn extended(&self) -> bool {
        match self.protocol {
            ip_number::AUTH => true,
            ip_number::IPV6_HOP_BY_HOP
            | ip_number::IPV6_ROUTE
            | ip_number::IPV6_FRAG
            | ip_number::IPV6_DEST_OPTIONS => self.source.is_ipv6(),
            _ => false,
        }
    }

    fn past_extension(&mut self) -> Result<(), Skip> {
        let mut header = Octets::new(self.payload.octets);
        let (Some(next), Some(length), Some(place), Some(identification)) =
            (header.u8(), header.u8().map(usize::from), header.u16(), header.u32())
        else {
            return Err(self.payload.lacks(8));
        };
        let length = match self.protocol {
            ip_number::IPV6_FRAG => 8,
            ip_number::AUTH => (length + 2) * 4,
            _ => (length + 1) * 8,
        };
        if self.protocol == ip_number::IPV6_FRAG {
            let part = Part {
                identification,
                offset: u32::from(place & !7),
                more: place & 1 == 1,
            };
            // A datagram in one fragment is processed on its own (RFC 6946 section 4).
            self.part = (part.offset != 0 || part.more).then_some(part);
        }
        self.protocol = IpNumber(next);
        self.payload = self.payload.after(length)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{ipv4, ipv6};
    use super::*;

    const TCP: u8 = 6;

    fn read4(octets: &[u8]) -> Result<Ip<'_>, Skip> {
        v4(Captured::new(octets, 0))?.past_extensions()
    }

    fn read6(octets: &[u8]) -> Result<Ip<'_>, Skip> {
        v6(Captured::new(octets, 0))?.past_extensions()
    }

    #[test]
    fn padding_is_no_payload() {
        let mut octets = ipv4(TCP, b"abc");
        octets.extend([0; 20]);
        assert_eq!(read4(&octets).unwrap().payload.octets, b"abc");
        let mut octets = ipv6(TCP, b"abc");
        octets.extend([0; 20]);
        assert_eq!(read6(&octets).unwrap().payload.octets, b"abc");
    }

    #[test]
    fn the_header_tells_the_length_even_if_the_end_was_cut() {
        let octets = ipv4(TCP, b"abcdef");
        let ip = read4(&octets[..22]).unwrap();
        assert_eq!((ip.payload.octets, ip.payload.length), (&b"ab"[..], 6));
    }

    #[test]
    fn no_length_is_the_rest_of_the_frame() {
        let mut octets = ipv4(TCP, b"abcdef");
        octets[2..4].fill(0);
        let ip = v4(Captured::new(&octets, 100_000)).unwrap();
        assert_eq!((ip.payload.octets, ip.payload.length), (&b"abcdef"[..], 99_980));
        let mut octets = ipv6(TCP, b"abcdef");
        octets[4..6].fill(0);
        let ip = v6(Captured::new(&octets, 100_000)).unwrap();
        assert_eq!((ip.payload.octets, ip.payload.length), (&b"abcdef"[..], 99_960));
    }

    #[test]
    fn options_are_stepped_over() {
        let mut octets = ipv4(TCP, b"optsabc");
        octets[0] = 0x46;
        assert_eq!(read4(&octets).unwrap().payload.octets, b"abc");
    }

    #[test]
    fn a_header_that_contradicts_itself_is_malformed() {
        let octets = ipv4(TCP, b"abc");
        let with = |at: usize, value: u8| {
            let mut octets = octets.clone();
            octets[at] = value;
            read4(&octets).map(|_| ()).unwrap_err()
        };
        assert_eq!(with(0, 0x65), Skip::Malformed);
        assert_eq!(with(0, 0x44), Skip::Malformed);
        assert_eq!(with(3, 19), Skip::Malformed);
        assert_eq!(read4(&octets[..19]).unwrap_err(), Skip::Malformed);
        let cut = v4(Captured::new(&octets[..19], 23));
        assert_eq!(cut.unwrap_err(), Skip::CutShort);
    }

    #[test]
    fn extension_headers_are_stepped_over() {
        let hop_by_hop = [43, 0, 1, 4, 0, 0, 0, 0];
        let routing = [60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let options = [51, 0, 1, 4, 0, 0, 0, 0];
        let authentication = [44, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let atomic = [TCP, 0, 0, 0, 0, 0, 0, 9];
        let payload = [&hop_by_hop[..], &routing, &options, &authentication, &atomic, b"abc"].concat();
        let octets = ipv6(0, &payload);
        let ip = read6(&octets).unwrap();
        assert_eq!(
            (ip.protocol, ip.part, ip.payload.octets),
            (ip_number::TCP, None, &b"abc"[..])
        );
    }

    #[test]
    fn an_authentication_header_over_ipv4_is_stepped_over() {
        let payload = [
            &[TCP, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            b"abc",
        ]
        .concat();
        let octets = ipv4(51, &payload);
        let ip = read4(&octets).unwrap();
        assert_eq!((ip.protocol, ip.payload.octets), (ip_number::TCP, &b"abc"[..]));
        assert_eq!(
            read4(&ipv4(60, &payload)).unwrap().protocol,
            ip_number::IPV6_DEST_OPTIONS
        );
    }

    #[test]
    fn a_chain_without_end_is_malformed() {
        let chain = |headers: usize| {
            let mut payload = [60, 0, 1, 4, 0, 0, 0, 0].repeat(headers);
            payload.extend([TCP, 0, 1, 4, 0, 0, 0, 0]);
            payload.extend(b"abc");
            ipv6(60, &payload)
        };
        assert_eq!(read6(&chain(MAX_EXTENSIONS - 1)).unwrap().payload.octets, b"abc");
        assert_eq!(read6(&chain(MAX_EXTENSIONS)).unwrap_err(), Skip::Malformed);
        assert_eq!(
            read6(&ipv6(60, &[TCP, 9, 1, 4, 0, 0, 0, 0])).unwrap_err(),
            Skip::Malformed
        );
    }

    #[test]
    fn fragments_tell_their_place() {
        let mut octets = ipv4(TCP, b"abc");
        octets[4..8].copy_from_slice(&[0x12, 0x34, 0x20, 0x03]);
        let part = Part {
            identification: 0x1234,
            offset: 24,
            more: true,
        };
        assert_eq!(read4(&octets).unwrap().part, Some(part));
        let octets = ipv6(44, &[60, 0, 0, 25, 0, 0, 0x12, 0x34, b'a']);
        let ip = read6(&octets).unwrap();
        assert_eq!(
            (ip.part, ip.protocol, ip.payload.octets),
            (Some(part), ip_number::IPV6_DEST_OPTIONS, &b"a"[..])
        );
    }
}
