//! Community ID version 1: one name for a connection that Zeek, Suricata and Wireshark agree on.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use sha1::{Digest, Sha1};

use crate::packet::Endpoint;

/// The Community ID of the TCP connection between `a` and `b`, with seed 0
/// (<https://github.com/corelight/community-id-spec>).
pub fn community_id(a: Endpoint, b: Endpoint) -> String {
    const TCP: u8 = 6;
    let key = |end: &Endpoint| (octets(end.address), end.port);
    let (low, high) = if key(&a) <= key(&b) { (a, b) } else { (b, a) };
    let mut hash = Sha1::new();
    hash.update([0, 0]);
    hash.update(octets(low.address));
    hash.update(octets(high.address));
    hash.update([TCP, 0]);
    hash.update(low.port.to_be_bytes());
    hash.update(high.port.to_be_bytes());
    format!("1:{}", STANDARD.encode(hash.finalize()))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str, port: u16) -> Endpoint {
        Endpoint {
            address: text.parse().unwrap(),
            port,
        }
    }

    #[test]
    fn agrees_with_the_specification_and_is_the_same_from_both_ends() {
        let (a, b) = (end("128.232.110.120", 34855), end("66.35.250.204", 80));
        assert_eq!(community_id(a, b), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(community_id(b, a), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    }
}
