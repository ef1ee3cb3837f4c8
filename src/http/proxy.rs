//! The PROXY protocol's header, by which a proxy tells its backend who the client is (haproxy's proxy-protocol.txt).

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::octets::Octets;

use super::opening::PROXY_V2;

/// What a direction's first octets say of a PROXY protocol header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// Too early to say.
    More,
    /// There is none.
    Not,
    /// A whole one.
    Header {
        /// How many octets it has; the connection's own octets follow.
        length: usize,
        /// 1 or 2.
        version: u8,
        /// The client's end; nothing if the proxy speaks for itself, or of a network that has no IP addresses.
        source: Option<SocketAddr>,
        /// The end that the client wanted.
        destination: Option<SocketAddr>,
    },
    /// It begins like one and is none; why.
    Broken(ProxyFault),
}

/// Why a PROXY protocol header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyFault {
    /// No CR LF within the 107 octets that a header of version 1 may have.
    NoLineEnd,
    /// Another protocol than TCP4, TCP6 and UNKNOWN.
    BadProtocol,
    /// Addresses or ports that are none, or too few, or too many.
    BadAddress,
    /// A version or command that version 2 does not have.
    BadCommand,
    /// Version 2 tells a length that its addresses do not fit in.
    BadLength,
}

/// The longest header of version 1, its CR LF included (section 2.1).
const V1_CAP: usize = 107;

/// Reads the PROXY protocol header at the start of a direction. Version 2 may hold up to 65551 octets; it is `More`
/// until all are there.
pub fn proxy_header(octets: &[u8]) -> ProxyHeader {
    const V1: &[u8] = b"PROXY ";
    if octets.starts_with(V1) {
        v1(octets)
    } else if let Some(rest) = octets.strip_prefix(PROXY_V2) {
        v2(Octets::new(rest))
    } else if V1.starts_with(octets) || PROXY_V2.starts_with(octets) {
        ProxyHeader::More
    } else {
        ProxyHeader::Not
    }
}

fn v1(octets: &[u8]) -> ProxyHeader {
    let start = octets.get(..V1_CAP).unwrap_or(octets);
    let Some(end) = memchr::memmem::find(start, b"\r\n") else {
        let full = start.len() == V1_CAP;
        return if full {
            ProxyHeader::Broken(ProxyFault::NoLineEnd)
        } else {
            ProxyHeader::More
        };
    };
    let Some(line) = octets.get(..end).and_then(|line| std::str::from_utf8(line).ok()) else {
        return ProxyHeader::Broken(ProxyFault::BadAddress);
    };
    let header = |source, destination| ProxyHeader::Header {
        length: end + 2,
        version: 1,
        source,
        destination,
    };
    let words: Vec<&str> = line.split(' ').collect();
    match *words.as_slice() {
        // What follows UNKNOWN is to be ignored.
        [_, "UNKNOWN", ..] => header(None, None),
        [_, family @ ("TCP4" | "TCP6"), from, to, from_port, to_port] => {
            match (v1_end(family, from, from_port), v1_end(family, to, to_port)) {
                (Some(source), Some(destination)) => header(Some(source), Some(destination)),
                _ => ProxyHeader::Broken(ProxyFault::BadAddress),
            }
        }
        [_, "TCP4" | "TCP6", ..] => ProxyHeader::Broken(ProxyFault::BadAddress),
        _ => ProxyHeader::Broken(ProxyFault::BadProtocol),
    }
}

fn v1_end(family: &str, address: &str, port: &str) -> Option<SocketAddr> {
    let address = IpAddr::from_str(address)
        .ok()
        .filter(|address| address.is_ipv4() == (family == "TCP4"))?;
    let digits = port.bytes().all(|octet| octet.is_ascii_digit());
    Some(SocketAddr::new(address, port.parse().ok().filter(|_| digits)?))
}

/// Section 2.2, from behind the signature.
fn v2(mut rest: Octets<'_>) -> ProxyHeader {
    const PROXY: u8 = 0x21;
    const LOCAL: u8 = 0x20;
    let (Some(command), Some(family), Some(length)) = (rest.u8(), rest.u8(), rest.u16()) else {
        return ProxyHeader::More;
    };
    if !matches!(command, PROXY | LOCAL) {
        return ProxyHeader::Broken(ProxyFault::BadCommand);
    }
    let Some(body) = rest.take(usize::from(length)) else {
        return ProxyHeader::More;
    };
    let length = PROXY_V2.len() + 4 + body.len();
    let header = |source, destination| ProxyHeader::Header {
        length,
        version: 2,
        source,
        destination,
    };
    let mut body = Octets::new(body);
    // The high half is the address family (1: IPv4, 2: IPv6), the low half the transport.
    let ends = match (command, family >> 4) {
        (PROXY, 1) => v2_ends(&mut body, |body| body.array().map(<[u8; 4]>::into)),
        (PROXY, 2) => v2_ends(&mut body, |body| body.array().map(<[u8; 16]>::into)),
        _ => return header(None, None),
    };
    match ends {
        Some((source, destination)) => header(Some(source), Some(destination)),
        None => ProxyHeader::Broken(ProxyFault::BadLength),
    }
}

fn v2_ends(
    body: &mut Octets<'_>,
    address: impl Fn(&mut Octets<'_>) -> Option<IpAddr>,
) -> Option<(SocketAddr, SocketAddr)> {
    let (from, to) = (address(body)?, address(body)?);
    Some((SocketAddr::new(from, body.u16()?), SocketAddr::new(to, body.u16()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer for the whole, after checking that every shorter start of the header gives `More`.
    fn told(octets: &[u8]) -> ProxyHeader {
        let told = proxy_header(octets);
        if let ProxyHeader::Header { length, .. } = told {
            assert!((0..length).all(|end| proxy_header(&octets[..end]) == ProxyHeader::More));
        }
        told
    }

    fn header(length: usize, version: u8, ends: Option<(&str, &str)>) -> ProxyHeader {
        let (source, destination) = ends
            .map(|(from, to)| (from.parse().unwrap(), to.parse().unwrap()))
            .unzip();
        ProxyHeader::Header {
            length,
            version,
            source,
            destination,
        }
    }

    #[test]
    fn version_1() {
        let four = told(b"PROXY TCP4 192.0.2.1 198.51.100.2 1025 443\r\nGET / HTTP/1.1\r\n");
        assert_eq!(four, header(44, 1, Some(("192.0.2.1:1025", "198.51.100.2:443"))));
        let six = told(b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n");
        assert_eq!(six, header(36, 1, Some(("[2001:db8::1]:1", "[::1]:65535"))));
        assert_eq!(told(b"PROXY UNKNOWN and more\r\n"), header(24, 1, None));
    }

    #[test]
    fn version_2() {
        let text = [
            PROXY_V2,
            b"\x21\x11\x00\x0f\xc0\x00\x02\x01\xc6\x33\x64\x02\x04\x01\x01\xbb\x04\x00\x00GET",
        ]
        .concat();
        assert_eq!(told(&text), header(31, 2, Some(("192.0.2.1:1025", "198.51.100.2:443"))));
        assert_eq!(told(&[PROXY_V2, b"\x20\x00\x00\x00"].concat()), header(16, 2, None));
        let six = [PROXY_V2, b"\x21\x21\x00\x24", &[0; 32], b"\x00\x01\x00\x02"].concat();
        assert_eq!(told(&six), header(52, 2, Some(("[::]:1", "[::]:2"))));
    }

    #[test]
    fn what_is_none_or_broken() {
        assert_eq!(told(b"GET / HTTP/1.1\r\n"), ProxyHeader::Not);
        for (text, fault) in [
            (&b"PROXY TCP4 ::1 ::1 1 2\r\n"[..], ProxyFault::BadAddress),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 +1 2\r\n", ProxyFault::BadAddress),
            (b"PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n", ProxyFault::BadAddress),
            (b"PROXY TCP4\r\n", ProxyFault::BadAddress),
            (b"PROXY /a HTTP/1.1\r\n", ProxyFault::BadProtocol),
            (&[b"PROXY ", &[b'x'; 200][..]].concat(), ProxyFault::NoLineEnd),
            (&[PROXY_V2, b"\x11\x11\x00\x00"].concat(), ProxyFault::BadCommand),
            (&[PROXY_V2, b"\x21\x11\x00\x01\x00"].concat(), ProxyFault::BadLength),
        ] {
            assert_eq!(told(text), ProxyHeader::Broken(fault), "{}", text.escape_ascii());
        }
    }
}
