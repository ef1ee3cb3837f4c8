//! Which segments belong to one connection, and which part of the work a connection falls to.

use std::net::IpAddr;

use super::{Endpoint, IcmpError, Segment};

/// Names a connection: both ends, whichever of them sends.
///
/// 802.1Q tags are no part of it: where a network card takes them off, one direction is tagged and the other is not, and a
/// router's capture holds each segment once with either tag. So a connection is what Wireshark's `tcp.stream` is.
///
/// IPv4 and IPv6 ends never make the same key, however alike their octets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionKey {
    /// Most significant half first.
    lower: [u64; 2],
    upper: [u64; 2],
    /// The port of the lower end in the high half, of the upper end in the low half.
    ports: u32,
    v6: bool,
}

impl ConnectionKey {
    /// The key, and whether `source` is the lower end; of a connection with itself it is.
    pub fn new(source: Endpoint, destination: Endpoint) -> (Self, bool) {
        let (from, to) = (number(source), number(destination));
        let source_is_lower = from <= to;
        let (lower, upper) = if source_is_lower { (from, to) } else { (to, from) };
        let key = ConnectionKey {
            lower: halves(lower.0),
            upper: halves(upper.0),
            ports: u32::from(lower.1) << 16 | u32::from(upper.1),
            v6: source.address.is_ipv6() || destination.address.is_ipv6(),
        };
        (key, source_is_lower)
    }

    /// Which of `shards` (a power of two) the connection falls to: the same in every run.
    pub fn shard(&self, shards: usize) -> usize {
        let words = [
            self.lower[0] ^ self.lower[1].wrapping_mul(SPREAD[0]),
            self.upper[0] ^ self.upper[1].wrapping_mul(SPREAD[1]),
            u64::from(self.ports) << 32,
        ];
        let mixed =
            words[0].wrapping_mul(SPREAD[2]) ^ words[1].wrapping_mul(SPREAD[3]) ^ words[2].wrapping_mul(SPREAD[4]);
        // The highest bits depend on all others; those of a product's low end only on the low ends of its factors.
        ((mixed ^ mixed >> 32).wrapping_mul(SPREAD[0]) >> 32) as usize & shards.saturating_sub(1)
    }
}

/// Odd numbers without pattern: the fractional binary digits of the square roots of 2, 3, 5, 7 and 11.
const SPREAD: [u64; 5] = [
    0x6a09_e667_f3bc_c909,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
];

impl Segment<'_> {
    /// The connection of the segment, and whether its source is the lower end of the key.
    ///
    /// Between an address and port and themselves nothing tells the directions apart: there the source is always the lower.
    pub fn key(&self) -> (ConnectionKey, bool) {
        ConnectionKey::new(self.source, self.destination)
    }
}

impl IcmpError {
    /// The connection of the quoted segment, and whether the segment's source is the lower end of the key.
    pub fn key(&self) -> (ConnectionKey, bool) {
        ConnectionKey::new(self.quoted_source, self.quoted_destination)
    }
}

/// By this the ends are told apart and ordered.
fn number(end: Endpoint) -> (u128, u16) {
    let address = match end.address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    (address, end.port)
}

fn halves(address: u128) -> [u64; 2] {
    [(address >> 64) as u64, address as u64]
}

#[cfg(test)]
mod tests {
    use super::super::Decoded;
    use super::super::samples::{Sample, icmp, ipv4, tcp};
    use super::*;

    fn end(address: &str, port: u16) -> Endpoint {
        Endpoint {
            address: address.parse().unwrap(),
            port,
        }
    }

    fn key(source: Endpoint, destination: Endpoint) -> (ConnectionKey, bool) {
        ConnectionKey::new(source, destination)
    }

    #[test]
    fn both_directions_have_one_key() {
        let pairs = [
            (end("192.0.2.1", 50000), end("198.51.100.2", 443)),
            (end("2001:db8::1", 50000), end("2001:db8::2", 443)),
            (end("127.0.0.1", 443), end("127.0.0.1", 50000)),
        ];
        for (client, server) in pairs {
            let (there, back) = (key(client, server), key(server, client));
            assert_eq!(there.0, back.0);
            assert!(there.1 && !back.1);
            assert_eq!(there.0.shard(64), back.0.shard(64));
        }
    }

    #[test]
    fn an_error_goes_by_the_segment_that_it_quotes() {
        let quoted = ipv4(6, &tcp(b""));
        let (quoted, error) = (Sample::raw(&quoted), Sample::raw(&ipv4(1, &icmp(3, 1, 0, &quoted))));
        let (Decoded::Segment(segment), Decoded::IcmpError(error)) = (quoted.decoded(), error.decoded()) else {
            panic!()
        };
        assert_eq!(segment.key(), error.key());
        assert_eq!(segment.key(), key(end("192.0.2.1", 50000), end("198.51.100.2", 443)));
    }

    #[test]
    fn a_connection_with_itself_has_a_key() {
        assert!(key(end("127.0.0.1", 5000), end("127.0.0.1", 5000)).1);
    }

    #[test]
    fn every_part_tells_connections_apart() {
        let a = end("192.0.2.1", 1);
        let b = end("192.0.2.2", 2);
        let other = [
            key(a, end("192.0.2.2", 3)).0,
            key(a, end("192.0.2.3", 2)).0,
            key(end("192.0.2.1", 2), end("192.0.2.2", 1)).0,
            key(end("::ffff:192.0.2.1", 1), end("::ffff:192.0.2.2", 2)).0,
            key(end("::192.0.2.1", 1), end("::192.0.2.2", 2)).0,
        ];
        for other in other {
            assert_ne!(key(a, b).0, other);
        }
    }

    #[test]
    fn the_key_is_small() {
        assert_eq!(size_of::<ConnectionKey>(), 40);
    }

    #[test]
    fn shards_are_even() {
        const SHARDS: usize = 64;
        let few_clients = |n: u32| {
            key(
                Endpoint {
                    address: IpAddr::from(n.to_be_bytes()),
                    port: 40000,
                },
                end("192.0.2.9", 443),
            )
        };
        let one_client = |n: u32| key(end("192.0.2.1", 1024 + n as u16), end("192.0.2.9", 443));
        let networks = |n: u32| {
            key(
                Endpoint {
                    address: IpAddr::from((n << 8).to_be_bytes()),
                    port: 40000,
                },
                end("192.0.2.9", 443),
            )
        };
        let v6_networks = |n: u32| {
            let client = (0x2001_0db8_u128 << 96) | u128::from(n) << 64 | 1;
            key(
                Endpoint {
                    address: IpAddr::from(client.to_be_bytes()),
                    port: 40000,
                },
                end("2001:db8::9", 443),
            )
        };
        let ways: [&dyn Fn(u32) -> (ConnectionKey, bool); 4] = [&few_clients, &one_client, &networks, &v6_networks];
        for way in ways {
            let mut fill = [0u32; SHARDS];
            for n in 0..SHARDS as u32 * 500 {
                fill[way(n).0.shard(SHARDS)] += 1;
            }
            assert!(fill.iter().all(|&fill| (350..650).contains(&fill)), "{fill:?}");
        }
    }

    #[test]
    fn the_shard_never_changes() {
        let (key, _) = key(end("192.0.2.1", 50000), end("198.51.100.2", 443));
        assert_eq!(key.shard(1), 0);
        assert_eq!(key.shard(64), key.shard(128) % 64);
    }
}
