//! Fingerprints of the client's TLS library: JA3 (Salesforce) and JA4 (FoxIO, the TLS client part only).

use md5::{Digest, Md5};
use sha2::Sha256;

use super::hello::extension;
use super::{ClientHello, ProtocolVersion, is_grease};

impl ClientHello {
    /// The text that JA3 is the MD5 of: version, cipher suites, extensions, groups and point formats, without GREASE.
    pub fn ja3_full(&self) -> String {
        let points: Vec<u16> = self.point_formats.iter().copied().map(u16::from).collect();
        let lists = [&self.cipher_suites, &self.extensions, &self.groups, &points];
        let lists = lists.map(|list| join(&without_grease(list), '-', decimal));
        format!("{},{}", self.version.0, lists.join(","))
    }

    /// JA3: 32 hexadecimal digits.
    pub fn ja3(&self) -> String {
        hexadecimal(&Md5::digest(self.ja3_full()))
    }

    /// JA4 over TCP: `t13d1516h2_8daaf6152771_e5627efa2ab1`.
    pub fn ja4(&self) -> String {
        let mut suites = without_grease(&self.cipher_suites);
        let mut extensions = without_grease(&self.extensions);
        let version = ja4_version(self.highest_version());
        let name = if extensions.contains(&extension::SERVER_NAME) {
            'd'
        } else {
            'i'
        };
        let (count, extension_count) = (suites.len().min(99), extensions.len().min(99));
        let protocol = ja4_protocol(self.alpn.first().map_or(&[], |first| first));
        suites.sort_unstable();
        extensions.sort_unstable();
        extensions.retain(|kind| !matches!(*kind, extension::SERVER_NAME | extension::ALPN));
        let mut kinds = join(&extensions, ',', four_digits);
        let signatures = without_grease(&self.signature_algorithms);
        if !kinds.is_empty() && !signatures.is_empty() {
            kinds = kinds + "_" + &join(&signatures, ',', four_digits);
        }
        let (suites, kinds) = (twelve_digits(&join(&suites, ',', four_digits)), twelve_digits(&kinds));
        format!("t{version}{name}{count:02}{extension_count:02}{protocol}_{suites}_{kinds}")
    }
}

fn ja4_version(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLS_1_3 => "13",
        ProtocolVersion::TLS_1_2 => "12",
        ProtocolVersion::TLS_1_1 => "11",
        ProtocolVersion::TLS_1_0 => "10",
        ProtocolVersion::SSL_3_0 => "s3",
        _ => "00",
    }
}

/// The first and last character of the first protocol, or of its hexadecimal digits if either is no letter or digit.
fn ja4_protocol(protocol: &[u8]) -> String {
    let (Some(first), Some(last)) = (protocol.first(), protocol.last()) else {
        return "00".to_owned();
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [*first, *last].map(char::from).iter().collect();
    }
    format!("{:x}{:x}", first >> 4, last & 0x0f)
}

fn without_grease(numbers: &[u16]) -> Vec<u16> {
    numbers.iter().copied().filter(|number| !is_grease(*number)).collect()
}

fn join(numbers: &[u16], between: char, write: fn(&mut String, u16)) -> String {
    let mut text = String::with_capacity(numbers.len() * 6);
    for (place, &number) in numbers.iter().enumerate() {
        if place > 0 {
            text.push(between);
        }
        write(&mut text, number);
    }
    text
}

fn decimal(text: &mut String, number: u16) {
    text.push_str(&number.to_string());
}

fn four_digits(text: &mut String, number: u16) {
    number.to_be_bytes().iter().for_each(|&octet| two_digits(text, octet));
}

fn two_digits(text: &mut String, octet: u8) {
    for half in [octet >> 4, octet & 0x0f] {
        text.extend(char::from_digit(half.into(), 16));
    }
}

/// The first twelve digits of the SHA-256; zeros stand for the hash of nothing.
fn twelve_digits(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    hexadecimal(Sha256::digest(text).get(..6).unwrap_or_default())
}

pub(super) fn hexadecimal(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    octets.iter().for_each(|&octet| two_digits(&mut text, octet));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the JA4 specification.
    fn example() -> ClientHello {
        let hello = [&[3, 3][..], &[0; 32], &[0], &[0, 0], &[1, 0]].concat();
        ClientHello {
            supported_versions: [0x0a0a, 0x0304, 0x0303].map(ProtocolVersion).to_vec(),
            cipher_suites: vec![
                0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
                0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x3a3a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
                0xff01, 0x000b, 0x000a, 0x0015, 0x4a4a,
            ],
            alpn: vec![b"h2"[..].into(), b"http/1.1"[..].into()],
            signature_algorithms: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            ..ClientHello::read(&hello, hello.len()).unwrap()
        }
    }

    #[test]
    fn ja4_is_as_specified() {
        assert_eq!(example().ja4(), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        let unsigned = ClientHello {
            signature_algorithms: Vec::new(),
            ..example()
        };
        assert_eq!(unsigned.ja4(), "t13d1516h2_8daaf6152771_6d807ffa2a79");
        let bare = ClientHello {
            cipher_suites: Vec::new(),
            extensions: Vec::new(),
            alpn: Vec::new(),
            ..example()
        };
        assert_eq!(bare.ja4(), "t13i000000_000000000000_000000000000");
    }

    #[test]
    fn ja4_shows_odd_protocols_in_hexadecimal() {
        let shown = [
            (&b"h2"[..], "h2"),
            (b"http/1.1", "h1"),
            (b"", "00"),
            (b"x", "xx"),
            (b"\xab", "ab"),
            (b"\xab\xcd", "ad"),
            (b"\x30\xab", "3b"),
            (b"\x30\x31\xab\xcd", "3d"),
            (b"\x30\xab\xcd\x31", "01"),
        ];
        for (protocol, expected) in shown {
            assert_eq!(ja4_protocol(protocol), expected);
        }
    }

    #[test]
    fn ja3_is_the_md5_of_its_text() {
        // The example of the JA3 documentation.
        let hello = ClientHello {
            version: ProtocolVersion::TLS_1_0,
            cipher_suites: vec![47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
            extensions: vec![0, 10, 11],
            groups: vec![23, 24, 25],
            point_formats: vec![0],
            ..example()
        };
        assert_eq!(
            hello.ja3_full(),
            "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"
        );
        assert_eq!(hello.ja3(), "ada70206e40642a3e4461f35503241d5");
    }
}
