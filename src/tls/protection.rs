//! What protects the records of one direction while its keys last.

use std::fmt;

use super::{
    ContentType, ProtocolVersion, RecordHeader, Side,
    aead::{self, Aead},
    cbc::{Cbc, Order},
    derivation::{expand_label, pseudorandom},
    mac::Authenticator,
    stream::Stream,
    suite::{Cipher, Suite},
};

/// What protects the records of one direction while its keys last; it does not show its keys.
pub(super) enum Protection {
    /// TLS 1.3.
    Tls13(Aead),
    /// Authenticated encryption of TLS 1.2.
    Aead(Aead),
    /// Block ciphers of TLS 1.0 to 1.2.
    Cbc(Cbc),
    /// RC4 of TLS 1.0 to 1.2, or no cipher.
    Stream(Stream),
}

/// What the two ends of TLS 1.0 to 1.2 agreed upon.
#[derive(Clone, Copy)]
pub(super) struct Agreed<'a> {
    /// The version.
    pub(super) version: ProtocolVersion,
    /// The cipher suite.
    pub(super) suite: Suite,
    /// The master secret.
    pub(super) master: &'a [u8],
    /// The random of the ClientHello.
    pub(super) client_random: &'a [u8; 32],
    /// The random of the ServerHello.
    pub(super) server_random: &'a [u8; 32],
    /// Whether records are encrypted before they are authenticated (RFC 7366).
    pub(super) encrypt_then_mac: bool,
}

impl Agreed<'_> {
    /// What one side authenticates with, what it encrypts with, and the block before its first or a part of its nonces
    /// (RFC 5246 section 6.3).
    fn keys(self, side: Side) -> Option<[Vec<u8>; 3]> {
        let cipher = self.suite.cipher;
        let (mac, block) = match cipher {
            Cipher::Cbc(block, hash) => (hash.length(), block.length()),
            Cipher::Rc4(hash) | Cipher::Null(hash) => (hash.length(), 0),
            Cipher::ChaCha20Poly1305 => (0, aead::NONCE),
            _ => (0, aead::NONCE - aead::EXPLICIT),
        };
        let lengths = [mac, cipher.secret_length(), block];
        let randoms = [&self.server_random[..], self.client_random].concat();
        let keys = self.derive(
            self.master,
            "key expansion",
            &randoms,
            2 * lengths.iter().sum::<usize>(),
        )?;
        let mut rest = keys.as_slice();
        let keys = lengths.map(|length| {
            let (pair, others) = rest.split_at(2 * length);
            rest = others;
            half(pair, side).to_vec()
        });
        if cipher.secret_length() < cipher.key_length() {
            return self.exported(side, keys);
        }
        Some(keys)
    }

    /// What becomes of keys in a suite for export (RFC 2246 section 6.3.1).
    fn exported(self, side: Side, [mac_key, secret, block]: [Vec<u8>; 3]) -> Option<[Vec<u8>; 3]> {
        let randoms = [&self.client_random[..], self.server_random].concat();
        let label = match side {
            Side::Client => "client write key",
            Side::Server => "server write key",
        };
        let key = self.derive(&secret, label, &randoms, self.suite.cipher.key_length())?;
        let blocks = self.derive(&[], "IV block", &randoms, 2 * block.len())?;
        Some([mac_key, key, half(&blocks, side).to_vec()])
    }

    /// As many pseudorandom octets.
    fn derive(self, secret: &[u8], label: &str, randoms: &[u8], length: usize) -> Option<Vec<u8>> {
        let hash = (self.version >= ProtocolVersion::TLS_1_2).then_some(self.suite.hash);
        pseudorandom(hash, secret, label, randoms, length)
    }
}

/// Of a pair of keys the one of this side: the client's comes first.
fn half(pair: &[u8], side: Side) -> &[u8] {
    let (client, server) = pair.split_at(pair.len() / 2);
    match side {
        Side::Client => client,
        Side::Server => server,
    }
}

impl Protection {
    /// The protection of TLS 1.3 under a traffic secret (RFC 8446 section 7.3); `None` if the two do not go together.
    pub(super) fn tls13(suite: Suite, traffic_secret: &[u8]) -> Option<Protection> {
        if traffic_secret.len() != suite.hash.length() {
            return None;
        }
        let mut key = vec![0; suite.cipher.key_length()];
        let mut nonce = [0; aead::NONCE];
        expand_label(suite.hash, traffic_secret, "key", &mut key)?;
        expand_label(suite.hash, traffic_secret, "iv", &mut nonce)?;
        Some(Protection::Tls13(Aead::tls13(suite.cipher, &key, nonce)?))
    }

    /// The protection of what one side says in TLS 1.0 to 1.2 (RFC 5246 section 6.3); `None` if that cannot be.
    pub(super) fn before_tls13(agreed: Agreed<'_>, side: Side) -> Option<Protection> {
        let cipher = agreed.suite.cipher;
        let [mac_key, key, block] = agreed.keys(side)?;
        match cipher {
            Cipher::Cbc(cipher, hash) => {
                let mac = Authenticator::new(hash, &mac_key)?;
                let order = if agreed.encrypt_then_mac {
                    Order::EncryptThenMac
                } else {
                    Order::MacThenEncrypt
                };
                Cbc::new(cipher, &key, mac, agreed.version, block, order).map(Protection::Cbc)
            }
            Cipher::Rc4(hash) => Stream::rc4(&key, Authenticator::new(hash, &mac_key)?).map(Protection::Stream),
            Cipher::Null(hash) => Authenticator::new(hash, &mac_key)
                .map(Stream::null)
                .map(Protection::Stream),
            _ if agreed.version < ProtocolVersion::TLS_1_2 => None,
            _ => Aead::tls12(cipher, &key, &block).map(Protection::Aead),
        }
    }

    /// Opens the record of this sequence number into `plaintext`: gives what it carries if it is authentic.
    pub(super) fn open(
        &mut self,
        sequence: u64,
        header: RecordHeader,
        body: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Option<ContentType> {
        let authentic = match self {
            Protection::Tls13(aead) | Protection::Aead(aead) => aead.open(sequence, header, body, plaintext),
            Protection::Cbc(cbc) => cbc.open(sequence, header, body, plaintext),
            Protection::Stream(stream) => stream.open(sequence, header, body, plaintext),
        };
        if !authentic {
            return None;
        }
        match self {
            Protection::Tls13(_) => inner_type(plaintext),
            _ => Some(header.kind),
        }
    }

    /// Takes note of a record that has gone by, be it opened or not.
    pub(super) fn pass(&mut self, body: &[u8]) {
        match self {
            Protection::Tls13(_) | Protection::Aead(_) => {}
            Protection::Cbc(cbc) => cbc.pass(body),
            Protection::Stream(stream) => {
                stream.pass(body.len());
            }
        }
    }

    /// Takes note of a record that is missing, by its length: gives how many octets that took to encrypt.
    pub(super) fn lose_record(&mut self, length: u16) -> usize {
        match self {
            Protection::Stream(stream) => stream.pass(usize::from(length)),
            _ => {
                self.lose();
                0
            }
        }
    }

    /// Takes note of records that are missing and of unknown length.
    pub(super) fn lose(&mut self) {
        match self {
            Protection::Tls13(_) | Protection::Aead(_) => {}
            Protection::Cbc(cbc) => cbc.lose(),
            Protection::Stream(stream) => stream.lose(),
        }
    }

    /// How many octets a record carries, unless there is padding in it; `None` if there always is.
    pub(super) fn content_length(&self, header: RecordHeader) -> Option<u16> {
        let expansion = match self {
            Protection::Tls13(aead) | Protection::Aead(aead) => aead.expansion(),
            Protection::Stream(stream) => stream.expansion(),
            Protection::Cbc(_) => return None,
        };
        header.length.checked_sub(u16::try_from(expansion).ok()?)
    }
}

impl fmt::Debug for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protection::Tls13(_) => "Tls13",
            Protection::Aead(_) => "Aead",
            Protection::Cbc(_) => "Cbc",
            Protection::Stream(_) => "Stream",
        })
    }
}

/// The content type, which stands behind the content and before the padding (RFC 8446 section 5.2); both are taken off.
fn inner_type(plaintext: &mut Vec<u8>) -> Option<ContentType> {
    let last = plaintext.iter().rposition(|octet| *octet != 0)?;
    let kind = plaintext.get(last).copied().and_then(ContentType::new);
    plaintext.truncate(last);
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

    fn octets(hexadecimal: &str) -> Vec<u8> {
        let places = (0..hexadecimal.len()).step_by(2);
        places
            .map(|at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).unwrap())
            .collect()
    }

    /// The client's first record under suites of which few programs know, sealed by the ciphers of OpenSSL under keys that were
    /// derived by other means.
    #[test]
    fn rare_suites_are_opened() {
        for (version, suite, body) in [
            // ARIA: GCM, then CBC.
            (
                ProtocolVersion::TLS_1_2,
                0xc050,
                "6578706c6963697482a04bdee9bac13e2d84c1bd565c4d2271499df72ecf484bc1602e65ae8399161fc8",
            ),
            (
                ProtocolVersion::TLS_1_2,
                0xc051,
                "6578706c6963697487c8bfc7424db253485fbd4fb1704d7c1b6b283b8837730154886f31d47495f7006d",
            ),
            (
                ProtocolVersion::TLS_1_2,
                0xc03c,
                "6265666f72652074686520626c6f636b5878adf45dee8a689c7bb93a24a4f947dff5b88896d388d43aceb3516c318a16\
                204d04e21cfbbd134ba02b3724fa2a0d22e963f8c468089e215c5705f95d2d45",
            ),
            (
                ProtocolVersion::TLS_1_2,
                0xc03d,
                "6265666f72652074686520626c6f636bef5592ff4a06c95e3fa50f54d971ace3775a01bde8ca36fdd47b3b1042d22c51\
                07193527626e6a5275a936da43cfb528009c220cb36e56bdb7854cd43de3ac4e12d166ffa0f32c5abeca58a3e89f1a50",
            ),
            // Camellia.
            (
                ProtocolVersion::TLS_1_0,
                0x0041,
                "20e64556c69a367c3655b6aee1798582e7f3256a18a6b84c25e7d9937d0b4fe1770a604db8b89962ac6403eba3c7ae74",
            ),
            (
                ProtocolVersion::TLS_1_2,
                0xc073,
                "6265666f72652074686520626c6f636bc908f64443f907d050387e5617542fb333c9ebc3ac0b7ffcbb31d01b8bb47305\
                12f651164854d2783bc726dc9f87a5a8c15841882dd6d42ab20afd5715f488d40362cf51c66558f6204ecac5d8f8aa9d",
            ),
            // 3DES, DES, DES for export.
            (
                ProtocolVersion::TLS_1_0,
                0x000a,
                "bcddb93ad1949fd89578b432a5062c59d2fe8534a5206c41e05267603ede10f6e3fd13fadfe9c257",
            ),
            (
                ProtocolVersion::TLS_1_2,
                0x0022,
                "6265666f726520742c2f7df314de103ac361b94a9eda1a3a01c8d642c874d6e648841eda3b08942464b3cdabe5c886eb",
            ),
            (
                ProtocolVersion::TLS_1_0,
                0x0008,
                "57c1207251133974a0083b51fe91aee376f096de390daab9bb224bf961ba13bc7fae5a16d81a565a",
            ),
            // IDEA.
            (
                ProtocolVersion::TLS_1_1,
                0x0007,
                "6265666f726520743cf4b9c994986bb344c0803cf589280baf0eac680144c4170eb8971df8316e8a987d85c16e91f43b",
            ),
            // SEED.
            (
                ProtocolVersion::TLS_1_1,
                0x0096,
                "6265666f72652074686520626c6f636b7b3d6a4eb1845386800a934cf13ee79ad5e9475c6cf1fb0add4dc71cf5acb2a3\
                68fb72d36e36890d45dabfc2161c2ae3",
            ),
            // RC4.
            (
                ProtocolVersion::TLS_1_0,
                0x0004,
                "80a64b936d66cce99cc15bccc7bcef88ed38070b54ab6c4102470f5665fa79888f8c",
            ),
            // No cipher.
            (
                ProtocolVersion::TLS_1_2,
                0x0001,
                "474554202f20485454502f312e310d0a0d0a51fb834284ad0244f41b4106eb5ad8a1",
            ),
        ] {
            let agreed = Agreed {
                version,
                suite: Suite::new(suite).unwrap(),
                master: &[1; 48],
                client_random: &[2; 32],
                server_random: &[3; 32],
                encrypt_then_mac: false,
            };
            let body = octets(body);
            let header = RecordHeader {
                kind: ContentType::ApplicationData,
                version,
                length: body.len() as u16,
            };
            for (side, opens) in [(Side::Client, true), (Side::Server, false)] {
                let mut protection = Protection::before_tls13(agreed, side).unwrap();
                let mut plaintext = Vec::new();
                let kind = protection.open(0, header, &body, &mut plaintext);
                assert_eq!(kind.is_some(), opens, "{suite:#06x} {side:?}");
                assert!(!opens || plaintext == REQUEST, "{suite:#06x}");
            }
        }
    }
}
