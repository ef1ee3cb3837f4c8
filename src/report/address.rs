//! Endpoints as text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::packet::Endpoint;

/// An endpoint as a report writes it: `192.0.2.1:443`, `[2001:db8::1]:443` (RFC 5952).
///
/// It is what [`SocketAddr`] writes, at a fraction of the cost: every attempt has two.
pub(super) fn endpoint(endpoint: Endpoint) -> String {
    let Endpoint { address, port } = endpoint;
    let mut text = Vec::with_capacity(LONGEST);
    match address {
        IpAddr::V4(address) => v4(&mut text, address),
        // Those that hold an IPv4 address have forms of their own.
        IpAddr::V6(address) if address.segments()[..4] == [0; 4] => {
            return SocketAddr::new(address.into(), port).to_string();
        }
        IpAddr::V6(address) => {
            text.push(b'[');
            v6(&mut text, address);
            text.push(b']');
        }
    }
    text.push(b':');
    number::<10>(&mut text, port);
    // ASCII, so that it is UTF-8.
    String::from_utf8(text).unwrap_or_default()
}

/// Octets of the longest: eight groups of four digits between brackets, and a port.
const LONGEST: usize = 47;

fn v4(text: &mut Vec<u8>, address: Ipv4Addr) {
    for (octet, place) in address.octets().into_iter().zip(0..) {
        if place > 0 {
            text.push(b'.');
        }
        number::<10>(text, octet.into());
    }
}

fn v6(text: &mut Vec<u8>, address: Ipv6Addr) {
    let segments = address.segments();
    let (zeros, count) = longest_zeros(&segments);
    for (segment, place) in segments.into_iter().zip(0..) {
        if (zeros..zeros + count).contains(&place) {
            if place == zeros {
                text.extend_from_slice(b"::");
            }
            continue;
        }
        if place > 0 && place != zeros + count {
            text.push(b':');
        }
        number::<16>(text, segment);
    }
}

/// Where the first of the longest runs of zeros begins, and its length; a single one is no run.
fn longest_zeros(segments: &[u16; 8]) -> (usize, usize) {
    let (mut longest, mut run) = ((8, 0), 0);
    for (segment, place) in segments.iter().zip(1..) {
        run = if *segment == 0 { run + 1 } else { 0 };
        if run > longest.1.max(1) {
            longest = (place - run, run);
        }
    }
    longest
}

/// Writes a number of 16 bits without leading zeros.
fn number<const BASE: u16>(text: &mut Vec<u8>, mut value: u16) {
    let mut digits = [b'0'; 5];
    let mut first = digits.len() - 1;
    loop {
        digits[first] = DIGITS[usize::from(value % BASE)];
        value /= BASE;
        if value == 0 {
            break;
        }
        first -= 1;
    }
    text.extend_from_slice(&digits[first..]);
}

const DIGITS: [u8; 16] = *b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_standard_library_writes() {
        let mut random = fastrand::Rng::with_seed(5952);
        for _ in 0..20_000 {
            let octets: [u16; 8] =
                std::array::from_fn(|_| random.u16(..) >> random.u32(..16) & random.u16(..).wrapping_neg());
            let segments = octets.map(|segment| if random.bool() { 0 } else { segment });
            let v4 = Ipv4Addr::from(random.u32(..) >> random.u32(..32));
            let port = random.u16(..) >> random.u32(..16);
            for address in [
                IpAddr::from(segments),
                IpAddr::from(octets),
                v4.into(),
                v4.to_ipv6_mapped().into(),
            ] {
                let expected = SocketAddr::new(address, port).to_string();
                assert_eq!(endpoint(Endpoint { address, port }), expected);
            }
        }
    }
}
